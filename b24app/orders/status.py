"""Number and status of orders, for what is shown beside a change."""

from collections.abc import Iterable, Sequence

from b24app.bitrix24 import ask
from b24app.bitrix24.ask import Ask
from b24app.bitrix24.client import Command
from b24app.orders import parsing
from b24app.orders.types import Order


def orders_of(order_ids: Iterable[int]) -> Ask[dict[int, Order]]:
    """Orders by ID with number and status only (sale/order/sale-order-list.md).

    Raises what keeps them from being read: an order that was not read has not changed.
    """
    return ask.many(sorted(set(order_ids)), _page).map(
        lambda pages: {order.id: order for page in pages for order in page}
    )


def _page(ids: Sequence[int]) -> Ask[Sequence[Order]]:
    params = {"select": ["id", "accountNumber", "statusId"], "filter": {"@id": list(ids)}}
    command = Command("sale.order.list", params)
    return ask.of(command, lambda answer: tuple(parsing.orders(answer.result)))

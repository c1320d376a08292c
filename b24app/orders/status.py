"""Number and status of orders (sale/order/sale-order-list.md), for what is shown beside a change."""

from collections.abc import Mapping, Sequence

from b24app.bitrix24 import errors
from b24app.bitrix24.client import Answer, Command
from b24app.orders import parsing
from b24app.orders.types import Order


def reading(order_ids: Sequence[int]) -> dict[str, Command]:
    """Commands that read number and status of orders, 50 each, for :func:`read`."""
    ids = sorted(set(order_ids))
    return {
        f"orders{at}": Command(
            "sale.order.list",
            {"select": ["id", "accountNumber", "statusId"], "filter": {"@id": ids[at : at + 50]}},
        )
        for at in range(0, len(ids), 50)
    }


def read(outcomes: Mapping[str, Answer | errors.BitrixError]) -> dict[int, Order]:
    """The orders from :func:`reading` by id, with number and status only."""
    return {
        order.id: order
        for key, outcome in outcomes.items()
        if key.startswith("orders") and isinstance(outcome, Answer)
        for order in parsing.orders(outcome.result)
    }

"""Number, status and cancellation of orders, and which statuses cancel them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from b24app.bitrix24 import ask
from b24app.bitrix24.ask import Ask
from b24app.bitrix24.client import Command
from b24app.orders import parsing
from b24app.orders.types import Order, Status

COMPLETED: Final = "F"
DEFAULT_CANCELLED: Final = "D"
"""Codes of the vendor's default statuses (sale/status/index.md): ``F`` is a system status, ``D`` is not."""


def orders_of(order_ids: Iterable[int]) -> Ask[dict[int, Order]]:
    """Orders by ID with number, status and cancellation only (sale/order/sale-order-list.md).

    Raises what keeps them from being read: an order that was not read has not changed.
    """
    return ask.many(sorted(set(order_ids)), _page).map(
        lambda pages: {order.id: order for page in pages for order in page}
    )


def _page(ids: Sequence[int]) -> Ask[Sequence[Order]]:
    params = {
        "select": ["id", "accountNumber", "statusId", "canceled"],
        "filter": {"@id": list(ids)},
    }
    command = Command("sale.order.list", params)
    return ask.of(command, lambda answer: tuple(parsing.orders(answer.result)))


def cancelling(statuses: Mapping[str, Status]) -> frozenset[str]:
    """The codes of the statuses that cancel an order.

    The store's statuses of failure stand behind *Completed* in the portal's own order; the default one
    is among them wherever it stands.
    """
    completed = statuses.get(COMPLETED)
    behind = {
        code for code, status in statuses.items() if completed and status.sort > completed.sort
    }
    return frozenset(behind | {DEFAULT_CANCELLED})

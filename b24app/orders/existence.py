"""Whether orders still exist. An order link that is gone says nothing: the order may be deleted.

Only the portal's own "order does not exist" counts (sale/order/sale-order-get.md). An order that a
list leaves out may also be hidden from the person who asks.
"""

from collections.abc import Iterable

from b24app.bitrix24 import ask, errors
from b24app.bitrix24.ask import Ask
from b24app.bitrix24.client import Client, Command


def deleted_among(order_ids: Iterable[int]) -> Ask[set[int]]:
    """Those of the orders that the portal says do not exist; any other refusal proves nothing."""
    ids = sorted(set(order_ids))
    return ask.every(_is_deleted(pk) for pk in ids).map(
        lambda found: {pk for pk, deleted in zip(ids, found, strict=True) if deleted}
    )


def _is_deleted(order_id: int) -> Ask[bool]:
    read = ask.of(Command("sale.order.get", {"id": order_id}), lambda _: False)
    return read.otherwise(True, errors.OrderNotFound).otherwise(False)


def gone(client: Client, order_ids: Iterable[int]) -> set[int]:
    """Those of the orders that the portal says do not exist; none where it cannot be asked.

    One request for each 50; none for no orders.
    """
    return client.answer(deleted_among(order_ids))


def error() -> errors.OrderNotFound:
    """What a change of a deleted order ends with."""
    return errors.OrderNotFound("", "the order was deleted", method="sale.order.get")

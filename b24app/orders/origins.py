"""Whose payments and shipments these are (sale/payment/sale-payment-list.md, sale-shipment-list.md)."""

from collections.abc import Collection, Mapping

from b24app.bitrix24 import errors
from b24app.bitrix24.client import Client, Command
from b24app.orders import rows

PAGE = 50

_LISTS = {
    "payments": "sale.payment.list",
    "shipments": "sale.shipment.list",
}


def order_ids(client: Client, parts: Mapping[str, Collection[int]]) -> set[int]:
    """The orders that ``parts`` (``payments`` and ``shipments`` by id) belong to, 2,500 a request.

    What was deleted meanwhile belongs to nothing. Raises ``errors.BitrixError``.
    """
    commands = {
        f"{kind}.{start}": Command(
            _LISTS[kind],
            {"select": ["id", "orderId"], "filter": {"@id": sorted(ids)[start : start + PAGE]}},
        )
        for kind, ids in parts.items()
        for start in range(0, len(ids), PAGE)
    }
    found: set[int] = set()
    for key, outcome in client.batch(commands).items() if commands else ():
        if isinstance(outcome, errors.BitrixError):
            raise outcome
        kind = key.partition(".")[0]
        found.update(
            rows.identifier(row.get("orderId"))
            for row in rows.rows(outcome.result, kind)
            if rows.identifier(row.get("id")) in parts[kind]
        )
    return found - {0}

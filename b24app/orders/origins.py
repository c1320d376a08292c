"""Whose payments and shipments these are (sale/payment/sale-payment-list.md, sale-shipment-list.md)."""

from collections.abc import Collection, Mapping

from b24app.bitrix24 import errors
from b24app.bitrix24.client import Answer, Command
from b24app.orders import parsing

PAGE = 50

_LISTS = {
    "payments": "sale.payment.list",
    "shipments": "sale.shipment.list",
}


def commands(parts: Mapping[str, Collection[int]]) -> dict[str, Command]:
    """Commands that read to which orders ``parts`` (``payments`` and ``shipments`` by id) belong.

    50 parts a command; for :func:`order_ids`.
    """
    return {
        f"{kind}.{start}": Command(
            _LISTS[kind],
            {"select": ["id", "orderId"], "filter": {"@id": sorted(ids)[start : start + PAGE]}},
        )
        for kind, ids in parts.items()
        for start in range(0, len(ids), PAGE)
    }


def order_ids(
    parts: Mapping[str, Collection[int]], outcomes: Mapping[str, Answer | errors.BitrixError]
) -> set[int]:
    """The orders that ``parts`` belong to, from the outcomes of :func:`commands`, beside others.

    What was deleted meanwhile belongs to nothing. Raises ``errors.BitrixError``.
    """
    found: set[int] = set()
    for key, outcome in outcomes.items():
        kind = key.partition(".")[0]
        if kind not in _LISTS:
            continue
        if isinstance(outcome, errors.BitrixError):
            raise outcome
        found.update(
            parsing.identifier(row.get("orderId"))
            for row in parsing.rows(outcome.result, kind)
            if parsing.identifier(row.get("id")) in parts[kind]
        )
    return found - {0}

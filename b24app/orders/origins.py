"""Whose payments and shipments these are (sale/payment/sale-payment-list.md, sale-shipment-list.md)."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial

from b24app.bitrix24 import ask
from b24app.bitrix24.ask import Ask
from b24app.bitrix24.client import Command
from b24app.orders import parsing

_LISTS = {
    "payments": "sale.payment.list",
    "shipments": "sale.shipment.list",
}


def orders_of(parts: Mapping[str, Collection[int]]) -> Ask[set[int]]:
    """The orders that ``parts`` (``payments`` and ``shipments`` by id) belong to, beside others.

    What was deleted meanwhile belongs to nothing. Raises the portal's refusal of any of the lists.
    """
    return ask.every(
        ask.many(sorted(ids), partial(_page, kind)) for kind, ids in parts.items()
    ).map(lambda kinds: {pk for pages in kinds for page in pages for pk in page} - {0})


def _page(kind: str, ids: Sequence[int]) -> Ask[set[int]]:
    params = {"select": ["id", "orderId"], "filter": {"@id": list(ids)}}
    return ask.of(
        Command(_LISTS[kind], params),
        lambda answer: {
            parsing.identifier(row.get("orderId"))
            for row in parsing.rows(answer.result, kind)
            if parsing.identifier(row.get("id")) in ids
        },
    )

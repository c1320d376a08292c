"""Orders looked up by what identifies them: numbers and IDs (sale/order/sale-order-list.md)."""

from collections.abc import Iterable, Sequence

from b24app.bitrix24 import ask
from b24app.bitrix24.ask import Ask
from b24app.bitrix24.client import Answer, Command
from b24app.orders import parsing
from b24app.orders.types import Order

Page = Sequence[Order]


def with_numbers(numbers: Iterable[str]) -> Ask[tuple[Page, ...]]:
    """Orders with one of these numbers, in pages, with ID and number only.

    Raises the portal's refusal of any page: a gap would look like "not found".
    """
    return ask.many(numbers, page_with_numbers)


def with_ids(order_ids: Iterable[int]) -> Ask[tuple[Page, ...]]:
    """As :func:`with_numbers`, by ID."""
    return ask.many(order_ids, lambda page: _orders({"@id": list(page)}))


def page_with_numbers(numbers: Sequence[str]) -> Ask[Page]:
    """Orders with one of at most 50 numbers."""
    return _orders({"@accountNumber": list(numbers)})


def _orders(wanted: dict[str, object]) -> Ask[Page]:
    params = {"select": ["id", "accountNumber"], "filter": wanted}
    return ask.of(Command("sale.order.list", params), _read)


def _read(answer: Answer) -> Page:
    return tuple(parsing.orders(answer.result))

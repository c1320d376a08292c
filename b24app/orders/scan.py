"""Long lists read downwards in bounded requests: 50 rows a page, from the newest on.

The pages of one request hang together by references: each asks for what is below the last row of the
one before it (settings/how-to-call-rest-api/batch.md), so nothing is counted and no offset grows. A
portal that resolves no references gives the first page only, and reading goes on from there.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeVar

from b24app.bitrix24 import errors
from b24app.bitrix24.client import Answer, Command
from b24app.bitrix24.filters import Filter, Op, Order
from b24app.orders import links, parsing
from b24app.orders import types as orders
from b24app.orders.types import OrderLink

PAGE: Final = 50
PAGES: Final = 10

Outcomes = Mapping[str, Answer | errors.BitrixError]
Row = TypeVar("Row")


def link_commands(filters: Sequence[Filter], below: int, pages: int = PAGES) -> dict[str, Command]:
    """Links of orders below ``below`` (0: from the top), in pages; the first tells the total then."""
    return {
        f"page{number}": links.listing(
            [*filters, *([Filter("orderId", Op.LESS, last)] if last else [])],
            order=[Order("orderId", "desc")],
            start=0 if number == 0 and not below else -1,
        )
        for number, last in _lasts(below, pages, "[orderEntity]", "orderId")
    }


def order_commands(below: int, pages: int = PAGES) -> dict[str, Command]:
    """Orders below ``below`` (0: from the top), in pages; the first tells the total then."""
    return {
        f"page{number}": Command(
            "sale.order.list",
            {
                "select": parsing.ORDER_FIELDS,
                "filter": {"<id": last} if last else {},
                "order": {"id": "desc"},
                "start": 0 if number == 0 and not below else -1,
            },
        )
        for number, last in _lasts(below, pages, "[orders]", "id")
    }


def _lasts(below: int, pages: int, key: str, field: str) -> Iterable[tuple[int, int | str]]:
    yield 0, below
    for number in range(1, pages):
        yield number, f"$result[page{number - 1}]{key}[{PAGE - 1}][{field}]"


def found_links(outcomes: Outcomes) -> list[OrderLink]:
    """The links of :func:`link_commands`, downwards; raises the first page's error."""
    return _chained(outcomes, parsing.links, lambda link: link.order_id)


def found_orders(outcomes: Outcomes) -> list[orders.Order]:
    """The orders of :func:`order_commands`, downwards; raises the first page's error."""
    return _chained(outcomes, parsing.orders, lambda order: order.id)


def total(outcomes: Outcomes) -> int | None:
    first = outcomes["page0"]
    return first.total if isinstance(first, Answer) else None


def _chained(
    outcomes: Outcomes, parsed: Callable[[object], Iterable[Row]], number: Callable[[Row], int]
) -> list[Row]:
    """Rows of all pages that go on downwards from one another.

    Where one does not, or failed, the reference before it led nowhere: what is behind counts as not
    read, and is asked for with the next step.
    """
    found: list[Row] = []
    for at in itertools.count():
        outcome = outcomes.get(f"page{at}")
        if isinstance(outcome, errors.BitrixError) and at == 0:
            raise outcome
        if not isinstance(outcome, Answer):
            break
        page = list(parsed(outcome.result))
        ids = [number(one) for one in found[-1:] + page]
        if ids != sorted(set(ids), reverse=True):
            break
        found += page
        if len(page) < PAGE:
            break
    return found

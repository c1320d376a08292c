"""Long lists read downwards in bounded requests: 50 rows a page, from the newest on.

The pages of one request hang together by references: each asks for what is below the last row of the
one before it (settings/how-to-call-rest-api/batch.md), so nothing is counted and no offset grows. A
portal that resolves no references gives the first page only, and reading continues from there.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from b24app.bitrix24 import ask, batch
from b24app.bitrix24.ask import Ask
from b24app.bitrix24.batch import Reference
from b24app.bitrix24.client import Answer, Command
from b24app.bitrix24.filters import Filter, Op, Order
from b24app.orders import links, parsing
from b24app.orders import types as orders
from b24app.orders.types import OrderLink

PAGES: Final = 10
"""Pages in one request."""

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Piece(Generic[Row]):
    """Rows in a row, downwards. ``total`` counts all rows; None where the portal did not say."""

    rows: tuple[Row, ...]
    total: int | None


def links_below(filters: Sequence[Filter], below: int, pages: int = PAGES) -> Ask[Piece[OrderLink]]:
    """Links of orders below ``below`` (0: from the top); the total comes from the top only.

    Raises the portal's refusal of the first page.
    """

    def command(last: int | Reference, start: int) -> Command:
        narrowed = [*filters, *([Filter("orderId", Op.LESS, last)] if last else [])]
        return links.listing(narrowed, order=[Order("orderId", "desc")], start=start)

    chain = _chain(command, below, pages, ("orderEntity", batch.SIZE - 1, "orderId"))
    return _piece(chain, parsing.links, lambda link: link.order_id)


def orders_below(below: int, pages: int = PAGES) -> Ask[Piece[orders.Order]]:
    """Orders below ``below`` (0: from the top); the total comes from the top only.

    Raises the portal's refusal of the first page.
    """

    def command(last: int | Reference, start: int) -> Command:
        return Command(
            "sale.order.list",
            {
                "select": parsing.ORDER_FIELDS,
                "filter": {"<id": last} if last else {},
                "order": {"id": "desc"},
                "start": start,
            },
        )

    chain = _chain(command, below, pages, ("orders", batch.SIZE - 1, "id"))
    return _piece(chain, parsing.orders, lambda order: order.id)


def _chain(
    command: Callable[[int | Reference, int], Command],
    below: int,
    pages: int,
    last_row: tuple[str | int, ...],
) -> list[Command]:
    """Commands for so many pages; each continues after the last row of the one before it."""
    chain = [command(below, -1 if below else 0)]
    while len(chain) < pages:
        chain.append(command(chain[-1].at(*last_row), -1))
    return chain


def _piece(
    chain: Sequence[Command],
    parsed: Callable[[object], Iterable[Row]],
    number: Callable[[Row], int],
) -> Ask[Piece[Row]]:
    def page(answer: Answer) -> tuple[list[Row], int | None]:
        return list(parsed(answer.result)), answer.total

    first, *rest = (ask.of(command, page) for command in chain)
    further = ask.every(item.map(lambda read: read[0]).otherwise(None) for item in rest)
    return ask.together(first, further).map(
        lambda found: Piece(tuple(_downwards([found[0][0], *found[1]], number)), found[0][1])
    )


def _downwards(pages: Iterable[Sequence[Row] | None], number: Callable[[Row], int]) -> list[Row]:
    """Rows of all pages that go on downwards from one another; None is a page that was not read.

    Where one does not, the reference before it led to nothing: what is behind counts as not read, and is
    asked for with the next step.
    """
    found: list[Row] = []
    for page in pages:
        ids = [number(item) for item in [*found[-1:], *(page or ())]]
        if page is None or ids != sorted(set(ids), reverse=True):
            break
        found += page
        if len(page) < batch.SIZE:
            break
    return found

"""One page of a card's orders as a person asked to see them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from b24app.orders.card_orders import SUMMED, Listing, Need, OrderReader
from b24app.orders.content import ROWS_ONLY, SUMS_ONLY, Kind, Outcomes
from b24app.orders.filtering import Narrowing, narrowed
from b24app.orders.types import Order

PER_PAGE = 20


class Steps(Enum):
    """How a page is read: whole in one request, or from a slow portal the rows before the rest."""

    WHOLE = "whole"
    ROWS_FIRST = "rows first"
    ROWS_ONLY = "rows only"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person wants to see. ``page`` counts from 1."""

    narrowing: Narrowing
    page: int = 1

    @property
    def rows(self) -> Need:
        """The rows of the page asked for, without payments and shipments."""
        return Need((self.page - 1) * PER_PAGE, self.page * PER_PAGE, shown=ROWS_ONLY)

    def first(self, steps: Steps, *, sums: bool) -> Need:
        """What is asked for first. What is sorted or filtered is needed whole."""
        apart = steps is not Steps.WHOLE and self.narrowing.usual
        return self.rows if apart else self.need(sums=sums)

    def need(self, *, sums: bool) -> Need:
        """What has to be read for it; with ``sums`` also what the totals of the card take."""
        of_all: tuple[Kind, ...] = SUMS_ONLY if sums else ()
        if self.narrowing.usual:
            return Need((self.page - 1) * PER_PAGE, self.page * PER_PAGE, of_all)
        return Need(of_all=tuple(dict.fromkeys((*self.narrowing.needs, *of_all))))


@dataclass(frozen=True, slots=True)
class Shown:
    """The page. ``matching`` counts the orders on all its pages.

    ``page`` is the last one where fewer are left than asked for. ``limited`` says that there are
    too many orders for the order or the filter asked for, and that the usual page is shown instead.
    """

    listing: Listing
    orders: tuple[Order, ...]
    unread: tuple[int, ...]
    matching: int
    page: int
    limited: bool

    @property
    def pages(self) -> int:
        return _pages(self.matching)


def show(
    reader: OrderReader,
    outcomes: Outcomes,
    asked: Asked,
    ranks: Mapping[str, int],
    *,
    sums: bool,
    steps: Steps = Steps.WHOLE,
) -> Shown:
    """The page from the outcomes of ``reader.commands(asked.first(steps, sums=sums))``.

    ``ranks`` is the portal's own order of its statuses. Raises what keeps the links from being read.
    """
    need = asked.first(steps, sums=sums)
    listing = reader.finish(outcomes, need)
    if need == asked.rows and steps is Steps.ROWS_FIRST:
        listing = reader.rest(asked.need(sums=sums))
    limited = not asked.narrowing.usual and listing.total > SUMMED
    if asked.narrowing.usual or limited:
        matching, page = listing.total, min(asked.page, _pages(listing.total))
        ids = listing.page(page, PER_PAGE)
        if matching and not ids:
            listing = reader.finish({}, Asked(Narrowing(), page).need(sums=sums))
            ids = listing.page(page, PER_PAGE)
    else:
        found = [order.id for order in narrowed(listing.orders, asked.narrowing, ranks)]
        if not asked.narrowing.filters:
            found += listing.unread
        matching, page = len(found), min(asked.page, _pages(len(found)))
        ids = tuple(found[(page - 1) * PER_PAGE : page * PER_PAGE])
    orders = reader.read(ids) if listing.partial else reader.whole(ids)
    read = {order.id for order in orders}
    unread = tuple(order_id for order_id in ids if order_id not in read)
    return Shown(listing, orders, unread, matching, page, limited)


def _pages(count: int) -> int:
    return max(1, -(-count // PER_PAGE))

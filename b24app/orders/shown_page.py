"""One page of a card's orders as a person asked to see them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from b24app.bitrix24 import ask
from b24app.bitrix24.ask import Ask
from b24app.orders.card_orders import (
    SUMMED,
    CardOrders,
    Listing,
    Need,
    beside_rows,
    extended,
    orders_of_card,
    whole_orders,
)
from b24app.orders.content import ROWS_ONLY, SUMS_ONLY, Kind
from b24app.orders.filtering import Narrowing, narrowed
from b24app.orders.types import Order, Owner

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


def first_read(
    owner: Owner, asked: Asked, *, sums: bool, steps: Steps, expected: int
) -> Ask[CardOrders]:
    """What is read first for the page, for :func:`show`; ``expected`` as in ``orders_of_card``.

    Raises what keeps the links from being read.
    """
    return orders_of_card(owner, asked.first(steps, sums=sums), expected)


def show(
    known: CardOrders, asked: Asked, ranks: Mapping[str, int], *, sums: bool, steps: Steps
) -> Ask[Shown]:
    """The page from what :func:`first_read` found; ``ranks`` is the portal's own order of its statuses."""
    if asked.first(steps, sums=sums) != asked.rows:
        return _page(known, asked, ranks, sums=sums, rows_only=False)
    if steps is Steps.ROWS_FIRST:
        return beside_rows(known, asked.need(sums=sums)).then(
            lambda read: _page(read, asked, ranks, sums=sums, rows_only=False)
        )
    return _page(known, asked, ranks, sums=sums, rows_only=True)


def _page(
    known: CardOrders, asked: Asked, ranks: Mapping[str, int], *, sums: bool, rows_only: bool
) -> Ask[Shown]:
    listing = known.listing(partial=rows_only)
    limited = not asked.narrowing.usual and listing.total > SUMMED
    if not asked.narrowing.usual and not limited:
        return _narrowed_page(known, listing, asked, ranks)
    page = min(asked.page, _pages(listing.total))
    if not listing.total or listing.page(page, PER_PAGE):
        return _usual_page(known, page, limited=limited, rows_only=rows_only)
    need = Asked(Narrowing(), page).need(sums=sums)
    return extended(known, need).then(
        lambda read: _usual_page(read, page, limited=limited, rows_only=False)
    )


def _usual_page(known: CardOrders, page: int, *, limited: bool, rows_only: bool) -> Ask[Shown]:
    """A page in the portal's own order of links."""
    listing = known.listing(partial=rows_only)
    ids = listing.page(page, PER_PAGE)
    return _shown(known, listing, ids, matching=listing.total, page=page, limited=limited)


def _narrowed_page(
    known: CardOrders, listing: Listing, asked: Asked, ranks: Mapping[str, int]
) -> Ask[Shown]:
    """A page of the orders that the narrowing leaves."""
    found = [order.id for order in narrowed(listing.orders, asked.narrowing, ranks)]
    if not asked.narrowing.filters:
        found += listing.unread
    page = min(asked.page, _pages(len(found)))
    ids = tuple(found[(page - 1) * PER_PAGE : page * PER_PAGE])
    return _shown(known, listing, ids, matching=len(found), page=page, limited=False)


def _shown(
    known: CardOrders,
    listing: Listing,
    ids: Sequence[int],
    *,
    matching: int,
    page: int,
    limited: bool,
) -> Ask[Shown]:
    def shown(orders: tuple[Order, ...]) -> Shown:
        read = {order.id for order in orders}
        unread = tuple(order_id for order_id in ids if order_id not in read)
        return Shown(listing, orders, unread, matching, page, limited)

    if listing.partial:
        return ask.known(shown(known.content.built(ids)))
    return whole_orders(known, ids).map(shown)


def _pages(count: int) -> int:
    return max(1, -(-count // PER_PAGE))

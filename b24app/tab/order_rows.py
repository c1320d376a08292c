"""Orders as the templates show them: every row with its status, its people and its place."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from b24app.orders import status
from b24app.orders.card_orders import SUMMED
from b24app.orders.filtering import Narrowing
from b24app.orders.shown_page import Shown
from b24app.orders.types import Card, Order, Status, Totals, totals_of
from b24app.tab.grid_columns import COLUMNS, Column, Head, heads
from b24app.tab.grid_row import Names, Row


@dataclass(frozen=True, slots=True)
class StatusChoice:
    """A status in the menu of a row; ``shade`` as in :class:`Row`. ``cancels``: it cancels the order."""

    code: str
    name: str
    shade: str
    cancels: bool


@dataclass(frozen=True, slots=True)
class Grid:
    """One page of the grid. ``colors`` are the classes its rows use, with their colours.

    ``choices`` are the statuses to choose from, in the portal's own order.
    """

    shown: Shown
    narrowing: Narrowing
    rows: tuple[Row, ...]
    colors: Mapping[str, str]
    choices: tuple[StatusChoice, ...] = ()

    @property
    def total(self) -> int:
        """All orders linked to the card, whatever is looked for."""
        return self.shown.listing.total

    @property
    def linked(self) -> tuple[int, ...]:
        """Ids of all linked orders; none where there are too many to know them all."""
        return () if self.many else self.shown.listing.ids

    @property
    def details_refused(self) -> bool:
        return self.shown.listing.refused is not None

    @property
    def partial(self) -> bool:
        """Payments and shipments have not been read: the portal is slow."""
        return self.shown.listing.partial

    @property
    def many(self) -> bool:
        """Too many orders to be sorted, filtered or chosen all at once."""
        return self.total > SUMMED

    @property
    def direction(self) -> str:
        return "desc" if self.narrowing.descending else "asc"

    @property
    def columns(self) -> tuple[Column, ...]:
        return COLUMNS

    @property
    def heads(self) -> tuple[Head, ...]:
        """The heads of the columns; the portal's own order of links is the order of no column."""
        if self.shown.limited:
            return heads({})
        way = "descending" if self.narrowing.descending else "ascending"
        return heads({self.narrowing.sort: way})

    @property
    def previous(self) -> int | None:
        return self.shown.page - 1 if self.shown.page > 1 else None

    @property
    def next(self) -> int | None:
        return self.shown.page + 1 if self.shown.page < self.shown.pages else None


@dataclass(frozen=True, slots=True)
class Region:
    """What is shown above the grid. ``totals`` is None where not every order could be summed.

    ``owed`` is the sum of the orders in the card's own currency, where the card's amount differs.
    """

    card: Card
    totals: Totals | None
    owed: Decimal | None

    @property
    def difference(self) -> Decimal:
        return abs(self.card.amount - self.owed) if self.owed is not None else Decimal(0)


def region(card: Card, grid: Grid) -> Region:
    """The totals of the card from everything that is linked to it."""
    listing = grid.shown.listing
    totals = totals_of(listing.orders) if listing.complete else None
    return Region(card, totals, _owed(card, totals))


def _owed(card: Card, totals: Totals | None) -> Decimal | None:
    """What the orders sum up to in the card's currency; None where that is the card's amount.

    Orders in other currencies only say nothing about the card's amount.
    """
    sums = (
        {total.currency: total.price for total in totals.by_currency} if totals is not None else {}
    )
    owed = sums.get(card.currency)
    return None if owed == card.amount else owed


def grid(shown: Shown, narrowing: Narrowing, names: Names) -> Grid:
    """A page with names in place of ids."""
    rows, colors = rows_of(shown.orders, names)
    shades, cancelling = _shades(names), status.cancelling(names.statuses)
    choices = tuple(
        StatusChoice(code, name, shades.get(code, ""), code in cancelling)
        for code, name in status_choices(names.statuses, names.language)
    )
    return Grid(shown, narrowing, rows, colors, choices)


def rows_of(orders: Iterable[Order], names: Names) -> tuple[tuple[Row, ...], Mapping[str, str]]:
    """Orders as rows, and the colors of their CSS classes.

    A status has the same class wherever orders are shown.
    """
    shades = _shades(names)
    rows = tuple(names.row(order, shades.get(order.status_id, "")) for order in orders)
    return rows, {shades[key]: names.statuses[key].color for key in shades}


def _shades(names: Names) -> dict[str, str]:
    """The CSS class of each status that has a color, by the status's code."""
    return {
        known.id: f"st-{number}"
        for number, known in enumerate(sorted(names.statuses.values(), key=lambda s: s.id))
        if known.color
    }


def status_choices(statuses: Mapping[str, Status], language: str) -> list[tuple[str, str]]:
    """Statuses to choose from, id and name, in the portal's own order."""
    ordered = sorted(statuses.values(), key=lambda known: (known.sort, known.id))
    return [(known.id, known.name(language)) for known in ordered]

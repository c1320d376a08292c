"""Orders as the templates show them: every row with its status, its people and its place."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from b24app.bitrix24.client import Client
from b24app.orders.gateway import Listing
from b24app.orders.search import Finding
from b24app.orders.types import Card, Order, Owner, Status, Totals, totals_of
from b24app.portals.models import Portal
from b24app.tab import dictionaries
from b24app.tab.forms import seen_text

PER_PAGE = 20


@dataclass(frozen=True, slots=True)
class Row:
    """An order in the grid. ``shade`` is the class that carries the status's own colour."""

    order: Order
    status: str
    shade: str
    responsible: str

    @property
    def initials(self) -> str:
        return "".join(word[0] for word in self.responsible.split()[:2]).upper()

    @property
    def tint(self) -> str:
        """One of four avatar tints, always the same for one person."""
        return "abcd"[self.order.responsible_id % 4]


@dataclass(frozen=True, slots=True)
class Grid:
    """One page of the grid. ``colors`` are the classes its rows use, with their colours."""

    rows: tuple[Row, ...]
    unread: tuple[int, ...]
    total: int
    page: int
    colors: Mapping[str, str]
    details_refused: bool

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PER_PAGE))

    @property
    def previous(self) -> int | None:
        return self.page - 1 if self.page > 1 else None

    @property
    def next(self) -> int | None:
        return self.page + 1 if self.page < self.pages else None


@dataclass(frozen=True, slots=True)
class Region:
    """Totals line and grid. ``totals`` is None where not every order could be summed."""

    card: Card
    grid: Grid
    totals: Totals | None
    difference: Decimal | None
    may_link: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """An order in the picker. ``seen`` goes back with it, so that we notice if it moves meanwhile."""

    order: Order
    place: Owner | None
    place_title: str
    here: bool
    seen: str

    @property
    def kind(self) -> str:
        if self.here:
            return "here"
        if self.place is None:
            return "none"
        return "deal" if self.place.is_deal else "invoice"


def region(
    client: Client,
    portal: Portal,
    deal: Card,
    listing: Listing,
    statuses: Mapping[str, Status],
    language: str,
) -> Region:
    """The whole region from a full listing; asks for names of employees not seen within the hour."""
    totals = totals_of(listing.orders) if listing.complete else None
    return Region(
        card=deal,
        grid=grid(client, portal, listing, statuses, language, page=1),
        totals=totals,
        difference=_difference(deal, totals),
        may_link=True,
    )


def grid(
    client: Client,
    portal: Portal,
    listing: Listing,
    statuses: Mapping[str, Status],
    language: str,
    *,
    page: int,
) -> Grid:
    """Page ``page`` of a listing."""
    orders, unread = listing.page(page, PER_PAGE)
    names = dictionaries.people(portal, client, (order.responsible_id for order in orders))
    shades = {
        one.id: f"st-{number}"
        for number, one in enumerate(sorted(statuses.values(), key=lambda s: s.id))
        if one.color
    }
    rows = tuple(
        Row(
            order,
            statuses[order.status_id].name(language)
            if order.status_id in statuses
            else order.status_id,
            shades.get(order.status_id, ""),
            names.get(order.responsible_id, ""),
        )
        for order in orders
    )
    colors = {shades[key]: statuses[key].color for key in shades}
    refused = listing.refused is not None
    return Grid(rows, unread, listing.total, page, colors, refused)


def _difference(deal: Card, totals: Totals | None) -> Decimal | None:
    """By how much the deal's amount differs from its orders' sum, in the deal's currency; None if equal."""
    if totals is None or not totals.count:
        return None
    price = next(
        (one.price for one in totals.by_currency if one.currency == deal.currency), Decimal(0)
    )
    return abs(deal.amount - price) or None


def choices(finding: Finding, owner: Owner) -> tuple[Choice, ...]:
    return tuple(
        Choice(one.order, one.place, one.place_title, one.place == owner, seen_text(one.place))
        for one in finding.found
    )

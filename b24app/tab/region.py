"""The region of the page that shows the orders: read again after every change and every reload."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from django.http import QueryDict

from b24app import dictionaries
from b24app.bitrix24 import ask, batch
from b24app.bitrix24.ask import Ask
from b24app.bitrix24.client import Client
from b24app.live import watching
from b24app.orders import cards, links, scan
from b24app.orders.card_orders import SUMMED, CardOrders, orders_by_id
from b24app.orders.content import IN_GRID
from b24app.orders.filtering import narrowed
from b24app.orders.scan import Piece
from b24app.orders.shown_page import Asked, Shown, Steps, first_read, show
from b24app.orders.types import DEAL, INVOICE, ORDER, Card, Order, OrderLink, Owner, Status
from b24app.portals import access, slowness
from b24app.portals.launch import Refused
from b24app.portals.models import Portal, PortalUser
from b24app.tab import order_rows, view_options
from b24app.tab.forms import BadForm
from b24app.tab.grid_row import Names
from b24app.tab.order_rows import Grid
from b24app.web.session import Session

MAX_LINK_PAGES = SUMMED // batch.SIZE + 1
"""Pages of links that show whether a card has more orders than "for all" reaches."""


@dataclass(frozen=True, slots=True)
class View:
    """A page of a card's orders and the names in it.

    ``moment`` was taken before anything was read, so that no change falls between reading and asking
    for news.
    """

    asked: Asked
    moment: str
    shown: Shown
    statuses: Mapping[str, Status]
    people: Mapping[int, str]
    platforms: Mapping[int, str]

    def grid(self, language: str) -> Grid:
        names = Names(self.statuses, self.people, self.platforms, language)
        return order_rows.grid(self.shown, self.asked.narrowing, names)


def statuses_for(portal: Portal, steps: Steps) -> Ask[Mapping[str, Status]]:
    """Order statuses by ID; from a slow portal as remembered where only rows are read."""
    if steps is Steps.ROWS_ONLY:
        return ask.known(dictionaries.remembered_statuses(portal))
    return dictionaries.order_statuses(portal)


def steps_for(portal: Portal) -> Steps:
    """How a page that is already open is read again."""
    return Steps.ROWS_FIRST if slowness.is_slow(portal) else Steps.WHOLE


def view_of(
    portal: Portal,
    owner: Owner,
    asked: Asked,
    statuses: Ask[Mapping[str, Status]],
    *,
    sums: bool,
    steps: Steps,
) -> Ask[View]:
    """The page ``asked`` for, with ``sums`` of the whole card: one request if it fits.

    ``statuses`` is what :func:`statuses_for` gave. Raises what keeps the links from being read.
    """
    moment = watching.now()
    platforms = (
        ask.known(dictionaries.remembered_platforms(portal))
        if steps is Steps.ROWS_ONLY
        else dictionaries.order_platforms(portal)
    )
    expected = dictionaries.expected_links(portal, owner)
    rows = first_read(owner, asked, sums=sums, steps=steps, expected=expected)

    def page(
        known: Mapping[str, Status], origins: Mapping[int, str], read: CardOrders
    ) -> Ask[View]:
        ranks = dictionaries.ranks(known)
        return show(read, asked, ranks, sums=sums, steps=steps).then(
            lambda shown: named(known, origins, shown)
        )

    def named(known: Mapping[str, Status], origins: Mapping[int, str], shown: Shown) -> Ask[View]:
        dictionaries.remember_links(portal, owner, shown.listing.total)
        watching.show(portal.pk, owner, shown.listing.ids)
        responsible = (order.responsible_id for order in shown.orders)
        nobody: Ask[Mapping[int, str]] = ask.known({})
        names = nobody if steps is Steps.ROWS_ONLY else dictionaries.names_of(portal, responsible)
        return names.map(lambda people: View(asked, moment, shown, known, people, origins))

    return ask.together(statuses, platforms, rows).then(lambda found: page(*found))


def owner_of(opened: Session) -> Owner:
    """The deal or invoice a page was opened for; raises :class:`BadForm` for a page of another kind."""
    if opened.owner_type not in (DEAL, INVOICE):
        raise BadForm
    return Owner(opened.owner_type, opened.entity_id)


def subject_of(opened: Session) -> Owner:
    """What a card's page was opened for: the order of an order's own card, else :func:`owner_of`."""
    if opened.owner_type == ORDER:
        return Owner(ORDER, opened.entity_id)
    return owner_of(opened)


def context(
    opened: Session, user: PortalUser, client: Client, query: QueryDict
) -> dict[str, object]:
    """What ``tab/orders.html`` needs, read from the portal now; raises what keeps it from being read.

    ``query`` holds the narrowing; a request without it gets everything. Raises ``BadForm``.
    """
    card, is_named, view = client.answer(_asked(opened, user, query, sums=True))
    return drawn(card, view, user, opened.language, is_named=is_named)


def _asked(
    opened: Session, user: PortalUser, query: QueryDict, *, sums: bool
) -> Ask[tuple[Card, bool, View]]:
    portal, owner, steps = user.portal, owner_of(opened), steps_for(user.portal)
    statuses, asked = statuses_for(portal, steps), view_options.of(query)
    return ask.together(
        cards.card_of(owner),
        access.is_named(portal),
        view_of(portal, owner, asked, statuses, sums=sums, steps=steps),
    )


def drawn(
    card: Card, view: View, user: PortalUser, language: str, *, is_named: bool
) -> dict[str, object]:
    """The same from what is here already."""
    grid = view.grid(language)
    may_link = access.can_link(user, is_named=is_named)
    return {
        "card": card,
        "grid": grid,
        "region": order_rows.region(card, grid),
        "may_link": may_link,
        "suggesting": may_link and card.has_client and user.portal.suggestion_days > 0,
        "unpaid": user.portal.payment_expired,
        # Asked of the database by the templates that name them, and by no other.
        "admins": partial(access.who_can_grant, user.portal),
        "portal_origin": user.portal.origin,
        "portal": user.portal,
        "moment": view.moment,
    }


def page(opened: Session, user: PortalUser, client: Client, query: QueryDict) -> dict[str, object]:
    """What ``tab/grid.html`` needs: the page asked for, without the sums of all. Raises as above."""
    card, _, view = client.answer(_asked(opened, user, query, sums=False))
    return {
        "card": card,
        "grid": view.grid(opened.language),
        "portal_origin": user.portal.origin,
        "portal": user.portal,
    }


def chosen(
    opened: Session, user: PortalUser, client: Client, query: QueryDict, *, whole: bool = False
) -> list[Order]:
    """All orders of the card that match the narrowing, for "for all"; with ``whole`` all about them.

    Raises ``Refused("too-many")`` beyond ``SUMMED`` links, and what keeps the orders from being read.
    """
    owner, narrowing = owner_of(opened), view_options.of(query).narrowing
    kinds = IN_GRID if whole else narrowing.needs

    def read(statuses: Mapping[str, Status], ids: Sequence[int]) -> Ask[list[Order]]:
        if len(ids) > SUMMED:
            raise Refused("too-many", user.portal)
        ranks = dictionaries.ranks(statuses)
        return orders_by_id(ids, kinds).map(lambda orders: list(narrowed(orders, narrowing, ranks)))

    return client.answer(
        ask.together(
            cards.card_of(owner), dictionaries.order_statuses(user.portal), _every_order(owner)
        ).then(lambda found: read(found[1], found[2]))
    )


def _every_order(owner: Owner, below: int = 0, found: tuple[int, ...] = ()) -> Ask[tuple[int, ...]]:
    """The orders of a card by ID downwards, so that one that leaves meanwhile hides no other.

    At most those of one request beyond ``SUMMED``.
    """

    def further(piece: Piece[OrderLink]) -> Ask[tuple[int, ...]]:
        rows = piece.rows
        ids = (*found, *(link.order_id for link in rows if link.owner == owner))
        # A page that is not full is the last one.
        if not rows or len(rows) % batch.SIZE or len(ids) > SUMMED:
            return ask.known(ids)
        return _every_order(owner, rows[-1].order_id, ids)

    return scan.links_below(links.filters_of(owner), below, MAX_LINK_PAGES).then(further)

"""The region of the page that shows the orders: read anew after every change, and on every look."""

from collections.abc import Mapping
from functools import partial

from django.http import QueryDict

from b24app import dictionaries
from b24app.bitrix24 import errors
from b24app.bitrix24.client import Answer, Client, Command
from b24app.live import watching
from b24app.orders import cards, links, scan
from b24app.orders.card_orders import SUMMED, OrderReader, read_orders
from b24app.orders.content import IN_GRID
from b24app.orders.filtering import narrowed
from b24app.orders.shown_page import Asked, Steps, show
from b24app.orders.types import DEAL, INVOICE, ORDER, Order, Owner
from b24app.portals import access, slowness
from b24app.portals.launch import Refused
from b24app.portals.models import Portal, PortalUser
from b24app.tab import order_rows, view_options
from b24app.tab.forms import BadForm
from b24app.tab.grid_row import Names
from b24app.tab.order_rows import Grid
from b24app.web.session import Session

Outcomes = Mapping[str, Answer | errors.BitrixError]

# Pages of links that tell whether a card has more orders than "for all" reaches.
PAGES = SUMMED // scan.PAGE + 1


class Reading:
    """A card's orders on their way to the page: what to ask for, and what comes of it.

    With ``sums`` the totals of the card are read along. ``steps`` is for a slow portal: see
    :class:`Steps`.
    """

    def __init__(
        self,
        client: Client,
        portal: Portal,
        owner: Owner,
        asked: Asked,
        *,
        sums: bool,
        steps: Steps = Steps.WHOLE,
    ) -> None:
        self.owner = owner
        # Taken before anything is read, so that no change falls between reading and asking for news.
        self.moment = watching.now()
        self._portal = portal
        self._client = client
        self._reader = OrderReader(client, owner)
        self._asked = asked
        self._sums = sums
        self._steps = steps

    def commands(self) -> dict[str, Command]:
        """The card, the statuses unless they are known, and the orders: one request if it fits."""
        names: dict[str, Command] = {}
        if self._steps is not Steps.ROWS_ONLY:
            names = dictionaries.status_commands(self._portal)
            names |= dictionaries.platform_commands(self._portal)
        return (
            cards.opening(self.owner)
            | access.question(self._portal)
            | names
            | self._reader.commands(
                self._asked.first(self._steps, sums=self._sums),
                dictionaries.expected_links(self._portal, self.owner),
            )
        )

    def grid(self, outcomes: Outcomes, language: str) -> Grid:
        """The page asked for; raises what keeps the links from being read."""
        statuses = dictionaries.statuses(self._portal, outcomes)
        ranks = dictionaries.ranks(statuses)
        shown = show(self._reader, outcomes, self._asked, ranks, sums=self._sums, steps=self._steps)
        dictionaries.remember_links(self._portal, self.owner, shown.listing.total)
        watching.show(self._portal.pk, self.owner, shown.listing.ids)
        people: dict[int, str] = {}
        if self._steps is not Steps.ROWS_ONLY:
            people = dictionaries.people(
                self._portal, self._client, (order.responsible_id for order in shown.orders)
            )
        names = Names(statuses, people, dictionaries.platforms(self._portal, outcomes), language)
        return order_rows.grid(shown, self._asked.narrowing, names)


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
    reading = Reading(
        client,
        user.portal,
        owner_of(opened),
        view_options.of(query),
        sums=True,
        steps=Steps.ROWS_FIRST if slowness.is_slow(user.portal) else Steps.WHOLE,
    )
    return drawn(reading, client.batch(reading.commands()), user, opened.language)


def drawn(
    reading: Reading, outcomes: Outcomes, user: PortalUser, language: str
) -> dict[str, object]:
    """The same from outcomes that are here already."""
    card = cards.opened(reading.owner, outcomes)
    grid = reading.grid(outcomes, language)
    return {
        "card": card,
        "grid": grid,
        "region": order_rows.region(card, grid),
        "may_link": access.may_link(user, outcomes),
        "unpaid": user.portal.payment_expired,
        # Asked of the database by the templates that name them, and by no other.
        "admins": partial(access.who_can_grant, user.portal),
        "portal_origin": user.portal.origin,
        "moment": reading.moment,
    }


def page(opened: Session, user: PortalUser, client: Client, query: QueryDict) -> dict[str, object]:
    """What ``tab/grid.html`` needs: the page asked for, without the sums of all. Raises as above."""
    reading = Reading(
        client,
        user.portal,
        owner_of(opened),
        view_options.of(query),
        sums=False,
        steps=Steps.ROWS_FIRST if slowness.is_slow(user.portal) else Steps.WHOLE,
    )
    outcomes = client.batch(reading.commands())
    return {
        "card": cards.opened(reading.owner, outcomes),
        "grid": reading.grid(outcomes, opened.language),
        "portal_origin": user.portal.origin,
    }


def chosen(
    opened: Session, user: PortalUser, client: Client, query: QueryDict, *, whole: bool = False
) -> list[Order]:
    """All orders of the card that match the narrowing, for "for all"; with ``whole`` all about them.

    Raises ``Refused("too-many")`` beyond ``SUMMED`` links, and what keeps the orders from being read.
    """
    owner, narrowing = owner_of(opened), view_options.of(query).narrowing
    outcomes = client.batch(
        cards.opening(owner)
        | dictionaries.status_commands(user.portal)
        | scan.link_commands(links.filters_of(owner), 0, PAGES)
    )
    cards.opened(owner, outcomes)
    ids = _every_order(client, owner, outcomes)
    if len(ids) > SUMMED:
        raise Refused("too-many", user.portal)
    orders = read_orders(client, ids, IN_GRID if whole else narrowing.needs)
    ranks = dictionaries.ranks(dictionaries.statuses(user.portal, outcomes))
    return list(narrowed(orders, narrowing, ranks))


def _every_order(client: Client, owner: Owner, outcomes: Outcomes) -> list[int]:
    """The orders of a card by ID downwards, so that one that leaves meanwhile hides no other."""
    page = found = scan.found_links(outcomes)
    # A page that is not full is the last one.
    while page and len(page) % scan.PAGE == 0 and len(found) <= SUMMED:
        below = page[-1].order_id
        more = client.batch(scan.link_commands(links.filters_of(owner), below, PAGES))
        page = scan.found_links(more)
        found = found + page
    return [link.order_id for link in found if link.owner == owner]

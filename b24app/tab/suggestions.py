"""Suggestions: orders of the card's client that are linked to nothing.

They are loaded after the page into a bar whose height never changes by itself. A card without
suggestions is not looked at again for some minutes.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

from b24app.bitrix24 import ask, errors
from b24app.bitrix24.ask import Ask
from b24app.connect import client_of
from b24app.orders import clients, links, matching
from b24app.orders.clients import Candidates
from b24app.orders.matching import Buyer, Suggestion
from b24app.orders.types import Card, Order, OrderLink, Owner
from b24app.portals import access
from b24app.portals.models import Portal, PortalUser
from b24app.portals.rights import Asks
from b24app.tab import dismissals, region
from b24app.web import entry, htmx
from b24app.web.forms import whole_number
from b24app.web.session import Session

logger = logging.getLogger(__name__)

NOTHING_SECONDS = 300
"""Seconds for which a card with nothing to suggest is not looked at again."""

MAX_SUGGESTIONS = 5
"""The newest are shown in the bar; all of them, in the picker."""


class NotAllowed(Exception):
    """This person is not to see suggestions."""


@dataclass(frozen=True, slots=True)
class Suggested:
    """What a card's bar shows: the ``newest`` of ``count`` orders, of more if not ``whole``.

    ``empty`` says that the card has no orders yet.
    """

    newest: tuple[Suggestion, ...] = ()
    count: int = 0
    whole: bool = True
    empty: bool = False

    @property
    def number(self) -> str:
        """The count as people read it; "200+" for 200 and perhaps more."""
        return f"{self.count}" if self.whole else f"{self.count}+"

    @property
    def further(self) -> bool:
        """Whether there are more than the newest."""
        return self.count > len(self.newest) or not self.whole


@entry.in_session("GET", asks=Asks.ALONG)
def suggestions(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """The bar of a card; nothing where this person is not to see one."""
    return _shown(request, opened, user)


@entry.in_session("POST", asks=Asks.FIRST_OR_LATELY)
def dismiss(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Stop suggesting this order for this card; the toast offers to undo that."""
    owner, order_id = region.owner_of(opened), _order_id(request)
    if dismissals.dismiss(user, owner, order_id):
        text = _("This order is no longer suggested here")
    else:
        text = _("This order is no longer suggested to you here")
    url, undo = reverse("tab-suggestions-restore"), {"order": str(order_id)}
    toast = htmx.toast(text, undo_url=url, undo_label=_("Undo"), undo=undo)
    return htmx.trigger(HttpResponse(), toast)


@entry.in_session("POST", asks=Asks.FIRST_OR_LATELY)
def restore(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Suggest the order again."""
    dismissals.restore(user, region.owner_of(opened), _order_id(request))
    forget(user.portal, region.owner_of(opened))
    response = _shown(request, opened, user)
    # The toast's own request aims at the orders.
    return htmx.retarget(response, "#suggestions", swap="outerHTML")


def forget(portal: Portal, owner: Owner) -> None:
    """Look for suggestions at this card again: its links have changed."""
    try:
        cache.delete(_key(portal, owner))
    except RedisError:
        logger.warning("cache away, nothing forgotten")


def _shown(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    owner, portal = region.owner_of(opened), user.portal
    since = timezone.now() - timedelta(days=portal.suggestion_days)
    failed = False
    try:
        found = _found(user, owner, since)
    except NotAllowed:
        return HttpResponse()
    except errors.BitrixError as error:
        logger.warning("no suggestions after %s: %s", error.method, error.code)
        found, failed = Suggested(), True
    context = {
        "found": found,
        "failed": failed,
        "owner": owner,
        "since": since.date().isoformat(),
        "portal_origin": portal.origin,
    }
    return render(request, "tab/suggestions.html", context)


def _found(user: PortalUser, owner: Owner, since: datetime) -> Suggested:
    """Orders made since then that may belong to the card.

    Three requests to the portal; a fourth for several contacts, and up to two more for a client of
    many orders. Raises :class:`NotAllowed`, and the portal's refusals.
    """
    portal = user.portal
    only_if_named = user.may_link is False
    if (
        portal.suggestion_days == 0
        or portal.payment_expired
        or (only_if_named and not access.can_be_named(portal))
    ):
        raise NotAllowed
    if _nothing_known(user, owner):
        return Suggested()
    is_named = access.is_named(portal) if only_if_named else ask.known(True)

    def suggested(
        buyers: Sequence[Buyer], card: Card, allowed: bool, linked: Sequence[OrderLink]
    ) -> Ask[Suggested]:
        if not allowed:
            raise NotAllowed
        skipped = {link.order_id for link in linked} | dismissals.dismissed(user, owner)

        def matching_ones(part: clients.Part, read: Candidates) -> Suggested:
            best = matching.suggestions(buyers, read.found, made=card.created, since=since)
            whole = part.whole and read.whole
            return Suggested(best[:MAX_SUGGESTIONS], len(best), whole, empty=not linked)

        def candidates(part: clients.Part) -> Ask[Suggested]:
            ids = [pk for pk in part.ids if pk not in skipped]
            may_count = partial(_may_count, buyers, since)
            return clients.candidates(ids, may_count).map(lambda read: matching_ones(part, read))

        return clients.orders_with_data_of(buyers).then(candidates)

    found = client_of(user).answer(
        ask.together(clients.buyers_of(owner), is_named, links.links_of_card(owner)).then(
            lambda found: suggested(*found[0], found[1], found[2])
        )
    )
    if not found.newest:
        _remember_nothing(user, owner)
    return found


def _may_count(buyers: Sequence[Buyer], since: datetime, order: Order) -> bool:
    return matching.may_count(order, since) and clients.is_buyers(buyers, order.customer)


def _order_id(request: HttpRequest) -> int:
    return whole_number(request.POST.get("order", ""), least=1)


def _key(portal: Portal, owner: Owner) -> str:
    return f"nothing-suggested:{portal.pk}:{owner.type_id}:{owner.id}"


def _nothing_known(user: PortalUser, owner: Owner) -> bool:
    """Whether this very person was shown nothing just now: another may have other rights."""
    return user.pk in _remembered(user.portal, owner)


def _remembered(portal: Portal, owner: Owner) -> list[int]:
    try:
        known = cache.get(_key(portal, owner))
    except RedisError:
        logger.warning("cache away, looking for suggestions again")
        return []
    return known if isinstance(known, list) else []


def _remember_nothing(user: PortalUser, owner: Owner) -> None:
    everybody = [*_remembered(user.portal, owner), user.pk]
    try:
        cache.set(_key(user.portal, owner), everybody, NOTHING_SECONDS)
    except RedisError:
        logger.warning("cache away, nothing remembered")

"""Suggestions: orders of the card's client that are linked to nothing.

They are comfort: loaded after the page, silent where there are none or the portal does not answer,
and remembered for some minutes where there was nothing.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta

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
from b24app.orders.matching import Buyer, Candidate, Suggestion
from b24app.orders.types import Card, OrderLink, Owner
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
"""More at once would be a list to work through, and the picker is made for that."""


class NothingToSay(Exception):
    """There is nothing to suggest to this person, and nothing to remember."""


@entry.in_session("GET", asks=Asks.ALONG)
def suggestions(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """What may belong to the card, or nothing at all."""
    return _shown(request, opened, user, slot=True)


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
    response = _shown(request, opened, user, slot=False)
    # The toast's own request aims at the orders.
    return htmx.retarget(response, "#suggestions", swap="outerHTML")


def forget(portal: Portal, owner: Owner) -> None:
    """Find suggestions for this card again, because its links have changed."""
    try:
        cache.delete(_key(portal, owner))
    except RedisError:
        logger.warning("cache away, nothing forgotten")


def _shown(request: HttpRequest, opened: Session, user: PortalUser, *, slot: bool) -> HttpResponse:
    """The suggestions for their ``slot`` in the page, or for their present place."""
    owner = region.owner_of(opened)
    try:
        found, linked = _found(user, owner)
    except NothingToSay:
        return HttpResponse()
    except errors.BitrixError as error:
        logger.warning("no suggestions after %s: %s", error.method, error.code)
        return HttpResponse()
    if not found:
        _remember_nothing(user, owner)
        return HttpResponse()
    context = {
        "suggestions": found,
        "owner": owner,
        "portal_origin": user.portal.origin,
        "empty": not linked,
        "slot": slot,
    }
    response = render(request, "tab/suggestions.html", context)
    if not linked:
        # A card without orders shows them in the place of its empty state.
        return htmx.retarget(response, "[data-state=empty]")
    return response


def _found(user: PortalUser, owner: Owner) -> tuple[tuple[Suggestion, ...], bool]:
    """Suggestions, and whether the card has orders already; in at most three requests to the portal.

    Raises :class:`NothingToSay` where this person is not to see any, and the portal's refusals.
    """
    portal = user.portal
    only_if_named = user.may_link is False
    if (
        portal.suggestion_days == 0
        or portal.payment_expired
        or (only_if_named and not access.can_be_named(portal))
        or _nothing_known(user, owner)
    ):
        raise NothingToSay
    is_named = access.is_named(portal) if only_if_named else ask.known(True)

    def candidates(
        buyer: Buyer, card: Card, allowed: bool, linked: Sequence[OrderLink]
    ) -> Ask[tuple[tuple[Suggestion, ...], bool]]:
        if not allowed:
            raise NothingToSay
        skipped = {link.order_id for link in linked} | dismissals.dismissed(user, owner)
        since = timezone.now() - timedelta(days=portal.suggestion_days)

        def suggested(found: Sequence[Candidate]) -> tuple[tuple[Suggestion, ...], bool]:
            best = matching.suggestions(buyer, found, made=card.created, since=since)
            return best[:MAX_SUGGESTIONS], bool(linked)

        return (
            clients.orders_with_data_of(buyer)
            .then(lambda ids: clients.candidates([pk for pk in ids if pk not in skipped]))
            .map(suggested)
        )

    return client_of(user).answer(
        ask.together(clients.buyer_of(owner), is_named, links.links_of_card(owner)).then(
            lambda found: candidates(*found[0], found[1], found[2])
        )
    )


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

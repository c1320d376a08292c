"""The tab's page and what is looked at in it. Each view parses, calls one thing, renders."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from b24app.bitrix24 import errors
from b24app.connect import client_of
from b24app.orders import cards
from b24app.orders.gateway import OrderReader
from b24app.orders.types import DEAL, INVOICE, Owner
from b24app.portals import entry, launch, states
from b24app.portals.codes import DEAL_TAB, INVOICE_TAB
from b24app.portals.frame import allow_frame, nonce_of
from b24app.portals.launch import Posted, Refused
from b24app.portals.models import PortalUser
from b24app.portals.session import Session
from b24app.tab import dictionaries, forms, presenting, region

# The entity's type comes from the placement alone: PLACEMENT_OPTIONS could say anything.
OWNER_TYPES = {DEAL_TAB: DEAL, INVOICE_TAB: INVOICE}


@entry.opened_by_portal
def card_tab(request: HttpRequest, posted: Posted) -> HttpResponse:
    """The tab, with its first rows in this very answer: one request to the portal up to 50 orders."""
    portal = launch.known_portal(posted)
    if posted.placement not in OWNER_TYPES or posted.entity_id <= 0:
        raise Refused("malformed", portal)
    owner = Owner(OWNER_TYPES[posted.placement], posted.entity_id)
    client = launch.client_for(posted, portal)
    reader = OrderReader(client, owner)
    outcomes = client.batch(
        launch.identity_commands()
        | cards.opening(owner)
        | dictionaries.status_commands(portal)
        | reader.opening()
    )
    person = launch.identified(posted, portal, outcomes)
    card = cards.opened(owner, outcomes)
    user = launch.opened(posted, portal, person)
    allow_frame(request, portal)
    opened = Session(
        user.pk, posted.placement, owner.type_id, owner.id, entry.language(posted.language)
    )
    context: dict[str, object] = {
        "card": card,
        "session": opened.token(),
        "nonce": nonce_of(request),
    }
    try:
        context |= region.drawn(opened, user, client, card, reader, outcomes)
    except errors.BitrixError as error:
        context["state"] = states.of_error(error)
    return render(request, "tab/page.html", context)


@entry.in_session("GET")
def orders(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Totals and the first page, read anew."""
    return render(
        request, "tab/orders.html", region.context(opened, user, client_of(user), request.GET)
    )


@entry.in_session("GET")
def grid(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Another page of the grid."""
    number = forms.page_number(request.GET)
    client, owner = client_of(user), region.owner_of(opened)
    reader = OrderReader(client, owner)
    outcomes = client.batch(
        cards.opening(owner)
        | dictionaries.status_commands(user.portal)
        | reader.page(number, presenting.PER_PAGE)
    )
    cards.opened(owner, outcomes)
    listing = reader.finish_page(outcomes, number, presenting.PER_PAGE)
    statuses = dictionaries.statuses(user.portal, outcomes)
    shown = presenting.grid(client, user.portal, listing, statuses, opened.language, page=number)
    context = {"grid": shown, "portal_origin": user.portal.origin}
    return render(request, "tab/grid.html", context)

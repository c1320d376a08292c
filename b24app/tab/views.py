"""The tab's page and what is looked at in it. Each view parses, calls one thing, renders."""

import re

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from b24app import dictionaries
from b24app.bitrix24 import ask, errors
from b24app.bitrix24.ask import Ask
from b24app.connect import client_of
from b24app.live import watching
from b24app.orders import cards, details
from b24app.orders.card_orders import orders_by_id
from b24app.orders.filtering import Narrowing
from b24app.orders.shown_page import Asked, Steps
from b24app.orders.types import DEAL, INVOICE, Owner
from b24app.portals import access, launch, slowness
from b24app.portals.launch import Posted, Refused
from b24app.portals.models import PortalUser
from b24app.portals.placements import DEAL_LIST_MENU, DEAL_TAB, INVOICE_TAB
from b24app.portals.rights import Asks
from b24app.tab import column_settings, grid_columns, order_rows, order_table, region
from b24app.tab.grid_row import Names
from b24app.web import entry, error_states, htmx
from b24app.web.file_responses import table_download, table_format
from b24app.web.forms import BadForm
from b24app.web.frame_headers import allow_frame, nonce_of
from b24app.web.session import Session

# The entity's type comes from the placement alone: PLACEMENT_OPTIONS could say anything.
OWNER_TYPES = {DEAL_TAB: DEAL, DEAL_LIST_MENU: DEAL, INVOICE_TAB: INVOICE}

MAX_EXPORTED_ORDERS = 1000

_MOMENT = re.compile(r"\d{1,12}\.\d{6}|", re.ASCII)
_ORDER = re.compile(r"([1-9]\d{0,14})\|?", re.ASCII)


@entry.opened_by_portal
def card_tab(request: HttpRequest, posted: Posted) -> HttpResponse:
    """The tab, with its first rows in this very answer: one request to the portal up to 50 orders."""
    portal = launch.known_portal(posted)
    if posted.placement not in OWNER_TYPES or posted.entity_id <= 0:
        raise Refused("malformed", portal)
    owner = Owner(OWNER_TYPES[posted.placement], posted.entity_id)
    client = launch.client_for(posted, portal)
    slow = slowness.is_slow(portal)
    steps = Steps.ROWS_ONLY if slow else Steps.WHOLE
    statuses = region.statuses_for(portal, steps)
    all_columns: Ask[tuple[str, ...]] = ask.known(())
    (identity, opened_card, is_named, names, view, hidden), times = client.answer(
        ask.timed(
            ask.together(
                launch.identity(),
                cards.card_of(owner).attempt(),
                access.is_named(portal),
                statuses,
                region.view_of(
                    portal, owner, Asked(Narrowing()), statuses, sums=True, steps=steps
                ).attempt(),
                all_columns if slow else column_settings.hidden(),
            )
        )
    )
    if slow:
        slowness.note_times(portal, times)
    person = launch.person_of(posted, portal, identity)
    card = ask.value_of(opened_card)
    user = launch.opened(posted, portal, person)
    allow_frame(request, portal)
    language = entry.language(posted.language)
    opened = Session(user.pk, posted.placement, owner.type_id, owner.id, language)
    context: dict[str, object] = {
        "card": card,
        "session": opened.token(),
        "nonce": nonce_of(request),
        "hideable": grid_columns.HIDEABLE,
        "sorts": grid_columns.SORTS,
        "span": grid_columns.SPAN,
        "hidden": hidden,
        "statuses": order_rows.status_choices(names, language),
        "rest_follows": slow,
    }
    try:
        context |= region.drawn(card, ask.value_of(view), user, language, is_named=is_named)
    except errors.BitrixError as error:
        slowness.note_failure(portal, error)
        context |= {"state": error_states.of_error(error), "admins": access.who_can_grant(portal)}
    return render(request, "tab/page.html", context)


@entry.in_session("GET", asks=Asks.ALONG)
def orders(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Totals and the current page, read again; ``again`` forgets that the person could not link."""
    if request.GET.get("again") == "on":
        access.forget_refusal(user)
    context = region.context(opened, user, client_of(user), request.GET)
    return render(request, "tab/orders.html", context)


@entry.in_session("GET", asks=Asks.ALONG)
def grid(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Another page of the grid, or the same one sorted or filtered."""
    return render(request, "tab/grid.html", region.page(opened, user, client_of(user), request.GET))


@entry.in_session("GET", asks=Asks.ALONG)
def order_details(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """What an opened row shows: one request to the portal. A failure stays inside the row."""
    order_id = _order_id(request.GET.get("order", ""))
    context: dict[str, object] = {"order_id": order_id, "span": grid_columns.SPAN}
    try:
        context["details"] = client_of(user).answer(details.details_of(order_id))
    except errors.AuthError:
        raise
    except errors.BitrixError as error:
        context["state"] = state = error_states.of_error(error)
        return htmx.partial(request, "tab/details.html", context, status=state.status)
    return render(request, "tab/details.html", context)


@entry.in_session("GET", asks=Asks.NOBODY)
def news(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Whether anything shown has changed ``since``; asked of our own server, never of the portal."""
    since = request.GET.get("since", "")
    if not _MOMENT.fullmatch(since):
        raise BadForm
    moment, changed = watching.news(user.portal_id, region.subject_of(opened), since)
    return JsonResponse({"since": moment, "changed": changed})


@entry.in_session("POST", asks=Asks.ALONG)
def hide_columns(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Keep which columns this person has hidden."""
    column_settings.keep(client_of(user), request.POST.getlist("hidden"))
    return HttpResponse(status=204)


@entry.in_session("POST", asks=Asks.FIRST, limits=entry.saving)
def export(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """The ticked orders, or all that match the narrowing, as a CSV or XLSX file."""
    kind = table_format(request.POST)
    client, portal = client_of(user), user.portal
    if request.POST.get("all") == "on":
        chosen = region.chosen(opened, user, client, request.POST, whole=True)
    else:
        ids = [_order_id(text) for text in request.POST.getlist("order")]
        if not 0 < len(ids) <= MAX_EXPORTED_ORDERS:
            raise BadForm
        chosen = list(client.answer(orders_by_id(ids)))
    statuses, people = client.answer(
        ask.together(
            dictionaries.order_statuses(portal),
            dictionaries.names_of(portal, (order.responsible_id for order in chosen)),
        )
    )
    table = order_table.table(chosen, Names(statuses, people, {}, opened.language))
    card = "deal" if region.owner_of(opened).is_deal else "invoice"
    return table_download(table, kind, opened.language, f"orders-{card}-{opened.entity_id}")


def _order_id(raw: str) -> int:
    match = _ORDER.fullmatch(raw)
    if match is None:
        raise BadForm
    return int(match[1])

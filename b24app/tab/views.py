"""The tab's page and what is looked at in it. Each view parses, calls one thing, renders."""

import re

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from b24app import dictionaries
from b24app.bitrix24 import errors
from b24app.connect import client_of
from b24app.live import watching
from b24app.orders import cards, details
from b24app.orders.card_orders import read_orders
from b24app.orders.filtering import Narrowing
from b24app.orders.shown_page import Asked, Steps
from b24app.orders.types import DEAL, INVOICE, Owner
from b24app.portals import access, launch, slowness
from b24app.portals.launch import Posted, Refused
from b24app.portals.models import PortalUser
from b24app.portals.placements import DEAL_LIST_MENU, DEAL_TAB, INVOICE_TAB
from b24app.portals.rights import Asks
from b24app.tab import column_settings, order_rows, order_table, region
from b24app.tab.forms import BadForm
from b24app.web import entry, error_states, table_files
from b24app.web.frame_headers import allow_frame, nonce_of
from b24app.web.session import Session

# The entity's type comes from the placement alone: PLACEMENT_OPTIONS could say anything.
OWNER_TYPES = {DEAL_TAB: DEAL, DEAL_LIST_MENU: DEAL, INVOICE_TAB: INVOICE}

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST_EXPORTED = 1000

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
    reading = region.Reading(client, portal, owner, Asked(Narrowing()), sums=True, steps=steps)
    chosen = {} if slow else column_settings.command()
    outcomes = client.batch(launch.identity_commands() | reading.commands() | chosen)
    if slow:
        slowness.note_answers(portal, outcomes)
    person = launch.identified(posted, portal, outcomes)
    card = cards.opened(owner, outcomes)
    user = launch.opened(posted, portal, person)
    allow_frame(request, portal)
    language = entry.language(posted.language)
    opened = Session(user.pk, posted.placement, owner.type_id, owner.id, language)
    statuses = dictionaries.statuses(portal, outcomes)
    context: dict[str, object] = {
        "card": card,
        "session": opened.token(),
        "nonce": nonce_of(request),
        "hideable": column_settings.HIDEABLE,
        "hidden": column_settings.hidden(outcomes),
        "statuses": order_rows.status_choices(statuses, language),
        "rest_follows": slow,
    }
    try:
        context |= region.drawn(reading, outcomes, user, language)
    except errors.BitrixError as error:
        slowness.note_failure(portal, error)
        context |= {"state": error_states.of_error(error), "admins": access.who_can_grant(portal)}
    return render(request, "tab/page.html", context)


@entry.in_session("GET", asks=Asks.ALONG)
def orders(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Totals and the page looked at, read anew; ``again`` forgets that the person could not link."""
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
    context: dict[str, object] = {"order_id": order_id}
    try:
        context["details"] = details.details_of(
            order_id, client_of(user).batch(details.commands(order_id))
        )
    except errors.AuthError:
        raise
    except errors.BitrixError as error:
        context["state"] = state = error_states.of_error(error)
        response = render(request, "tab/details.html", context, status=state.status)
        response["X-Lo-State"] = "1"
        return response
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
    kind = request.POST.get("format", "")
    if kind not in ("csv", "xlsx"):
        raise BadForm
    client, portal = client_of(user), user.portal
    if request.POST.get("all") == "on":
        chosen = region.chosen(opened, user, client, request.POST, whole=True)
    else:
        ids = [_order_id(one) for one in request.POST.getlist("order")]
        if not 0 < len(ids) <= MOST_EXPORTED:
            raise BadForm
        chosen = list(read_orders(client, ids))
    table = order_table.table(
        chosen,
        dictionaries.read_statuses(portal, client),
        dictionaries.people(portal, client, (order.responsible_id for order in chosen)),
        opened.language,
    )
    content = (
        table_files.xlsx_file(table)
        if kind == "xlsx"
        else table_files.csv_file(table, opened.language)
    )
    card = "deal" if region.owner_of(opened).is_deal else "invoice"
    return HttpResponse(
        content,
        content_type=XLSX if kind == "xlsx" else "text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="orders-{card}-{opened.entity_id}.{kind}"'
        },
    )


def _order_id(raw: str) -> int:
    match = _ORDER.fullmatch(raw)
    if match is None:
        raise BadForm
    return int(match[1])

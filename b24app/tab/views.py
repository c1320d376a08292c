"""The tab's page and its parts. Each view parses, calls one thing, renders."""

import json
from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from b24app.bitrix24 import errors
from b24app.bitrix24.client import Answer, Client
from b24app.connect import client_of
from b24app.orders import cards
from b24app.orders.gateway import OrderReader
from b24app.orders.search import Wanted, search
from b24app.orders.types import DEAL, Owner
from b24app.portals import entry, launch, states
from b24app.portals.codes import DEAL_TAB
from b24app.portals.frame import allow_frame, nonce_of
from b24app.portals.launch import Posted, Refused
from b24app.portals.models import PortalUser
from b24app.portals.session import Session
from b24app.tab import actions, dictionaries, forms, presenting
from b24app.tab.actions import Outcome

Outcomes = Mapping[str, Answer | errors.BitrixError]


@entry.opened_by_portal
def deal_tab(request: HttpRequest, posted: Posted) -> HttpResponse:
    """The tab, with its first rows in this very answer: one request to the portal up to 50 orders."""
    portal = launch.known_portal(posted)
    if posted.placement != DEAL_TAB or posted.entity_id <= 0:
        raise Refused("malformed", portal)
    owner, language = Owner(DEAL, posted.entity_id), entry.language(posted.language)
    client = launch.client_for(posted, portal)
    reader = OrderReader(client, owner)
    outcomes = client.batch(
        launch.identity_commands()
        | cards.opening(owner)
        | dictionaries.status_commands(portal)
        | reader.opening()
    )
    person = launch.identified(posted, portal, outcomes)
    deal = cards.opened(owner, outcomes)
    user = launch.opened(posted, portal, person)
    allow_frame(request, portal)
    opened = Session(user.pk, posted.placement, owner.type_id, owner.id, language)
    context: dict[str, object] = {
        "deal": deal,
        "session": opened.token(),
        "nonce": nonce_of(request),
    }
    try:
        listing = reader.finish(outcomes)
        statuses = dictionaries.statuses(portal, outcomes)
        context |= _orders(
            request, user, presenting.region(client, portal, deal, listing, statuses, language)
        )
    except errors.BitrixError as error:
        context["state"] = states.of_error(error)
    return render(request, "tab/page.html", context)


@entry.in_session("GET")
def orders(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Totals and the first page, read anew."""
    return render(request, "tab/orders.html", _read(request, opened, user, client_of(user)))


@entry.in_session("GET")
def grid(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Another page of the grid."""
    number = forms.page_number(request.GET)
    client, owner = client_of(user), _owner(opened)
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


@entry.in_session("GET")
def picker(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """The dialog, empty; it searches as soon as it stands."""
    return render(request, "tab/picker.html", {"limit": forms.MOST})


@entry.in_session("GET")
def found(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Orders matching the search, each with the place it stands at."""
    text = forms.search_text(request.GET)
    finding = search(client_of(user), Wanted(text))
    choices = presenting.choices(finding, _owner(opened))
    return render(
        request,
        "tab/found.html",
        {"choices": choices, "more": finding.next_page is not None, "text": text},
    )


@entry.in_session("POST")
def link(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Link the ticked orders; those linked elsewhere only when the person ticked that too."""
    chosen = forms.picks(request.POST)
    client = client_of(user)
    outcome = actions.link(
        client, _owner(opened), chosen, may_move=request.POST.get("move") == "on"
    )
    moved = sum(1 for one in outcome.done if one.before not in (None, one.now))
    count = len(outcome.done)
    text = ngettext(
        "%(count)d order linked to this deal", "%(count)d orders linked to this deal", count
    ) % {"count": count}
    if moved:
        text += _(", moved from elsewhere: %(moved)d") % {"moved": moved}
    return _changed(request, opened, user, client, outcome, text)


@entry.in_session("GET")
def confirm_unlink(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Ask before anything is unlinked."""
    chosen = forms.picks(request.GET)
    numbers = request.GET.getlist("number")[: forms.MOST]
    context = {"chosen": chosen, "numbers": numbers, "count": len(chosen)}
    return render(request, "tab/unlink.html", context)


@entry.in_session("POST")
def unlink(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Unlink the chosen orders from this deal."""
    chosen = forms.picks(request.POST)
    client = client_of(user)
    outcome = actions.unlink(client, _owner(opened), chosen)
    count = len(outcome.done)
    text = ngettext("%(count)d order unlinked", "%(count)d orders unlinked", count) % {
        "count": count
    }
    return _changed(request, opened, user, client, outcome, text)


@entry.in_session("POST")
def undo(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Take the last change back, as the toast offers."""
    client = client_of(user)
    outcome = actions.undo(client, user, _owner(opened), request.POST.get("what", ""))
    return _changed(request, opened, user, client, outcome, _("Taken back"), undoable=False)


def _owner(opened: Session) -> Owner:
    return Owner(opened.owner_type, opened.entity_id)


def _read(
    request: HttpRequest, opened: Session, user: PortalUser, client: Client
) -> dict[str, object]:
    owner = _owner(opened)
    reader = OrderReader(client, owner)
    outcomes = client.batch(
        cards.opening(owner) | dictionaries.status_commands(user.portal) | reader.opening()
    )
    deal = cards.opened(owner, outcomes)
    listing = reader.finish(outcomes)
    statuses = dictionaries.statuses(user.portal, outcomes)
    region = presenting.region(client, user.portal, deal, listing, statuses, opened.language)
    return _orders(request, user, region)


def _orders(request: HttpRequest, user: PortalUser, region: presenting.Region) -> dict[str, object]:
    return {
        "region": region,
        "grid": region.grid,
        "may_link": user.may_link is not False,
        "portal_origin": user.portal.origin,
    }


def _changed(
    request: HttpRequest,
    opened: Session,
    user: PortalUser,
    client: Client,
    outcome: Outcome,
    text: str,
    *,
    undoable: bool = True,
) -> HttpResponse:
    """The region as it is now, a toast for what was done, a note for what was not."""
    _learn(user, outcome)
    try:
        context = _read(request, opened, user, client)
    except errors.BitrixError as error:
        # What was done is done, and is said, even where the portal does not show it any more.
        response = entry.fragment(request, states.of_error(error))
    else:
        response = render(
            request, "tab/orders.html", context | {"outcome": outcome, "here": _owner(opened)}
        )
    really = [one for one in outcome.done if one.before != one.now]
    toast: dict[str, object] = {"text": text, "kind": "ok"}
    if undoable and really:
        toast["undo"] = {
            "url": reverse("tab-undo"),
            "label": _("Undo"),
            "values": {"what": actions.undo_token(user, _owner(opened), really)},
        }
    triggers: dict[str, object] = {"lo:dialog-close": True}
    if outcome.done:
        triggers["lo:toast"] = toast
    response["HX-Trigger"] = json.dumps(triggers)
    return response


def _learn(user: PortalUser, outcome: Outcome) -> None:
    """Remember whether this person may link, as the portal has just shown."""
    wrote = any(one.before != one.now for one in outcome.done)
    learnt = False if outcome.denied else True if wrote else user.may_link
    if learnt != user.may_link:
        user.may_link = learnt
        user.save(update_fields=["may_link"])

"""The picker: finding orders to link."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render

from b24app import dictionaries
from b24app.bitrix24 import errors
from b24app.connect import client_of
from b24app.orders.search import Finding, Found, Wanted, search
from b24app.orders.types import Order, Owner
from b24app.portals.models import PortalUser
from b24app.portals.rights import Asks
from b24app.tab import forms, region
from b24app.web import entry, error_states, htmx
from b24app.web.forms import day, optional_number, search_text
from b24app.web.session import Session

LAST_DAYS = 30


@dataclass(frozen=True, slots=True)
class Choice:
    """An order in the picker. ``seen`` goes back with it, so that we notice if it moves meanwhile."""

    order: Order
    place: Owner | None
    title: str
    responsible: str
    openable: bool
    here: bool

    @property
    def seen(self) -> str:
        return forms.seen_text(self.place)

    @property
    def kind(self) -> str:
        if self.here:
            return "here"
        if self.place is None:
            return "none"
        return "deal" if self.place.is_deal else "invoice"

    @property
    def path(self) -> str:
        """Where the portal shows the card the order is linked to."""
        if self.place is None:
            return ""
        kind = "deal" if self.place.is_deal else f"type/{self.place.type_id}"
        return f"/crm/{kind}/details/{self.place.id}/"


@entry.in_session("GET", asks=Asks.NOBODY)
def picker(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """The dialog, empty; it searches as soon as it is shown."""
    context = {"limit": forms.MAX_ORDERS, "days": LAST_DAYS, "owner": region.owner_of(opened)}
    return render(request, "tab/picker.html", context)


@entry.in_session("GET", asks=Asks.ALONG)
def found(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Orders matching the search, each with its current place; a failure is shown in the dialog."""
    wanted, shown = (
        _wanted(request.GET, region.owner_of(opened)),
        optional_number(request.GET, "shown"),
    )
    client = client_of(user)
    try:
        finding = client.answer(search(wanted))
    except errors.AuthError:
        raise  # the frame can bring a fresh token, and the search is asked again
    except errors.BitrixError as error:
        return _failed(request, error)
    responsible = (match.at.responsible_id for match in finding.found if match.at is not None)
    names = client.answer(dictionaries.names_of(user.portal, responsible))
    choices = choices_of(finding, names)
    context = {
        "choices": choices,
        "finding": finding,
        "wanted": wanted,
        "owner": wanted.card,
        "count": shown + len(choices),
        "portal_origin": user.portal.origin,
    }
    return render(request, "tab/found.html", context)


def choices_of(finding: Finding, names: Mapping[int, str]) -> tuple[Choice, ...]:
    """What was found, as the rows of the picker show it."""
    return tuple(_choice(match, finding.card.owner, names) for match in finding.found)


def _choice(match: Found, owner: Owner, names: Mapping[int, str]) -> Choice:
    return Choice(
        order=match.order,
        place=match.place,
        title=match.at.title if match.at is not None else "",
        responsible=names.get(match.at.responsible_id, "") if match.at is not None else "",
        openable=match.at is not None,
        here=match.place == owner,
    )


def _failed(request: HttpRequest, error: errors.BitrixError) -> HttpResponse:
    """The designed state without its own button: in the dialog the search is what is tried again."""
    state = error_states.of_error(error)
    context = {"state": replace(state, retry=False), "retry": state.retry}
    return htmx.partial(request, "tab/found.html", context, status=state.status)


def _wanted(query: QueryDict, owner: Owner) -> Wanted:
    """The search as the form sends it; raises :class:`BadForm` for anything that form cannot send."""
    since, until = day(query, "since"), day(query, "until")
    if since is not None and until is not None and until < since:
        since, until = until, since
    if query.get("recent") == "on":
        since, until = datetime.now(UTC).date() - timedelta(days=LAST_DAYS), None
    return Wanted(
        card=owner,
        text=search_text(query),
        mine=query.get("mine") == "on",
        unlinked=query.get("unlinked") == "on",
        since=since,
        until=until,
        below=optional_number(query, "below"),
    )

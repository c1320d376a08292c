"""The picker: finding orders to link."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render

from b24app import dictionaries
from b24app.bitrix24 import ask, errors
from b24app.connect import client_of
from b24app.orders.search import Finding, Found, Wanted, search
from b24app.orders.types import Order, Owner
from b24app.portals.models import PortalUser
from b24app.portals.rights import Asks
from b24app.tab import forms, order_rows, region
from b24app.tab.grid_row import Names, Row
from b24app.web import entry, error_states, htmx
from b24app.web.forms import day, optional_number, search_text
from b24app.web.session import Session

LAST_DAYS = 30


@dataclass(frozen=True, slots=True)
class Choice:
    """An order in the picker. ``seen`` goes back with it, so that we notice if it moves meanwhile."""

    row: Row
    place: Owner | None
    title: str
    responsible: str
    openable: bool
    here: bool

    @property
    def order(self) -> Order:
        return self.row.order

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
    """The dialog without orders; it searches as soon as it is there.

    It opens on unlinked orders: of the card's client where the page says that there is one
    (``client``), made on the day ``since`` or later where that is given.
    """
    since = day(request.GET, "since")
    context = {
        "limit": forms.MAX_ORDERS,
        "days": LAST_DAYS,
        "owner": region.owner_of(opened),
        "mine": request.GET.get("client") == "on",
        "since": since.isoformat() if since is not None else "",
    }
    return render(request, "tab/picker.html", context)


@entry.in_session("GET", asks=Asks.ALONG)
def found(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Orders matching the search, each with what it is linked to; a failure is shown in the dialog."""
    wanted = _wanted(request.GET, region.owner_of(opened))
    shown = optional_number(request.GET, "shown")
    client, portal = client_of(user), user.portal
    try:
        finding, statuses, platforms = client.answer(
            ask.together(
                search(wanted),
                dictionaries.order_statuses(portal),
                dictionaries.order_platforms(portal),
            )
        )
    except errors.AuthError:
        raise  # the frame can bring a fresh token, and the search is asked again
    except errors.BitrixError as error:
        return _failed(request, error)
    responsible = (match.at.responsible_id for match in finding.found if match.at is not None)
    people = client.answer(dictionaries.names_of(portal, responsible))
    names = Names(statuses, people, platforms, opened.language)
    choices, colors = _choices(finding, names)
    context = {
        "choices": choices,
        "colors": colors,
        "finding": finding,
        "wanted": wanted,
        "owner": wanted.card,
        "count": shown + len(choices),
        "can_enter": len(choices) == 1 and choices[0].kind == "none" and not finding.more,
        "portal_origin": portal.origin,
    }
    return render(request, "tab/found.html", context)


def _choices(finding: Finding, names: Names) -> tuple[tuple[Choice, ...], Mapping[str, str]]:
    """What was found, as the rows of the picker show it, and the colors of statuses by CSS class."""
    rows, colors = order_rows.rows_of((match.order for match in finding.found), names)
    pairs = zip(finding.found, rows, strict=True)
    return tuple(_choice(match, row, finding.card.owner, names) for match, row in pairs), colors


def _choice(match: Found, row: Row, owner: Owner, names: Names) -> Choice:
    return Choice(
        row=row,
        place=match.place,
        title=match.at.title if match.at is not None else "",
        responsible=names.people.get(match.at.responsible_id, "") if match.at is not None else "",
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

"""The main page, the overview and the settings. Each view parses, calls one thing, renders."""

from collections.abc import Sequence
from datetime import datetime

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from b24app import upkeep
from b24app.bitrix24 import errors
from b24app.bitrix24.client import Timeouts
from b24app.connect import WAITED_FOR, client_of
from b24app.console import chart, diagnosis, link_pages, pages, repairs, settings_form
from b24app.console.diagnosis import Check
from b24app.console.settings_form import Choices, ChoicesForm
from b24app.portals import bindings, launch
from b24app.portals.launch import Posted
from b24app.portals.models import REMOVAL_WAIT, Portal, PortalUser
from b24app.portals.rights import Asks
from b24app.web import entry, error_states, htmx
from b24app.web.frame_headers import allow_frame
from b24app.web.session import Session


@entry.opened_by_portal
def main(request: HttpRequest, posted: Posted) -> HttpResponse:
    """The app's own page: the console for administrators, what the app does for everybody else."""
    user, session = _opened(request, posted)
    if not user.is_admin:
        return _friendly(request, user, session)
    upkeep.take_over(user.portal, user)
    return pages.show(request, "overview", _overview(user, launch.OPENING), session=session)


@entry.opened_by_portal
def toolbar(request: HttpRequest, posted: Posted) -> HttpResponse:
    """The links of the portal, from the menu above the list of deals."""
    user, session = _opened(request, posted)
    if not user.is_admin:
        return _friendly(request, user, session)
    try:
        context = link_pages.drawn(user, QueryDict(), launch.OPENING)
    except errors.AuthError:
        raise
    except errors.BitrixError as error:
        return pages.trouble(request, "links", error, session=session)
    return pages.show(request, "links", context, session=session)


def _opened(request: HttpRequest, posted: Posted) -> tuple[PortalUser, Session]:
    """The proven person of an opening, in one request to the portal, and their session."""
    portal = launch.known_portal(posted)
    client = launch.client_for(posted, portal)
    person = launch.person_of(posted, portal, client.answer(launch.identity()))
    user = launch.opened(posted, portal, person)
    allow_frame(request, user.portal)
    return user, Session(user.pk, posted.placement, 0, 0, entry.language(posted.language))


def _friendly(request: HttpRequest, user: PortalUser, session: Session) -> HttpResponse:
    context = {"portal": user.portal, "user": user, "session": session.token()}
    return render(request, "install/main.html", context)


@pages.administrators("overview", "GET", asks=Asks.ALONG)
def overview(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Health and numbers, read again."""
    return pages.show(request, "overview", _overview(user))


def _overview(user: PortalUser, timeouts: Timeouts = WAITED_FOR) -> dict[str, object]:
    checks = diagnosis.checks(client_of(user, timeouts=timeouts), user.portal)
    return {
        "portal": user.portal,
        "checks": checks,
        "faults": [
            check
            for check in checks
            if check.wrong and not _said_already(user.portal, check, checks)
        ],
        "removal_until": _removal_until(user.portal),
        "chart": chart.of_month(user.portal, timezone.localdate()),
    }


def _said_already(portal: Portal, check: Check, checks: Sequence[Check]) -> bool:
    """Whether the page has said this already: an ended subscription has a note of its own, and a blocked
    REST API explains a limit that is used up.
    """
    if check.facts.get("trouble") == "payment":
        return portal.payment_expired
    blocked = any(item.facts.get("trouble") == "overload" for item in checks)
    return check.name == "limits" and blocked


def _removal_until(portal: Portal) -> datetime | None:
    """How long Bitrix24's own word on a reported removal of the app is waited for."""
    reported_at = portal.removal_told_at
    return None if reported_at is None else reported_at + REMOVAL_WAIT


@pages.administrators("overview", "POST", asks=Asks.ALONG, unpaid=True)
def rebind(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Bind again what is missing and drop what is too much."""
    return _mended(request, user, repairs.rebind(user, client_of(user)))


@pages.administrators("overview", "POST", asks=Asks.ALONG, unpaid=True)
def carry_on(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Let the app work in the background with the access of the administrator who pressed."""
    return _mended(request, user, repairs.carry_on(user, client_of(user)))


def _mended(
    request: HttpRequest, user: PortalUser, refused: list[errors.BitrixError]
) -> HttpResponse:
    trouble = error_states.name_of(refused[0]) if refused else ""
    response = pages.show(request, "overview", _overview(user) | {"not_mended": trouble})
    if refused:
        return response
    return htmx.trigger(response, htmx.toast(_("Done. Everything is connected.")))


@pages.administrators("jobs", "GET", asks=Asks.FIRST_OR_LATELY)
def jobs(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Bulk work under the console's menu; its own pages fill the place."""
    address = pages.address("jobs")
    if not address:
        raise Http404
    return pages.show(request, "jobs", {"address": address})


@pages.administrators("settings", "GET", asks=Asks.FIRST)
def settings(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """What is in force, as a form."""
    return pages.show(request, "settings", _form_of(settings_form.of_portal(user.portal)))


@pages.administrators("settings", "POST", asks=Asks.ALONG)
def save(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Keep the form, bind or unbind what it says; the form again where it cannot be kept."""
    form = ChoicesForm(request.POST)
    if not form.is_valid():
        typed = form.typed(settings_form.of_portal(user.portal))
        context = _form_of(typed) | {"form": form, "given": request.POST}
        return pages.show(request, "settings", context, status=422)
    chosen = form.choices()
    refused = settings_form.keep(user, client_of(user), chosen)
    response = pages.show(request, "settings", _form_of(chosen) | {"refused": refused})
    return htmx.trigger(response, htmx.toast(_("Settings saved")))


def _form_of(chosen: Choices) -> dict[str, object]:
    places = [(name, name not in chosen.places_off) for name in bindings.PLACES]
    # The script fills a copy of this for somebody the portal's selector gives.
    blank = {"id": "", "name": "{name}"}
    return {"chosen": chosen, "places": places, "blank": blank}

"""The installer's page, and connecting from outside."""

from collections.abc import Mapping
from functools import partial

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.http import require_GET

from b24app.bitrix24 import errors
from b24app.bitrix24.client import Client
from b24app.bitrix24.troubles import Trouble, trouble_of
from b24app.connect import client_of
from b24app.install import lifecycle, oauth_connect
from b24app.install.oauth_connect import NotConnected
from b24app.portals.launch import Posted, Refused
from b24app.portals.models import PortalUser
from b24app.portals.placements import DEFAULT
from b24app.portals.rights import Asks
from b24app.web import entry, error_states
from b24app.web.frame_headers import allow_frame
from b24app.web.session import Session

# How a connecting ends, and the HTTP status of its page.
_CONNECTIONS: Mapping[str, int] = {
    "connected": 200,
    "leaving": 200,
    "address": 400,
    "refused": 403,
    "late": 400,
    "elsewhere": 403,
    "unknown": 404,
    "payment": 402,
    "plan": 402,
    "overload": 503,
    "later": 503,
}

# How it ends where the portal refuses.
_BY_TROUBLE: Mapping[Trouble, str] = {
    Trouble.APP_CLOSED: "refused",
    Trouble.PAYMENT: "payment",
    Trouble.PLAN: "plan",
    Trouble.OVERLOAD: "overload",
}


@partial(entry.opened_by_portal, installs=True)
def installer(request: HttpRequest, posted: Posted) -> HttpResponse:
    """Install or install again: prove, store, bind, show what was done, and finish by itself."""
    user = lifecycle.install(posted)
    allow_frame(request, user.portal)
    session = Session(user.pk, DEFAULT, 0, 0, entry.language(posted.language))
    context = {"portal": user.portal, "session": session.token()}
    return render(request, "install/page.html", context | _steps(client_of(user), user))


@entry.in_session("POST", asks=Asks.FIRST, unpaid=True)
def repeat(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Do the steps again, from the button beside a failed one."""
    if not user.is_admin:
        raise Refused("not-admin", user.portal)
    return render(request, "install/steps.html", _steps(client_of(user), user))


def _steps(client: Client, user: PortalUser) -> dict[str, object]:
    steps = lifecycle.bind(client, user.portal)
    done = sum(1 for step in steps if step.done)
    return {"steps": steps, "done": done, "finished": done == len(steps), "portal": user.portal}


@require_GET
def connect(request: HttpRequest) -> HttpResponse:
    """A page that names the portal and leads on to its authorization page, with a cookie for the way back.

    Nobody is sent there at once: otherwise a link to us would lead anywhere, to another customer's portal
    too. The page is the same whether the app is installed there or not.
    """
    try:
        departure = oauth_connect.depart(
            request.GET.get("portal", ""), request.COOKIES.get(_cookie(), "")
        )
    except NotConnected as refused:
        return _connection(request, refused.reason)
    shown = {"host": departure.host, "address": departure.address}
    response = _connection(request, "leaving", **shown)
    response.set_cookie(
        _cookie(),
        departure.browser,
        max_age=oauth_connect.STATE_SECONDS,
        secure=_secure(),
        httponly=True,
        samesite="Lax",
    )
    return response


@require_GET
def callback(request: HttpRequest) -> HttpResponse:
    """The person comes back from the portal: tokens at once, then a page in plain words."""
    given = request.GET
    try:
        user = oauth_connect.arrive(
            given.get("code", ""), given.get("state", ""), request.COOKIES.get(_cookie(), "")
        )
    except NotConnected as refused:
        return _connection(request, refused.reason)
    except Refused:
        return _connection(request, "elsewhere")
    except errors.BitrixError as error:
        reason = _BY_TROUBLE.get(trouble_of(error), "later")
        reference = error_states.of_error(error).reference
        return _connection(request, reason, reference=reference)
    return _connection(request, "connected", user=user, portal=user.portal)


def _connection(request: HttpRequest, name: str, **context: object) -> HttpResponse:
    """A page of the connecting, in the browser's language: it is not in a portal's frame."""
    with translation.override(translation.get_language_from_request(request)):
        shown = {"name": name, **context}
        return render(request, "install/connection.html", shown, status=_CONNECTIONS[name])


def _secure() -> bool:
    return settings.APP_URL.startswith("https:")


def _cookie() -> str:
    # Browsers take a __Host- cookie from this very host over https only: no neighbour can set it.
    return "__Host-connect" if _secure() else "connect"

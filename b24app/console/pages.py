"""The console's frame: who comes in, the menu, and what is shown where the portal fails."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import wraps
from typing import TypeVar

from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse

from b24app.bitrix24 import errors
from b24app.bitrix24.ask import Ask, Refusal, together
from b24app.bitrix24.client import Client
from b24app.portals import access, rights
from b24app.portals.launch import Refused
from b24app.portals.models import PortalUser
from b24app.portals.rights import Asks
from b24app.web import entry, error_states, htmx
from b24app.web.entry import Page
from b24app.web.session import Session

T = TypeVar("T")

# Sections of the menu by their route.
SECTIONS: Mapping[str, str] = {
    "overview": "console-overview",
    "links": "console-links",
    "rules": "console-rules",
    "jobs": "console-jobs",
    "audit": "console-audit",
    "settings": "console-settings",
    "support": "console-support",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the menu."""

    name: str
    url: str
    current: bool


def address(route: str) -> str:
    """The address of a route that another part of the app may bring; "" where it does not."""
    try:
        return reverse(route)
    except NoReverseMatch:
        return ""


def menu(current: str) -> list[Entry]:
    """The entries; bulk jobs are another part of the app, and have one where that is there."""
    return [
        Entry(name, reverse(route), name == current)
        for name, route in SECTIONS.items()
        if name != "jobs" or address("jobs")
    ]


def show(
    request: HttpRequest,
    section: str,
    context: Mapping[str, object],
    *,
    template: str = "",
    session: Session | None = None,
    status: int = 200,
) -> HttpResponse:
    """One section under the menu: a whole page for a new ``session``, else what fills the page."""
    frame = {
        "layout": "console/page.html" if session else "console/fragment.html",
        "menu": menu(section),
        "session": session.token() if session else "",
    }
    name = template or f"console/{section}.html"
    return htmx.partial(request, name, {**frame, **context}, status=status)


def administrators(
    section: str,
    *methods: str,
    asks: Asks,
    unpaid: bool = False,
    limits: entry.Limits | None = None,
) -> Callable[[Page], Callable[[HttpRequest], HttpResponse]]:
    """A route of the console, for administrators as the portal names them now: ``asks`` says how.

    What the portal refuses is shown under the menu, with a way back into ``section``. ``limits`` as for
    :func:`entry.in_session`.
    """

    def shown(request: HttpRequest, error: errors.BitrixError) -> HttpResponse:
        return trouble(request, section, error)

    def decorate(view: Page) -> Callable[[HttpRequest], HttpResponse]:
        @entry.in_session(*methods, asks=asks, unpaid=unpaid, trouble=shown, limits=limits)
        @wraps(view)
        def inner(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
            check(user)
            response = view(request, opened, user)
            # The view's own request may have brought the portal's word.
            rights.after(asks, user)
            check(user)
            return response

        return inner

    return decorate


def check(user: PortalUser) -> None:
    """Raises :class:`Refused` for somebody who does not administer the portal."""
    if not user.is_admin:
        raise Refused("admins-only", user.portal)


def trouble(
    request: HttpRequest,
    section: str,
    error: errors.BitrixError,
    *,
    session: Session | None = None,
) -> HttpResponse:
    """What went wrong, in the place of a section."""
    state = error_states.of_error(error)
    context = {
        "state": replace(state, retry=False),
        "again": reverse(SECTIONS[section]) if state.retry else "",
        "whole": state,
    }
    template = "console/trouble.html"
    status = 200 if session else state.status
    return show(request, section, context, template=template, session=session, status=status)


def recheck(user: PortalUser, client: Client, more: Ask[T]) -> T:
    """Ask the portal whether the person still administers it, and ``more`` in the same request.

    Nothing is changed on the word of an opening that may be an hour old
    (common/users/user-admin.md). Raises :class:`Refused` if they do not any more, and what ``more``
    ends in.
    """
    administers, found = client.answer(together(access.is_administrator(), more.attempt()))
    access.confirm_administrator(user, is_administrator=administers)
    if isinstance(found, Refusal):
        raise found.error
    return found

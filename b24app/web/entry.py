"""How requests come in: the portal's POST into a frame, and the page's own requests afterwards."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import wraps
from typing import Protocol, TypeVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.translation.trans_real import parse_accept_lang_header
from django.views.decorators.csrf import csrf_exempt

from b24app.bitrix24 import deadline, errors
from b24app.portals import launch, rights, slowness
from b24app.portals.access import who_can_grant
from b24app.portals.launch import Posted, Refused
from b24app.portals.models import Portal, PortalUser
from b24app.portals.rights import Asks
from b24app.web import error_states, session
from b24app.web.frame_headers import allow_frame
from b24app.web.session import NoSession, Session

LANGUAGES = ("en", "ru", "de")


class Opening(Protocol):
    def __call__(self, request: HttpRequest, posted: Posted) -> HttpResponse: ...


class Page(Protocol):
    def __call__(self, request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse: ...


def language(code: str) -> str:
    """One of our languages for the portal's LANG; English where it is missing."""
    short = code.lower().replace("_", "-").partition("-")[0]
    return short if short in LANGUAGES else "en"


def language_of(request: HttpRequest) -> str:
    """The language a page outside of a portal is asked for in: ``?lang=``, or the browser's own."""
    if "lang" in request.GET:
        return language(request.GET["lang"])
    accepted = parse_accept_lang_header(request.headers.get("Accept-Language", "")[:500])
    known = (code.partition("-")[0] for code, _ in accepted)
    return next((code for code in known if code in LANGUAGES), "en")


def opened_by_portal(
    view: Opening, *, installs: bool = False
) -> Callable[[HttpRequest], HttpResponse]:
    """A page the portal opens by a form POST. No cookie rides along, so there is no CSRF to check.

    HEAD answers 200 (the Market asks), GET shows where the app is to be opened from. A page that
    ``installs`` has more time: it changes the portal, in several requests.
    """
    limits = reading if installs else opening

    @csrf_exempt
    @wraps(view)
    def inner(request: HttpRequest) -> HttpResponse:
        if request.method == "HEAD":
            return HttpResponse()
        portals = request.GET.get("LANG")
        with translation.override(language(portals) if portals else language_of(request)):
            if request.method != "POST":
                return page(request, error_states.State("outside", 200))
            try:
                brought = posted(request)
            except Refused as refused:
                allow_frame(request, _claimed(request))
                return page(request, error_states.of_refusal(refused.reason))
            return _answered(view, request, brought, limits)

    return classified(inner, Asks.OPENING)


Route = TypeVar("Route", bound=Callable[..., HttpResponse])


def classified(view: Route, asks: Asks) -> Route:
    """The view with a note of how it asks the portal again; tests read it from every route."""
    view.asks = asks  # type: ignore[attr-defined]
    return view


Limits = Callable[[], AbstractContextManager[None]]


def opening() -> AbstractContextManager[None]:
    """One deadline for all that an opening waits for."""
    return deadline.within(settings.OPENING_SECONDS, settings.OPENING_REQUESTS)


def reading() -> AbstractContextManager[None]:
    """The same for what an open page reads."""
    return deadline.within(settings.READING_SECONDS, settings.READING_REQUESTS)


def saving() -> AbstractContextManager[None]:
    """The same for a file that somebody saves."""
    return deadline.within(settings.SAVING_SECONDS, settings.SAVING_REQUESTS)


def posted(request: HttpRequest) -> Posted:
    """The opening in the request: the portal's own form, or ours that tries it again.

    Raises :class:`Refused` for anything else.
    """
    again = request.POST.get("sealed")
    if again:
        return launch.unsealed(again)
    return launch.read(request.GET.dict(), request.POST.dict())


def _answered(
    view: Opening,
    request: HttpRequest,
    posted: Posted,
    limits: Limits,
) -> HttpResponse:
    try:
        with limits():
            return view(request, posted)
    except Refused as refused:
        allow_frame(request, refused.portal or Portal.objects.named(posted.member_id).first())
        return page(request, error_states.of_refusal(refused.reason))
    except errors.BitrixError as error:
        portal = Portal.objects.named(posted.member_id).first()
        allow_frame(request, portal)
        if portal is not None:
            slowness.note_failure(portal, error)
        state = error_states.of_error(error)
        tried = replace(posted, tries=posted.tries + 1)
        again = launch.sealed(tried) if state.retry else ""
        named = _who_can_help(state, portal)
        return page(
            request,
            state,
            sealed=again,
            action=request.get_full_path(),
            admins=named,
            tries=posted.tries,
        )


def _who_can_help(state: error_states.State, portal: Portal | None) -> list[PortalUser]:
    """The administrators to be named beside a missing right.

    Only where the portal itself has refused a right: it knew the token, so its bearer works there.
    """
    return (
        who_can_grant(portal) if portal is not None and state.name in error_states.GRANTABLE else []
    )


def _claimed(request: HttpRequest) -> Portal | None:
    """The portal a malformed POST names: only to let that portal's frame show what went wrong."""
    return Portal.objects.named(request.POST.get("member_id", "")).first()


def page(request: HttpRequest, state: error_states.State, **context: object) -> HttpResponse:
    """A whole page for a state."""
    return render(request, "portals/refused.html", {"state": state, **context}, status=state.status)


def fragment(
    request: HttpRequest,
    state: error_states.State,
    *,
    renewable: bool = False,
    portal: Portal | None = None,
    **more: object,
) -> HttpResponse:
    """A state inside a page that stands already; the script puts it in place whatever its status.

    ``renewable`` tells the script to fetch a fresh token from the frame first and to ask again.
    ``portal`` is the session's, for who can help.
    """
    context = {"state": state, "admins": _who_can_help(state, portal), **more}
    response = render(request, "portals/state.html", context, status=state.status)
    response["X-Lo-State"] = "1"
    if renewable:
        response["X-Session-Expired"] = "1"
    return response


def _limited(request: HttpRequest, limits: Limits | None) -> AbstractContextManager[None]:
    """One deadline for all that a page reads; a change is not cut off in the middle."""
    if limits is None:
        limits = reading if request.method == "GET" else nullcontext
    return limits()


Trouble = Callable[[HttpRequest, errors.BitrixError], HttpResponse]


def in_session(
    *methods: str,
    asks: Asks,
    unpaid: bool = False,
    trouble: Trouble | None = None,
    limits: Limits | None = None,
) -> Callable[[Page], Callable[[HttpRequest], HttpResponse]]:
    """A route the page itself asks for. The session's header is the only credential.

    ``asks`` says how the portal confirms that the session's person still works there. Once the
    subscription has ended people may look: POST is refused unless the route is ``unpaid``. ``trouble``
    shows what the portal refuses; by default a fragment does. ``limits`` is the deadline of a POST that
    only reads.
    """

    def decorate(view: Page) -> Callable[[HttpRequest], HttpResponse]:
        @csrf_exempt
        @wraps(view)
        def inner(request: HttpRequest) -> HttpResponse:
            if request.method not in methods:
                return HttpResponse(status=405, headers={"Allow": ", ".join(methods)})
            try:
                opened = session.read(request)
                user = session.user_of(opened)
            except NoSession as missing:
                return fragment(
                    request, error_states.State("session-ended", 401), renewable=missing.ended
                )
            allow_frame(request, user.portal)
            with translation.override(language(opened.language)):
                try:
                    if user.portal.payment_expired and request.method == "POST" and not unpaid:
                        raise errors.PaymentRequired("PAYMENT_REQUIRED", "the subscription ended")
                    with _limited(request, limits):
                        rights.before(asks, user)
                        response = view(request, opened, user)
                        rights.after(asks, user)
                    return response
                except Refused as refused:
                    return fragment(request, error_states.of_refusal(refused.reason))
                except errors.BitrixError as error:
                    return _failed(request, user, error, trouble)

        return classified(inner, asks)

    return decorate


def _failed(
    request: HttpRequest, user: PortalUser, error: errors.BitrixError, trouble: Trouble | None
) -> HttpResponse:
    if isinstance(error, errors.AuthError):
        # The stored token is refused: the frame can bring a fresh one.
        return fragment(request, error_states.of_error(error), renewable=True)
    slowness.note_failure(user.portal, error)
    if trouble is not None:
        return trouble(request, error)
    return fragment(request, error_states.of_error(error), portal=user.portal)

"""Decorators of views: pages that the portal opens by POST, and routes that open pages request."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import wraps
from typing import Protocol, TypeVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.translation.trans_real import parse_accept_lang_header
from django.views.decorators.csrf import csrf_exempt

from b24app.bitrix24 import deadline, errors
from b24app.portals import launch, rights, slowness
from b24app.portals.access import who_can_grant
from b24app.portals.launch import Posted, Refused
from b24app.portals.models import Portal, PortalUser
from b24app.portals.rights import Asks
from b24app.web import error_states, htmx, session
from b24app.web.frame_headers import allow_frame
from b24app.web.session import NoSession, Session

LANGUAGES = ("en", "ru", "de")


class Opening(Protocol):
    def __call__(self, request: HttpRequest, posted: Posted) -> HttpResponse: ...


class Page(Protocol):
    def __call__(self, request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse: ...


def language(code: str) -> str:
    """The language of the app for the portal's ``LANG``: ``en``, ``ru`` or ``de``; English for any other."""
    short = code.lower().replace("_", "-").partition("-")[0]
    return short if short in LANGUAGES else "en"


def language_of(request: HttpRequest) -> str:
    """The language of a page outside of a portal: ``?lang=``, or else the browser's."""
    if "lang" in request.GET:
        return language(request.GET["lang"])
    accepted = parse_accept_lang_header(request.headers.get("Accept-Language", "")[:500])
    known = (code.partition("-")[0] for code, _ in accepted)
    return next((code for code in known if code in LANGUAGES), "en")


def opened_by_portal(
    view: Opening, *, installs: bool = False
) -> Callable[[HttpRequest], HttpResponse]:
    """Decorate a page that the portal opens by a form POST. There is no cookie, so no CSRF check either.

    HEAD answers 200 (the Market sends it). GET explains where to open the app. A page that ``installs``
    has more time, because it changes the portal in several requests. Errors of the portal become pages.
    """
    limits = reading if installs else opening

    @csrf_exempt
    @wraps(view)
    def inner(request: HttpRequest) -> HttpResponse:
        if request.method == "HEAD":
            return HttpResponse()
        code = request.GET.get("LANG")
        spoken = language(code) if code else language_of(request)
        # The opening sets the portal's time zone once the portal is proven.
        with translation.override(spoken), timezone.override(None):
            if request.method != "POST":
                return page(request, error_states.State("outside", 200))
            try:
                opening = posted(request)
            except Refused as refused:
                allow_frame(request, _claimed(request))
                return page(request, error_states.of_refusal(refused.reason))
            return _call_view(view, request, opening, limits)

    return classified(inner, Asks.OPENING)


Route = TypeVar("Route", bound=Callable[..., HttpResponse])


def classified(view: Route, asks: Asks) -> Route:
    """Mark the view with how it confirms the person at the portal. Tests read the mark of every route."""
    view.asks = asks  # type: ignore[attr-defined]
    return view


Limits = Callable[[], AbstractContextManager[None]]


def opening() -> AbstractContextManager[None]:
    """One deadline for everything an opening waits for."""
    return deadline.within(settings.OPENING_SECONDS, settings.OPENING_REQUESTS)


def reading() -> AbstractContextManager[None]:
    """One deadline for everything a page reads."""
    return deadline.within(settings.READING_SECONDS, settings.READING_REQUESTS)


def saving() -> AbstractContextManager[None]:
    """The same for a file that somebody saves."""
    return deadline.within(settings.SAVING_SECONDS, settings.SAVING_REQUESTS)


def posted(request: HttpRequest) -> Posted:
    """The opening in the request: the portal's form, or the app's own form that repeats it.

    Raises :class:`Refused` if the request has neither.
    """
    repeated = request.POST.get("sealed")
    if repeated:
        return launch.unsealed(repeated)
    return launch.read(request.GET.dict(), request.POST.dict())


def _call_view(
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
        repeated = replace(posted, tries=posted.tries + 1)
        return page(
            request,
            state,
            sealed=launch.sealed(repeated) if state.retry else "",
            action=request.get_full_path(),
            admins=_who_can_help(state, portal),
            tries=posted.tries,
        )


def _who_can_help(state: error_states.State, portal: Portal | None) -> list[PortalUser]:
    """The administrators that the page of a missing right names.

    Only if the portal has refused a right: it knew the token, so the person works there.
    """
    return (
        who_can_grant(portal) if portal is not None and state.name in error_states.GRANTABLE else []
    )


def _claimed(request: HttpRequest) -> Portal | None:
    """The portal named in a malformed POST. Used only to let that portal's frame show the error."""
    return Portal.objects.named(request.POST.get("member_id", "")).first()


def page(request: HttpRequest, state: error_states.State, **context: object) -> HttpResponse:
    """A whole page that shows ``state``, with the HTTP status of the state."""
    return render(request, "portals/refused.html", {"state": state, **context}, status=state.status)


def fragment(
    request: HttpRequest,
    state: error_states.State,
    *,
    renewable: bool = False,
    portal: Portal | None = None,
    **more: object,
) -> HttpResponse:
    """A fragment that shows ``state`` in an open page. The script inserts it whatever its HTTP status.

    ``renewable`` makes the script get a new token from the frame and repeat the request. ``portal`` is
    the portal of the session; its administrators are named for a missing right.
    """
    context = {"state": state, "admins": _who_can_help(state, portal), **more}
    response = htmx.partial(request, "portals/state.html", context, status=state.status)
    if renewable:
        response["X-Session-Expired"] = "1"
    return response


def _limited(request: HttpRequest, limits: Limits | None) -> AbstractContextManager[None]:
    """One deadline for everything a page reads. A change has none, because it must not be interrupted."""
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
    """Decorate a route that an open page requests. The session in the header is the only credential.

    ``asks`` is how the portal confirms that the person still works there. After the subscription has
    ended POST is refused, unless the route is ``unpaid``. ``trouble`` answers errors of the portal; the
    default is a fragment. ``limits`` is the deadline of a POST that
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
            spoken = language(opened.language)
            with translation.override(spoken), timezone.override(user.portal.zone):
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
        # The stored token is refused. The frame can bring a new one.
        return fragment(request, error_states.of_error(error), renewable=True)
    slowness.note_failure(user.portal, error)
    if trouble is not None:
        return trouble(request, error)
    return fragment(request, error_states.of_error(error), portal=user.portal)

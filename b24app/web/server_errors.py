"""Error pages for failures of the app itself, in the person's language and with a logged reference.

The database may be away, read-only or full, Redis or the broker may be away, the body may be unreadable
or too large, or the code may have a bug. An open page gets a fragment, anything else a whole page.
Nothing here reads the database or Redis: the language comes from the address, the session or the header.
"""

import logging
import sys
from collections.abc import Callable
from contextlib import suppress

from django.core.exceptions import (
    BadRequest,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.db import DatabaseError, InterfaceError, InternalError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.urls import reverse
from django.utils import translation
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

from b24app.portals import launch
from b24app.portals.launch import Refused
from b24app.web import entry, error_states, session
from b24app.web.error_states import State
from b24app.web.frame_headers import allow_frame, framed
from b24app.web.session import NoSession, Session

logger = logging.getLogger(__name__)

AWAY = (OperationalError, InternalError, InterfaceError, RedisError, BrokerError)
TOO_LARGE = (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent)
UNREADABLE = (BadRequest, SuspiciousOperation, MultiPartParserError, UnreadablePostError)

# Elements of a page whose fragments are shown in place of the orders, which the page then reloads.
ORDER_ELEMENTS = frozenset({"orders", "grid", "dialog-host"})
# When the page of an outage first retries by itself.
RETRY_SECONDS = 15
# Routes for programs, which need the status only.
STATUS_ONLY = frozenset({"events", "healthz", "readyz", "readyz-all", "metrics"})


class FailurePages:
    """Middleware that turns uncaught exceptions of views into pages. It must be the innermost one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """The page; None for a bug, which Django logs with its traceback and passes to :func:`unexpected`."""
        state = _state(error)
        if state is None:
            return None
        logger.warning(
            "%s: %s after %s: %s", state.reference, state.name, type(error).__name__, error
        )
        return answer(request, state)


def unexpected(request: HttpRequest) -> HttpResponse:
    """Django's handler500: a bug, or an outage noticed by a middleware."""
    error = sys.exc_info()[1]
    state = _state(error) if error is not None else None
    if state is None:
        state = State("unexpected", 500, error_states.noted_reference(), retry=True)
    logger.error("%s: %s after %s", state.reference, state.name, type(error).__name__)
    return answer(request, state)


def unreadable(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400 and handler403: a request that a middleware refused."""
    state = _state(exception) or State("bad-request", 400, error_states.noted_reference())
    return answer(request, state)


def _state(error: BaseException) -> State | None:
    """The state for an outage or a bad request; None for a bug."""
    # A damaged database file raises DatabaseError itself; its other subclasses are faults of our statements.
    if isinstance(error, AWAY) or type(error) is DatabaseError:
        return State(
            "unavailable",
            503,
            error_states.noted_reference(),
            retry=True,
            retry_seconds=RETRY_SECONDS,
        )
    if isinstance(error, TOO_LARGE):
        return State("too-large", 413, error_states.noted_reference())
    if isinstance(error, UNREADABLE):
        return State("bad-request", 400, error_states.noted_reference())
    if isinstance(error, PermissionDenied):
        return State("bad-request", 403, error_states.noted_reference())
    return None


def answer(request: HttpRequest, state: State) -> HttpResponse:
    """The page or fragment for ``state``; for a program the status only."""
    route = request.resolver_match.view_name if request.resolver_match else ""
    if route in STATUS_ONLY:
        return HttpResponse(status=state.status)
    if route == "session-renew":
        # 401 alone would end the page's session.
        word = "later" if state.status >= 500 else state.name
        return JsonResponse({"error": word}, status=state.status)
    current = _session(request)
    with translation.override(_language(request, current)):
        if "Authorization" in request.headers:
            return _fragment(request, state, route or "")
        return _page(request, state)


def _session(request: HttpRequest) -> Session | None:
    try:
        return session.read(request, max_age=session.RENEWABLE)
    except NoSession:
        return None


def _language(request: HttpRequest, current: Session | None) -> str:
    if current is not None:
        return entry.language(current.language)
    code = request.GET.get("LANG")
    return entry.language(code) if code else entry.language_of(request)


def _page(request: HttpRequest, state: State) -> HttpResponse:
    posted = request.method == "POST"
    sealed = _sealed(request) if state.retry and posted else ""
    address = request.get_full_path() if state.retry and not posted else ""
    if posted and not framed(request):
        # The portal cannot be looked up; the page has no data.
        allow_frame(request, None)
    action = request.get_full_path()
    return entry.page(request, state, sealed=sealed, action=action, address=address)


def _sealed(request: HttpRequest) -> str:
    """The opening that the Retry button repeats; "" if the request is not an opening."""
    with suppress(Refused, OSError, *UNREADABLE):
        return launch.sealed(entry.posted(request))
    return ""


def _fragment(request: HttpRequest, state: State, route: str) -> HttpResponse:
    address, element = "", ""
    if state.retry and request.headers.get("HX-Target", "") not in ORDER_ELEMENTS:
        address, element = _retry_of(request, route)
    wrote = request.method == "POST"
    response = entry.fragment(request, state, again=address, place=element, wrote=wrote)
    if not state.retry:
        # The page stays as it is, and a toast says that nothing was changed.
        del response["X-Lo-State"]
    return response


def _retry_of(request: HttpRequest, route: str) -> tuple[str, str]:
    """What the Retry button requests, and the ID of the element that shows it; "" is the fragment itself.

    Both are "" after a change in a card, whose orders are reloaded. A change is never sent twice.
    """
    if request.method == "GET":
        return request.get_full_path(), ""
    if route.startswith("console-"):
        return reverse("console-overview"), ""
    return (reverse("jobs"), "jobs") if route.startswith("job") else ("", "")

"""Security headers of every response: who may show it in a frame, and that no inline script runs.

The portal shows the pages of the app in an iframe. So ``X-Frame-Options`` is never sent, and
``frame-ancestors`` names the verified portal, cloud or on-premise, with its port.
"""

import secrets
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from b24app.portals.models import Portal

_ALLOWED = "b24app.frame"


def nonce_of(request: HttpRequest) -> str:
    """The nonce of the inline style sheet of this response (the status colours of the portal)."""
    nonce: str = request.META.setdefault("b24app.nonce", secrets.token_urlsafe(16))
    return nonce


def allow_frame(request: HttpRequest, portal: Portal | None) -> None:
    """Let ``portal`` show the response in a frame, at the address it has when the response is sent.

    The request itself may find that the portal was renamed. The browser already shows the portal at its
    new address, which the authorization server has confirmed by then.

    If ``portal`` is None (a refusal that cannot be verified), any portal may show the page. It has no
    data, and without it the browser would only say "refused to connect".
    """
    request.META[_ALLOWED] = portal


def framed(request: HttpRequest) -> bool:
    """Whether :func:`allow_frame` was called for the request."""
    return _ALLOWED in request.META


def _ancestors(request: HttpRequest) -> str:
    if not framed(request):
        return "'none'"
    portal: Portal | None = request.META[_ALLOWED]
    if portal is None:
        return "https: http:" if settings.B24_ALLOW_HTTP else "https:"
    return portal.origin


class FrameHeaders:
    """Middleware that adds the headers. Without :func:`allow_frame` nobody may show the page in a frame."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        response["Content-Security-Policy"] = (
            "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
            f"style-src 'self' 'nonce-{nonce_of(request)}'; font-src 'self'; form-action 'self'; "
            f"base-uri 'none'; frame-ancestors {_ancestors(request)}"
        )
        response["Cache-Control"] = "no-store"
        response["Referrer-Policy"] = "same-origin"
        response["X-Content-Type-Options"] = "nosniff"
        response["Permissions-Policy"] = "camera=(), microphone=(), geolocation=()"
        return response

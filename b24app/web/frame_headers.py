"""Headers of every page: who may frame it, and that nothing inline runs.

The portal shows our pages in an iframe, so ``X-Frame-Options`` is never sent and
``frame-ancestors`` names the verified portal, cloud or on-premise, with its port.
"""

import secrets
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from b24app.portals.models import Portal

_ALLOWED = "b24app.frame"


def nonce_of(request: HttpRequest) -> str:
    """The nonce of this response's own style sheet (the portal's status colours)."""
    made: str = request.META.setdefault("b24app.nonce", secrets.token_urlsafe(16))
    return made


def allow_frame(request: HttpRequest, portal: Portal | None) -> None:
    """Let ``portal`` frame the answer to ``request``, at the address it has when the answer goes out.

    A portal may turn out to have been renamed while the answer is made: the browser already shows it at
    the new address, which the authorization server has confirmed by then.

    Without one (a refusal nobody could verify) any portal may show the page: it holds no data, and
    a browser's "refused to connect" would tell the person nothing.
    """
    request.META[_ALLOWED] = portal


def framed(request: HttpRequest) -> bool:
    """Whether somebody may frame the answer already."""
    return _ALLOWED in request.META


def _ancestors(request: HttpRequest) -> str:
    if not framed(request):
        return "'none'"
    portal: Portal | None = request.META[_ALLOWED]
    if portal is None:
        return "https: http:" if settings.B24_ALLOW_HTTP else "https:"
    return portal.origin


class FrameHeaders:
    """Middleware that writes the headers; a page nobody allowed is framed by nobody."""

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

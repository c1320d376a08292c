"""The operator's door: sessions and log-in for ``/operator/`` alone, and for nobody from outside.

The app's own pages know no cookie. What comes through the proxy carries its X-Forwarded-Proto and gets
404 here; the operator connects directly, through an SSH tunnel for one.
"""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse

PREFIX = "/operator/"
FORWARDED = ("X-Forwarded-Proto", "X-Forwarded-For", "Forwarded", "Via")

Handler = Callable[[HttpRequest], Any]


class OperatorsDoor:
    """Middleware. CSRF is checked by the admin site's own views, each of them."""

    def __init__(self, get_response: Handler) -> None:
        self._outside = get_response
        self._inside = SessionMiddleware(AuthenticationMiddleware(MessageMiddleware(get_response)))

    def __call__(self, request: HttpRequest) -> Any:
        if not request.path.startswith(PREFIX):
            return self._outside(request)
        if any(name in request.headers for name in FORWARDED):
            return HttpResponse(status=404)
        return self._inside(request)

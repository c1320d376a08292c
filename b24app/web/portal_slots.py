"""Limits how many web requests wait for the same portal at one time."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from b24app.bitrix24 import slots


class PortalSlots:
    """Middleware; see :mod:`b24app.bitrix24.slots`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with slots.of_web_request():
            return self._get_response(request)

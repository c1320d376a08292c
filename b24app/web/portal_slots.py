"""Every web request may wait for a portal only as long as there is a slot of that portal."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from b24app.bitrix24 import slots


class PortalSlots:
    """Middleware around all views; see :mod:`b24app.bitrix24.slots`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with slots.of_web_request():
            return self._get_response(request)

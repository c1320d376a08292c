"""The address portals post their events to: stored, answered, processed by a worker later."""

import logging
import time
from collections.abc import Mapping
from urllib.parse import parse_qsl

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from b24app.events import inbox, tasks
from b24app.events.inbox import BadEvent, Stored
from b24app.web import throttle

logger = logging.getLogger(__name__)

TASK_DELAY_SECONDS = 1.0
"""How long changes of a portal collect before a task processes them."""
TASK_INTERVAL_SECONDS = 0.8
"""How long no second task is started. Less than the delay, because a worker's clock may run ahead."""
MAX_PORTALS = 1_000
MAX_BODY_BYTES = 100_000
"""The documented events have less than two kilobytes."""
MAX_FIELDS = 500
FORM = "application/x-www-form-urlencoded"


@csrf_exempt
@require_POST
def receive(request: HttpRequest) -> HttpResponse:
    """Store an event: 204 once it is committed, 403 if it is not from a known portal, 413 if too large."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_BODY_BYTES:
        return HttpResponse(status=413)
    try:
        incoming = inbox.read(_fields(request))
        source = "" if incoming.name in inbox.CHANGES else throttle.address_of(request)
        stored = inbox.accept(incoming, source)
    except BadEvent as error:
        logger.warning("event refused: %s", error)
        return HttpResponse(status=403)
    if stored is not None:
        _start_task(stored)
    return HttpResponse(status=204)


def _fields(request: HttpRequest) -> Mapping[str, str]:
    """The fields of the form. Portals send it URL-encoded, which is read without Django's QueryDict.

    Raises :class:`BadEvent`.
    """
    if request.content_type != FORM:
        return {name: str(value) for name, value in request.POST.items()}
    try:
        return dict(parse_qsl(request.body.decode("utf-8", "replace"), max_num_fields=MAX_FIELDS))
    except ValueError:
        raise BadEvent("too many fields") from None


class _TaskTimer:
    """Starts at most one task per portal and interval in this process."""

    def __init__(self) -> None:
        self._next: dict[int, float] = {}

    def is_due(self, portal: int) -> bool:
        now = time.monotonic()
        if now < self._next.get(portal, 0.0):
            return False
        if len(self._next) >= MAX_PORTALS:
            self._next.clear()
        self._next[portal] = now + TASK_INTERVAL_SECONDS
        return True

    def clear(self) -> None:
        self._next.clear()


task_timer = _TaskTimer()


def _start_task(stored: Stored) -> None:
    """Start the task that processes what was stored. It is committed: no transaction is open here.

    The first change of a portal in a second starts the task, which finds the others.
    """
    try:
        if stored.pk:
            tasks.process_event.delay(stored.pk)
        elif task_timer.is_due(stored.portal):
            tasks.process_changes.apply_async((stored.portal,), countdown=TASK_DELAY_SECONDS)
    except (OperationalError, RedisError):
        # The event is stored, and the sweep finds it when the broker is back.
        logger.warning("broker away, an event of portal %s waits for the sweep", stored.portal)

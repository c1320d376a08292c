"""Where the portal posts events: stored, answered, worked later."""

import logging
import time

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from b24app.events import inbox, tasks
from b24app.events.inbox import Stored
from b24app.web import throttle

logger = logging.getLogger(__name__)

# Seconds in which a portal's changes are gathered before they are worked, and in which no second
# task is started for them: less, because a worker's clock may run ahead of ours.
GATHERING, STARTED = 1.0, 0.8
MOST_STARTED = 1_000
# The documentation's own events have less than two kilobytes.
MAX_BODY_BYTES = 100_000

started: dict[int, float] = {}


@csrf_exempt
@require_POST
def receive(request: HttpRequest) -> HttpResponse:
    """204 for an event once it is committed, 403 for one that is not from a portal of ours."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_BODY_BYTES:
        return HttpResponse(status=413)
    fields = ((key, str(one)) for key, one in request.POST.items())
    try:
        stored = inbox.accept(inbox.read(fields), throttle.address_of(request))
    except inbox.BadEvent as bad:
        logger.warning("event refused: %s", bad)
        return HttpResponse(status=403)
    if stored is not None:
        _start(stored)
    return HttpResponse(status=204)


def _start(stored: Stored) -> None:
    """Have what was stored worked. Each statement has committed by now: no transaction is open.

    Of a portal's changes the first in a second starts the task, in each process; it finds the
    others waiting.
    """
    now = time.monotonic()
    if not stored.pk and now < started.get(stored.portal, 0.0):
        return
    try:
        if stored.pk:
            tasks.work.delay(stored.pk)
            return
        if len(started) >= MOST_STARTED:
            started.clear()
        started[stored.portal] = now + STARTED
        tasks.gather.apply_async((stored.portal,), countdown=GATHERING)
    except (OperationalError, RedisError):
        # It is stored; the sweep finds it when the broker is back.
        logger.warning("broker away, an event of portal %s waits for the sweep", stored.portal)

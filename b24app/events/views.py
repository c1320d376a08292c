"""Where the portal posts events: stored, answered, worked later."""

import logging

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from kombu.exceptions import OperationalError

from b24app.events import inbox, tasks

logger = logging.getLogger(__name__)


@csrf_exempt
@require_POST
def receive(request: HttpRequest) -> HttpResponse:
    """204 for a stored event, 403 for one that is not from a portal of ours."""
    try:
        incoming = inbox.read((key, str(value)) for key, value in request.POST.items())
        with transaction.atomic():
            event = inbox.accept(incoming)
            transaction.on_commit(lambda: _start(event.pk))
    except inbox.BadEvent as bad:
        logger.warning("event refused: %s", bad)
        return HttpResponse(status=403)
    return HttpResponse(status=204)


def _start(pk: int) -> None:
    try:
        tasks.work.delay(pk)
    except OperationalError:
        # The event is stored; the sweep finds it when the broker is back.
        logger.warning("broker away, event %s waits for the sweep", pk)

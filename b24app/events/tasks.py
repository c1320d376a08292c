"""Tasks are shells: an id in, one event worked."""

from datetime import timedelta

from celery import shared_task
from django.db.models import F
from django.utils import timezone

from b24app.bitrix24.errors import BitrixError
from b24app.events import handlers
from b24app.events.models import InboxEvent

MOST_ATTEMPTS = 12
LEASE = timedelta(minutes=2)


@shared_task(name="events.work")
def work(pk: int) -> None:
    """Work the event ``pk`` if it is due and nobody else has claimed it."""
    now = timezone.now()
    due = InboxEvent.objects.filter(pk=pk, state=InboxEvent.State.WAITING, try_at__lte=now)
    if not due.update(try_at=now + LEASE, attempts=F("attempts") + 1):
        return
    event = InboxEvent.objects.select_related("portal__installer__portal").get(pk=pk)
    try:
        handlers.handle(event)
    except (BitrixError, handlers.NotYet):
        _later(event)
        return
    # An erased portal has taken its events along; then there is nothing left to update.
    InboxEvent.objects.filter(pk=pk).update(state=InboxEvent.State.DONE, sealed="")


def _later(event: InboxEvent) -> None:
    """Try again after 1, 2, 4 … minutes, a day and a half altogether, then leave it to the operator."""
    if event.attempts >= MOST_ATTEMPTS:
        InboxEvent.objects.filter(pk=event.pk).update(state=InboxEvent.State.FAILED, sealed="")
        return
    delay = timedelta(minutes=2 ** min(event.attempts - 1, 8))
    InboxEvent.objects.filter(pk=event.pk).update(try_at=timezone.now() + delay)


@shared_task(name="events.sweep")
def sweep() -> None:
    """Pick up events whose task was lost or whose time has come; drop what is a week old and done."""
    now = timezone.now()
    waiting = InboxEvent.objects.filter(state=InboxEvent.State.WAITING, try_at__lte=now)
    for pk in waiting.order_by("pk").values_list("pk", flat=True)[:500]:
        work.delay(pk)
    InboxEvent.objects.filter(
        state=InboxEvent.State.DONE, received_at__lt=now - timedelta(days=7)
    ).delete()

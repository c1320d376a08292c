"""Forgetting what is past its time."""

from celery import shared_task

from b24app.journal import calls, request_log
from b24app.portals.models import Portal

SLICE = 5_000


@shared_task(name="journal.forget_requests")
def forget_requests() -> None:
    """Drop what was in requests and answers once it is three days old, a slice each time."""
    if request_log.forget(SLICE) >= SLICE:
        forget_requests.delay()


@shared_task(name="journal.purge")
def purge(after: int = 0) -> None:
    """Drop old calls portal by portal, a slice each time: no run and no transaction is long."""
    portal = Portal.objects.filter(pk__gt=after).order_by("pk").first()
    if portal is None:
        return
    gone = calls.purge(portal, SLICE)
    purge.delay(after if gone >= SLICE else portal.pk)

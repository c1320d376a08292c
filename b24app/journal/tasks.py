"""Tasks that delete old calls and old requests."""

from celery import shared_task

from b24app.journal import calls, request_log
from b24app.portals.models import Portal

SLICE = 5_000


@shared_task(name="journal.forget_requests")
def forget_requests() -> None:
    """Delete the log of requests after three days, :data:`SLICE` rows in one task."""
    if request_log.forget(SLICE) >= SLICE:
        forget_requests.delay()


@shared_task(name="journal.purge")
def purge(after: int = 0) -> None:
    """Delete old calls portal by portal, at most :data:`SLICE` rows in one task and transaction.

    ``after`` is the key of the last portal that is finished.
    """
    portal = Portal.objects.filter(pk__gt=after).order_by("pk").first()
    if portal is None:
        return
    gone = calls.purge(portal, SLICE)
    purge.delay(after if gone >= SLICE else portal.pk)

"""Celery tasks of the queue ``events``: each processes one event or one group of changes."""

import logging
from contextlib import suppress
from datetime import timedelta

from celery import shared_task
from django.db.models import F
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from b24app.bitrix24 import errors
from b24app.bitrix24.errors import BitrixError
from b24app.events import app_events, changes, notice_queue, portal_lock, uninstall_checks
from b24app.events.models import ChangeNotice, InboxEvent

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 12
MAX_CONFIRMATIONS = 3
"""How often an unconfirmed event is checked: a portal may end the app's access after it reports that."""
MAX_SWEPT = 500
LEASE = timedelta(minutes=2)
RETRY_SECONDS = 1.5
TURN_SECONDS = 0.5
"""When a task asks again whether another one of its portal has finished."""
KEPT = {InboxEvent.State.DONE: timedelta(days=7), InboxEvent.State.FAILED: timedelta(days=30)}

_LASTING = (
    errors.PortalClosed,
    errors.PlanEnded,
    errors.PaymentRequired,
    errors.Overloaded,
)
"""States of a whole portal that may last for days, and after which it works again."""


@shared_task(name="events.work")
def process_event(pk: int) -> None:
    """Process the event ``pk`` if it is due and not claimed."""
    event = InboxEvent.objects.filter(pk=pk, state=InboxEvent.State.WAITING)
    found = event.values_list("portal", "source").first()
    if found is None:
        return
    portal, source = found
    # Forged events do not delay the portal's own.
    with portal_lock.locked("unproven" if source else "proven", portal) as free:
        if free:
            _process_event(pk)
        else:
            process_event.apply_async((pk,), countdown=RETRY_SECONDS)


def _process_event(pk: int) -> None:
    now = timezone.now()
    due = InboxEvent.objects.filter(pk=pk, state=InboxEvent.State.WAITING, try_at__lte=now)
    if not due.update(try_at=now + LEASE, attempts=F("attempts") + 1):
        return
    event = InboxEvent.objects.select_related("portal__installer__portal").get(pk=pk)
    try:
        app_events.handle(event)
    except app_events.NotConfirmed as error:
        if event.attempts < MAX_CONFIRMATIONS:
            _retry_later(event)
            return
        logger.warning("event not confirmed: %s", error)
    except (BitrixError, app_events.RetryLater) as error:
        _retry_later(event, lasting=isinstance(error, _LASTING))
        return
    # If the portal was erased, its events are gone and this updates nothing.
    InboxEvent.objects.filter(pk=pk).update(state=InboxEvent.State.DONE, sealed="")


def _retry_later(event: InboxEvent, *, lasting: bool = False) -> None:
    """Retry after 1, 2, 4 … minutes, for about a day, then mark the event as failed.

    A ``lasting`` state (maintenance, an ended plan) is retried as long as failed events are kept.
    """
    kept = event.received_at > timezone.now() - KEPT[InboxEvent.State.FAILED]
    if event.attempts >= MAX_ATTEMPTS and not (lasting and kept):
        InboxEvent.objects.filter(pk=event.pk).update(state=InboxEvent.State.FAILED, sealed="")
        return
    delay = timedelta(minutes=2 ** min(event.attempts - 1, 8))
    InboxEvent.objects.filter(pk=event.pk).update(try_at=timezone.now() + delay)


@shared_task(name="events.gather")
def process_changes(portal: int) -> None:
    """Process the waiting changes of a portal, at most ``notice_queue.MAX_ROWS`` in one task."""
    with portal_lock.locked("changes", portal) as free:
        claim = notice_queue.claim(portal) if free else ""
        more = bool(claim) and _process_claim(claim) >= notice_queue.MAX_ROWS
    if more:
        process_changes.delay(portal)
    elif not free and portal_lock.first_in_a_second(f"changes:{portal}"):
        process_changes.apply_async((portal,), countdown=TURN_SECONDS)


@shared_task(name="events.gather_again")
def retry_changes(expired_claim: str) -> None:
    """Process the changes of a claim that was not finished."""
    portal = notice_queue.portal_of(expired_claim)
    if portal is None:
        return
    with portal_lock.locked("changes", portal) as free:
        claim = notice_queue.reclaim(expired_claim) if free else ""
        if claim:
            _process_claim(claim)
    if not free and portal_lock.first_in_a_second(f"claim:{expired_claim}"):
        retry_changes.apply_async((expired_claim,), countdown=TURN_SECONDS)


def _process_claim(claim: str) -> int:
    """Process claimed changes; returns how many were claimed, 0 if the portal could not be asked.

    Changes of such a portal stay until their lease expires. Changes of orders that a job is writing are
    retried after a moment.
    """
    rows = list(
        ChangeNotice.objects.filter(claim=claim).select_related("portal__installer__portal")
    )
    waiting: list[ChangeNotice] = []
    if rows and rows[0].portal.uninstalled_at is None:
        try:
            waiting = changes.process(rows[0].portal, rows)
        except BitrixError:
            return 0
    notice_queue.delete([row for row in rows if row not in waiting])
    if waiting:
        notice_queue.postpone(waiting, timedelta(seconds=RETRY_SECONDS))
        with suppress(OperationalError, RedisError):
            # Without a broker the sweep finds them.
            retry_changes.apply_async((claim,), countdown=RETRY_SECONDS + 0.1)
    return len(rows)


@shared_task(name="events.look_again")
def check_uninstall(portal: int) -> None:
    """Check a reported uninstall that is not confirmed yet."""
    uninstall_checks.check_again(portal)


@shared_task(name="events.sweep")
def sweep() -> None:
    """Start the tasks of everything that is due or was lost, and delete old events."""
    now = timezone.now()
    waiting = InboxEvent.objects.filter(state=InboxEvent.State.WAITING, try_at__lte=now)
    for pk in waiting.order_by("pk").values_list("pk", flat=True)[:MAX_SWEPT]:
        process_event.delay(pk)
    for portal in notice_queue.waiting_portals():
        process_changes.delay(portal)
    for claim in notice_queue.expired_claims():
        retry_changes.delay(claim)
    for portal in uninstall_checks.due():
        check_uninstall.delay(portal)
    for state, kept in KEPT.items():
        InboxEvent.objects.filter(state=state, received_at__lt=now - kept).delete()

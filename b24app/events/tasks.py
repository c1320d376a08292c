"""Tasks are shells: an id in, one event or one group of changes worked."""

import logging
from contextlib import suppress
from datetime import timedelta

from celery import shared_task
from django.core.cache import cache
from django.db.models import F
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from b24app.bitrix24 import errors
from b24app.bitrix24.errors import BitrixError
from b24app.events import folding, handlers, uninstall_checks
from b24app.events.models import ChangeNotice, InboxEvent

logger = logging.getLogger(__name__)

MOST_ATTEMPTS = 12
# Looks at what is not believed, in three minutes: a portal may end our access a moment after it tells.
MOST_LOOKS = 3
LEASE = timedelta(minutes=2)
# States of a whole portal that end nothing and may last for days.
_STANDING_STILL = (
    errors.PortalClosed,
    errors.PlanEnded,
    errors.PaymentRequired,
    errors.Overloaded,
)
# Seconds.
LOOK_AGAIN = 1.5
KEPT = {InboxEvent.State.DONE: timedelta(days=7), InboxEvent.State.FAILED: timedelta(days=30)}


@shared_task(name="events.work")
def work(pk: int) -> None:
    """Work the event ``pk`` if it is due and nobody else has claimed it."""
    event = InboxEvent.objects.filter(pk=pk, state=InboxEvent.State.WAITING)
    portal = event.exclude(source="").values_list("portal", flat=True).first()
    if portal is None:
        _work(pk)
        return
    # A flood of forged events keeps one worker process busy at most, and others wait beside it.
    if not _begin_unproven(portal):
        work.apply_async((pk,), countdown=LOOK_AGAIN)
        return
    try:
        _work(pk)
    finally:
        _end_unproven(portal)


def _begin_unproven(portal: int) -> bool:
    """Whether no other unproven event of this portal is at work."""
    try:
        return bool(cache.add(f"unproven:{portal}", 1, int(LEASE.total_seconds())))
    except RedisError:
        return True


def _end_unproven(portal: int) -> None:
    with suppress(RedisError):
        cache.delete(f"unproven:{portal}")


def _work(pk: int) -> None:
    now = timezone.now()
    due = InboxEvent.objects.filter(pk=pk, state=InboxEvent.State.WAITING, try_at__lte=now)
    if not due.update(try_at=now + LEASE, attempts=F("attempts") + 1):
        return
    event = InboxEvent.objects.select_related("portal__installer__portal").get(pk=pk)
    try:
        handlers.handle(event)
    except handlers.NotBelieved as doubt:
        if event.attempts < MOST_LOOKS:
            _later(event)
            return
        logger.warning("not believed: %s", doubt)
    except (BitrixError, handlers.NotYet) as why:
        _later(event, patient=isinstance(why, _STANDING_STILL))
        return
    # An erased portal has taken its events along; then there is nothing left to update.
    InboxEvent.objects.filter(pk=pk).update(state=InboxEvent.State.DONE, sealed="")


def _later(event: InboxEvent, *, patient: bool = False) -> None:
    """Try again after 1, 2, 4 … minutes, about a day altogether, then leave it to the operator.

    ``patient``: as long as a failed event would be kept. A maintenance or an ended plan may last.
    """
    kept = event.received_at > timezone.now() - KEPT[InboxEvent.State.FAILED]
    if event.attempts >= MOST_ATTEMPTS and not (patient and kept):
        InboxEvent.objects.filter(pk=event.pk).update(state=InboxEvent.State.FAILED, sealed="")
        return
    delay = timedelta(minutes=2 ** min(event.attempts - 1, 8))
    InboxEvent.objects.filter(pk=event.pk).update(try_at=timezone.now() + delay)


@shared_task(name="events.gather")
def gather(portal: int) -> None:
    """Work what a portal has told of, some hundreds of changes at a time."""
    taken = folding.claim(portal)
    if taken and _noticed(taken) >= folding.MOST:
        gather.delay(portal)


@shared_task(name="events.gather_again")
def gather_again(lost: str) -> None:
    """Work the changes of a claim that was not finished."""
    taken = folding.claim_again(lost)
    if taken:
        _noticed(taken)


def _noticed(claim: str) -> int:
    """How many changes were claimed.

    Those of a portal that is away stay until their lease is over, those of orders that are being
    written for a moment.
    """
    rows = list(
        ChangeNotice.objects.filter(claim=claim).select_related("portal__installer__portal")
    )
    early: list[ChangeNotice] = []
    if rows and rows[0].portal.uninstalled_at is None:
        try:
            early = handlers.notice(rows[0].portal, rows)
        except BitrixError:
            return 0
    folding.done([one for one in rows if one not in early])
    if early:
        folding.look_again(early, timedelta(seconds=LOOK_AGAIN))
        with suppress(OperationalError, RedisError):
            # Without a broker the sweep finds them.
            gather_again.apply_async((claim,), countdown=LOOK_AGAIN + 0.1)
    return len(rows)


@shared_task(name="events.look_again")
def look_again(portal: int) -> None:
    """Look once more at a reported removal of the app that was not confirmed yet."""
    uninstall_checks.look_again(portal)


@shared_task(name="events.sweep")
def sweep() -> None:
    """Pick up what was lost or whose time has come; drop what is a week, or failed and a month, old."""
    now = timezone.now()
    waiting = InboxEvent.objects.filter(state=InboxEvent.State.WAITING, try_at__lte=now)
    for pk in waiting.order_by("pk").values_list("pk", flat=True)[:500]:
        work.delay(pk)
    for portal in folding.waiting():
        gather.delay(portal)
    for claim in folding.lost():
        gather_again.delay(claim)
    for portal in uninstall_checks.due():
        look_again.delay(portal)
    for state, kept in KEPT.items():
        InboxEvent.objects.filter(state=state, received_at__lt=now - kept).delete()

"""Who works what: slots and items are claimed by conditional update, and a dead worker's are found again.

A job is worked in a few slots at once, so that a slow portal is not waited for by one request after
another. A slice takes its slot with a token and a lease; everything it writes down is written only
while the slot is still its own. What a slot's last holder had claimed is put back when the slot is
taken again: claimed rows were not touched, rows being written are *unknown* and are read back.
"""

import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from django.core.cache import cache
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from redis.exceptions import RedisError

from b24app.jobs import texts, transitions
from b24app.jobs.models import Job, JobItem, JobLane, JobSource

SLOTS = 4
"""Requests of one job under way at once. Where the bucket is the ceiling, one is enough and the rest rest."""

LEASE = timedelta(seconds=20)
"""How long a slice may be silent beyond what its next request is expected to take."""

SEND_WITHIN = timedelta(seconds=10)
"""How long after :meth:`WorkerSlot.begin` a writing request may still be sent: well within the lease. A
worker that was suspended sends nothing afterwards, because the rows may be somebody else's by then."""

IN_DOUBT = SEND_WITHIN + timedelta(seconds=60)
"""How long after :meth:`WorkerSlot.begin` a request may still be at work in the portal, which cuts it off
60 s after it was sent. Until then a row that was not written yet may still be."""

# Seconds between two looks at rows in doubt, at least; later looks are as far apart as they are late.
MIN_CHECK_SECONDS = 3

# Within what a slot that is due is taken where a worker is free.
MAX_START_DELAY = timedelta(seconds=1)

SILENT = "silent"
"""The reason of jobs whose portal does not answer."""

# How long a message may be in the queue before another one is sent in its place.
MAX_QUEUE_TIME = timedelta(seconds=60)

MAX_DEATHS = 3
"""Slices of a slot in a row that may be killed. What kills a worker that often is in the job itself."""

MAX_MESSAGES = 1000

S = JobItem.State

logger = logging.getLogger(__name__)


class Lost(Exception):
    """The slot was taken over: nothing of this slice may be written down any more."""


@dataclass(frozen=True, slots=True)
class WorkerSlot:
    """A worker slot while a slice holds its lease."""

    pk: int
    number: int
    job: Job
    token: uuid.UUID

    def renew(self, seconds: float = 0.0) -> None:
        """Keep the slot for a lease beyond ``seconds`` of work; raises :class:`Lost`."""
        until = timezone.now() + LEASE + timedelta(seconds=seconds)
        if not JobLane.objects.filter(pk=self.pk, token=self.token).update(leased_until=until):
            raise Lost

    def claim(self, count: int) -> list[JobItem]:
        """Up to ``count`` rows that wait to be worked, the first ones first."""
        with transaction.atomic():
            self.renew()
            waiting = JobItem.objects.filter(job=self.job, state=S.PENDING).order_by("pk")
            found = list(waiting.select_for_update(skip_locked=True)[:count])
            JobItem.objects.filter(pk__in=[item.pk for item in found]).update(
                state=S.CLAIMED, claim=self.token
            )
        return found

    def begin(self, items: Sequence[JobItem], seconds: float) -> float:
        """Mark rows as being written from now on, for so many seconds; raises :class:`Lost`.

        Returns the wall-clock time (seconds since 1970) before which their request has to be sent.
        """
        now = timezone.now()
        with transaction.atomic():
            self.renew(seconds)
            self._mine().filter(pk__in=[item.pk for item in items]).update(
                state=S.WRITING, attempts=F("attempts") + 1, at=now
            )
        return (now + SEND_WITHIN).timestamp()

    def unknown(self, count: int) -> list[JobItem]:
        """Up to ``count`` rows whose writing nobody recorded, to be read back by this slice.

        Those in doubt are among them now and then: what is still under way has to be asked for again.
        """
        with transaction.atomic():
            self.renew()
            lost = JobItem.objects.filter(job=self.job, state=S.UNKNOWN).order_by("pk")
            if not _look_at_doubts(lost):
                lost = lost.exclude(at__gt=timezone.now() - IN_DOUBT)
            found = list(lost.select_for_update(skip_locked=True)[:count])
            # Not CLAIMED: if this slice is lost too, they have to be read back again.
            JobItem.objects.filter(pk__in=[item.pk for item in found]).update(
                state=S.WRITING, claim=self.token
            )
        return found

    def _mine(self) -> QuerySet[JobItem]:
        return JobItem.objects.filter(job=self.job, claim=self.token)

    def release(self, after: float | None) -> int | None:
        """Give the slot back, due again in ``after`` seconds; the ticket of the message to send.

        Without ``after`` no message is needed: there is nothing to do in this slot.
        """
        now = timezone.now()
        due = now + (MAX_QUEUE_TIME if after is None else timedelta(seconds=after))
        with transaction.atomic():
            self.renew()
            _put_back(self._mine())
            JobLane.objects.filter(pk=self.pk).update(
                token=None, leased_until=None, due_at=due, ticket=F("ticket") + 1, deaths=0
            )
        return None if after is None else JobLane.objects.get(pk=self.pk).ticket


def take(pk: int, ticket: int, task: str) -> WorkerSlot | None:
    """The slot ``pk`` for the message with ``ticket``; None when it is somebody else's, or void.

    A message that comes a second time under one ``task`` id lost its worker: its lease counts no more.
    Where that happens :data:`MAX_DEATHS` times in a row, the job fails.
    """
    now, token = timezone.now(), uuid.uuid4()
    with transaction.atomic():
        slot = (
            JobLane.objects.select_for_update(of=("self",))
            .select_related("job__portal", "job__user", "job__writer", "job__undoes")
            .filter(pk=pk, ticket=ticket)
            .first()
        )
        if slot is None or (_is_leased(slot, now) and slot.task != task):
            return None
        if _found_again(slot) and slot.deaths + 1 >= MAX_DEATHS:
            _fail(slot.job)
            return None
        JobLane.objects.filter(pk=pk).update(
            token=token,
            task=task,
            leased_until=now + LEASE,
            deaths=0 if slot.token is None else F("deaths") + 1,
        )
    return WorkerSlot(pk, slot.number, slot.job, token)


def _is_leased(slot: JobLane, now: datetime) -> bool:
    return slot.token is not None and slot.leased_until is not None and slot.leased_until > now


def _found_again(slot: JobLane) -> bool:
    """Whether the slot's last slice was killed; the rows it had claimed are put back."""
    if slot.token is None:
        return False
    _put_back(JobItem.objects.filter(job=slot.job_id, claim=slot.token))
    return True


def _fail(job: Job) -> None:
    """End a job that kills its workers; what it was made from is not kept."""
    if transitions.change(job, Job.State.FAILED, "killed"):
        logger.error("job %s failed: its worker was killed %s times", job.pk, MAX_DEATHS)
        JobSource.objects.filter(job=job).delete()
    void(Job.objects.of(job.portal).filter(pk=job.pk))


def _put_back(items: QuerySet[JobItem]) -> None:
    """Rows that were claimed only wait again; what became of those under way has to be read."""
    items.filter(state=S.CLAIMED).update(state=S.PENDING, claim=None)
    items.filter(state=S.WRITING).update(state=S.UNKNOWN, claim=None)


def opened(job: Job, count: int) -> list[tuple[int, int]]:
    """Make the first ``count`` slots of a job due now; what to send: (slot, ticket)."""
    for number in range(count):
        JobLane.objects.get_or_create(job=job, number=number)
    now = timezone.now()
    leased = Q(leased_until__gt=now)
    return _due(JobLane.objects.filter(job=job, number__lt=count).exclude(leased), now)


def overdue(*, messages_lost: bool = False) -> list[tuple[int, int]]:
    """Lanes whose message was lost or whose worker is gone; what to send.

    Where all messages may be lost nobody waits to see whether one still comes.
    """
    now = timezone.now()
    late = now if messages_lost else now - MAX_QUEUE_TIME
    lost = Q(token=None, due_at__lt=late) | Q(leased_until__lt=now)
    return _due(JobLane.objects.filter(lost, job__state__in=transitions.SWEPT), now)


def unsent(messages: Sequence[tuple[int, int]], after: float) -> None:
    """No message could be sent for these (slot, ticket): the first sweep in ``after`` seconds takes them up.

    Their jobs say that they wait for our queue.
    """
    due = timezone.now() + timedelta(seconds=after) - MAX_QUEUE_TIME
    for pk, ticket in messages:
        JobLane.objects.filter(pk=pk, ticket=ticket, token=None).update(due_at=due)
    working = JobLane.objects.filter(pk__in=[pk for pk, _ in messages]).values("job")
    for job in Job.objects.filter(
        pk__in=working, state__in=[Job.State.PLANNING, Job.State.RUNNING]
    ):
        transitions.change(job, Job.State.WAITING_PORTAL, texts.QUEUE_AWAY)


def _due(chosen: QuerySet[JobLane], now: datetime) -> list[tuple[int, int]]:
    """New tickets for the chosen slots: whatever message of theirs is still on its way is void."""
    found = list(chosen.order_by("due_at").values_list("pk", "ticket")[:MAX_MESSAGES])
    return [
        (pk, ticket + 1)
        for pk, ticket in found
        if JobLane.objects.filter(pk=pk, ticket=ticket).update(ticket=ticket + 1, due_at=now)
    ]


def _look_at_doubts(lost: QuerySet[JobItem]) -> bool:
    """Whether it is time for a look at rows in doubt: of all slots one looks, less and less often."""
    now = timezone.now()
    oldest = lost.filter(at__gt=now - IN_DOUBT).order_by("at").first()
    if oldest is None or oldest.at is None:
        return False
    pause = max(MIN_CHECK_SECONDS, ceil((now - oldest.at).total_seconds()))
    try:
        return bool(cache.add(f"doubt:{oldest.job_id}", 1, pause))
    except RedisError:
        return False


def void(jobs: QuerySet[Job]) -> None:
    """Take the slots of these jobs from whoever holds them; messages on their way are void."""
    with transaction.atomic():
        JobLane.objects.filter(job__in=jobs).update(
            token=None, leased_until=None, due_at=timezone.now(), ticket=F("ticket") + 1
        )
        _put_back(JobItem.objects.filter(job__in=jobs))


def restart(job: Job) -> list[tuple[int, int]]:
    """Take a job from all who work it, and begin again in one slot; what to send: (slot, ticket)."""
    void(Job.objects.of(job.portal).filter(pk=job.pk))
    JobLane.objects.filter(job=job, number__gt=0).delete()
    return opened(job, 1)


def others_wait(job: Job) -> bool:
    """Whether slots of other jobs have been due for a while: there are more of them than workers."""
    late = timezone.now() - MAX_START_DELAY
    waiting = JobLane.objects.filter(
        token=None, due_at__lt=late, job__state__in=transitions.AT_WORK
    )
    return waiting.exclude(job=job).exists()


def leave_to_others(pk: int, ticket: int, seconds: float) -> bool:
    """Put the slot off by ``seconds`` if its worker is left to other portals for now.

    It is while another job of its portal is being worked, if another portal's job is due, or if its own
    portal does not answer: a request there may hold a worker for a minute.
    """
    found = JobLane.objects.filter(pk=pk, ticket=ticket)
    slot = found.select_related("job__portal").first()
    if slot is None or not _others_first(slot.job):
        return False
    found.update(due_at=timezone.now() + timedelta(seconds=seconds))
    return True


def _others_first(job: Job) -> bool:
    now = timezone.now()
    slots = JobLane.objects.filter(job__state__in=transitions.AT_WORK)
    own = slots.filter(job__portal=job.portal_id, leased_until__gt=now).exclude(job=job)
    if not own.exists():
        return False
    silent = Job.objects.of(job.portal).filter(state=Job.State.WAITING_PORTAL, reason=SILENT)
    due = slots.filter(token=None, due_at__lte=now).exclude(job__portal=job.portal_id)
    return silent.exists() or due.exists()


def in_doubt(item: JobItem) -> bool:
    """Whether the request that writes this row may still be at work, though nobody waits for it."""
    return item.at is not None and item.at > timezone.now() - IN_DOUBT


def idle(job: Job) -> bool:
    """True when no slice of the job is under way."""
    return not JobLane.objects.filter(job=job, leased_until__gt=timezone.now()).exists()

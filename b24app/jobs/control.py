"""What people do to a job: start, stop, resume, retry, discard; and what happens by itself.

Each is one conditional update; False says that the job's state did not allow it any more.
"""

import logging
from collections.abc import Collection, Mapping
from datetime import timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from b24app.jobs import queue, row_filters, transitions, worker_slots
from b24app.jobs.models import Job, JobItem, JobName, JobSource
from b24app.jobs.row_filters import NOT_AGREED
from b24app.orders.types import INVOICE
from b24app.portals.models import Portal, PortalUser

logger = logging.getLogger(__name__)

FORGOTTEN_AFTER = timedelta(days=7)
SOURCES_KEPT = timedelta(days=1)
KEPT = timedelta(days=90)
MAX_FORGOTTEN_JOBS = 20

S = Job.State
Row = JobItem.State
# Started jobs at rest that may be forgotten if none of their rows has been written.
GIVEN_UP = (S.PLANNED, S.PAUSED, S.STOPPED)
WRITTEN = (Row.WRITING, Row.UNKNOWN, Row.DONE)


def begin(job: Job) -> None:
    """Make the preview of a new job, from now on in the background."""
    with transaction.atomic():
        queue.send_on_commit(worker_slots.opened(job, 1))


def start(
    job: Job, *, may_move: bool, may_leave_invoices: bool = False, may_cancel: bool = False
) -> bool:
    """Begin to write what the preview said; orders of other deals, those of invoices, and those whose
    cancellation it changes, only where that was agreed to.
    """
    with transaction.atomic():
        pending = JobItem.objects.filter(job=job, state=Row.PENDING)
        for of_invoices, agreed in ((False, may_move), (True, may_leave_invoices)):
            if not agreed:
                refused = moves(pending, of_invoices=of_invoices)
                refused.update(state=Row.LEFT, reason=NOT_AGREED)
        if not may_cancel:
            cancels(pending).update(state=Row.LEFT, reason="not_cancelled")
        waiting, fresh = pending.count(), Job.objects.of(job.portal).get(pk=job.pk)
        began = {
            "started_at": timezone.now(),
            "total": waiting + fresh.handled,
            "may_move": may_move,
            "tally": fresh.tally and fresh.tally | row_filters.left_at_start(job),
        }
        if not waiting or not transitions.change(job, S.RUNNING, fields=began, of=(S.PLANNED,)):
            transaction.set_rollback(True)
            return False
        # Its rows are being written: the columns cannot be chosen any more.
        JobSource.objects.filter(job=job).delete()
        queue.send_on_commit(worker_slots.opened(job, worker_slots.SLOTS))
    return True


def remake(job: Job, wanted: str, choice: Mapping[str, object]) -> bool:
    """Make the preview of a file or a list once more, with what the person has chosen for its columns.

    ``wanted`` is the card for rows without their own. False once the job has been started, while its
    preview is being made, or where its source is no longer kept.
    """
    again = {
        "wanted": wanted,
        "gathered": False,
        "cursor": {},
        "reading": {},
        "rows": 0,
        "looked": 0,
        "total": 0,
        "setbacks": 0,
        "tally": None,
        "planned_at": None,
        "ended_at": None,
        "told": False,
    }
    with transaction.atomic():
        kept = JobSource.objects.filter(job=job, job__started_at=None)
        if not kept.update(choice=dict(choice)) or not transitions.change(
            job, S.PLANNING, fields=again, of=(S.PLANNED, S.FAILED)
        ):
            transaction.set_rollback(True)
            return False
        JobItem.objects.filter(job=job).delete()
        JobName.objects.filter(job=job).delete()
        queue.send_on_commit(worker_slots.opened(job, 1))
    return True


def moves(items: QuerySet[JobItem], *, of_invoices: bool) -> QuerySet[JobItem]:
    """Those of the rows that take their order out of another card: out of an invoice, or of a deal."""
    found = items.filter(verdict=JobItem.Verdict.MOVE)
    from_invoice = Q(seen__startswith=f"{INVOICE}:")
    return found.filter(from_invoice if of_invoices else ~from_invoice)


def cancels(items: QuerySet[JobItem]) -> QuerySet[JobItem]:
    """Those of the rows that cancel their order, or take its cancellation back."""
    return items.filter(verdict=JobItem.Verdict.CANCEL)


def stop(job: Job, reason: str = "") -> bool:
    """Stop after the requests that are under way; at once where there are none."""
    if not (
        transitions.change(job, S.STOPPING, reason) or transitions.change(job, S.STOPPED, reason)
    ):
        return False
    if job.state == S.STOPPING and worker_slots.idle(job):
        transitions.change(job, S.STOPPED, reason)
    return True


def halt(portal: Portal) -> None:
    """Stop what is not finished: the portal has removed the app. Its people may resume when it is back."""
    unfinished = Job.objects.of(portal).exclude(
        state__in=[S.PLANNED, S.STOPPING, *transitions.ENDED]
    )
    for job in unfinished.select_related("portal"):
        stop(job, "removed")


def abandon(portal: Portal) -> None:
    """Before a portal is erased: its slices have lost their slots and write nothing down any more.

    Should it be installed again at that moment, the sweep finds the slots and the jobs go on.
    """
    worker_slots.void(Job.objects.of(portal))


def discard(job: Job) -> bool:
    """Forget a job that has written nothing."""
    found = Job.objects.of(job.portal).filter(pk=job.pk)
    unstarted = found.filter(started_at=None).exclude(state__in=[S.RUNNING, S.STOPPING])
    if untouched(job):
        unstarted = found.filter(state__in=GIVEN_UP)
    return bool(unstarted.delete()[0])


def untouched(job: Job) -> bool:
    """Whether the job was started and rests again before anything can have been written."""
    if job.started_at is None or job.state not in GIVEN_UP or job.handled:
        return False
    return (
        worker_slots.idle(job) and not JobItem.objects.filter(job=job, state__in=WRITTEN).exists()
    )


def resumable(job: Job, user: PortalUser) -> bool:
    """Whether ``user`` may resume a job that rests: its owner always, an administrator while the owner's
    access works. Where it has ended, only the owner's return or :mod:`takeover` lets the job go on.
    """
    ended = job.state == S.WAITING_AUTHORIZATION or job.user.tokens == PortalUser.Tokens.DEAD
    return user.pk == job.user_id or not ended


def resume(job: Job, user: PortalUser) -> bool:
    """Go on where the job was stopped, with its owner's access."""
    return resumable(job, user) and _go_on(job, transitions.RESUMABLE)


def retry(job: Job) -> bool:
    """Try the failed rows of a job once more."""
    with transaction.atomic():
        failed = JobItem.objects.filter(job=job, state=Row.FAILED)
        again = failed.update(
            state=Row.PENDING, reason="", detail="", at=None, claim=None, attempts=0
        )
        if not again or not _go_on(
            job, (S.DONE, S.STOPPED), failed=F("failed") - again, ended_at=None
        ):
            transaction.set_rollback(True)
            return False
    return True


def forget() -> bool:
    """Delete what is no longer needed, a few jobs each time: their rows may be many. True if there is more.

    Previews that were never started and exports (they hold customers' data) after a week, finished or
    not; the rest three months after its end, or its start where nobody has gone on with it. What was
    changed stays in the audit trail. A file or list goes a day after it was given, as soon as its rows
    have been read. The privacy policy names these times.
    """
    now = timezone.now()
    read = JobSource.objects.filter(Q(job__gathered=True) | Q(job__state__in=transitions.ENDED))
    read.filter(created_at__lt=now - SOURCES_KEPT).delete()
    lately, long_ago = now - FORGOTTEN_AFTER, now - KEPT
    unstarted = Q(started_at=None, created_at__lt=lately)
    exported = Q(kind=Job.Kind.EXPORT, started_at__lt=lately)
    old = Q(state__in=transitions.ENDED, ended_at__lt=long_ago)
    left = ~Q(state__in=transitions.ENDED) & Q(started_at__lt=long_ago)
    past = Job.objects.filter(unstarted | exported | old | left)
    found = list(past.order_by("pk")[:MAX_FORGOTTEN_JOBS])
    for job in found:
        job.delete()
    return len(found) == MAX_FORGOTTEN_JOBS


def resume_waiting(portal: Portal | None = None) -> None:
    """Let jobs go on whose wait for access has ended with the same access: their owner has come back, the
    installer has where the job borrows, or the subscription has been renewed.
    """
    waiting = Job.objects.filter(state=S.WAITING_AUTHORIZATION, portal__uninstalled_at=None)
    if portal is not None:
        waiting = waiting.of(portal)
    for job in waiting.select_related("portal", "user").order_by("waiting_since")[:500]:
        over = _access_is_back(job) if job.reason != "payment" else not job.portal.payment_expired
        if over and _go_on(job, (S.WAITING_AUTHORIZATION,)):
            logger.info("job %s resumed with the access of user %s", job.pk, job.user.user_id)


def unpaid() -> list[int]:
    """Portals whose jobs wait for the subscription."""
    waiting = Job.objects.filter(state=S.WAITING_AUTHORIZATION, reason="payment")
    chosen = waiting.filter(portal__uninstalled_at=None, portal__payment_expired=True)
    return list(chosen.order_by().values_list("portal", flat=True).distinct()[:500])


def _access_is_back(job: Job) -> bool:
    """Whether the owner, or the installer of a job that borrows, has come back since it began to wait."""
    awaited = [job.user_id]
    if job.right == Job.Right.INSTALLER and job.portal.installer_id is not None:
        awaited.append(job.portal.installer_id)
    people = PortalUser.objects.of(job.portal).filter(pk__in=awaited)
    return people.filter(tokens=PortalUser.Tokens.LIVE, renewed_at__gt=job.waiting_since).exists()


def _go_on(job: Job, of: Collection[Job.State], **fields: object) -> bool:
    with transaction.atomic():
        to = transitions.working(job)
        if not transitions.change(job, to, fields={"setbacks": 0, **fields}, of=of):
            return False
        queue.send_on_commit(
            worker_slots.opened(job, 1 if to == S.PLANNING else worker_slots.SLOTS)
        )
    return True

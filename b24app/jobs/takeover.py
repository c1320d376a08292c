"""An administrator takes a job over: it is theirs from then on, with their permissions alone.

What has been written stays as it is, under the name of whoever wrote it. What was sent and never
answered is read back first. The rest gets a new preview with the administrator's permissions, and waits
for *Start*. What an export has read with the former owner's permissions is deleted.
"""

import logging

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from b24app.bitrix24.client import Client
from b24app.imports.values import Doubt
from b24app.jobs import queue, transitions, worker_slots
from b24app.jobs.models import Job, JobItem
from b24app.journal import audit
from b24app.journal.models import AuditEntry
from b24app.portals import access
from b24app.portals.models import PortalUser

logger = logging.getLogger(__name__)

S, Row, V = Job.State, JobItem.State, JobItem.Verdict

AT_REST = (S.PLANNED, S.PAUSED, S.STOPPED, S.WAITING_AUTHORIZATION)
# Waits that another person's access does not end.
NOT_ABOUT_ACCESS = ("payment",)
UNCLEAR = "unclear"

IN_DOUBT = (Row.WRITING, Row.UNKNOWN)
WITH_OUTCOME = (Row.DONE, Row.SKIPPED, Row.FAILED)


def offered(job: Job, viewer: PortalUser) -> bool:
    """Whether ``viewer`` may take the job over now: an administrator, a job of somebody else that rests."""
    if not viewer.is_admin or viewer.pk == job.user_id or job.reason in NOT_ABOUT_ACCESS:
        return False
    if job.state == S.STOPPED:
        return job.planned_at is None or job.handled < job.total
    return job.state in AT_REST or (job.state == S.WAITING_PORTAL and job.reason == UNCLEAR)


def effect(job: Job) -> str:
    """What a job that somebody is about to take over will change, in a sentence."""
    if not job.gathered:
        return _("Its list of orders is not complete yet.")
    written = job.handled if job.kind != Job.Kind.EXPORT else 0
    count = (job.total if job.planned_at else job.rows) - written
    sentences = {
        Job.Kind.LINK: ngettext(
            "It will link %(count)d order.", "It will link %(count)d orders.", count
        ),
        Job.Kind.MOVE: ngettext(
            "It will move %(count)d order.", "It will move %(count)d orders.", count
        ),
        Job.Kind.UNLINK: ngettext(
            "It will unlink %(count)d order.", "It will unlink %(count)d orders.", count
        ),
        Job.Kind.RESTORE: ngettext(
            "It will undo the change of %(count)d order.",
            "It will undo the changes of %(count)d orders.",
            count,
        ),
        Job.Kind.STATUS: ngettext(
            "It will change the status of %(count)d order.",
            "It will change the status of %(count)d orders.",
            count,
        ),
        Job.Kind.RESPONSIBLE: ngettext(
            "It will change the responsible person of %(count)d order.",
            "It will change the responsible person of %(count)d orders.",
            count,
        ),
        Job.Kind.COMMENT: ngettext(
            "It will change the comment of %(count)d order.",
            "It will change the comments of %(count)d orders.",
            count,
        ),
        Job.Kind.EXPORT: ngettext(
            "It will export %(count)d order with the client’s data to a file.",
            "It will export %(count)d orders with the clients’ data to a file.",
            count,
        ),
    }
    return sentences[Job.Kind(job.kind)] % {"count": count}


def take_over(job: Job, user: PortalUser, client: Client, *, owner: int, language: str) -> bool:
    """Make the job ``user``'s and make a new preview; False where that is not possible any more.

    ``owner`` is the key of the owner the administrator was shown. The portal is asked, with ``client``,
    whether ``user`` is an administrator now: raises ``Refused`` where they are not, and
    ``errors.BitrixError`` where it cannot be asked.
    """
    if job.user_id != owner or not offered(job, user):
        return False
    administers = client.answer(access.is_administrator())
    access.confirm_administrator(user, is_administrator=administers)
    before = job.user
    with transaction.atomic():
        due = worker_slots.restart(job)
        # Whoever worked it, or took it over a moment ago, has finished before its slots could be taken.
        job.refresh_from_db()
        doubts = JobItem.objects.filter(job=job, state__in=IN_DOUBT).exists()
        fields = _forgotten(job) | {
            "user": user,
            "acting": user,
            "right": Job.Right.OWN,
            "named": None,
            "language": language,
            "told": False,
            "setbacks": 0,
            "tally": None,
            "planned_at": None,
            "ended_at": None,
            "may_move": job.may_move and job.kind != Job.Kind.LINK,
        }
        if doubts and job.writer_id is None:
            fields |= {"writer": before, "writer_right": job.right}
        reason = "doubts" if doubts else ""
        rests = job.user_id == owner and offered(job, user)
        if not rests or not transitions.change(job, S.PLANNING, reason, fields, of=(S(job.state),)):
            transaction.set_rollback(True)
            return False
        audit.record_access(user, AuditEntry.Through.JOB, before, job=job.pk)
        queue.send_on_commit(due)
    logger.info("job %s of user %s taken over by %s", job.pk, before.user_id, user.user_id)
    return True


def settle(job: Job) -> None:
    """No row is in doubt any more: those the former owner has not written get a new preview as well."""
    if job.writer_id is None:
        return
    with transaction.atomic():
        _to_be_previewed(JobItem.objects.filter(job=job, state=Row.PENDING))
        counted = {"looked": _looked(job), "writer": None, "writer_right": Job.Right.OWN}
        Job.objects.of(job.portal).filter(pk=job.pk).update(**counted, reason="")
    job.refresh_from_db(fields=["looked", "writer", "writer_right", "reason"])


def _forgotten(job: Job) -> dict[str, object]:
    """Drop what was found out with the former owner's permissions; the counts that are left."""
    items = JobItem.objects.filter(job=job)
    if job.kind == Job.Kind.EXPORT:
        _to_be_previewed(items)
        counts = {"done": 0, "skipped": 0, "failed": 0}
    else:
        _to_be_previewed(items.exclude(state__in=(*IN_DOUBT, *WITH_OUTCOME)))
        counts = {"done": job.done, "skipped": job.skipped, "failed": job.failed}
    return {**counts, "looked": _looked(job), "total": sum(counts.values())}


def _to_be_previewed(items: QuerySet[JobItem]) -> None:
    """Rows as they were before their preview; those that cannot be read as they stand stay as they are."""
    unread = Q(verdict=V.BAD) | Q(verdict=V.DOUBT, reason__in=list(Doubt))
    items.exclude(unread).update(
        state=Row.NEW,
        verdict="",
        reason="",
        detail="",
        order_number="",
        seen="",
        card_title="",
        options=None,
        data=None,
        attempts=0,
        claim=None,
        at=None,
    )


def _looked(job: Job) -> int:
    return JobItem.objects.filter(job=job).filter(~Q(state=Row.NEW)).count()

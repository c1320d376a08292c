"""How far a job is, how long it will take, whom it waits for, and what a person can do with it now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product
from math import ceil

from django.db.models import Count
from django.utils import timezone
from django.utils.translation import gettext as _

from b24app.bitrix24.portal_limits import BULK_SHARE, MINUTE, WINDOW, Priority, View, seconds_for
from b24app.changes import properties
from b24app.jobs import (
    column_doubts,
    control,
    display,
    file_notes,
    row_options,
    takeover,
    texts,
    transitions,
    work,
    worker_slots,
)
from b24app.jobs.column_choice import COLUMNS_CAN_BE_CHOSEN
from b24app.jobs.models import Job, JobItem, JobSource
from b24app.portals.budgets import budget_of
from b24app.portals.models import PortalUser

SPEED_OVER = timedelta(seconds=60)
SPEED_AFTER = timedelta(seconds=5)
OUTCOMES = (JobItem.State.DONE, JobItem.State.SKIPPED, JobItem.State.FAILED)

STOPPABLE = (Job.State.RUNNING, Job.State.WAITING_PORTAL, Job.State.WAITING_AUTHORIZATION)
# At rest, with rows that may still be worked.
KEEPING = (Job.State.PLANNED, Job.State.PAUSED)
WAITING = (Job.State.WAITING_PORTAL, Job.State.WAITING_AUTHORIZATION)

S, V = JobItem.State, JobItem.Verdict


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is; speeds are rows a minute.

    ``minutes`` is None where nobody can say and while the job waits, and 0 for less than one; ``allowed`` is
    0 where the job ends before the portal's long-run limits are felt. ``again`` is when a job that waits for
    the portal tries again, ``moves`` and ``invoice_moves`` how many of its rows have to leave another
    deal, or an invoice.
    """

    job: Job
    viewer: PortalUser
    state: str
    pill: str
    reason: str
    linked: int
    moved: int
    moves: int
    invoice_moves: int
    cancels: int
    untouched: bool
    speed: int | None
    allowed: int
    minutes: int | None
    again: datetime | None

    @property
    def began(self) -> datetime:
        """When the work was started, or asked for."""
        return self.job.started_at or self.job.created_at

    @property
    def file_notes(self) -> list[str]:
        """How the job's file was read, until the job is started."""
        return file_notes.notes(self.job) if self.job.started_at is None else []

    @property
    def columns(self) -> bool:
        """Whether the viewer may check the columns of the job's file or list."""
        return columns_can_be_checked(self.job, self.viewer)

    @property
    def step(self) -> int:
        """Which of the steps of a job from a file or a list this is; 0 for other jobs and once started."""
        listed = self.job.origin in (Job.Origin.FILE, Job.Origin.LIST)
        return 3 if listed and self.job.started_at is None else 0

    @property
    def nothing(self) -> str:
        """What to say where the preview found nothing to be done."""
        if self.job.state != Job.State.PLANNED or self.waiting:
            return ""
        if not self.job.rows:
            return texts.words(texts.NOTHING, self.job.origin)
        return _("No orders to process. The rows below give the reasons.")

    @property
    def before(self) -> str:
        """What to know before the start; empty where there is nothing special."""
        planned = self.job.state == Job.State.PLANNED and self.waiting > 0
        return str(texts.BEFORE.get(self.job.kind, "")) if planned else ""

    @property
    def downloadable(self) -> bool:
        """Whether the orders of an export are there to be saved."""
        return self.job.kind == Job.Kind.EXPORT and self.job.done > 0 and not self.at_work

    @property
    def kept_days(self) -> int:
        return control.FORGOTTEN_AFTER.days

    @property
    def waiting(self) -> int:
        """Rows that are still to be worked."""
        return self.job.total - self.job.handled

    @property
    def unmoved(self) -> int:
        """Rows to be worked where nothing is agreed to: no moves, and no cancellations."""
        return self.waiting - self.moves - self.invoice_moves - self.cancels

    @property
    def start(self) -> str:
        """What Start does, with all orders that are to be worked."""
        return self._start(moves=True, invoices=True, cancels=True)

    @property
    def starts(self) -> list[tuple[str, str]]:
        """What Start does by what is agreed to: attributes of the text, which show it then, and the text.

        With nothing left to be done without consent it says what it could do.
        """
        consents = {"moves": self.moves, "invoices": self.invoice_moves, "cancels": self.cancels}
        asked = [name for name, count in consents.items() if count]
        found = []
        for agreed in product((True, False), repeat=len(asked)):
            given = dict(zip(asked, agreed, strict=True))
            shown = " ".join(_when(name, yes) for name, yes in given.items())
            found.append((shown, self._start(**{name: given.get(name, True) for name in consents})))
        return found

    def _start(self, *, moves: bool, invoices: bool, cancels: bool) -> str:
        moved = self.moves * moves + self.invoice_moves * invoices + self.cancels * cancels
        moved = moved or (0 if self.unmoved else self.waiting)
        if self.job.kind != Job.Kind.LINK or not moved:
            return texts.started(self.job.kind, self.unmoved + moved)
        what = texts.LINK_AND_MOVE if self.unmoved else Job.Kind.MOVE
        return texts.started(what, self.unmoved + moved)

    @property
    def again_in(self) -> tuple[int, int] | None:
        """Minutes and seconds until a job that waits for the portal tries again."""
        if self.again is None:
            return None
        return divmod(ceil((self.again - timezone.now()).total_seconds()), 60)

    @property
    def at_work(self) -> bool:
        return self.job.state not in transitions.RESTING

    @property
    def goes_on(self) -> bool:
        """Whether it needs nobody: neither a person nor an administrator has to do anything first."""
        return self.job.state in transitions.AT_WORK

    @property
    def mark(self) -> str:
        """Changes when the table of rows has something new in it."""
        counted = (self.job.state, self.job.looked, self.job.handled)
        return "-".join(map(str, counted))

    @property
    def percent(self) -> int:
        return 100 * self.job.handled // self.job.total if self.job.total else 0

    @property
    def may(self) -> frozenset[str]:
        """What the viewer can do with it now."""
        job = self.job
        state, began = job.state, job.started_at is not None
        chosen = {
            "start": state == Job.State.PLANNED and self.waiting > 0,
            "discard": (not began and state != Job.State.RUNNING) or self.untouched,
            "stop": began and (state in STOPPABLE or (state in KEEPING and not self.untouched)),
            "resume": state in transitions.RESUMABLE and control.resumable(job, self.viewer),
            "take-over": takeover.offered(job, self.viewer),
            "retry": job.failed > 0 and state in (Job.State.DONE, Job.State.STOPPED),
            "undo": job.done > 0
            and state in (*transitions.ENDED, *KEEPING)
            and job.kind != Job.Kind.EXPORT,
        }
        return frozenset(name for name, allowed in chosen.items() if allowed)


def columns_can_be_checked(job: Job, viewer: PortalUser) -> bool:
    rests = job.state == Job.State.PLANNED or job.reason in COLUMNS_CAN_BE_CHOSEN
    if not rests or job.started_at is not None or job.user_id != viewer.pk:
        return False
    return JobSource.objects.filter(job=job).exclude(sample={}).exists()


def opens_on_columns(job: Job, viewer: PortalUser) -> bool:
    """Whether a first preview leaves out what its person can settle by checking the columns."""
    chosen = JobSource.objects.filter(job=job).exclude(choice={})
    answered = row_options.ANSWERED in job.reading
    if answered or not columns_can_be_checked(job, viewer) or chosen.exists():
        return False
    return job.state == Job.State.FAILED or column_doubts.waits_for_choice(job)


def of_job(job: Job, viewer: PortalUser) -> Progress:
    """The job's present state, in words for ``viewer``."""
    counts = _done_by_verdict(job) if job.started_at else {}
    view = budget_of(job.portal, Priority.BULK).view()
    left = _writes(job)
    busy, execution = any(left.values()), _execution(left, view)
    seconds = (
        seconds_for(left, view, work.subject_of(job).most, worker_slots.SLOTS) if busy else 0.0
    )
    waits = job.state in WAITING
    if not view.shared and job.state in transitions.AT_WORK:
        # Redis is away: whatever the job waited for before, nobody works it now.
        job.reason, waits = texts.QUEUE_AWAY, True
    return Progress(
        job=job,
        viewer=viewer,
        state=texts.state(job.state, job.reason),
        pill=display.state_pill(job),
        reason=_reason(job, viewer),
        linked=sum(count for verdict, count in counts.items() if verdict != V.MOVE),
        moved=counts.get(V.MOVE, 0),
        moves=_moves(job, of_invoices=False),
        invoice_moves=_moves(job, of_invoices=True),
        cancels=_cancels(job),
        untouched=control.untouched(job),
        speed=None if waits else _speed(job),
        # Said only where the portal's limits, and not the writes themselves, decide how long it takes.
        allowed=_allowed(job, view) if seconds > max(MINUTE, 1.1 * execution) else 0,
        minutes=_minutes(seconds) if busy and not waits else None,
        again=job.again_at if job.again_at and job.again_at > timezone.now() else None,
    )


def _speed(job: Job) -> int | None:
    """Rows a minute over the last one, or since the start; None before there is anything to judge by."""
    if job.started_at is None:
        return None
    over = min(SPEED_OVER, timezone.now() - job.started_at)
    if over < SPEED_AFTER:
        return None
    done = JobItem.objects.filter(job=job, at__gt=timezone.now() - over, state__in=OUTCOMES)
    return round(done.count() * (SPEED_OVER / over))


def _reason(job: Job, viewer: PortalUser) -> str:
    """Why the job waits, paused or failed, and who has to do what; empty if it continues."""
    if not job.reason:
        return ""
    if viewer.pk != job.user_id and job.reason in texts.OF_ANOTHER:
        return texts.words(texts.OF_ANOTHER, job.reason) % {"name": job.user.name}
    if viewer.is_admin and job.reason in texts.TO_ADMINISTRATORS:
        return texts.words(texts.TO_ADMINISTRATORS, job.reason)
    return texts.unreadable(job.reason, job.reading.get("facts", {}))


def _done_by_verdict(job: Job) -> dict[str, int]:
    done = JobItem.objects.filter(job=job, state=S.DONE).values("verdict")
    return dict(done.annotate(count=Count("pk")).values_list("verdict", "count"))


def _moves(job: Job, *, of_invoices: bool) -> int:
    """Rows of a preview that are worked only where that is agreed to."""
    if job.state != Job.State.PLANNED or job.kind != Job.Kind.LINK:
        return 0
    pending = JobItem.objects.filter(job=job, state=S.PENDING)
    return control.moves(pending, of_invoices=of_invoices).count()


def _cancels(job: Job) -> int:
    """Rows of a preview that change cancellations, and are worked only where that is agreed to."""
    if job.state != Job.State.PLANNED or not work.subject_of(job).cancels:
        return 0
    return control.cancels(JobItem.objects.filter(job=job, state=S.PENDING)).count()


def _when(consent: str, agreed: bool) -> str:
    return f"data-with-{consent}" if agreed else f"data-without-{consent}"


def _writes(job: Job) -> dict[str, int]:
    """Writes that are left, by method."""
    left, methods = max(0, job.total - job.handled), work.subject_of(job).methods
    if len(methods) == 1:
        return {methods[0]: left}
    unlinks = JobItem.objects.filter(job=job, state=S.PENDING, wanted="").count()
    return {properties.ADD_LINK: max(0, left - unlinks), properties.DELETE_LINK: unlinks}


def _minutes(seconds: float) -> int:
    """Whole minutes, 0 for less than one."""
    return 0 if seconds < MINUTE else round(seconds / MINUTE)


def _execution(left: Mapping[str, int], view: View) -> float:
    """Seconds that the writes take by themselves, with nothing to wait for."""
    return sum(count * view.cost(method) for method, count in left.items()) / worker_slots.SLOTS


def _allowed(job: Job, view: View) -> int:
    """Rows a minute that the portal allows in the long run."""
    subject = work.subject_of(job)
    cost = max(0.001, *(view.cost(method) for method in subject.methods))
    by_time = view.limits.operating * BULK_SHARE / (WINDOW / 60) / cost
    return int(min(60 * view.limits.leak * subject.most, by_time))

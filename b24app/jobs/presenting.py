"""Jobs and rows as the templates show them, and as a table to download."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from b24app.bitrix24.pacing import BULK_SHARE, WINDOW, Priority, View, seconds_for
from b24app.jobs import exporting, lanes, reasons, states, work
from b24app.jobs.models import Job, JobItem, place_of
from b24app.orders.types import Owner
from b24app.portals.budgets import budget_of
from b24app.tables import Cell, Table

PER_PAGE = 50
SPEED_OVER = timedelta(seconds=60)

S, V = JobItem.State, JobItem.Verdict

_OUTCOMES = (S.DONE, S.SKIPPED, S.FAILED)
_BAD = frozenset({V.NO_ORDER, V.SEVERAL, V.NO_CARD, V.NO_RIGHT, V.BAD})
_PILLS = {V.LINK: "info", V.MOVE: "warn", V.UNLINK: "warn", V.CHANGE: "info", V.EXPORT: "info"}
_OUTCOME_PILLS = {S.DONE: "good", S.SKIPPED: "warn", S.FAILED: "alert", S.LEFT: ""}
_STATE_PILLS = {
    Job.State.RUNNING: "info",
    Job.State.PLANNING: "info",
    Job.State.DONE: "good",
    Job.State.FAILED: "alert",
    Job.State.PAUSED: "warn",
    Job.State.WAITING_PORTAL: "warn",
    Job.State.WAITING_AUTHORIZATION: "warn",
}


@dataclass(frozen=True, slots=True)
class Filter:
    """One chip: the rows with this verdict or outcome, and how many there are."""

    name: str
    text: str
    count: int
    bad: bool


@dataclass(frozen=True, slots=True)
class Place:
    """A deal or an invoice with its path in the portal."""

    owner: Owner
    title: str

    @property
    def path(self) -> str:
        kind = "deal" if self.owner.is_deal else f"type/{self.owner.type_id}"
        return f"/crm/{kind}/details/{self.owner.id}/"


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table. ``target`` and ``standing`` are None for nowhere and for other subjects."""

    item: JobItem
    target: Place | None
    standing: Place | None
    pill: str
    verdict: str
    text: str

    @property
    def order(self) -> str:
        return self.item.order_number or self.item.order_text or str(self.item.order_id)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is. ``seconds`` is None where nobody can say; speeds are rows a minute."""

    job: Job
    state: str
    pill: str
    reason: str
    linked: int
    moved: int
    moves: int
    speed: int
    allowed: int
    minutes: int | None

    @property
    def at_work(self) -> bool:
        return self.job.state not in states.RESTING

    @property
    def mark(self) -> str:
        """Changes when the table of rows has something new in it."""
        counted = (self.job.state, self.job.looked, self.job.skipped + self.job.failed)
        return "-".join(map(str, counted))

    @property
    def percent(self) -> int:
        return 100 * self.job.handled // self.job.total if self.job.total else 0

    @property
    def may(self) -> frozenset[str]:
        """What a person can do with it now."""
        job = self.job
        chosen = {
            "start": job.state == Job.State.PLANNED and job.total > 0,
            "discard": job.started_at is None and job.state not in (Job.State.RUNNING,),
            "stop": job.state
            in (Job.State.RUNNING, Job.State.WAITING_PORTAL, Job.State.WAITING_AUTHORIZATION)
            and job.started_at is not None,
            "resume": job.state
            in (Job.State.PAUSED, Job.State.STOPPED, Job.State.WAITING_AUTHORIZATION),
            "retry": job.failed > 0 and job.state in (Job.State.DONE, Job.State.STOPPED),
            "undo": job.done > 0
            and job.state in (Job.State.DONE, Job.State.STOPPED, Job.State.PAUSED)
            and job.kind != Job.Kind.EXPORT,
        }
        return frozenset(name for name, allowed in chosen.items() if allowed)


@dataclass(frozen=True, slots=True)
class Brief:
    """A job in the list."""

    job: Job
    title: str
    state: str
    pill: str

    @property
    def at_work(self) -> bool:
        return self.job.state not in states.RESTING


def brief(job: Job) -> Brief:
    pill = _STATE_PILLS.get(Job.State(job.state), "")
    return Brief(job, title(job), reasons.words(reasons.STATES, job.state), pill)


def title(job: Job) -> str:
    """What a job is, in a few words: ``Link by file winter-orders.xlsx``."""
    kinds = {
        Job.Kind.LINK: _("Link orders"),
        Job.Kind.UNLINK: _("Unlink orders"),
        Job.Kind.MOVE: _("Move orders"),
        Job.Kind.RESTORE: _("Undo job %(id)s") % {"id": job.undoes_id or ""},
        Job.Kind.STATUS: _("Change the status"),
        Job.Kind.RESPONSIBLE: _("Change the responsible person"),
        Job.Kind.EXPORT: _("Export orders"),
    }
    found = kinds[Job.Kind(job.kind)]
    return f"{found}: {job.title}" if job.title and job.kind != Job.Kind.RESTORE else found


def progress(job: Job) -> Progress:
    """The job as it stands."""
    since = timezone.now() - SPEED_OVER
    running = job.state in states.AT_WORK and job.planned_at is not None
    done = JobItem.objects.filter(job=job, at__gt=since, state__in=_OUTCOMES)
    speed = done.count() if running else 0
    counts = _done_by_verdict(job) if job.started_at else {}
    view = budget_of(job.portal, Priority.BULK).view()
    return Progress(
        job=job,
        state=reasons.words(reasons.STATES, job.state),
        pill=_STATE_PILLS.get(Job.State(job.state), ""),
        reason=reasons.words(reasons.JOB_REASONS, job.reason) if job.reason else "",
        linked=sum(count for verdict, count in counts.items() if verdict != V.MOVE),
        moved=counts.get(V.MOVE, 0),
        moves=_moves(job) if job.state == Job.State.PLANNED else 0,
        speed=speed,
        allowed=_allowed(job, view),
        minutes=_minutes(job, view),
    )


def _done_by_verdict(job: Job) -> dict[str, int]:
    done = JobItem.objects.filter(job=job, state=S.DONE).values("verdict")
    return dict(done.annotate(count=Count("pk")).values_list("verdict", "count"))


def _moves(job: Job) -> int:
    return JobItem.objects.filter(job=job, state=S.PENDING, verdict=V.MOVE).count()


def _writes(job: Job) -> dict[str, int]:
    """Writes that are left, by method."""
    left, methods = max(0, job.total - job.handled), work.subject_of(job).methods
    if len(methods) == 1:
        return {methods[0]: left}
    unlinks = JobItem.objects.filter(job=job, state=S.PENDING, wanted="").count()
    return {work.ADD: max(0, left - unlinks), work.DELETE: unlinks}


def _minutes(job: Job, view: View) -> int | None:
    """Whole minutes until the job is done, at least 1; by what the portal allows, not by the last minute."""
    left = _writes(job)
    if not sum(left.values()):
        return None
    seconds = seconds_for(left, view, work.subject_of(job).most, lanes.LANES)
    return max(1, round(seconds / 60))


def _allowed(job: Job, view: View) -> int:
    """Rows a minute that the portal allows in the long run."""
    subject = work.subject_of(job)
    cost = max(0.001, *(view.cost(method) for method in subject.methods))
    by_time = view.limits.operating * BULK_SHARE / (WINDOW / 60) / cost
    return int(min(60 * view.limits.leak * subject.most, by_time))


def filters(job: Job) -> list[Filter]:
    """Chips over the rows: verdicts before the start, outcomes beside them afterwards."""
    items = JobItem.objects.filter(job=job)
    verdicts = items.exclude(verdict="").values("verdict").annotate(count=Count("pk"))
    found = dict(verdicts.values_list("verdict", "count"))
    chips = [Filter("", _("All"), job.rows, bad=False)]
    chips += [
        Filter(name, reasons.words(reasons.VERDICTS, name), found[name], bad=name in _BAD)
        for name in V.values
        if name in found
    ]
    outcomes = (
        ("done", _("Done"), job.done),
        ("skipped", _("Skipped"), job.skipped),
        ("failed", _("Failed"), job.failed),
    )
    return chips + [
        Filter(name, text, count, bad=name != "done") for name, text, count in outcomes if count
    ]


def chosen(job: Job, show: str) -> QuerySet[JobItem]:
    """The rows behind a chip; all of them for a name that is none."""
    items = JobItem.objects.filter(job=job).order_by("row")
    if show in (S.DONE, S.SKIPPED, S.FAILED):
        return items.filter(state=show)
    return items.filter(verdict=show) if show in V.values else items


def lines(job: Job, items: Iterable[JobItem]) -> list[Line]:
    return [_line(job, item) for item in items]


def _line(job: Job, item: JobItem) -> Line:
    links = isinstance(work.subject_of(job), work.Links)
    target = place_of(item.wanted) if links else None
    standing = (
        place_of(item.seen) if links and item.verdict not in ("", *_BAD - {V.NO_CARD}) else None
    )
    return Line(
        item=item,
        target=Place(target, item.card_title) if target else None,
        standing=Place(standing, "") if standing else None,
        pill=_pill(item),
        verdict=_verdict(item),
        text=_text(item),
    )


def _pill(item: JobItem) -> str:
    if item.state in _OUTCOME_PILLS and item.state != S.LEFT:
        return _OUTCOME_PILLS[S(item.state)]
    return (
        "alert" if item.verdict in _BAD else _PILLS.get(V(item.verdict), "") if item.verdict else ""
    )


def _verdict(item: JobItem) -> str:
    outcomes = {S.DONE: _("Done"), S.SKIPPED: _("Skipped"), S.FAILED: _("Failed")}
    if item.state in outcomes:
        return outcomes[S(item.state)]
    return reasons.words(reasons.VERDICTS, item.verdict) if item.verdict else ""


def _text(item: JobItem) -> str:
    """What will happen or has happened to the row, in a sentence."""
    if item.reason:
        found = reasons.words(reasons.ITEM_REASONS, item.reason)
        place = place_of(item.detail) if item.reason == "changed" and ":" in item.detail else None
        return f"{found} ({_name(place)})" if place else found
    if item.verdict in reasons.LEFT:
        return reasons.words(reasons.LEFT, item.verdict)
    source, target = place_of_or_none(item.seen), place_of_or_none(item.wanted)
    if item.verdict == V.MOVE and source and target:
        return _("From %(source)s to %(target)s") % {
            "source": _name(source), "target": _name(target),
        }  # fmt: skip
    if item.verdict == V.LINK and target:
        return _("To %(target)s") % {"target": _name(target)}
    if item.verdict == V.UNLINK and source:
        return _("Out of %(source)s") % {"source": _name(source)}
    if item.verdict == V.CHANGE:
        return f"{item.seen or '—'} → {item.wanted}"
    return ""


def place_of_or_none(text: str) -> Owner | None:
    return place_of(text) if ":" in text else None


def _name(owner: Owner) -> str:
    form = _("deal %(id)s") if owner.is_deal else _("invoice %(id)s")
    return form % {"id": owner.id}


def table(job: Job, show: str) -> Table:
    """The rows behind a chip as a table to download."""
    name = _("Job %(id)s") % {"id": job.pk}
    if job.kind == Job.Kind.EXPORT and job.done:
        return exporting.table(name, chosen(job, S.DONE))
    headings = [
        _("Row"), _("Order"), _("Order ID"), _("Was in"), _("Goes to"), _("Verdict"), _("Outcome"),
        _("Reason"), _("Time"),
    ]  # fmt: skip
    return Table(name, headings, list(_cells(job, show)))


def _cells(job: Job, show: str) -> Iterator[list[Cell]]:
    for item in chosen(job, show).iterator(chunk_size=2000):
        line = _line(job, item)
        yield [
            item.row,
            line.order,
            item.order_id or None,
            item.seen if not line.standing else _name(line.standing.owner),
            _name(line.target.owner) if line.target else item.wanted or item.wanted_text,
            reasons.words(reasons.VERDICTS, item.verdict) if item.verdict else "",
            line.verdict if item.at else "",
            line.text,
            _time(item.at),
        ]


def _time(at: datetime | None) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S") if at else ""

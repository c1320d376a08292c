"""Which rows of a job the page shows: all of them, or those with one outcome, and in which order.

Rows are counted by outcome once, when the preview is finished. Afterwards the counts follow from
these and from the counters of the job.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Count, QuerySet
from django.utils.translation import gettext as _

from b24app.jobs import texts, transitions
from b24app.jobs.judging import OVERRODE
from b24app.jobs.models import Job, JobItem

S, V = JobItem.State, JobItem.Verdict

BAD = frozenset({V.NO_ORDER, V.SEVERAL, V.NO_CARD, V.NO_RIGHT, V.BAD, V.DOUBT})
"""Outcomes of a preview that need a look."""
TO_BE_DONE = frozenset({V.LINK, V.MOVE, V.UNLINK, V.CHANGE, V.CANCEL, V.EXPORT})
OUTCOMES = (S.DONE, S.SKIPPED, S.FAILED)
NOT_AGREED = "not_agreed"
"""Why a row is left where it is: nobody agreed to move it."""
WAITING = "waiting"
SUGGESTED = "suggested"
"""Beside the outcomes in a job's tally: rows that name no order and have a number suggested."""

# In a job's tally: the number of rows done, and how many of them replaced somebody's change.
_OVERRODE_OF_DONE = "overrode_of_done"

# Outcomes in a preview, what needs a look first.
_GROUPS = (
    V.DOUBT, V.BAD, V.NO_ORDER, V.SEVERAL, V.NO_CARD, V.NO_RIGHT, V.ELSEWHERE, V.CANCEL, V.MOVE,
    V.LINK, V.UNLINK, V.CHANGE, V.EXPORT, V.TWICE, V.ALREADY,
)  # fmt: skip

_COLORS: Mapping[str, str] = {
    **dict.fromkeys(BAD, "bad"), **dict.fromkeys(TO_BE_DONE, "will"), V.MOVE: "moves", V.CANCEL: "moves",
    S.DONE: "will", S.FAILED: "bad", S.SKIPPED: "moves",
}  # fmt: skip

_WAITING_STATES = (S.UNKNOWN, S.WRITING, S.CLAIMED, S.PENDING)


@dataclass(frozen=True, slots=True)
class Filter:
    """One outcome: the rows with it, and how many there are.

    ``unless_moved`` is what it says until somebody agrees to move orders of other cards. ``color``
    names its color in the bar.
    """

    name: str
    text: str
    count: int
    bad: bool
    unless_moved: str = ""

    @property
    def color(self) -> str:
        return _COLORS.get(self.name, "stays")


@dataclass(frozen=True, slots=True)
class Bar:
    """A filter's part of the bar, in hundredths of its width, as its SVG has them."""

    filter: Filter
    x: str
    width: str


@dataclass(frozen=True, slots=True)
class Part:
    """Rows that stand together in the list, in the order of ``key``, which an index follows."""

    items: QuerySet[JobItem]
    key: str
    count: int


def tally_of(job: Job) -> dict[str, int]:
    """How many rows have each outcome of the preview, from all rows; those worked before are left out."""
    items = JobItem.objects.filter(job=job).exclude(state__in=OUTCOMES)
    counted = items.exclude(verdict="").order_by().values("verdict").annotate(count=Count("pk"))
    return dict(counted.values_list("verdict", "count"))


def left_at_start(job: Job) -> dict[str, int]:
    """How many rows of a started job were left out because nobody agreed, or might agree, to them."""
    left = JobItem.objects.filter(job=job, state=S.LEFT)
    return {
        NOT_AGREED: left.filter(verdict=V.MOVE, reason=NOT_AGREED).count(),
        V.CANCEL.value: left.filter(verdict=V.CANCEL).count(),
    }


def filters(job: Job) -> list[Filter]:
    """The outcomes to choose from: what will happen before the start, what has happened afterwards."""
    found = _counts(job)
    chips = [Filter("", _("All"), job.rows, bad=False)]
    if job.started_at is not None:
        chips += _outcomes(job, found.get(NOT_AGREED, 0))
    return chips + [
        Filter(
            name.value,
            texts.words(texts.VERDICTS, name),
            found[name],
            bad=name in BAD,
            unless_moved=unless_moved(job, name),
        )
        for name in _GROUPS
        if found.get(name)
    ]


def bar(found: Sequence[Filter]) -> list[Bar]:
    """The outcomes side by side, all rows left out; even a single row of many can be seen."""
    shown = [item for item in found if item.name not in ("", OVERRODE)]
    least = sum(item.count for item in shown) / 150
    widths = [max(item.count, least) for item in shown]
    bars, x, total = [], 0.0, sum(widths)
    for item, width in zip(shown, widths, strict=True):
        bars.append(Bar(item, f"{x:.2f}", f"{100 * width / total:.2f}"))
        x += 100 * width / total
    return bars


def _counts(job: Job) -> Mapping[str, int]:
    """Rows by verdict: in a preview those without an outcome, afterwards those that were left out."""
    if job.state == Job.State.PLANNING:
        return {}
    counts = tally_of(job) if job.tally is None else job.tally
    if job.previewing:
        return counts
    if job.tally is None:
        counts = {**counts, **left_at_start(job)}
    # Cancellations in the tally of a started job are those that were left out.
    done = TO_BE_DONE - {V.CANCEL}
    return {name: count for name, count in counts.items() if name not in done}


def _outcomes(job: Job, not_agreed: int) -> list[Filter]:
    waiting = 0 if job.previewing else job.total - job.handled
    chips = (
        Filter(WAITING, _("Waiting"), waiting, bad=False),
        Filter(S.DONE.value, _("Done"), job.done, bad=False),
        Filter(S.SKIPPED.value, _("Skipped"), job.skipped, bad=True),
        Filter(S.FAILED.value, _("Failed"), job.failed, bad=True),
        Filter(NOT_AGREED, _("Not moved"), not_agreed, bad=False),
        Filter(OVERRODE, _("Replaced a change"), _count_overrode(job), bad=True),
    )
    return [filter_ for filter_ in chips if filter_.count > 0]


def _count_overrode(job: Job) -> int:
    """How many rows replaced somebody's change: counted again only after more rows are done."""
    tally = job.tally or {}
    done, count = tally.get(_OVERRODE_OF_DONE, (0, 0))
    if done == job.done:
        return int(count)
    found = _overrode(job).count()
    if job.tally is not None and job.state in transitions.RESTING:
        tally = {**tally, _OVERRODE_OF_DONE: [job.done, found]}
        Job.objects.of(job.portal).filter(pk=job.pk, done=job.done).update(tally=tally)
    return found


def _overrode(job: Job) -> QuerySet[JobItem]:
    return JobItem.objects.filter(job=job, state=S.DONE, reason=OVERRODE)


def known(show: str) -> str:
    """The name of a filter as a query has it; empty, for all rows, where no filter has that name."""
    names = {WAITING, OVERRODE, NOT_AGREED, *map(str, OUTCOMES), *V.values}
    return show if show in names else ""


def chosen(job: Job, show: str) -> QuerySet[JobItem]:
    """The rows behind a filter; all of them for an empty name."""
    items = JobItem.objects.filter(job=job).order_by("row")
    if show in OUTCOMES:
        return items.filter(state=show)
    if show == WAITING:
        return items.filter(state__in=_WAITING_STATES)
    if show == OVERRODE:
        return _overrode(job).order_by("pk")
    if show == NOT_AGREED:
        return items.filter(verdict=V.MOVE, reason=NOT_AGREED)
    return items.filter(verdict=show).exclude(state__in=OUTCOMES) if show else items


def parts(job: Job, show: str) -> list[Part]:
    """The rows with an outcome as the page lists them: those of a preview by outcome, doubtful ones first.

    The rows of a job were stored in the order of the list, so that their keys follow it.
    """
    counts = {item.name: item.count for item in filters(job)}
    if show == WAITING:
        return _waiting_parts(job, counts.get(WAITING, 0))
    if show in (*OUTCOMES, OVERRODE):
        return [Part(chosen(job, show), "pk", counts.get(show, 0))]
    if not show and grouped(job):
        names = [name for name in _GROUPS if counts.get(name)]
        return [Part(chosen(job, name), "row", counts[name]) for name in names]
    return [Part(chosen(job, show), "row", counts.get(show, 0))]


def _waiting_parts(job: Job, count: int) -> list[Part]:
    found = []
    for state in _WAITING_STATES:
        items = JobItem.objects.filter(job=job, state=state)
        size = max(0, count) if state == S.PENDING else items.count()
        found.append(Part(items, "pk", size))
        count -= size
    return found


def grouped(job: Job) -> bool:
    """Whether the list of all rows is ordered by outcome: in a preview none of whose rows is worked yet."""
    return job.state == Job.State.PLANNED and not job.handled


def unless_moved(job: Job, verdict: str) -> str:
    """What a row to be moved is called in a preview where the move is still to be agreed to."""
    asks = job.kind == Job.Kind.LINK and job.state == Job.State.PLANNED
    return _("Linked elsewhere") if asks and verdict == V.MOVE else ""

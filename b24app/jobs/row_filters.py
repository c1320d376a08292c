"""Which rows of a job the page shows: all of them, or those behind a chip, in which order."""

from dataclasses import dataclass

from django.db.models import Case, Count, QuerySet, SmallIntegerField, Value, When
from django.utils.translation import gettext as _

from b24app.jobs import texts
from b24app.jobs.judging import OVERRODE
from b24app.jobs.models import Job, JobItem

S, V = JobItem.State, JobItem.Verdict

BAD = frozenset({V.NO_ORDER, V.SEVERAL, V.NO_CARD, V.NO_RIGHT, V.BAD, V.DOUBT})
"""Outcomes of a preview that need a look."""
OUTCOMES = (S.DONE, S.SKIPPED, S.FAILED)
NOT_AGREED = "not_agreed"
"""Why a row is left where it is: nobody agreed to move it."""

# Outcomes in a preview, what needs a look first.
_GROUPS = (
    V.DOUBT, V.BAD, V.NO_ORDER, V.SEVERAL, V.NO_CARD, V.NO_RIGHT, V.ELSEWHERE, V.CANCEL, V.MOVE,
    V.LINK, V.UNLINK, V.CHANGE, V.EXPORT, V.TWICE, V.ALREADY,
)  # fmt: skip

_WAITING = (S.PENDING, S.CLAIMED, S.WRITING, S.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Filter:
    """One chip: the rows with this verdict or outcome, and how many there are.

    ``unless_moved`` is what it says until somebody agrees to move orders of other cards.
    """

    name: str
    text: str
    count: int
    bad: bool
    unless_moved: str = ""


def filters(job: Job) -> list[Filter]:
    """Chips over the rows: what will happen before the start, what has happened afterwards."""
    items = JobItem.objects.filter(job=job)
    left = _by_verdict(job, items)
    counted = left.exclude(verdict="").values("verdict").annotate(count=Count("pk"))
    found = dict(counted.values_list("verdict", "count"))
    chips = [Filter("", _("All"), job.rows, bad=False)]
    if job.started_at is not None:
        chips += _outcomes(job, items.filter(state=S.LEFT, reason=NOT_AGREED).count())
    return chips + [
        Filter(
            name.value,
            texts.words(texts.VERDICTS, name),
            found[name],
            bad=name in BAD,
            unless_moved=unless_moved(job, name),
        )
        for name in _GROUPS
        if name in found
    ]


def _by_verdict(job: Job, items: QuerySet[JobItem]) -> QuerySet[JobItem]:
    """The rows that are shown by their verdict: in a preview those without an outcome, afterwards those
    that were left as they are.
    """
    if job.previewing:
        return items.exclude(state__in=OUTCOMES)
    return items.filter(state=S.LEFT).exclude(reason=NOT_AGREED)


def _outcomes(job: Job, not_agreed: int) -> list[Filter]:
    overrode = JobItem.objects.filter(job=job, state=S.DONE, reason=OVERRODE).count()
    chips = (
        Filter(
            "waiting", _("Waiting"), 0 if job.previewing else job.total - job.handled, bad=False
        ),
        Filter(S.DONE.value, _("Done"), job.done, bad=False),
        Filter(S.SKIPPED.value, _("Skipped"), job.skipped, bad=True),
        Filter(S.FAILED.value, _("Failed"), job.failed, bad=True),
        Filter(NOT_AGREED, _("Not moved"), not_agreed, bad=False),
        Filter(OVERRODE, _("Replaced a change"), overrode, bad=True),
    )
    return [filter_ for filter_ in chips if filter_.count > 0]


def chosen(job: Job, show: str) -> QuerySet[JobItem]:
    """The rows behind a chip; all of them for a name that is none."""
    items = JobItem.objects.filter(job=job).order_by("row")
    if show in OUTCOMES:
        return items.filter(state=show)
    if show == "waiting":
        return items.filter(state__in=_WAITING)
    if show == OVERRODE:
        return items.filter(state=S.DONE, reason=OVERRODE)
    if show == NOT_AGREED:
        return items.filter(state=S.LEFT, reason=NOT_AGREED)
    if show not in V.values:
        return items
    return _by_verdict(job, items.filter(verdict=show))


def grouped(job: Job, show: str) -> QuerySet[JobItem]:
    """The rows behind a chip as the page shows them: those of a preview by outcome, doubtful ones first."""
    items = chosen(job, show)
    if show or not job.previewing:
        return items
    ranks = [When(verdict=name, then=Value(rank)) for rank, name in enumerate(_GROUPS)]
    rank = Case(*ranks, default=Value(len(_GROUPS)), output_field=SmallIntegerField())
    return items.order_by(rank, "row")


def unless_moved(job: Job, verdict: str) -> str:
    """What a row to be moved is called in a preview where the move is still to be agreed to."""
    asks = job.kind == Job.Kind.LINK and job.state == Job.State.PLANNED
    return _("Linked elsewhere") if asks and verdict == V.MOVE else ""

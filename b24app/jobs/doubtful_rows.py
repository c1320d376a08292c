"""Rows with two possible meanings, taken as the person chose on the columns step."""

from django.db.models import Count, F, Max, Min, QuerySet

from b24app.imports.values import is_order_id
from b24app.jobs.column_choice import FIRST, ColumnChoice
from b24app.jobs.models import Job, JobItem, JobSource

OTHER_ROW = "other_row"
"""Why a row is left out: the person has taken another row of the same order."""

S, V = JobItem.State, JobItem.Verdict


def choice_of(job: Job) -> ColumnChoice:
    """What the person has chosen for the job's file or list; nothing chosen where there is no choice."""
    kept = JobSource.objects.filter(job=job).values_list("choice", flat=True).first()
    return ColumnChoice.kept(kept or {}) or ColumnChoice()


def taken_as_ids(job: Job) -> bool:
    """Take what is nobody's number as an order's ID, if that was chosen; True if rows are new by it."""
    if not choice_of(job).ids:
        return False
    lost = JobItem.objects.filter(job=job, verdict=V.NO_ORDER, named=JobItem.Named.NUMBER)
    items = [element for element in lost.order_by("pk") if is_order_id(element.order_text)]
    for item in items:
        item.order_id, item.named = int(item.order_text), JobItem.Named.ID
        item.verdict, item.state = "", S.NEW
    JobItem.objects.rewrite(items, ["order_id", "named", "verdict", "state"])
    _looked_less(job, len(items))
    return bool(items)


def contradicting(job: Job) -> QuerySet[JobItem]:
    """Rows of a file or a list that name different cards for one order."""
    if job.origin not in (Job.Origin.FILE, Job.Origin.LIST):
        return JobItem.objects.none()
    named = _identified(job)
    place = "expected" if job.kind == Job.Kind.UNLINK else "wanted"
    several = named.order_by().values("order_id").annotate(places=Count(place, distinct=True))
    return named.filter(order_id__in=several.filter(places__gt=1).values("order_id"))


def choose_duplicates(job: Job) -> bool:
    """Of rows that contradict each other take the first or the last, if that was chosen, and leave out
    the others; True if rows are new by it.
    """
    which = choice_of(job).duplicates
    if not which:
        return False
    end = Min("pk") if which == FIRST else Max("pk")

    def taken() -> QuerySet[JobItem, int]:
        each = contradicting(job).order_by().values("order_id").annotate(chosen=end)
        return each.values_list("chosen", flat=True)

    count = contradicting(job).filter(pk__in=taken()).update(verdict="", state=S.NEW)
    others = contradicting(job).exclude(pk__in=taken())
    others.update(verdict=V.TWICE, state=S.LEFT, reason=OTHER_ROW)
    _looked_less(job, count)
    return count > 0


def _identified(job: Job) -> QuerySet[JobItem]:
    known = JobItem.objects.filter(job=job, order_id__gt=0)
    return known.exclude(verdict=V.BAD).exclude(reason=OTHER_ROW)


def _looked_less(job: Job, count: int) -> None:
    """The preview counts these rows when it looks at them again."""
    Job.objects.of(job.portal).filter(pk=job.pk).update(looked=F("looked") - count)

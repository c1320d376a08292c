"""Somebody's change that a job's write has overridden: what it was, who made it, and how it is told.

Kept in the row's ``detail`` as ``2:7021|Anna Schmidt``: a place, a status or a person, then the
name, empty where the change was not made through the app.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from django.utils.translation import gettext as _

from b24app.jobs import work
from b24app.jobs.judging import OVERRODE, Result
from b24app.jobs.models import Job, JobItem
from b24app.journal import audit

LONGEST_DETAIL = 200

# States in which a job can be undone, as a whole or for one row.
UNDOABLE = (Job.State.DONE, Job.State.STOPPED, Job.State.PAUSED)


def with_authors(job: Job, results: Iterable[Result]) -> list[Result]:
    """The results; those that overrode a change with what it was and who made it."""
    found = list(results)
    seen = {result.item.order_id: result.seen for result in found if result.seen is not None}
    if not seen:
        return found
    prop = work.changing(job).prop
    latest = audit.latest_of(job.portal, seen, prop.name)
    names = {
        order_id: entry.user_name
        for order_id, entry in latest.items()
        if prop.undoing(entry.trail).seen == seen[order_id]
    }
    return [
        result
        if result.seen is None
        else replace(result, detail=_detail(result.seen, names.get(result.item.order_id, "")))
        for result in found
    ]


def _detail(value: str, person: str) -> str:
    """Both as a row keeps them; a comment is cut, so that the person is always there."""
    person = person[: LONGEST_DETAIL // 2]
    return f"{value[: LONGEST_DETAIL - len(person) - 1]}|{person}"


def text(item: JobItem, *, links: bool, named: Callable[[str], str]) -> str:
    """What the row says: what was overridden and by whom it had been made; ``named`` names a value."""
    value, _sep, person = item.detail.rpartition("|")
    words = {"value": named(value), "person": person}
    if links and not value:
        told = _("%(person)s had just unlinked it") if person else _("It had just been unlinked")
    elif links:
        told = (
            _("%(person)s had just linked it to %(value)s")
            if person
            else _("It had just been linked to %(value)s")
        )
    else:
        told = (
            _("%(person)s had just changed it to %(value)s")
            if person
            else _("It had just been changed to %(value)s")
        )
    return _("%(change)s; this job replaced that change") % {"change": told % words}


def can_put_back(job: Job, item: JobItem) -> bool:
    """Whether the row offers to put back what it has overridden."""
    return item.reason == OVERRODE and item.state == JobItem.State.DONE and job.state in UNDOABLE


def orders_of_rows(job: Job, rows: Sequence[int]) -> list[int]:
    """The orders of these rows of the job that overrode somebody's change."""
    found = JobItem.objects.filter(job=job, row__in=rows, reason=OVERRODE)
    return list(found.values_list("order_id", flat=True))

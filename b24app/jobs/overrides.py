"""Changes of other people that a job's write has replaced: the value, who set it, and the row's text.

The row's ``detail`` stores them as ``2:7021|Anna Schmidt``: a card, a status or a person, then the name
of who set it, empty if the change was not made through the app.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from django.utils.translation import gettext as _

from b24app.jobs import work
from b24app.jobs.judging import OVERRODE, Result
from b24app.jobs.models import Job, JobItem
from b24app.journal import audit

MAX_DETAIL_CHARACTERS = 200

# States in which a job can be undone, as a whole or for one row.
UNDOABLE = (Job.State.DONE, Job.State.STOPPED, Job.State.PAUSED)


def with_authors(job: Job, results: Iterable[Result]) -> list[Result]:
    """The results; for those that replaced a change, with its value and who made it."""
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
    person = person[: MAX_DETAIL_CHARACTERS // 2]
    return f"{value[: MAX_DETAIL_CHARACTERS - len(person) - 1]}|{person}"


def text(item: JobItem, *, links: bool, named: Callable[[str], str]) -> str:
    """The row's text: what was replaced and who had made it. ``named`` returns the name of a value."""
    value, _sep, person = item.detail.rpartition("|")
    words = {"value": named(value), "person": person}
    if links and not value:
        change = _("%(person)s had just unlinked it") if person else _("It had just been unlinked")
    elif links:
        change = (
            _("%(person)s had just linked it to %(value)s")
            if person
            else _("It had just been linked to %(value)s")
        )
    else:
        change = (
            _("%(person)s had just changed it to %(value)s")
            if person
            else _("It had just been changed to %(value)s")
        )
    return _("%(change)s; this job replaced that change") % {"change": change % words}


def can_put_back(job: Job, item: JobItem) -> bool:
    """Whether the row offers to restore the change it has replaced."""
    return item.reason == OVERRODE and item.state == JobItem.State.DONE and job.state in UNDOABLE


def orders_of_rows(job: Job, rows: Sequence[int]) -> list[int]:
    """The orders of those rows that replaced another person's change."""
    found = JobItem.objects.filter(job=job, row__in=rows, reason=OVERRODE)
    return list(found.values_list("order_id", flat=True))

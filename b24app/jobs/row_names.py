"""Names for the values in a job's rows: the cards orders are taken from, statuses, people.

Read once, at the end of the preview, with the token of the person the job is for; shown from then on.
"""

from collections.abc import Mapping

from django.db.models import QuerySet
from django.utils import translation
from django.utils.translation import gettext as _

from b24app import dictionaries
from b24app.bitrix24 import batch
from b24app.bitrix24.ask import Ask
from b24app.changes.properties import place_of, place_text, status_value
from b24app.jobs.models import Job, JobItem, JobName
from b24app.orders import cards, parsing
from b24app.orders.types import Status

# Beyond so many people their IDs alone are shown.
MAX_PEOPLE = 100

V = JobItem.Verdict


def question(job: Job, room: int) -> Ask[Mapping[str, str]]:
    """Names by value, for :func:`keep`, in at most ``room`` commands; nothing the rows have already.

    What was refused, or is closed to this person, has none.
    """
    if job.subject == Job.Kind.STATUS:
        return dictionaries.current_statuses().map(lambda found: _statuses(job, found))
    if job.subject == Job.Kind.RESPONSIBLE:
        return _people(job)
    taken = JobItem.objects.filter(job=job, verdict__in=[V.MOVE, V.UNLINK])
    # Each type of card begins a page of its own.
    most = (room - 1) * batch.SIZE
    # A card that all of its orders leave has been opened for the verdict already.
    seen = _distinct(taken.exclude(wanted="", card_title__gt=""), "seen", most)
    owners = (owner for text in seen if (owner := place_of(text)))
    return cards.cards_of_any_type(owners).map(
        lambda listed: {place_text(owner): card.title for owner, card in listed.found.items()}
    )


def keep(job: Job, names: Mapping[str, str]) -> None:
    """Store the names that were read."""
    JobName.objects.bulk_create(
        [JobName(job=job, value=value, name=name[:100]) for value, name in names.items() if name],
        batch_size=500,
        ignore_conflicts=True,
    )


def of_rows(job: Job, items: "list[JobItem]") -> Mapping[str, str]:
    """The names of the values in these rows, by value."""
    values = {value for item in items for value in (item.seen, item.wanted)} - {""}
    named = JobName.objects.filter(job=job, value__in=values)
    titled = [item for item in items if item.card_title]
    targets = {item.wanted or item.expected or "": item.card_title for item in titled}
    return targets | dict(named.values_list("value", "name"))


def _statuses(job: Job, known: Mapping[str, Status]) -> dict[str, str]:
    """Names of the statuses, and of each as the status of a cancelled order."""
    names = dict(dictionaries.named(known, job.language))
    with translation.override(job.language):
        cancelled = {
            status_value(code, cancelled=True): _("%(status)s, cancelled") % {"status": name}
            for code, name in names.items()
        }
    return names | cancelled


def _people(job: Job) -> Ask[Mapping[str, str]]:
    items = JobItem.objects.filter(job=job)
    ids = {*_distinct(items, "seen", MAX_PEOPLE), *_distinct(items, "wanted", MAX_PEOPLE)}
    names = dictionaries.current_names({parsing.identifier(item_id) for item_id in ids} - {0})
    return names.map(lambda found: {str(pk): name for pk, name in found.items()})


def _distinct(items: QuerySet[JobItem], field: str, most: int) -> list[str]:
    return list(items.order_by(field).values_list(field, flat=True).distinct()[:most])

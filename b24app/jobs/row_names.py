"""Names for what stands in a job's rows: the cards orders are taken from, statuses, people.

Read once, at the end of the preview, with the token of the person the job is for; shown from then on.
"""

from collections.abc import Mapping

from django.db.models import QuerySet

from b24app import dictionaries
from b24app.bitrix24.client import Command
from b24app.changes.properties import place_of, place_text
from b24app.jobs.models import Job, JobItem, JobName
from b24app.jobs.work import Outcomes
from b24app.orders import cards, parsing

# Beyond so many cards (people) their numbers (IDs) alone are shown.
MOST_CARDS, MOST_PEOPLE = 2500, 100

V = JobItem.Verdict


def questions(job: Job) -> dict[str, Command]:
    """Commands that read the names, for :func:`keep`; none where the rows have them already."""
    if job.subject == Job.Kind.STATUS:
        return dict(dictionaries.STATUSES)
    if job.subject == Job.Kind.RESPONSIBLE:
        return _people(job)
    taken = JobItem.objects.filter(job=job, verdict__in=[V.MOVE, V.UNLINK])
    # A card that all of its orders leave has been opened for the verdict already.
    seen = _distinct(taken.exclude(wanted="", card_title__gt=""), "seen", MOST_CARDS)
    return cards.listing_of(owner for text in seen if (owner := place_of(text)))


def keep(job: Job, outcomes: Outcomes) -> None:
    """Store the names that were read. What was refused, or is closed to this person, has none."""
    found = {place_text(owner): card.title for owner, card in cards.listed(outcomes).items()}
    if job.subject == Job.Kind.STATUS:
        found = dict(dictionaries.named(dictionaries.statuses_read(outcomes), job.language))
    elif job.subject == Job.Kind.RESPONSIBLE:
        found = {str(pk): name for pk, name in dictionaries.people_read(outcomes).items()}
    JobName.objects.bulk_create(
        [JobName(job=job, value=value, name=name[:100]) for value, name in found.items() if name],
        batch_size=500,
        ignore_conflicts=True,
    )


def of_rows(job: Job, items: "list[JobItem]") -> Mapping[str, str]:
    """The names of what stands in these rows, by value."""
    values = {value for item in items for value in (item.seen, item.wanted)} - {""}
    named = JobName.objects.filter(job=job, value__in=values)
    titled = [item for item in items if item.card_title]
    targets = {item.wanted or item.expected or "": item.card_title for item in titled}
    return targets | dict(named.values_list("value", "name"))


def _people(job: Job) -> dict[str, Command]:
    items = JobItem.objects.filter(job=job)
    ids = {*_distinct(items, "seen", MOST_PEOPLE), *_distinct(items, "wanted", MOST_PEOPLE)}
    return dictionaries.people_commands({parsing.identifier(one) for one in ids} - {0})


def _distinct(items: QuerySet[JobItem], field: str, most: int) -> list[str]:
    return list(items.order_by(field).values_list(field, flat=True).distinct()[:most])

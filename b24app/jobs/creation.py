"""New jobs: from a selection or all of a card, a search, a pasted list, a file, or to take one back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction

from b24app.changes.properties import place_of, place_text
from b24app.jobs import control, row_sources, transitions
from b24app.jobs.models import Job, JobItem, JobSource
from b24app.orders.types import Owner
from b24app.portals.models import PortalUser

# Jobs of one person whose preview or work is not finished; whoever asks for more is mistaken.
MAX_OPEN_JOBS = 20


class TooMany(Exception):
    """The person has so many unfinished jobs already that another one would only add to a mistake."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a person asks for. ``wanted`` is a place, a status or a person, as kept in the rows."""

    kind: str
    origin: str
    title: str = ""
    card: Owner | None = None
    wanted: str = ""
    may_move: bool = False


def of_orders(
    user: PortalUser, asked: Order, orders: Sequence[tuple[int, str | None]], language: str
) -> Job:
    """A job over orders known by id, each with where it is expected to be linked (None: anywhere)."""
    with transaction.atomic():
        job = _made(user, asked, language)
        JobItem.objects.bulk_create(row_sources.rows_of_orders(job, orders, 1), batch_size=500)
        job.rows, job.gathered = len(orders), True
        job.save(update_fields=["rows", "gathered"])
        control.begin(job)
    return job


def of_source(user: PortalUser, asked: Order, content: bytes, language: str) -> Job:
    """A job over the rows of an uploaded file or a pasted text."""
    with transaction.atomic():
        job = _made(user, asked, language)
        JobSource.objects.create(job=job, content=content)
        control.begin(job)
    return job


def of_search(user: PortalUser, asked: Order, search: Mapping[str, object], language: str) -> Job:
    """A job over everything a search finds, or (an empty search) all that a card holds."""
    with transaction.atomic():
        job = _made(user, asked, language, cursor=dict(search))
        control.begin(job)
    return job


def undo(user: PortalUser, job: Job, language: str, orders: Sequence[int] = ()) -> Job:
    """A job that brings back what ``job`` has changed, as far as nobody has changed it since.

    Only for ``orders`` where some are named. Somebody who asks twice gets the same job, as long as
    it was not started.
    """
    card = place_of(job.card)
    asked = Order(Job.Kind.RESTORE, Job.Origin.UNDO, job.title, card=card, may_move=True)
    cursor = {"orders": sorted(orders)} if orders else {}
    with transaction.atomic():
        # Held until the new job is there: of two clicks the second finds it.
        Job.objects.of(job.portal).select_for_update().get(pk=job.pk)
        undos = Job.objects.of(job.portal).filter(user=user, undoes=job, started_at=None)
        for found in undos.filter(state__in=[Job.State.PLANNING, Job.State.PLANNED]):
            if found.cursor.get("orders", []) == cursor.get("orders", []):
                return found
        made = _made(user, asked, language, undoes=job, subject=job.subject, cursor=cursor)
        control.begin(made)
    return made


def _made(user: PortalUser, asked: Order, language: str, **more: object) -> Job:
    unfinished = Job.objects.of(user.portal).filter(user=user).exclude(state__in=transitions.ENDED)
    if unfinished.count() >= MAX_OPEN_JOBS:
        raise TooMany
    fields = {
        "kind": asked.kind,
        "subject": asked.kind,
        "origin": asked.origin,
        "title": asked.title[:200],
        "card": place_text(asked.card),
        "wanted": asked.wanted,
        "may_move": asked.may_move,
        "language": language,
    }
    return Job.objects.create(portal=user.portal, user=user, acting=user, **fields | more)

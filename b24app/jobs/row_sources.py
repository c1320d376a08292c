"""Where a job's rows come from: a card's links, a search, a file, or the audit trail of what is undone.

Rows are kept piece by piece with the place to go on from, so a worker that dies loses none and
makes none twice.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import F

from b24app.bitrix24 import batch, errors
from b24app.bitrix24.client import Client
from b24app.bitrix24.filters import Filter, Op
from b24app.changes.properties import place_of, place_text
from b24app.connect import answer_in_background
from b24app.imports import source
from b24app.imports.table import Unreadable
from b24app.jobs import file_rows, transitions, work
from b24app.jobs.column_choice import COLUMNS_CAN_BE_CHOSEN, ColumnChoice
from b24app.jobs.models import Job, JobItem, JobSource
from b24app.jobs.worker_slots import WorkerSlot
from b24app.journal.models import AuditEntry
from b24app.orders import cards, links, scan, search
from b24app.orders.types import DEAL, OrderLink, Owner

MAX_ROWS = 100_000
PIECE = 2500
# Seconds that reading a large spreadsheet up to the first row that is not here may take.
SECONDS = 60.0
# As many pages as one request has room for.
PAGES_AT_ONCE = batch.SIZE
# Times a card is read from the top, while each time brings something new.
MAX_PASSES = 5

S, V = JobItem.State, JobItem.Verdict


def step(slot: WorkerSlot, own: Client) -> float:
    """Gather the next piece of rows; 0.0, for there is always more to do afterwards.

    A source that cannot be read ends the job with its reason. It is kept only where a person can still
    choose its columns. Raises what the portal refuses.
    """
    slot.renew(SECONDS)
    try:
        _SOURCES[Job.Origin(slot.job.origin)](slot, own)
    except Unreadable as problem:
        facts = {"facts": problem.facts} if problem.facts else {}
        reason = _reason(slot.job, problem.reason)
        transitions.change(slot.job, Job.State.FAILED, reason, {"reading": facts})
        if reason not in COLUMNS_CAN_BE_CHOSEN:
            JobSource.objects.filter(job=slot.job).delete()
    return 0.0


def _reason(job: Job, reason: str) -> str:
    """Why a source cannot be read; a text named like a workbook is reported first."""
    named = job.origin == Job.Origin.FILE and job.title.lower().endswith((".xlsx", ".xls", ".ods"))
    if not named or reason not in ("not_a_table", "no_order_column"):
        return reason
    content = bytes(JobSource.objects.get(job=job).content)
    return reason if source.is_workbook(content) else "not_excel"


def rows_of_orders(job: Job, orders: Iterable[tuple[int, str | None]], first: int) -> list[JobItem]:
    """Rows for orders known by id, each with where it is expected to be linked (None: anywhere)."""
    return [
        JobItem(job=job, row=first + at, order_id=order_id, expected=expected, wanted=job.wanted)
        for at, (order_id, expected) in enumerate(orders)
    ]


def keep(
    slot: WorkerSlot, items: list[JobItem], cursor: Mapping[str, object], *, end: bool
) -> None:
    """Store a piece and where to go on.

    Raises :class:`worker_slots.Lost`, and ``Unreadable`` past the limit.
    """
    job = slot.job
    if job.rows + len(items) > MAX_ROWS:
        raise Unreadable("too_many")
    bad = sum(1 for item in items if item.verdict in (V.BAD, V.DOUBT))
    with transaction.atomic():
        slot.renew()
        JobItem.objects.bulk_create(items, batch_size=500)
        Job.objects.of(job.portal).filter(pk=job.pk).update(
            rows=F("rows") + len(items),
            looked=F("looked") + bad,
            cursor=dict(cursor),
            gathered=end,
        )
    job.refresh_from_db(fields=["rows", "cursor", "gathered"])
    transitions.answered(job)


def _from_card(slot: WorkerSlot, own: Client) -> None:
    """All links of the card, by order ID downwards: an order that leaves meanwhile hides no other.

    Once the end is reached the card is read again from the top, until a whole pass brings nothing
    new: what was linked meanwhile is among the rows too.
    """
    job = slot.job
    owner = place_of(job.card)
    if owner is None:
        raise Unreadable("empty")
    below, turn = int(job.cursor.get("below", 0)), int(job.cursor.get("pass", 1))
    pages = PAGES_AT_ONCE if below or turn > 1 else 1
    filters = links.filters_of(owner)
    read = answer_in_background(own, scan.links_below(filters, below, pages)).rows
    ids = {link.order_id for link in read if link.owner == owner}
    ids -= set(JobItem.objects.filter(job=job, order_id__in=ids).values_list("order_id", flat=True))
    expected = job.card if work.subject_of(job).links else None
    places = [(pk, expected) for pk in sorted(ids, reverse=True)]
    fresh = bool(ids) or job.cursor.get("fresh") is True
    # A page that is not full is the last one. Where it was the only one, nothing came in between.
    last = len(read) % batch.SIZE != 0 or not read
    several = below > 0 or turn > 1 or len(read) >= batch.SIZE
    again = last and fresh and several and turn < MAX_PASSES
    cursor = {"below": 0 if last else read[-1].order_id, "pass": turn + again, "fresh": fresh}
    if again:
        cursor["fresh"] = False
    items = rows_of_orders(job, places, job.rows + 1)
    keep(slot, items, cursor, end=last and not again)


def _from_search(slot: WorkerSlot, own: Client) -> None:
    cursor = dict(slot.job.cursor)
    if "links" in cursor:
        _from_links(slot, own, cursor)
        return
    wanted = search.Wanted(
        card=Owner(DEAL, 0),
        text=str(cursor.get("text", "")),
        since=_day(cursor.get("since")),
        until=_day(cursor.get("until")),
        unlinked=cursor.get("unlinked") is True,
        below=int(cursor.get("below", 0)),
    )
    ids, more = own.answer(search.ids_matching(wanted))
    have = JobItem.objects.filter(job=slot.job, order_id__in=ids)
    known = set(have.values_list("order_id", flat=True))
    fresh = [(order_id, None) for order_id in ids if order_id not in known]
    items = rows_of_orders(slot.job, fresh, slot.job.rows + 1)
    keep(slot, items, cursor | {"below": more}, end=not more)


def _from_links(slot: WorkerSlot, own: Client, cursor: Mapping[str, Any]) -> None:
    """Links by conditions, newest orders first, each expected where it was found."""
    filters = [Filter(field, Op(op), value) for field, op, value in cursor["links"]]
    asked = scan.links_below(filters, int(cursor.get("below", 0)), PAGES_AT_ONCE)
    read = answer_in_background(own, asked).rows
    found = _without_card(own, read) if cursor.get("gone") is True else read
    places = [(link.order_id, place_text(link.owner)) for link in found]
    items = rows_of_orders(slot.job, places, slot.job.rows + 1)
    below = read[-1].order_id if read else 0
    keep(slot, items, {**cursor, "below": below}, end=not read)


def _without_card(own: Client, found: Sequence[OrderLink]) -> list[OrderLink]:
    """Links whose deal or invoice this person is not shown: gone, or closed to them.

    The preview distinguishes the two. A type of card that the portal does not have proves
    nothing; any other refusal is raised.
    """
    listed = answer_in_background(own, cards.cards_of(link.owner for link in found))
    for error in listed.refusals.values():
        if not isinstance(error, errors.NotFound):
            raise error
    lost = listed.missing()
    return [link for link in found if link.owner in lost]


def _day(value: object) -> date | None:
    return date.fromisoformat(value) if isinstance(value, str) and value else None


def _from_source(slot: WorkerSlot, own: Client) -> None:
    """The rows of an uploaded file or a pasted list, from the first one that is not here yet."""
    job = slot.job
    given = JobSource.objects.get(job=job)
    choice = ColumnChoice.kept(given.choice) or ColumnChoice()
    last = JobItem.objects.filter(job=job).order_by("-row").values_list("row", flat=True).first()
    rows = (row for row in file_rows.rows_of(job, given, own) if row.number > (last or 0))
    while piece := [file_rows.item_of(job, row, choice) for row in islice(rows, PIECE)]:
        keep(slot, piece, {}, end=False)
    if not job.rows:
        raise Unreadable("empty")
    Job.objects.of(job.portal).filter(pk=job.pk).update(reading=job.reading)
    keep(slot, [], {}, end=True)


def _from_trail(slot: WorkerSlot, own: Client) -> None:
    """What the job to be undone has changed, from the audit trail: nothing that was undone since.

    Only of some orders where the cursor names them.
    """
    job = slot.job
    if job.undoes is None:
        raise Unreadable("empty")
    entries = AuditEntry.objects.of(job.portal).filter(change=job.undoes.change, certain=True)
    chosen = {name: job.cursor[name] for name in ("orders",) if name in job.cursor}
    if chosen:
        entries = entries.filter(order_id__in=chosen["orders"])
    undone = entries.filter(pk__gt=int(job.cursor.get("entry", 0))).exclude(undone_by__certain=True)
    found = list(undone.order_by("pk")[:PIECE])
    prop = work.changing(job).prop
    undos = ((item, prop.undoing(item.trail)) for item in found)
    items = [
        JobItem(
            job=job,
            row=job.rows + at,
            order_id=entry.order_id,
            order_number=entry.order_number,
            expected=undo.seen,
            wanted=undo.wanted,
            undoes=entry.pk,
        )
        for at, (entry, undo) in enumerate(undos, start=1)
    ]
    last = found[-1].pk if found else 0
    keep(slot, items, {**chosen, "entry": last}, end=len(found) < PIECE)


_SOURCES: Mapping[Job.Origin, Callable[[WorkerSlot, Client], None]] = {
    Job.Origin.CARD: _from_card,
    Job.Origin.SEARCH: _from_search,
    Job.Origin.LIST: _from_source,
    Job.Origin.FILE: _from_source,
    Job.Origin.UNDO: _from_trail,
}

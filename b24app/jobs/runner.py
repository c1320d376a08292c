"""One slice of a job: works for at most 30 seconds, then gives its worker to the next slice.

A slice claims rows, reads their orders, writes in batches of at most 5 seconds and records the results: a
row's outcome, its audit entry and the job's counters in one transaction. Nothing is written blind. Each
order's value is read before its write, together with the writes of the previous batch, and an order
that was changed since the preview is skipped. The writing request reads the values once more before it
writes; the audit entry and undo use those. Rows that were being written when a worker died are read
back first.
"""

import time
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from b24app.bitrix24 import batch, errors
from b24app.bitrix24.ask import together, value_of
from b24app.bitrix24.budget import SharedBudget
from b24app.bitrix24.portal_limits import Priority, View
from b24app.changes.applying import writing
from b24app.changes.properties import place_of
from b24app.connect import SHORT_WAIT_SECONDS, answer_in_background
from b24app.jobs import (
    batch_sizes,
    job_clients,
    judging,
    order_export,
    overrides,
    preview,
    refusals,
    takeover,
    transitions,
    work,
    worker_slots,
)
from b24app.jobs.batch_sizes import BATCH, SLICE
from b24app.jobs.judging import Result
from b24app.jobs.models import Job, JobItem
from b24app.jobs.worker_slots import WorkerSlot
from b24app.journal import audit
from b24app.journal.models import AuditEntry
from b24app.live import watching
from b24app.orders import existence
from b24app.portals.budgets import budget_of

MAX_READ_BACK_ROWS = 2400

# Seconds until a slot checks again whether another slot has left rows.
LEFTOVER_CHECK_SECONDS = 3.0

# Seconds for which a further slot of a job leaves its worker to other jobs. The job's first slot continues.
# Further slots help only while workers are idle and the portal is slower than its request limit.
YIELD_SECONDS = 15.0

S = JobItem.State

COUNTED = {S.DONE: "done", S.SKIPPED: "skipped", S.FAILED: "failed"}
OPEN = (S.PENDING, S.CLAIMED, S.WRITING, S.UNKNOWN)


@dataclass(slots=True)
class Turn:
    """What one slice works with."""

    slot: WorkerSlot
    clients: job_clients.Clients
    budget: SharedBudget
    began: float = field(default_factory=time.monotonic)
    existing: set[int] = field(default_factory=set)
    """Orders without a link that the portal has confirmed to exist."""

    @property
    def job(self) -> Job:
        return self.slot.job

    @property
    def left(self) -> float:
        """Seconds of the slice that are left."""
        return SLICE - (time.monotonic() - self.began)


def run(slot: WorkerSlot) -> float | None:
    """Work on the slot's job for one slice.

    Returns the seconds after which the slot is due again, or None if it is not needed any more. Raises
    :class:`worker_slots.Lost` if another worker has taken the slot.
    """
    job = slot.job
    if job.state not in transitions.AT_WORK:
        return None
    try:
        turn = Turn(slot, job_clients.clients_of(job), budget_of(job.portal, Priority.BULK))
        return _preview(turn) if job.planned_at is None else _work(turn)
    except errors.OutOfTime:
        # This worker was suspended. Its rows wait again, or another worker has them by now.
        return 0.0
    except errors.BitrixError as error:
        return refusals.meet(job, error)


def _preview(turn: Turn) -> float | None:
    """Continue the preview after the outcome of rows that a former owner has sent is known."""
    if unknown := turn.slot.unknown(MAX_READ_BACK_ROWS):
        _read_back(turn, unknown)
    if JobItem.objects.filter(job=turn.job, state__in=(S.WRITING, S.UNKNOWN)).exists():
        return LEFTOVER_CHECK_SECONDS
    takeover.settle(turn.job)
    return preview.step(turn.slot, turn.clients)


def _work(turn: Turn) -> float | None:
    if turn.job.kind == Job.Kind.EXPORT:
        return _export(turn)
    if unknown := turn.slot.unknown(MAX_READ_BACK_ROWS):
        _read_back(turn, unknown)
    left = JobItem.objects.filter(job=turn.job, state=S.PENDING).count()
    if not left:
        return _at_the_end(turn)
    view = turn.budget.view()
    if turn.slot.number and (view.wait or worker_slots.others_wait(turn.job)):
        return YIELD_SECONDS
    claimed = turn.slot.claim(batch_sizes.capacity(turn.job, view, left))
    if not claimed:
        return LEFTOVER_CHECK_SECONDS
    _write_all(turn, *_looked(turn, claimed))
    return 0.0


def _write_all(turn: Turn, ready: deque[JobItem], current: dict[int, str | None]) -> None:
    """Write the claimed rows, batch by batch, while the slice lasts; rows left over are released."""
    wrote = False
    while ready and _goes_on(turn):
        if ready[0].order_id not in current:
            current = _current_values(turn, ready)
        view = turn.budget.view()
        chunk, settled = _chunk(turn, view, ready, current)
        if not chunk and not settled:
            break
        if not chunk:
            record(turn.slot, settled)
            continue
        if wrote and not ready and batch_sizes.is_scrap(turn.job, view, chunk):
            record(turn.slot, settled)
            break
        current = _write(turn, view, chunk, settled, list(islice(ready, batch.SIZE)))
        wrote = True


def _current_values(turn: Turn, items: Iterable[JobItem]) -> dict[int, str | None]:
    """The current values of these rows' orders, by order ID."""
    subject, ids = work.subject_of(turn.job), [item.order_id for item in items]
    return answer_in_background(turn.clients.writing, subject.current_values(ids))


def _export(turn: Turn) -> float | None:
    """Read orders for a table, 250 a request, while the slice lasts."""
    while _goes_on(turn) and turn.left > SLICE / 2:
        claimed = turn.slot.claim(order_export.ORDERS_PER_REQUEST)
        if not claimed:
            return _at_the_end(turn)
        record(turn.slot, order_export.read(turn.clients.own, claimed), ("data",))
    return 0.0


def _goes_on(turn: Turn) -> bool:
    """Whether the job may continue: it was not stopped, and the portal's subscription has not ended."""
    same = Job.objects.of(turn.job.portal).filter(pk=turn.job.pk)
    turn.job.state, unpaid = same.values_list("state", "portal__payment_expired").get()
    return turn.job.state in transitions.AT_WORK and not unpaid


def _at_the_end(turn: Turn) -> float | None:
    """No row is left to claim: the job is done, or another slot has the remaining rows."""
    if JobItem.objects.filter(job=turn.job, state__in=OPEN).exists():
        return LEFTOVER_CHECK_SECONDS
    turn.job.refresh_from_db(fields=["state"])
    transitions.answered(turn.job)
    transitions.change(turn.job, Job.State.DONE)
    return None


def _read_back(turn: Turn, items: Sequence[JobItem]) -> None:
    current = _current_values(turn, items)
    _find_deleted(turn, items, current)
    prop = work.changing(turn.job).prop
    judged = (
        judging.read_back(prop, item, current[item.order_id], in_doubt=worker_slots.in_doubt(item))
        for item in items
    )
    record(turn.slot, [result for result in judged if result is not None])


def _looked(turn: Turn, items: Sequence[JobItem]) -> tuple[deque[JobItem], dict[int, str | None]]:
    """The rows whose cards the person may open, and the current values of all orders.

    Rows with a closed card are recorded as failed.
    """
    job, subject = turn.job, work.subject_of(turn.job)
    borrowed = job.right == Job.Right.INSTALLER
    needed = {item.pk: set(subject.cards(item, both=borrowed)) for item in items}
    openable = job_clients.openable(owner for owners in needed.values() for owner in owners)
    (_, known), current = turn.clients.answer(
        together(job_clients.still_named(job), openable),
        subject.current_values([item.order_id for item in items]),
    )
    lacking = {item.pk: needed[item.pk] - known.keys() for item in items}
    # An order can be unlinked from a deleted card without a permission for that card.
    sources = {item.pk: place_of(item.seen) if subject.links else None for item in items}
    left = {owner for pk, owner in sources.items() if owner in lacking[pk] and owner}
    gone = job_clients.gone(turn.clients.own, left)
    closed = {item.pk for item in items if lacking[item.pk] - (gone & {sources[item.pk]})}
    if closed:
        failed = [Result(item, S.FAILED, "no_card") for item in items if item.pk in closed]
        record(turn.slot, failed)
    ready = deque(item for item in items if item.pk not in closed)
    return ready, current


def _find_deleted(turn: Turn, items: Iterable[JobItem], current: dict[int, str | None]) -> None:
    """Set the value of deleted orders to None. An order that has lost its link may have been deleted."""
    if not work.subject_of(turn.job).links:
        return
    ids = {item.order_id for item in items if item.seen and current.get(item.order_id) == ""}
    deleted = existence.deleted_among(ids - turn.existing)
    gone = answer_in_background(turn.clients.writing, deleted)
    current.update(dict.fromkeys(gone))
    turn.existing |= ids - gone


def _chunk(
    turn: Turn, view: View, ready: deque[JobItem], current: dict[int, str | None]
) -> tuple[list[JobItem], list[Result]]:
    """The next rows to write in one request, and the outcomes of rows that need no writing.

    As many rows as fit into the rest of the slice and of the execution time; none if the slice has no time
    left. However slow the portal is, a slice that has claimed rows writes at least one.
    """
    subject = work.subject_of(turn.job)
    known = [element for element in islice(ready, batch.SIZE) if element.order_id in current]
    _find_deleted(turn, known, current)
    seconds, chunk, settled = min(BATCH, turn.left), list[JobItem](), list[Result]()
    room = {method: view.of(method).room for method in subject.methods}
    for item in known:
        done = judging.before(item, current[item.order_id])
        if done is not None:
            settled.append(done)
            ready.popleft()
            continue
        method = subject.method(item)
        seconds -= batch_sizes.cost(view, method)
        room[method] -= batch_sizes.cost(view, method)
        if len(chunk) == subject.most or (room[method] < 0 and chunk):
            break
        if seconds < 0 and (chunk or turn.left < SLICE / 2):
            break
        chunk.append(ready.popleft())
    return chunk, settled


def _write(
    turn: Turn,
    view: View,
    writes: Sequence[JobItem],
    settled: Sequence[Result],
    following: Sequence[JobItem],
) -> dict[int, str | None]:
    """Write one batch and record its outcomes, with those ``settled`` without writing.

    Returns the values of the orders in the next batch, read in the same request.
    """
    subject = work.changing(turn.job)
    prop, changes = subject.prop, [subject.change(item) for item in writes]
    request = writing(prop, changes, sorted({item.order_id for item in following}))
    # The wait comes before the rows count as being written: if the worker were killed then, all of them
    # would have to be read back.
    time.sleep(min(view.wait, SHORT_WAIT_SECONDS))
    seconds = sum(batch_sizes.cost(view, subject.method(item)) for item in writes)
    deadline = turn.slot.begin(writes, seconds)
    try:
        sent = answer_in_background(turn.clients.writing, request, send_before=deadline)
    except errors.BitrixError as error:
        state = S.PENDING if error.not_applied else S.UNKNOWN
        record(turn.slot, [*settled, *(Result(item, state) for item in writes)])
        raise
    trouble = _shared(turn, list(sent.errors.values()))
    results = [
        Result(item, S.PENDING)
        if trouble and isinstance(sent.errors[item.order_id], type(trouble))
        else judging.after(prop, item, sent.errors[item.order_id], sent.first.get(item.order_id))
        for item in writes
    ]
    record(turn.slot, [*settled, *overrides.with_authors(turn.job, results)])
    if trouble is not None:
        raise trouble
    after = value_of(sent.after)
    return {item.order_id: after.get(item.order_id) for item in following}


def _shared(turn: Turn, found: Sequence[errors.BitrixError | None]) -> errors.BitrixError | None:
    """The error that concerns the job as a whole, if there is one, among those of a batch's writes.

    If every write is denied the person lacks the permission; if only some are, it is about their orders.
    """
    denied = [error for error in found if isinstance(error, errors.WriteDenied)]
    if denied and len(denied) == len(found) and (len(denied) > 1 or not turn.job.done):
        return denied[0]
    return judging.job_wide(found)


def record(slot: WorkerSlot, results: Sequence[Result], fields: Sequence[str] = ()) -> None:
    """Record outcomes: rows, audit entries and counters in one transaction.

    ``fields`` of the rows are saved too. Raises :class:`worker_slots.Lost` if another worker has taken the
    slot.
    """
    if not results:
        return
    job, now, subject = slot.job, timezone.now(), work.subject_of(slot.job)
    for result in results:
        result.item.state, result.item.reason, result.item.detail = (
            result.state,
            result.reason,
            result.detail,
        )
        if result.seen is not None:
            result.item.seen = result.seen
        # Counted in advance, when its writing began: only what stays unknown is left counted.
        result.item.attempts += result.state == S.UNKNOWN
        result.item.at = now if result.state in COUNTED else None
        result.item.claim = None
    counts = Counter(COUNTED[result.state] for result in results if result.state in COUNTED)
    happened = [result.item for result in results if result.happened]
    right = job.writer_right if job.writer else job.right
    with transaction.atomic():
        slot.renew()
        JobItem.objects.rewrite(
            [result.item for result in results],
            ["state", "reason", "detail", "seen", "at", "claim", "attempts", *fields],
        )
        audit.record(
            job.writer or job.user,
            AuditEntry.Through.UNDO if job.kind == Job.Kind.RESTORE else AuditEntry.Through.JOB,
            [subject.entry(item, right) for item in happened],
            job.change,
        )
        if counts:
            Job.objects.of(job.portal).filter(pk=job.pk).update(
                setbacks=0, **{name: F(name) + count for name, count in counts.items()}
            )
    job.refresh_from_db(fields=["state", "done", "skipped", "failed", "setbacks"])
    transitions.answered(job)
    owners = {owner for item in happened for owner in subject.cards(item, both=True)}
    watching.record(job.portal_id, orders=[item.order_id for item in happened], owners=owners)

"""One slice of a job: at most 30 seconds, then the next one's turn.

Rows are claimed, looked at, written in batches of at most 5 seconds, and recorded: a row's
outcome, its audit entry and the job's counters in one transaction. Nothing is written blind: where
each order stands is read ahead of its write, with the writes of the batch before, and an order that
has moved since the preview is skipped. The writing request reads the places once more before it
writes: that is what the audit entry and the undo keep. What was under way when a worker died is read
back first.
"""

import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from b24app.bitrix24 import batch, errors
from b24app.bitrix24.ask import together, value_of
from b24app.bitrix24.budget import SharedBudget
from b24app.bitrix24.client import Answer
from b24app.bitrix24.portal_limits import Priority, View
from b24app.changes.applying import writing
from b24app.changes.properties import place_of
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
from b24app.jobs.worker_slots import Held
from b24app.journal import audit
from b24app.journal.models import AuditEntry
from b24app.live import watching
from b24app.orders import existence
from b24app.portals.budgets import budget_of

MOST_READ_BACK = 2400

# Seconds until a lane looks again whether another one has left something over.
LEFTOVERS = 3.0

# Seconds for which a lane leaves the worker to others: the job's first lane goes on, and a further one
# is for workers that nobody else needs, and for a portal that is slower than its bucket.
REST = 15.0

S = JobItem.State

COUNTED = {S.DONE: "done", S.SKIPPED: "skipped", S.FAILED: "failed"}
OPEN = (S.PENDING, S.CLAIMED, S.WRITING, S.UNKNOWN)


@dataclass(slots=True)
class Turn:
    """What one slice works with."""

    held: Held
    hands: job_clients.Hands
    budget: SharedBudget
    began: float = field(default_factory=time.monotonic)
    existing: set[int] = field(default_factory=set)
    """Orders linked to nothing that the portal has said exist."""

    @property
    def job(self) -> Job:
        return self.held.job

    @property
    def left(self) -> float:
        """Seconds of the slice that are left."""
        return SLICE - (time.monotonic() - self.began)


def run(held: Held) -> float | None:
    """Work the lane for one slice; seconds after which it is to be taken again, None for not at all.

    Raises :class:`lanes.Lost` when somebody else has taken it over.
    """
    job = held.job
    if job.state not in transitions.AT_WORK:
        return None
    try:
        turn = Turn(held, job_clients.hands_of(job), budget_of(job.portal, Priority.BULK))
        return _preview(turn) if job.planned_at is None else _work(turn)
    except errors.OutOfTime:
        # This worker was suspended. Its rows wait again, or are somebody else's by now.
        return 0.0
    except errors.BitrixError as error:
        return refusals.meet(job, error)


def _preview(turn: Turn) -> float | None:
    """Go on with the preview, once it is known what became of rows a former owner has sent."""
    if unknown := turn.held.unknown(MOST_READ_BACK):
        _read_back(turn, unknown)
    if JobItem.objects.filter(job=turn.job, state__in=(S.WRITING, S.UNKNOWN)).exists():
        return LEFTOVERS
    takeover.settle(turn.job)
    return preview.step(turn.held, turn.hands)


def _work(turn: Turn) -> float | None:
    if turn.job.kind == Job.Kind.EXPORT:
        return _export(turn)
    if unknown := turn.held.unknown(MOST_READ_BACK):
        _read_back(turn, unknown)
    left = JobItem.objects.filter(job=turn.job, state=S.PENDING).count()
    if not left:
        return _at_the_end(turn)
    view = turn.budget.view()
    if turn.held.number and (view.wait or worker_slots.others_wait(turn.job)):
        return REST
    claimed = turn.held.claim(batch_sizes.capacity(turn.job, view, left))
    if not claimed:
        return LEFTOVERS
    _write_all(turn, *_looked(turn, claimed))
    return 0.0


def _write_all(turn: Turn, ready: deque[JobItem], standing: dict[int, str | None]) -> None:
    """Write the claimed rows, batch by batch, while the slice lasts; the rest goes back."""
    wrote = False
    while ready and _goes_on(turn):
        if ready[0].order_id not in standing:
            standing = _standing(turn, ready)
        view = turn.budget.view()
        chunk, settled = _chunk(turn, view, ready, standing)
        if not chunk and not settled:
            break
        if not chunk:
            record(turn.held, settled)
            continue
        if wrote and not ready and batch_sizes.is_scrap(turn.job, view, chunk):
            record(turn.held, settled)
            break
        standing = _write(turn, view, chunk, settled, list(islice(ready, batch.SIZE)))
        wrote = True


def _standing(turn: Turn, items: Iterable[JobItem]) -> dict[int, str | None]:
    """Where the orders of these rows stand now, by order id."""
    subject, ids = work.subject_of(turn.job), [item.order_id for item in items]
    return job_clients.answer(turn.hands.writing, job_clients.standing(subject, ids))


def _export(turn: Turn) -> float | None:
    """Read orders for a table, 250 a request, while the slice lasts."""
    while _goes_on(turn) and turn.left > SLICE / 2:
        claimed = turn.held.claim(order_export.AT_ONCE)
        if not claimed:
            return _at_the_end(turn)
        record(turn.held, order_export.read(turn.hands.own, claimed), ("data",))
    return 0.0


def _goes_on(turn: Turn) -> bool:
    """Whether the job is still to be worked.

    Somebody may have stopped it a moment ago, or the subscription may have ended: the next slice says so.
    """
    same = Job.objects.of(turn.job.portal).filter(pk=turn.job.pk)
    turn.job.state, unpaid = same.values_list("state", "portal__payment_expired").get()
    return turn.job.state in transitions.AT_WORK and not unpaid


def _at_the_end(turn: Turn) -> float | None:
    """Nothing is there to claim: the job is done, or another lane still holds the rest."""
    if JobItem.objects.filter(job=turn.job, state__in=OPEN).exists():
        return LEFTOVERS
    turn.job.refresh_from_db(fields=["state"])
    transitions.answered(turn.job)
    transitions.change(turn.job, Job.State.DONE)
    return None


def _read_back(turn: Turn, items: Sequence[JobItem]) -> None:
    standing = _standing(turn, items)
    _find_deleted(turn, items, standing)
    prop = work.changing(turn.job).prop
    judged = (
        judging.read_back(prop, item, standing[item.order_id], in_doubt=worker_slots.in_doubt(item))
        for item in items
    )
    record(turn.held, [result for result in judged if result is not None])


def _looked(turn: Turn, items: Sequence[JobItem]) -> tuple[deque[JobItem], dict[int, str | None]]:
    """The rows whose cards the person may open, and where all orders stand now."""
    job, subject = turn.job, work.subject_of(turn.job)
    borrowed = job.right == Job.Right.INSTALLER
    needed = {item.pk: set(subject.cards(item, both=borrowed)) for item in items}
    openable = job_clients.openable(owner for owners in needed.values() for owner in owners)
    (_, known), standing = turn.hands.answer(
        together(job_clients.still_named(job), openable),
        job_clients.standing(subject, [item.order_id for item in items]),
    )
    lacking = {item.pk: needed[item.pk] - known.keys() for item in items}
    # Nobody needs a right to a card that is gone, to take an order out of it.
    sources = {item.pk: place_of(item.seen) if subject.links else None for item in items}
    left = {owner for pk, owner in sources.items() if owner in lacking[pk] and owner}
    gone = job_clients.gone(turn.hands.own, left)
    closed = {item.pk for item in items if lacking[item.pk] - (gone & {sources[item.pk]})}
    if closed:
        failed = [Result(item, S.FAILED, "no_card") for item in items if item.pk in closed]
        record(turn.held, failed)
    ready = deque(item for item in items if item.pk not in closed)
    return ready, standing


def _find_deleted(turn: Turn, items: Iterable[JobItem], standing: dict[int, str | None]) -> None:
    """Put None for deleted orders: an order that was linked and is not any more may be gone itself."""
    if not work.subject_of(turn.job).links:
        return
    ids = {item.order_id for item in items if item.seen and standing.get(item.order_id) == ""}
    deleted = existence.deleted_among(ids - turn.existing)
    gone = job_clients.answer(turn.hands.writing, deleted)
    standing.update(dict.fromkeys(gone))
    turn.existing |= ids - gone


def _chunk(
    turn: Turn, view: View, ready: deque[JobItem], standing: dict[int, str | None]
) -> tuple[list[JobItem], list[Result]]:
    """The next rows to go out together, and outcomes of rows before them that need no writing.

    As many as the slice and the execution time left have room for; none when the slice has no time
    for them. However slow the portal is, a slice that has claimed something writes at least one.
    """
    subject = work.subject_of(turn.job)
    known = [element for element in islice(ready, batch.SIZE) if element.order_id in standing]
    _find_deleted(turn, known, standing)
    seconds, chunk, settled = min(BATCH, turn.left), list[JobItem](), list[Result]()
    room = {method: view.of(method).room for method in subject.methods}
    for item in known:
        done = judging.before(item, standing[item.order_id])
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
    """Write one batch and record it, with what was ``settled`` without writing.

    Returns where the orders of the next one stand, read in the same request.
    """
    subject = work.changing(turn.job)
    prop, changes = subject.prop, [subject.change(item) for item in writes]
    request = writing(prop, changes, sorted({item.order_id for item in following}))
    # Waited for here, and not when they count as being written: nobody knows of those what a killed
    # worker has done with them.
    time.sleep(min(view.wait, job_clients.SHORT_WAIT))
    seconds = sum(batch_sizes.cost(view, subject.method(item)) for item in writes)
    deadline = turn.held.begin(writes, seconds)
    try:
        sent = job_clients.answer(turn.hands.writing, request, send_before=deadline)
    except errors.BitrixError as error:
        state = S.PENDING if error.not_applied else S.UNKNOWN
        record(turn.held, [*settled, *(Result(item, state) for item in writes)])
        raise
    by_order = sent.answers
    trouble = _shared(turn, by_order)
    results = [
        Result(item, S.PENDING)
        if trouble and isinstance(by_order[item.order_id], type(trouble))
        else judging.after(prop, item, by_order[item.order_id], sent.first.get(item.order_id))
        for item in writes
    ]
    record(turn.held, [*settled, *overrides.with_authors(turn.job, results)])
    if trouble is not None:
        raise trouble
    after = value_of(sent.after)
    return {item.order_id: after.get(item.order_id) for item in following}


def _shared(
    turn: Turn, outcomes: Mapping[int, Answer | errors.BitrixError]
) -> errors.BitrixError | None:
    """The refusal that concerns the job as a whole, if there is one.

    Nobody's write going through means that the right is missing; one that does not means its order.
    """
    denied = [
        write_denied
        for write_denied in outcomes.values()
        if isinstance(write_denied, errors.WriteDenied)
    ]
    if denied and len(denied) == len(outcomes) and (len(denied) > 1 or not turn.job.done):
        return denied[0]
    return judging.job_wide(outcomes)


def record(held: Held, results: Sequence[Result], fields: Sequence[str] = ()) -> None:
    """Write outcomes down: rows, audit entries and counters together, or nothing at all.

    ``fields`` of the rows are kept with them. Raises :class:`lanes.Lost` when the lane is not ours
    any more.
    """
    if not results:
        return
    job, now, subject = held.job, timezone.now(), work.subject_of(held.job)
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
        held.renew()
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
    watching.tell(job.portal_id, orders=[item.order_id for item in happened], owners=owners)

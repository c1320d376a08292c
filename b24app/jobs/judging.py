"""What became of each row: the outcomes of :mod:`b24app.changes.outcomes` as states of rows.

A job differs from a click in two points only: it takes the answer to a write as proof instead of
reading every order once more, and it remembers that an earlier try of its own may have been the write.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from b24app.bitrix24 import errors
from b24app.changes import outcomes
from b24app.changes.outcomes import Absent, Change, Changed
from b24app.changes.properties import Property
from b24app.jobs.models import JobItem

MAX_ATTEMPTS = 3
MAX_DETAIL_CHARACTERS = 200

# Its order had left the card before our write came: if it is where we want it, somebody else did that.
NOT_OURS = "not_ours"

# Somebody changed the order between our look and our write, and the write has overridden that.
OVERRODE = "overrode"

S = JobItem.State


@dataclass(frozen=True, slots=True)
class Result:
    """A row's new state. ``happened``: this job has changed the order, so it goes into the audit trail.

    ``seen`` is what the write really replaced, where that is not what the row had seen.
    """

    item: JobItem
    state: JobItem.State
    reason: str = ""
    detail: str = ""
    happened: bool = False
    seen: str | None = None


def _change(item: JobItem) -> Change[int, str]:
    return Change(item.order_id, item.seen, item.wanted)


def before(item: JobItem, now: str | None) -> Result | None:
    """The row's outcome where there is nothing left to write; None where it is to be written.

    ``now`` is the order's value, None where the portal does not show the order.
    """
    found = outcomes.decide(_change(item), Absent.HIDDEN if now is None else now)
    return None if found is None else _result(item, found)


def after(
    prop: Property[int, str],
    item: JobItem,
    error: errors.BitrixError | None,
    first: str | None = None,
) -> Result:
    """The row's outcome after its write; ``PENDING`` where the refusal is not about this row.

    ``error`` is what the write ended in, None if it was confirmed. ``first`` is what the writing request
    itself found before it wrote anything; None if it could not read that. If the error leaves open
    what was done, the row is ``UNKNOWN``, with that error.
    """
    if isinstance(error, errors.LinkNotFound):
        return Result(item, S.UNKNOWN, "" if item.attempts else NOT_OURS)
    change = _change(item)
    was = item.seen if first is None else first
    now = outcomes.proved(change, was, error)
    return _result(item, outcomes.judge(prop, change, was, error, now))


def _result(item: JobItem, found: Changed[int, str]) -> Result:
    if found.result is outcomes.Result.DONE:
        if found.overrode:
            return Result(item, S.DONE, OVERRODE, happened=True, seen=found.before)
        return Result(item, S.DONE, happened=True)
    if found.result is outcomes.Result.ALREADY:
        # A write of ours that the reading came too early for counts as ours.
        return Result(item, S.DONE, "already", happened=item.attempts > 0)
    if found.result is outcomes.Result.CONFLICT:
        return Result(item, S.SKIPPED, "changed", (found.now or "")[:MAX_DETAIL_CHARACTERS])
    reason = outcomes.reason(found.error)
    if found.result is outcomes.Result.UNKNOWN:
        return Result(item, S.UNKNOWN, reason, _said(found.error))
    return Result(item, S.FAILED, reason, _said(found.error)) if reason else Result(item, S.PENDING)


def read_back(
    prop: Property[int, str], item: JobItem, now: str | None, *, in_doubt: bool
) -> Result | None:
    """The outcome of a row whose write left no certain answer, from the order's value ``now``.

    None while that may still change: ``in_doubt`` says that the write may still be under way.
    """
    if now is None:
        return Result(item, S.FAILED, "gone")
    ours = item.reason != NOT_OURS
    error = errors.OutcomeUnknown("") if ours else errors.LinkNotFound("")
    found = outcomes.judge(prop, _change(item), item.seen, error, now)
    if found.result is outcomes.Result.DONE:
        return Result(item, S.DONE, happened=True)
    if found.result is outcomes.Result.ALREADY:
        return Result(item, S.DONE, "already")
    if in_doubt:
        return None
    if found.result is outcomes.Result.CONFLICT:
        return Result(item, S.SKIPPED, "changed", now[:MAX_DETAIL_CHARACTERS])
    if item.reason:
        return Result(item, S.FAILED, item.reason, item.detail)
    return (
        Result(item, S.FAILED, "portal")
        if item.attempts >= MAX_ATTEMPTS
        else Result(item, S.PENDING)
    )


def job_wide(found: Iterable[errors.BitrixError | None]) -> errors.BitrixError | None:
    """The first of these errors that concerns the whole job: a limit, a token, a missing right."""
    return next((error for error in found if error and outcomes.concerns_everything(error)), None)


def _said(error: errors.BitrixError | None) -> str:
    """The portal's own words, for administrators."""
    return f"{error.code} {error.description}".strip()[:MAX_DETAIL_CHARACTERS] if error else ""

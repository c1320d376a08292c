"""What became of each row, from the portal's answer or from reading where its order stands now."""

from collections.abc import Mapping
from dataclasses import dataclass

from b24app.bitrix24 import errors
from b24app.bitrix24.client import Answer
from b24app.jobs.models import JobItem

MOST_ATTEMPTS = 3

# Its order had left the card before our write came: if it is where we want it, somebody else did that.
NOT_OURS = "not_ours"

# Somebody changed the order between our look and our write, and the write has overridden that.
OVERRODE = "overrode"

S = JobItem.State


@dataclass(frozen=True, slots=True)
class Result:
    """A row's new state. ``happened``: this job has changed the order, which belongs into the trail.

    ``seen`` is what the write really replaced, where that is not what the row had seen.
    """

    item: JobItem
    state: JobItem.State
    reason: str = ""
    detail: str = ""
    happened: bool = False
    seen: str | None = None


# Refusals of one row. The first that fits decides; whoever is not here concerns the whole job.
_REFUSALS: tuple[tuple[type[errors.BitrixError], str], ...] = (
    (errors.OrderNotFound, "gone"),
    (errors.WriteDenied, "denied"),
    (errors.NotFound, "gone"),
    (errors.NotSaved, "not_saved"),
    (errors.BadRequest, "refused"),
    (errors.UnknownError, "refused"),
    (errors.AlreadyExists, "refused"),
)


def before(item: JobItem, now: str | None) -> Result | None:
    """The row's outcome where there is nothing to write any more; None where it is to be written."""
    if now is None:
        return Result(item, S.FAILED, "gone")
    if now == item.wanted:
        # A write of ours that the reading back came too early for counts as ours.
        return Result(item, S.DONE, "already", happened=item.attempts > 0)
    if now != item.seen:
        return Result(item, S.SKIPPED, "changed", now)
    return None


def after(item: JobItem, outcome: Answer | errors.BitrixError, first: str | None = None) -> Result:
    """The row's outcome after its write; ``PENDING`` where the reason is not this row's own.

    ``first`` is where the writing request itself found the order, before it wrote anything; None
    where it did not tell. Where the answer leaves open what was done the row is ``UNKNOWN``, with
    the refusal it got.
    """
    if isinstance(outcome, Answer):
        return _written(item, first)
    if isinstance(outcome, errors.LinkExists):
        # Somebody else was quicker, or an earlier try of ours whose answer was lost.
        return Result(item, S.DONE, "already", happened=item.attempts > 0)
    if isinstance(outcome, errors.LinkNotFound):
        return Result(item, S.UNKNOWN, "" if item.attempts else NOT_OURS)
    reason = next((word for kind, word in _REFUSALS if isinstance(outcome, kind)), "")
    if not outcome.not_applied:
        return Result(item, S.UNKNOWN, reason, _said(outcome))
    if reason:
        return Result(item, S.FAILED, reason, _said(outcome))
    return Result(item, S.PENDING)


def _written(item: JobItem, first: str | None) -> Result:
    """The outcome of a write that the portal has confirmed."""
    # A link is only ever taken from the very card the row names: nothing else can be overridden.
    if not item.wanted or first in (None, item.seen):
        return Result(item, S.DONE, happened=True)
    if first == item.wanted:
        return Result(item, S.DONE, "already", happened=item.attempts > 0)
    return Result(item, S.DONE, OVERRODE, happened=True, seen=first)


def read_back(item: JobItem, now: str | None, *, in_doubt: bool) -> Result | None:
    """The outcome of a row whose writing left no certain answer, from where its order stands.

    None while that may still change: ``in_doubt`` says that the writing may not be over.
    """
    if now is None:
        return Result(item, S.FAILED, "gone")
    if now == item.wanted:
        ours = item.reason != NOT_OURS
        return Result(item, S.DONE, "" if ours else "already", happened=ours)
    if in_doubt:
        return None
    if now != item.seen:
        return Result(item, S.SKIPPED, "changed", now)
    if item.reason:
        return Result(item, S.FAILED, item.reason, item.detail)
    if item.attempts >= MOST_ATTEMPTS:
        return Result(item, S.FAILED, "portal")
    return Result(item, S.PENDING)


def job_wide(outcomes: Mapping[int, Answer | errors.BitrixError]) -> errors.BitrixError | None:
    """The refusal that concerns the whole job, by order id: a limit, a token, a right nobody has."""
    refusals = [one for one in outcomes.values() if isinstance(one, errors.BitrixError)]
    for one in refusals:
        if one.not_applied and not isinstance(one, tuple(kind for kind, _ in _REFUSALS)):
            return one
    return None


def _said(error: errors.BitrixError) -> str:
    """The portal's own words, for administrators."""
    return f"{error.code} {error.description}".strip()[:200]

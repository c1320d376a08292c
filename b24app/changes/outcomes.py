"""What becomes of a change: the one table of outcomes, for clicks in a card and for jobs alike.

:func:`decide` says before a write whether there is anything left to write. :func:`judge` says after it
what was done, from the portal's answer and from where a reading found the value since. Values in,
values out: nothing here asks the portal.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from enum import Enum
from typing import Generic, Protocol, TypeVar

from b24app.bitrix24 import errors

# Generic classes have no slots here: Python 3.11 cannot make one of a frozen, slotted class by an alias.
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Absent(Enum):
    """Why there is no value to compare with."""

    HIDDEN = (
        "hidden"  # the portal answered without this order or card: deleted, or not for this person
    )
    UNREAD = "unread"  # the portal could not be asked


class Result(Enum):
    DONE = "done"
    ALREADY = "already"  # somebody else had set the wanted value before the write
    CONFLICT = "conflict"  # somebody else has changed the value: not touched, or replaced since
    FAILED = "failed"
    UNKNOWN = "unknown"  # written perhaps, and the portal could not be asked


@dataclass(frozen=True)
class Change(Generic[K, V]):
    """What a person asks for: the value of ``key`` that they saw as ``seen`` becomes ``wanted``.

    ``key`` is an order's id, or the card of an amount.
    """

    key: K
    seen: V
    wanted: V


@dataclass(frozen=True)
class Changed(Generic[K, V]):
    """What became of one change.

    ``before`` is the value just ahead of the write, ``now`` the one after it; None for a deleted order.
    ``overrode``: somebody else's change, made after the person had looked, was replaced.
    """

    change: Change[K, V]
    result: Result
    before: V
    now: V | None
    error: errors.BitrixError | None = None
    overrode: bool = False


class Rules(Protocol[K, V]):
    """What the table needs to know of a property."""

    @property
    def answer_is_proof(self) -> bool:
        """Whether a confirmed write counts as done where nothing can be read afterwards."""
        ...

    def replaces_only_seen(self, change: Change[K, V]) -> bool:
        """Whether the write names the value it replaces, so that it can override no other."""
        ...

    def holds(self, wanted: V, now: V) -> bool:
        """Whether ``now`` is what a write of ``wanted`` leads to."""
        ...

    def is_refusal(self, error: errors.BitrixError) -> bool:
        """Whether this error proves that the write has changed nothing."""
        ...


# Refusals that concern one order only, and the reason stored with it. The first that fits decides;
# every other refusal concerns all that was sent: a limit, a token, a right.
_REASONS: tuple[tuple[type[errors.BitrixError], str], ...] = (
    (errors.OrderNotFound, "gone"),
    (errors.WriteDenied, "denied"),
    (errors.NotFound, "gone"),
    (errors.NotSaved, "not_saved"),
    (errors.BadRequest, "refused"),
    (errors.UnknownError, "refused"),
    (errors.AlreadyExists, "refused"),
)


def reason(error: errors.BitrixError | None) -> str:
    """Why one order was refused, in one word; empty where the refusal is not about this order."""
    return next((word for kind, word in _REASONS if isinstance(error, kind)), "")


def concerns_everything(error: errors.BitrixError) -> bool:
    """Whether a refusal would meet every other order too: a limit, a token, a missing right."""
    return error.not_applied and not reason(error)


def decide(change: Change[K, V], now: V | Absent) -> Changed[K, V] | None:
    """What became of a change that needs no write, from the present value; None where it is to be written."""
    if isinstance(now, Absent):
        return Changed(change, Result.FAILED, change.seen, None, errors.OrderNotFound(""))
    if now == change.wanted:
        return Changed(change, Result.ALREADY, now, now)
    if now != change.seen:
        return Changed(change, Result.CONFLICT, now, now)
    return None


def proved(change: Change[K, V], before: V, error: errors.BitrixError | None) -> V | Absent:
    """The value after a write as its answer proves it; ``UNREAD`` if only reading can show it.

    ``before`` is what the writing request found: a refused write has left it as it was. ``error`` is
    None for a confirmed write. ``LinkExists`` says that the order is linked where it was to be.
    """
    if error is None or isinstance(error, errors.LinkExists):
        return change.wanted
    return before if error.not_applied else Absent.UNREAD


def judge(
    rules: Rules[K, V],
    change: Change[K, V],
    before: V,
    error: errors.BitrixError | None,
    now: V | Absent,
) -> Changed[K, V]:
    """What became of a change that was sent.

    ``before`` is what the writing request found ahead of the write, ``error`` the error that the write
    ended in (None: confirmed), and ``now`` what a reading has found since.
    """
    refused = error is not None and rules.is_refusal(error)
    if isinstance(error, errors.OrderNotFound):
        return Changed(change, Result.FAILED, before, None, error)
    if isinstance(now, Absent):
        if error is None and rules.answer_is_proof:
            return _written(rules, change, before, change.wanted)
        result = Result.FAILED if refused else Result.UNKNOWN
        return Changed(change, result, before, before, error)
    if rules.holds(change.wanted, now):
        # The portal refuses to add an existing link or to delete a missing one: somebody else was faster.
        if refused:
            return Changed(change, Result.ALREADY, now, now)
        return _written(rules, change, before, now)
    if error is None or now != before:
        return Changed(change, Result.CONFLICT, before, now)
    return Changed(change, Result.FAILED, before, now, error)


def _written(rules: Rules[K, V], change: Change[K, V], before: V, now: V) -> Changed[K, V]:
    if rules.replaces_only_seen(change):
        return Changed(change, Result.DONE, before, now)
    if before == change.wanted:
        return Changed(change, Result.ALREADY, before, now)
    return Changed(change, Result.DONE, before, now, overrode=before != change.seen)

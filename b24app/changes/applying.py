"""Changes on their way to the portal: never written blind, never repeated.

A writing request reads what it is about to change, writes, and reads in the same request. Where the
outcome of a write stays unknown, only another reading decides (:func:`apply`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic

from b24app.bitrix24 import errors
from b24app.bitrix24.client import Answer, Client, Command, Outcome
from b24app.changes.outcomes import Absent, Change, Changed, K, Result, V, decide, judge
from b24app.changes.properties import Property

Outcomes = Mapping[str, Outcome]


def reading(prop: Property[K, V], keys: Sequence[K], label: str = "now") -> dict[str, Command]:
    """Commands that read the values of ``keys``, for :func:`read`; ``label`` tells two readings apart."""
    return {
        f"{label}:{prop.name}:{at}": prop.page(keys[at : at + prop.page_size])
        for at in range(0, len(keys), prop.page_size)
    }


def read(
    prop: Property[K, V], keys: Sequence[K], outcomes: Outcomes, label: str = "now"
) -> dict[K, V]:
    """The values from the outcomes of :func:`reading`. A key the portal does not show is left out.

    Raises the error of a page that could not be read: a gap would look like a missing value.
    """
    answers = list[Answer]()
    for key in reading(prop, keys, label):
        outcome = outcomes[key]
        if isinstance(outcome, errors.BitrixError):
            raise outcome
        answers.append(outcome)
    return prop.values(keys, answers)


@dataclass(frozen=True)
class WritingRequest(Generic[K, V]):
    """One request: reads what ``changes`` are about to replace, writes them, and reads ``then``."""

    prop: Property[K, V]
    changes: Sequence[Change[K, V]]
    then: Sequence[K]

    def commands(self) -> dict[str, Command]:
        return {
            **reading(self.prop, self._keys, "first"),
            **{f"write:{at}": self.prop.write(one) for at, one in enumerate(self.changes)},
            **reading(self.prop, self.then, "then"),
        }

    def answers(self, outcomes: Outcomes) -> dict[K, Outcome]:
        """What each write was answered with."""
        return {key: outcomes[f"write:{at}"] for at, key in enumerate(self._keys)}

    def first(self, outcomes: Outcomes) -> dict[K, V]:
        """What the request found before it wrote; empty where it could not read that."""
        try:
            return read(self.prop, self._keys, outcomes, "first")
        except errors.BitrixError:
            return {}

    def after(self, outcomes: Outcomes) -> dict[K, V]:
        """The values of ``then`` after the writes; raises the error of a page that could not be read."""
        return read(self.prop, self.then, outcomes, "then")

    @property
    def _keys(self) -> list[K]:
        return [one.key for one in self.changes]


def apply(
    client: Client,
    prop: Property[K, V],
    changes: Sequence[Change[K, V]],
    before: Mapping[K, V],
    *,
    send_before: float | None = None,
) -> list[Changed[K, V]]:
    """Write what still holds and report every change, in the order given.

    ``before`` is what was read a moment ago; a change whose value is not the one the person saw any
    more is not written. Nothing is written past ``send_before``, a wall-clock time in seconds since
    1970. Raises nothing for a failed write: each :class:`Changed` says what is known, and a refusal
    carries its error.
    """
    found: dict[K, Changed[K, V]] = {}
    waiting: dict[str, list[Change[K, V]]] = {method: [] for method in prop.writes}
    for change in changes:
        decided = decide(change, before.get(change.key, Absent.HIDDEN))
        if decided is None:
            waiting[prop.method(change)].append(change)
        else:
            found[change.key] = decided
    for method, group in waiting.items():
        size = prop.writes[method]
        for at in range(0, len(group), size):
            for done in _write(client, prop, group[at : at + size], send_before):
                found[done.change.key] = done
    return [found[change.key] for change in changes]


def _write(
    client: Client,
    prop: Property[K, V],
    changes: Sequence[Change[K, V]],
    send_before: float | None,
) -> list[Changed[K, V]]:
    keys = [one.key for one in changes]
    request = WritingRequest(prop, changes, keys)
    first, now = dict[K, V](), dict[K, V]()
    answers: Mapping[K, Outcome]
    try:
        outcomes = client.batch(request.commands(), send_before=send_before)
    except errors.BitrixError as error:
        answers = dict.fromkeys(keys, error)
    else:
        answers, first = request.answers(outcomes), request.first(outcomes)
        try:
            now = request.after(outcomes)
        except errors.BitrixError:
            now = {}
    judged = _judged(prop, changes, first, answers, now)
    if now or all(one.result is not Result.UNKNOWN for one in judged):
        return judged
    try:
        now = read(prop, keys, client.batch(reading(prop, keys)))
    except errors.BitrixError:
        return judged
    return _judged(prop, changes, first, answers, now)


def _judged(
    prop: Property[K, V],
    changes: Sequence[Change[K, V]],
    first: Mapping[K, V],
    answers: Mapping[K, Outcome],
    now: Mapping[K, V],
) -> list[Changed[K, V]]:
    return [
        judge(
            prop,
            one,
            first.get(one.key, one.seen),
            answers[one.key],
            now.get(one.key, Absent.UNREAD),
        )
        for one in changes
    ]

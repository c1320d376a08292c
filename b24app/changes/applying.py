"""Changes on their way to the portal: never written blind, never repeated.

A writing request reads what it is about to change, writes, and reads in the same request. Where the
outcome of a write stays unknown, only another reading decides (:func:`apply`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic

from b24app.bitrix24 import ask, errors
from b24app.bitrix24.ask import Ask, Refusal
from b24app.bitrix24.client import Answer, Client
from b24app.changes.outcomes import Absent, Change, Changed, K, Result, V, decide, judge
from b24app.changes.properties import Property


def values_of(prop: Property[K, V], keys: Sequence[K]) -> Ask[dict[K, V]]:
    """The values of ``keys``. A key the portal does not show is left out.

    Raises the refusal of any page: a gap would look like a missing value.
    """
    pages = (keys[at : at + prop.page_size] for at in range(0, len(keys), prop.page_size))
    answers = ask.every(ask.of(prop.page(page), _whole) for page in pages)
    return answers.map(lambda read: prop.values(keys, read))


def _whole(answer: Answer) -> Answer:
    return answer


@dataclass(frozen=True)
class Sent(Generic[K, V]):
    """What one writing request brought.

    ``first`` is what it found before it wrote, empty if it could not read that; ``errors`` the error of
    each write, None for a confirmed one; ``after`` the values read at its end.
    """

    first: Mapping[K, V]
    errors: Mapping[K, errors.BitrixError | None]
    after: Mapping[K, V] | Refusal


def writing(
    prop: Property[K, V], changes: Sequence[Change[K, V]], then: Sequence[K]
) -> Ask[Sent[K, V]]:
    """One request that reads what ``changes`` are about to replace, writes them, and reads ``then``.

    At most ``prop.writes`` changes of a method; to be sent ``strict``.
    """
    keys = [change.key for change in changes]
    nothing: Mapping[K, V] = {}
    writes = ask.every(ask.of(prop.write(change), _confirmed).attempt() for change in changes)
    parts = ask.together(
        values_of(prop, keys).otherwise(nothing), writes, values_of(prop, then).attempt()
    )
    return parts.map(
        lambda read: Sent(read[0], dict(zip(keys, map(_error, read[1]), strict=True)), read[2])
    )


def _confirmed(_answer: Answer) -> None:
    """What a write answers beyond its success is not used."""


def _error(written: Refusal | None) -> errors.BitrixError | None:
    return written.error if written else None


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
    keys = [change.key for change in changes]
    try:
        sent = client.answer(writing(prop, changes, keys), send_before=send_before, strict=True)
    except errors.BitrixError as error:
        sent = Sent({}, dict.fromkeys(keys, error), Refusal(error))
    judged = _judged(prop, changes, sent)
    unknown = any(change.result is Result.UNKNOWN for change in judged)
    if not unknown or not isinstance(sent.after, Refusal):
        return judged
    try:
        now = client.answer(values_of(prop, keys))
    except errors.BitrixError:
        return judged
    return _judged(prop, changes, Sent(sent.first, sent.errors, now))


def _judged(
    prop: Property[K, V], changes: Sequence[Change[K, V]], sent: Sent[K, V]
) -> list[Changed[K, V]]:
    now: Mapping[K, V] = {} if isinstance(sent.after, Refusal) else sent.after
    return [
        judge(
            prop,
            change,
            sent.first.get(change.key, change.seen),
            sent.errors[change.key],
            now.get(change.key, Absent.UNREAD),
        )
        for change in changes
    ]

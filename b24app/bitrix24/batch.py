"""Commands packed into ``batch`` requests, and an outcome for every one of them.

Followed page: settings/how-to-call-rest-api/batch.md. A request takes 50 commands; what is beyond
them fails, so we never send more.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from b24app.bitrix24 import answers, errors, references
from b24app.bitrix24.answers import Answer
from b24app.bitrix24.encoding import Params, query

SIZE: Final = 50
"""Commands in one request, rows in a full page of every list, and the most IDs we name in one command."""

_METHOD: Final = re.compile(r"[A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*")
_KEY: Final = re.compile(r"[\w.:-]+", re.ASCII)

Outcome = Answer | errors.BitrixError


@dataclass(frozen=True, slots=True)
class Command:
    """One method with its parameters. ``write`` is True for everything that changes the portal.

    In an ask, values may be references to earlier commands (:meth:`at`). Raises ``ValueError`` for a
    malformed method name.
    """

    method: str
    params: Params = field(default_factory=dict)
    write: bool = False

    def __post_init__(self) -> None:
        checked_method(self.method)
        if self.method.casefold() == "batch":
            raise ValueError("no batch in a batch")

    def encoded(self) -> str:
        """``method?query``. Raises what ``encoding.query`` raises."""
        text = query(self.params)
        return f"{self.method}?{text}" if text else self.method

    def at(self, *path: str | int) -> "Reference":
        """The value at ``path`` in this command's result, as a value for a later command's parameters."""
        return Reference(self, path)


@dataclass(frozen=True, slots=True)
class Reference:
    """A value that the portal takes from the result of ``command``, an earlier one of the same batch."""

    command: Command
    path: tuple[str | int, ...]


def checked_method(method: str) -> str:
    """The method's name, if it is one: it becomes a part of the address."""
    if not _METHOD.fullmatch(method):
        raise ValueError(f"{method!r} is not a method's name")
    return method


def chunks(commands: Mapping[str, Command]) -> list[dict[str, Command]]:
    """The commands in their order, at most 50 together, references never cut off from their source.

    Raises ``ValueError`` for malformed keys, for references to a command that is not there or comes
    later, and where no cut within 50 commands leaves every reference whole.
    """
    keys = list(commands)
    earliest = _earliest_source(commands)
    found: list[dict[str, Command]] = []
    start = 0
    while start < len(keys):
        end = min(start + SIZE, len(keys))
        while end > start and min(earliest[end:], default=end) < end:
            end -= 1
        if end == start:
            raise ValueError(f"more than {SIZE} commands hang together by references")
        found.append({key: commands[key] for key in keys[start:end]})
        start = end
    return found


def _earliest_source(commands: Mapping[str, Command]) -> list[int]:
    """For each command the position of the first command it refers to, or its own."""
    positions: dict[str, int] = {}
    earliest = []
    for index, (key, command) in enumerate(commands.items()):
        if not _KEY.fullmatch(key):
            raise ValueError(f"{key!r} cannot be the key of a command")
        sources = references.used(command.params)
        if unknown := sources - positions.keys():
            raise ValueError(
                f"{key} refers to {sorted(unknown)}, which is not before it in the batch"
            )
        earliest.append(min((positions[source] for source in sources), default=index))
        positions[key] = index
    return earliest


def body(commands: Mapping[str, Command], *, halt: bool) -> dict[str, object]:
    """The parameters of the ``batch`` method for at most 50 commands."""
    return {
        "halt": int(halt),
        "cmd": {key: command.encoded() for key, command in commands.items()},
    }


def outcomes(
    commands: Mapping[str, Command], result: object, *, halt: bool, request_id: str = ""
) -> dict[str, Outcome]:
    """What became of each command, from the ``result`` of one batch request."""
    parts = answers.as_mapping(result)
    failures = answers.as_mapping(parts.get("result_error"))
    found: dict[str, Outcome] = {}
    for key, command in commands.items():
        outcome = _outcome(key, command, parts, halted=halt and bool(failures))
        if isinstance(outcome, errors.BitrixError):
            outcome.request_id = request_id
        found[key] = outcome
    return found


def _outcome(key: str, command: Command, parts: Mapping[str, object], *, halted: bool) -> Outcome:
    def part(name: str) -> Mapping[str, object]:
        return answers.as_mapping(parts.get(name))

    failures, results, times = part("result_error"), part("result"), part("result_time")
    if key in failures:
        return answers.described(failures[key], method=command.method)
    if key in results or key in times:
        answer = Answer(
            results.get(key),
            total=answers.whole(part("result_total").get(key)),
            next=answers.whole(part("result_next").get(key)),
            time=answers.call_time(times.get(key)),
        )
        try:
            return answers.checked_rows(answer, command.params, command.method)
        except errors.IncompleteAnswer as error:
            return error
    if halted:
        return errors.NotRun("NOT_RUN", "an earlier command failed", method=command.method)
    if command.write:
        return errors.OutcomeUnknown("NO_OUTCOME", "missing in the answer", method=command.method)
    return errors.NotRun("NO_OUTCOME", "missing in the answer", method=command.method)


def failed(commands: Mapping[str, Command], error: errors.BitrixError) -> dict[str, Outcome]:
    """The outcomes of commands whose first request failed as a whole with ``error``."""
    first, *rest = chunks(commands)
    found: dict[str, Outcome] = dict.fromkeys(first, error)
    return found | {
        key: not_sent(error, command) for chunk in rest for key, command in chunk.items()
    }


def not_sent(error: errors.BitrixError, command: Command) -> errors.BitrixError:
    """The outcome of a command that was left out because an earlier request ended in ``error``."""
    if error.not_applied:
        return error.copied(method=command.method)
    return errors.NotRun(
        "NOT_RUN",
        f"an earlier request failed: {error.code}",
        method=command.method,
        whole_request=True,
    )


def unfinished(found: Mapping[str, Outcome]) -> Iterator[str]:
    """Keys of the commands that certainly did nothing and would do with a fresh token."""
    for key, outcome in found.items():
        if isinstance(outcome, errors.ExpiredToken | errors.NotRun):
            yield key

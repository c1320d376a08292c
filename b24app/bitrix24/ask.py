"""Questions to the portal as values.

An :class:`Ask` holds the commands that have to be sent and knows how to read their answers. Several
asks are put :func:`together`, and ``Client.answer`` sends all their commands in as few ``batch``
requests as they fit into (settings/how-to-call-rest-api/batch.md). An ask that needs more after a
first look has a follow-up; the follow-ups of asks that were put together share a request as well.

The keys of commands exist only between this module and the client. What one command takes from the
result of another is a :class:`~b24app.bitrix24.batch.Reference`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, overload

from b24app.bitrix24 import batch, errors, references
from b24app.bitrix24.answers import Answer, CallTime
from b24app.bitrix24.batch import Command, Outcome, Reference

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
U = TypeVar("U")
Key = TypeVar("Key")


class Send(Protocol):
    def __call__(self, commands: Mapping[str, Command], /) -> Mapping[str, Outcome]: ...


@dataclass(frozen=True, slots=True)
class Refusal:
    """Stands for a part that could not be read or written; ``error`` says why.

    ``whole``: its request failed as a whole, so nothing was said about this part.
    """

    error: errors.BitrixError
    whole: bool = False


_Outcomes = Mapping[int, Answer | Refusal]
"""Outcomes by the identity of their commands."""


class Ask(ABC, Generic[T_co]):
    """A question that ends in a ``T``, or in a ``BitrixError``. Immutable; asking twice is possible."""

    @abstractmethod
    def then(self, follow_up: Callable[[T_co], "Ask[U]"]) -> "Ask[U]":
        """Go on with another ask that depends on what this one found."""

    @abstractmethod
    def attempt(self, *, whole: bool = True) -> "Ask[T_co | Refusal]":
        """The same, with a :class:`Refusal` as its value instead of an error.

        With ``whole`` set to False, a request that failed as a whole stays an error.
        """

    def map(self, read: Callable[[T_co], U]) -> "Ask[U]":
        """The same with its value turned into another one. ``read`` may raise a ``BitrixError``."""
        return self.then(_then_known(read))

    def otherwise(
        self, default: U, *kinds: type[errors.BitrixError], whole: bool = True
    ) -> "Ask[T_co | U]":
        """The same with ``default`` in place of an error of these ``kinds``, or of any error.

        ``whole`` as in :meth:`attempt`.
        """
        return self.attempt(whole=whole).then(lambda value: _settled(value, default, kinds))

    @property
    def commands(self) -> tuple[Command, ...]:
        """What has to be sent next, in this order."""
        return ()

    def _advanced(self, outcomes: _Outcomes) -> "Ask[T_co]":
        """What is left to ask once ``commands`` have these outcomes."""
        return self

    @abstractmethod
    def _result(self) -> T_co:
        """The value or the error it has ended in."""


@dataclass(frozen=True, slots=True)
class _Known(Ask[T_co]):
    value: T_co

    def then(self, follow_up: Callable[[T_co], Ask[U]]) -> Ask[U]:
        try:
            return follow_up(self.value)
        except errors.BitrixError as error:
            return failed(error)

    def attempt(self, *, whole: bool = True) -> Ask[T_co | Refusal]:
        return self

    def _result(self) -> T_co:
        return self.value


@dataclass(frozen=True, slots=True)
class _Failed(Ask[T_co]):
    refusal: Refusal

    def then(self, follow_up: Callable[[T_co], Ask[U]]) -> Ask[U]:
        return _Failed(self.refusal)

    def attempt(self, *, whole: bool = True) -> Ask[T_co | Refusal]:
        return known(self.refusal) if whole or not self.refusal.whole else self

    def _result(self) -> T_co:
        raise self.refusal.error


class _Waiting(Ask[T_co]):
    def __init__(self, commands: Iterable[Command], step: Callable[[_Outcomes], Ask[T_co]]) -> None:
        self._commands = tuple({id(command): command for command in commands}.values())
        self._step = step

    @property
    def commands(self) -> tuple[Command, ...]:
        return self._commands

    def then(self, follow_up: Callable[[T_co], Ask[U]]) -> Ask[U]:
        return _Waiting(self._commands, lambda outcomes: self._advanced(outcomes).then(follow_up))

    def attempt(self, *, whole: bool = True) -> Ask[T_co | Refusal]:
        return _Waiting(
            self._commands, lambda outcomes: self._advanced(outcomes).attempt(whole=whole)
        )

    def _advanced(self, outcomes: _Outcomes) -> Ask[T_co]:
        return self._step(outcomes)

    def _result(self) -> T_co:
        raise ValueError("not answered yet")


def value_of(found: T | Refusal) -> T:
    """What an attempted part found. Raises the error of a refusal."""
    if isinstance(found, Refusal):
        raise found.error
    return found


def known(value: T) -> Ask[T]:
    """A question whose answer is here already: nothing is sent for it."""
    return _Known(value)


def failed(error: errors.BitrixError) -> Ask[Any]:
    """A question that ends in ``error`` without being sent."""
    return _Failed(Refusal(error))


def refused(refusal: Refusal) -> Ask[Any]:
    """A question that ends as the attempted part did that gave ``refusal``."""
    return _Failed(refusal)


def _then_known(read: Callable[[T], U]) -> Callable[[T], Ask[U]]:
    return lambda value: known(read(value))


def _settled(
    value: T | Refusal, default: U, kinds: tuple[type[errors.BitrixError], ...]
) -> Ask[T | U]:
    if not isinstance(value, Refusal):
        return known(value)
    if isinstance(value.error, kinds or errors.BitrixError):
        return known(default)
    return refused(value)


def of(command: Command, read: Callable[[Answer], T]) -> Ask[T]:
    """One command, its answer read by ``read``, which may raise a ``BitrixError``.

    A command object is sent once, however many asks of the same request hold it.
    """

    def step(outcomes: _Outcomes) -> Ask[T]:
        outcome = outcomes[id(command)]
        if isinstance(outcome, Refusal):
            return refused(outcome)
        return known(outcome).map(read)

    return _Waiting([command], step)


def every(asks: Iterable[Ask[T]]) -> Ask[tuple[T, ...]]:
    """All of the asks, their values in the same order. The first one that fails fails them all."""
    parts = tuple(asks)
    values: list[T] = []
    for part in parts:
        if isinstance(part, _Failed):
            return refused(part.refusal)
        if isinstance(part, _Known):
            values.append(part.value)
    if len(values) == len(parts):
        return known(tuple(values))
    return _Waiting(
        (command for part in parts for command in part.commands),
        lambda outcomes: every(part._advanced(outcomes) for part in parts),
    )


A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")
F = TypeVar("F")
G = TypeVar("G")
H = TypeVar("H")


@overload
def together(a: Ask[A], b: Ask[B], /) -> Ask[tuple[A, B]]: ...
@overload
def together(a: Ask[A], b: Ask[B], c: Ask[C], /) -> Ask[tuple[A, B, C]]: ...
@overload
def together(a: Ask[A], b: Ask[B], c: Ask[C], d: Ask[D], /) -> Ask[tuple[A, B, C, D]]: ...
@overload
def together(
    a: Ask[A], b: Ask[B], c: Ask[C], d: Ask[D], e: Ask[E], /
) -> Ask[tuple[A, B, C, D, E]]: ...
@overload
def together(
    a: Ask[A], b: Ask[B], c: Ask[C], d: Ask[D], e: Ask[E], f: Ask[F], /
) -> Ask[tuple[A, B, C, D, E, F]]: ...
@overload
def together(
    a: Ask[A], b: Ask[B], c: Ask[C], d: Ask[D], e: Ask[E], f: Ask[F], g: Ask[G], /
) -> Ask[tuple[A, B, C, D, E, F, G]]: ...
@overload
def together(
    a: Ask[A], b: Ask[B], c: Ask[C], d: Ask[D], e: Ask[E], f: Ask[F], g: Ask[G], h: Ask[H], /
) -> Ask[tuple[A, B, C, D, E, F, G, H]]: ...
def together(*asks: Ask[Any]) -> Ask[tuple[Any, ...]]:
    """Asks of different kinds as one, their values as a tuple; otherwise as :func:`every`."""
    return every(asks)


def many(keys: Iterable[Key], ask_of_page: Callable[[Sequence[Key]], Ask[T]]) -> Ask[tuple[T, ...]]:
    """One ask for each 50 of the keys, all of them together; nothing is sent for no keys."""
    return every(ask_of_page(page) for page in pages(keys))


def pages(keys: Iterable[Key]) -> list[Sequence[Key]]:
    """The keys in pieces that one command may name: at most :data:`batch.SIZE`."""
    listed = list(keys)
    return [listed[at : at + batch.SIZE] for at in range(0, len(listed), batch.SIZE)]


def timed(ask: Ask[T]) -> Ask[tuple[T, tuple[CallTime, ...]]]:
    """The same, and what each command of its first request cost the portal, where it said so."""
    if not ask.commands:
        return ask.map(lambda value: (value, ()))

    def step(outcomes: _Outcomes) -> Ask[tuple[T, tuple[CallTime, ...]]]:
        found = [outcomes[id(command)] for command in ask.commands]
        times = tuple(answer.time for answer in found if isinstance(answer, Answer) and answer.time)
        return ask._advanced(outcomes).map(lambda value: (value, times))

    return _Waiting(ask.commands, step)


def answered(ask: Ask[T], send: Send, *, strict: bool = False) -> T:
    """The answer of an ask, with every request sent by ``send``. Raises the error it ends in.

    A request that fails as a whole fails each of its commands, so that an optional part may do
    without; ``strict`` raises at once instead. ``errors.Wait`` refuses nothing and is raised, except
    for a later request of an ask that writes: what the earlier ones wrote must not be lost.
    """
    while ask.commands:
        commands = ask.commands
        named = _named(commands)
        whole = False
        try:
            outcomes = send(named)
        except errors.Wait:
            raise
        except errors.BitrixError as error:
            if strict:
                raise
            outcomes, whole = batch.failed(named, error), True
        _raise_wait(commands, outcomes)
        ask = ask._advanced(
            {
                id(command): outcome
                if isinstance(outcome := outcomes[key], Answer)
                else Refusal(outcome, whole or outcome.whole_request)
                for command, key in zip(commands, named, strict=True)
            }
        )
    return ask._result()


def _raise_wait(commands: Sequence[Command], outcomes: Mapping[str, Outcome]) -> None:
    """Raise ``errors.Wait`` if a request of commands that only read found no room in our budget."""
    if any(command.write for command in commands):
        return
    for outcome in outcomes.values():
        if isinstance(outcome, errors.Wait):
            raise outcome


def _named(commands: Sequence[Command]) -> dict[str, Command]:
    """The commands under keys, with references written as the portal reads them.

    All other text loses the power to refer to a command: people may have typed it. Raises
    ``ValueError`` for a reference to a command that is not sent before the one that holds it.
    """
    keys: dict[int, str] = {}
    named: dict[str, Command] = {}
    for number, command in enumerate(commands):
        key = f"c{number}"
        named[key] = Command(
            command.method,
            {name: _written(value, keys) for name, value in command.params.items()},
            write=command.write,
        )
        keys[id(command)] = key
    return named


def _written(value: object, keys: Mapping[int, str]) -> object:
    if isinstance(value, Reference):
        key = keys.get(id(value.command))
        if key is None:
            raise ValueError(f"{value.command.method} is not sent before what refers to it")
        return references.written(key, value.path)
    if isinstance(value, str):
        return references.plain(value)
    if isinstance(value, Mapping):
        return {name: _written(item, keys) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_written(item, keys) for item in value]
    return value

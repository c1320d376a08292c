"""One portal as one user sees it: a call, a batch, pages.

Followed pages: settings/how-to-call-rest-api/general-principles.md, batch.md. What happens to one
request on its way (renewal, redirects, repetition) is in ``retry``.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from b24app.bitrix24 import answers, batch, errors, paging, references
from b24app.bitrix24.answers import WAITED_FOR, Answer, Bounds, CallTime
from b24app.bitrix24.ask import Ask, T, answered
from b24app.bitrix24.batch import Command, Outcome
from b24app.bitrix24.budget import Budget
from b24app.bitrix24.encoding import Params
from b24app.bitrix24.paging import Row
from b24app.bitrix24.retry import CallRecord, Exchange, Listener, Request
from b24app.bitrix24.token_source import TokenSource
from b24app.bitrix24.transport import SHARED, Transport

__all__ = ["Answer", "CallRecord", "CallTime", "Client", "Command", "Outcome", "Timeouts"]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait for an answer. The cloud cuts a request off after 60 s.

    ``reading`` is the most for a request that changes nothing: somebody waits for what it reads, and
    giving up early leaves nothing unknown.
    """

    call: float = 20.0
    batch: float = 65.0
    reading: float = 65.0

    def of_call(self, *, write: bool) -> float:
        return self.call if write else min(self.call, self.reading)

    def of_batch(self, *, write: bool) -> float:
        return self.batch if write else min(self.batch, self.reading)


class Client:
    """Calls to one portal with one user's token; cheap to make, safe to share between threads."""

    def __init__(
        self,
        tokens: TokenSource,
        *,
        budget: Budget,
        listener: Listener | None = None,
        transport: Transport = SHARED,
        timeouts: Timeouts | None = None,
        bounds: Bounds = WAITED_FOR,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._tokens = tokens
        self._budget = budget
        self._listener = listener
        self._transport = transport
        self._timeouts = timeouts or Timeouts()
        self._bounds = bounds
        self._sleep = sleep

    def call(self, method: str, params: Params | None = None, *, write: bool = False) -> Answer:
        """One method; ``write`` must be True if it changes anything. Raises a ``BitrixError``."""
        batch.checked_method(method)
        request = Request(method, params or {}, self._timeouts.of_call(write=write))
        answer = self._exchange(write=write).send(request)
        return answers.checked_rows(answer, request.params, method)

    def batch(
        self,
        commands: Mapping[str, Command],
        halt: bool = False,
        *,
        send_before: float | None = None,
    ) -> dict[str, Outcome]:
        """Any number of commands, 50 a request; an answer or an error for every key, in order.

        ``send_before`` is a wall-clock time in seconds since 1970. Past it no request is sent any
        more, also after a renewed token or a wait for room: that raises ``errors.OutOfTime``.
        With ``halt`` nothing runs after the first failure. Raises a ``BitrixError`` only when the
        first request failed as a whole; a later one's failure is the outcome of its commands, and
        of all behind them, which were not sent any more (``errors.NotRun`` if the failure itself
        leaves open what was done). Raises ``ValueError`` for commands that cannot be sent.
        """
        requests_ = [(chunk, batch.body(chunk, halt=halt)) for chunk in batch.chunks(commands)]
        found: dict[str, Outcome] = {}
        for chunk, body in requests_:
            if halt and any(isinstance(outcome, errors.BitrixError) for outcome in found.values()):
                break
            try:
                found |= self._run(chunk, body, halt=halt, send_before=send_before)
            except errors.BitrixError as error:
                if not found:
                    raise
                found |= {key: error.copied(method=item.method) for key, item in chunk.items()}
                return found | {
                    key: batch.not_sent(error, command)
                    for key, command in commands.items()
                    if key not in found
                }
        return found | {
            key: errors.NotRun("NOT_RUN", "an earlier command failed", method=command.method)
            for key, command in commands.items()
            if key not in found
        }

    def answer(
        self,
        ask: Ask[T],
        *,
        send_before: float | None = None,
        strict: bool = False,
        max_wait: float = 0.0,
    ) -> T:
        """The answer of ``ask``, in as few batch requests as its commands fit into.

        ``send_before`` as in :meth:`batch`. ``max_wait``: seconds that a wait for room in the budget may
        take; it is slept through before each request, and the first request that fails raises. Raises
        the ``BitrixError`` that the ask ends in; see :func:`b24app.bitrix24.ask.answered` for requests
        that fail as a whole, and for ``strict``.
        """

        def send(commands: Mapping[str, Command]) -> dict[str, Outcome]:
            if not max_wait:
                return self.batch(commands, send_before=send_before)
            found: dict[str, Outcome] = {}
            for chunk in batch.chunks(commands):
                found |= self._batch_after_wait(chunk, send_before, max_wait)
            return found

        return answered(ask, send, strict=strict)

    def _batch_after_wait(
        self, commands: Mapping[str, Command], send_before: float | None, max_wait: float
    ) -> dict[str, Outcome]:
        while True:
            try:
                return self.batch(commands, send_before=send_before)
            except errors.Wait as wait:
                if wait.seconds > max_wait:
                    raise
                self._sleep(wait.seconds)

    def pages(
        self, method: str, params: Params | None = None, *, rows: paging.Rows[Row]
    ) -> Iterator[Sequence[Row]]:
        """Pages of a list method by ``next``; ``rows`` takes the list out of a result."""
        return paging.by_next(self.call, method, params or {}, rows)

    def by_id(
        self,
        method: str,
        params: Params | None = None,
        *,
        rows: paging.Rows[Row],
        field: str = "id",
    ) -> Iterator[Sequence[Row]]:
        """Pages of a list method by ``>id`` without counting; ``field`` is the id's name there."""
        return paging.by_id(self.call, method, params or {}, rows, field)

    def _exchange(self, *, write: bool) -> Exchange:
        return Exchange(
            self._tokens,
            self._budget,
            self._transport,
            self._listener,
            self._sleep,
            write=write,
            bounds=self._bounds,
        )

    def _run(
        self,
        chunk: Mapping[str, Command],
        body: Params,
        *,
        halt: bool,
        send_before: float | None,
    ) -> dict[str, Outcome]:
        write = any(command.write for command in chunk.values())
        exchange, limit = self._exchange(write=write), self._timeouts.of_batch(write=write)
        request = Request("batch", body, limit, chunk, send_before)
        result = exchange.send(request).result
        found = batch.outcomes(chunk, result, halt=halt, request_id=exchange.request_id)
        expired = any(isinstance(outcome, errors.ExpiredToken) for outcome in found.values())
        if not expired or exchange.renewed:
            return found
        again = _resolvable(chunk, found)
        if not again:
            return found
        try:
            exchange.renew()
            request = Request("batch", batch.body(again, halt=halt), limit, again, send_before)
            result = exchange.send(request).result
        except errors.BitrixError as error:
            # What the first request did is known and must not be lost with the second.
            return found | {key: error.copied(method=item.method) for key, item in again.items()}
        return found | batch.outcomes(again, result, halt=halt, request_id=exchange.request_id)


def _resolvable(chunk: Mapping[str, Command], found: Mapping[str, Outcome]) -> dict[str, Command]:
    """The commands to repeat, their references to finished commands replaced by what those gave."""
    done = {key: answer.result for key, answer in found.items() if isinstance(answer, Answer)}
    again: dict[str, Command] = {}
    for key in batch.unfinished(found):
        command, sources = chunk[key], references.used(chunk[key].params)
        ready = replace(command, params=references.resolved(command.params, done))
        # Text that somebody stored in the portal must not become a reference on its way back.
        if sources <= done.keys() | again.keys() and references.used(ready.params) <= sources:
            again[key] = ready
    return {key: command for key, command in again.items() if _fits(command)}


def _fits(command: Command) -> bool:
    """Whether what the portal would have put in itself can be written into a query as well."""
    try:
        command.encoded()
    except (TypeError, ValueError):
        return False
    return True

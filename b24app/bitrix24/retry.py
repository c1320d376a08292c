"""One logical call on its way: renewal, redirect, repetition, and a record of every request.

Rules kept here (settings/oauth/auto-renewal.md, settings/how-to-call-rest-api/change-domen.md,
settings/performance/limits.md): an expired token is renewed once and the request repeated; a
redirect is followed once, as a POST, to the address the authorization server confirms; reads are
repeated a few times with growing, jittered delay, writes only where it is certain that nothing
was applied. Every request asks the portal's budget for room first, and reports to it how it ended.
"""

import json
import logging
import math
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urljoin, urlsplit

import requests

from b24app import tracing
from b24app.bitrix24 import answers, batch, deadline, encoding, errors, slots
from b24app.bitrix24.answers import Answer, Bounds
from b24app.bitrix24.batch import Command, Outcome
from b24app.bitrix24.budget import Budget
from b24app.bitrix24.encoding import Params
from b24app.bitrix24.token_source import TokenSource
from b24app.bitrix24.transport import Transport

EXTRA_TRIES: Final = 3
FIRST_DELAY: Final = 1.0
PATIENCE: Final = 8.0
"""Seconds after which a call that keeps failing is not tried again."""

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})

_JITTER: Final = random.SystemRandom()

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One HTTP request, for the journal: what was asked, when, and how it ended. No tokens.

    ``outcome`` is ``ok``, ``REDIRECT`` or an error's code (``BUDGET`` for a request that was not
    sent), ``kind`` the name of that error's class. ``duration`` and ``operating`` are seconds, the
    latter the highest of the methods inside. ``retries`` counts the requests made before this one
    for the same call. ``methods`` are those that ran and how often, ``failures`` the codes of those
    that failed inside a batch.

    ``params`` (or ``commands`` of a batch) and ``answer`` hold customers' data: whoever keeps anything of
    them masks it first. ``size`` is the answer's bytes.
    """

    method: str
    started: datetime
    duration: float
    outcome: str
    kind: str
    http_status: int | None
    request_id: str
    retries: int
    operating: float | None
    methods: Mapping[str, int]
    failures: Mapping[str, int]
    params: Params = field(default_factory=dict, repr=False)
    commands: Mapping[str, Command] = field(default_factory=dict, repr=False)
    answer: object = field(default=None, repr=False)
    size: int = 0


Listener = Callable[[CallRecord], None]


@dataclass(frozen=True, slots=True)
class Request:
    """One method to send; ``commands`` are those inside, if it is a batch. Seconds to wait for it.

    ``send_before`` is a wall-clock time in seconds since 1970 after which it is not sent any more.
    """

    method: str
    params: Params
    read_timeout: float
    commands: Mapping[str, Command] = field(default_factory=dict)
    send_before: float | None = None

    def methods(self) -> list[str]:
        """The methods that run, as often as they run."""
        return [command.method for command in self.commands.values()] or [self.method]

    def outcomes(self, end: Outcome) -> list[tuple[str, Outcome]]:
        """What became of each of :meth:`methods` when the request as a whole ended like this."""
        if not self.commands or isinstance(end, errors.BitrixError):
            return [(method, end) for method in self.methods()]
        found = batch.outcomes(self.commands, end.result, halt=bool(self.params.get("halt")))
        return [(self.commands[key].method, outcome) for key, outcome in found.items()]


class Exchange:
    """One logical call: at most one renewal, one redirect, and a bounded row of repetitions."""

    def __init__(
        self,
        tokens: TokenSource,
        budget: Budget,
        transport: Transport,
        listener: Listener | None,
        sleep: Callable[[float], None],
        *,
        write: bool,
        bounds: Bounds = answers.WAITED_FOR,
    ) -> None:
        self._tokens = tokens
        self._bounds = bounds
        self._budget = budget
        self._transport = transport
        self._listener = listener
        self._sleep = sleep
        self._write = write
        self._token = tokens.access_token()
        self._base = tokens.endpoint()
        self._moved = False
        self._requests = 0
        self._failures = 0
        self._began = time.monotonic()
        self._size = 0
        self.renewed = False
        self.request_id = ""

    def send(self, request: Request) -> Answer:
        """The answer. Raises a ``BitrixError`` when all that is allowed was tried."""
        if "auth" in request.params:
            raise ValueError("the token is the client's own business")
        sendable = {name: encoding.jsonable(value) for name, value in request.params.items()}
        methods = Counter(method.lower() for method in request.methods())
        slots.hold(urlsplit(self._base).netloc)
        while True:
            self.request_id = tracing.call_id()
            self._admitted(request, methods)
            try:
                response, answer = self._once(request, sendable)
            except errors.ExpiredToken:
                if self.renewed:
                    raise
                self.renew()
            except errors.BitrixError as error:
                self._wait_or_raise(error)
            else:
                if answer is not None:
                    return answer
                self._follow(request.method, response)

    def _admitted(self, request: Request, methods: Mapping[str, int]) -> None:
        """Room for one request. A refusal by our own budget is reported like an answer of the portal."""
        started, clock = datetime.now(UTC), time.monotonic()
        try:
            self._budget.acquire(self.request_id, methods)
        except errors.Wait:
            # A job retries later by itself, so this is not a refusal.
            raise
        except errors.LimitError as error:
            error.request_id = self.request_id
            self._report(request, started, time.monotonic() - clock, error, None, [])
            raise

    def renew(self) -> None:
        """Take a token other than the present one. Raises what the token source raises."""
        self._token = self._tokens.renewed(self._token)
        self._base = self._tokens.endpoint()
        self.renewed = True

    def _once(
        self, request: Request, params: Mapping[str, object]
    ) -> tuple[requests.Response, Answer | None]:
        """The response with its answer, or with None if it is a redirect."""
        started, clock = datetime.now(UTC), time.monotonic()
        status: int | None = None
        self._size = 0
        end: Outcome = errors.NotRun("REDIRECT")
        try:
            body = json.dumps({**params, "auth": self._token}).encode()
            _in_time(request)
            response = self._transport.send(
                "POST",
                f"{self._base}{request.method}",
                read_timeout=request.read_timeout,
                request_id=self.request_id,
                body=body,
                max_bytes=self._bounds.max_bytes,
            )
            status = response.status_code
            self._size = len(response.content)
            if status in _REDIRECTS:
                return response, None
            payload = answers.decode(
                status,
                response.content,
                secrets=(self._token,),
                max_values=self._bounds.max_values,
            )
            end = answers.answer(payload)
            return response, end
        except errors.BitrixError as error:
            error.method, error.request_id = request.method, self.request_id
            end = error
            raise
        finally:
            duration = time.monotonic() - clock
            outcomes = request.outcomes(end)
            self._budget.settle(self.request_id, outcomes)
            self._report(request, started, duration, end, status, outcomes)
            self._requests += 1

    def _follow(self, method: str, response: requests.Response) -> None:
        target = urljoin(self._base, response.headers.get("Location", ""))
        confirmed = self._base if self._moved else self._tokens.relocated(target)
        if confirmed == self._base:
            raise errors.UnexpectedRedirect(
                "REDIRECT",
                "the confirmed address redirects",
                http_status=response.status_code,
                method=method,
                request_id=self.request_id,
            )
        self._base, self._moved = confirmed, True
        self._token = self._tokens.access_token()

    def _wait_or_raise(self, error: errors.BitrixError) -> None:
        # How long a full bucket has to be waited for is the budget's business, when it is asked next.
        full = isinstance(error, errors.RateLimited)
        delay = 0.0 if full else _JITTER.uniform(0, FIRST_DELAY * 2**self._failures)
        spent = time.monotonic() - self._began
        if (
            not error.may_repeat(write=self._write)
            or self._failures >= EXTRA_TRIES
            or spent + delay > PATIENCE
            or deadline.left(math.inf) <= delay
        ):
            raise error
        self._failures += 1
        self._sleep(delay)

    def _report(
        self,
        request: Request,
        started: datetime,
        duration: float,
        end: Outcome,
        status: int | None,
        outcomes: Sequence[tuple[str, Outcome]],
    ) -> None:
        logger.info(
            "%s: %s, HTTP %s, %.3f s, request %s",
            request.method, _word(end), status, duration, self.request_id,
        )  # fmt: skip
        if self._listener is None:
            return
        found = [item for _, item in outcomes]
        record = CallRecord(
            method=request.method,
            started=started,
            duration=duration,
            outcome=_word(end),
            kind=type(end).__name__ if _failed(end) else "ok",
            http_status=status,
            request_id=self.request_id,
            retries=self._requests,
            operating=max(filter(None, map(_operating, [end, *found])), default=None),
            methods=Counter(request.methods()),
            failures=Counter(_word(item) for item in found if item is not end and _failed(item)),
            params={} if request.commands else request.params,
            commands=request.commands,
            answer=_said(end),
            size=self._size,
        )
        try:
            self._listener(record)
        except Exception:
            # A journal that fails must not turn a finished write into an error.
            logger.exception("the listener failed on request %s", record.request_id)


def _in_time(request: Request) -> None:
    """Raises ``errors.OutOfTime`` past the deadline. The last thing before the request goes out.

    By the wall clock: the process may have been stopped, or the machine suspended.
    """
    if request.send_before is not None and time.time() >= request.send_before:
        raise errors.OutOfTime("TOO_LATE", "its deadline had passed", method=request.method)


def _operating(end: Outcome) -> float | None:
    return end.time.operating if isinstance(end, Answer) and end.time else None


def _said(end: Outcome) -> object:
    """What the portal answered, as far as it could be read."""
    if isinstance(end, Answer):
        about = {"total": end.total, "next": end.next}
        known = {name: value for name, value in about.items() if value is not None}
        return {"result": end.result, **known}
    return {"error": end.code, "error_description": end.description}


def _failed(end: Outcome) -> bool:
    return isinstance(end, errors.BitrixError)


def _word(end: Outcome) -> str:
    if isinstance(end, errors.BitrixError):
        return end.code or type(end).__name__
    return "ok"

"""The budget of each portal, shared by all our processes: nothing is sent that would be refused.

Followed page: settings/performance/limits.md. Before a request the client asks for room, after it reports
how it ended: one call of one Lua script each (``budget.lua``), atomic, on the Redis server's clock.
People may fill the bucket to the brim; jobs leave them what they have lately wanted at once, and a part
of each method's execution time. A person waits here for a few seconds, a job never: it gets ``errors.Wait``.

While Redis is away people go on within a small bucket of this process, and jobs wait.
"""

import json
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from redis import Redis
from redis.exceptions import RedisError

from b24app.bitrix24 import deadline, errors, portal_limits
from b24app.bitrix24.batch import Outcome
from b24app.bitrix24.portal_limits import Limits, MethodView, Priority, View

PATIENCE: Final = 4.0
"""Seconds a person's request waits for room; when it would take longer it is refused at once."""

AWAY_WAIT: Final = 10.0
"""Seconds a job waits while Redis is away."""

_SCRIPT: Final = Path(__file__).with_name("budget.lua").read_text("utf-8")
_KEPT_BUCKETS: Final = 1000

_REFUSALS: Final[Mapping[str, type[errors.LimitError]]] = {
    "rate": errors.RateLimited,
    "operating": errors.OperatingLimit,
    "overload": errors.Overloaded,
}

logger = logging.getLogger(__name__)


class Budget(Protocol):
    """One portal's budget for requests of one priority, as the client uses it."""

    def acquire(self, ticket: str, methods: Mapping[str, int]) -> None:
        """Room for one HTTP request that runs each method so many times.

        Raises ``errors.Wait`` for a job, and for a person the ``errors.LimitError`` that the portal
        would answer, with code BUDGET.
        """
        ...

    def settle(self, ticket: str, outcomes: Sequence[tuple[str, Outcome]]) -> None:
        """How the request of ``ticket`` ended: (method, outcome) of each command, in their order."""
        ...


class Breaker(Protocol):
    """Decides whether Redis is asked, so that one that hangs does not make every request wait."""

    @property
    def is_open(self) -> bool:
        """Whether Redis failed a moment ago and must not be asked."""
        ...

    def record_failure(self) -> None: ...

    def record_success(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Level:
    """Requests in a portal's bucket, and seconds for which the portal is left alone."""

    level: float
    blocked: float


class Budgets:
    """The budgets of all portals in one Redis. Safe between threads, and for processes that fork.

    ``redis`` returns bytes. ``breaker`` is asked before each call of the script. ``clock`` gives seconds
    that only grow, for what this process waits and what it counts while Redis is away; ``sleep`` waits.
    """

    def __init__(
        self,
        redis: Redis,
        breaker: Breaker,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._redis = redis
        self._breaker = breaker
        self.clock = clock
        self.sleep = sleep
        self._script = redis.register_script(_SCRIPT)
        # Keyed by process, as the transport's sessions are: a lock could be held at the moment of a
        # fork.
        self._locals: dict[int, _Local] = {}

    def of(self, member_id: str, limits: Limits, priority: Priority) -> "SharedBudget":
        return SharedBudget(self, member_id, limits, priority)

    def levels(self, leak: float) -> dict[str, Level]:
        """The bucket of every portal asked lately, by member_id, with ``leak`` requests a second.

        Reads the fields that ``budget.lua`` describes, many portals in a round trip. Raises
        ``RedisError``.
        """
        seconds, microseconds = self._redis.time()
        now = float(seconds) + float(microseconds) / 1_000_000
        keys = list(self._redis.scan_iter("budget:*", count=1000))
        found: dict[str, Level] = {}
        for first in range(0, len(keys), _KEPT_BUCKETS):
            some = keys[first : first + _KEPT_BUCKETS]
            pipe = self._redis.pipeline(transaction=False)
            for key in some:
                pipe.hmget(key, "level", "at", "blocked")
            for key, (level, at, blocked) in zip(some, pipe.execute(), strict=True):
                member_id = key.decode().removeprefix("budget:").strip("{}")
                left = float(level or 0) - max(0.0, now - float(at or 0)) * leak
                found[member_id] = Level(max(0.0, left), max(0.0, float(blocked or 0) - now))
        return found

    @property
    def local(self) -> "_Local":
        pid = os.getpid()
        return self._locals.get(pid) or self._locals.setdefault(pid, _Local(self.clock))

    def run(
        self, operation: str, member_id: str, request: Mapping[str, object], limits: Limits
    ) -> dict[str, Any] | None:
        """The script's answer; None while Redis is away."""
        if self._breaker.is_open:
            return None
        known = {
            **asdict(limits),
            "brim": limits.brim,
            "reserve": limits.reserve,
            "unknown_cost": portal_limits.UNKNOWN_COST,
        }
        try:
            answer = self._script(
                keys=[f"budget:{{{member_id}}}"],
                args=[operation, json.dumps(request), json.dumps(known)],
            )
        except RedisError as error:
            self._breaker.record_failure()
            self.local.log_failure(error)
            return None
        self._breaker.record_success()
        self.local.log_success()
        found: dict[str, Any] = json.loads(answer)
        return found


class SharedBudget:
    """One portal's :class:`Budget` for requests of one priority, shared with everybody. Cheap to make."""

    def __init__(
        self, budgets: Budgets, member_id: str, limits: Limits, priority: Priority
    ) -> None:
        self._budgets = budgets
        self._member_id = member_id
        self._limits = limits
        self._priority = priority

    def acquire(self, ticket: str, methods: Mapping[str, int]) -> None:
        """See :class:`Budget`. A person's request may sleep here, for :data:`PATIENCE` at most."""
        clock = self._budgets.clock
        end = clock() + deadline.left(PATIENCE)
        method = next(iter(methods))
        while True:
            wait, why = self._ask(ticket, methods)
            if wait <= 0:
                return
            if self._priority is Priority.BULK:
                raise errors.Wait(wait, method=method, why=why)
            if clock() + wait > end:
                raise _REFUSALS[why]("BUDGET", f"no room for {wait:.1f} s", method=method)
            self._budgets.sleep(wait)

    def settle(self, ticket: str, outcomes: Sequence[tuple[str, Outcome]]) -> None:
        """See :class:`Budget`. Raises nothing: what was done is done."""
        summary = portal_limits.summary_of(outcomes)
        if summary.full:
            self._budgets.local.fill(self._member_id, self._limits)
        self._run("settle", _given({"ticket": ticket, **asdict(summary)}))

    def view(self) -> View:
        """The current budget, for the console, for estimates and for how much to send next."""
        found = self._run("view", self._priorities())
        if found is None:
            level = self._budgets.local.level(self._member_id)
            return View(self._limits, level, self._limits.brim, shared=False)
        methods = {name: _method_view(item) for name, item in found["methods"].items()}
        return View(self._limits, found["level"], found["line"], found["blocked"], methods)

    def cost(self, method: str) -> float:
        """Measured seconds of execution of one command; a cautious guess before the first."""
        return self.view().cost(method)

    def _ask(self, ticket: str, methods: Mapping[str, int]) -> tuple[float, str]:
        """Seconds to wait, 0 when there is room, and for what."""
        request = {"ticket": ticket, "methods": methods}
        answer = self._run("acquire", request | self._priorities())
        if answer is not None:
            return float(answer["wait"]), str(answer["why"])
        if self._priority is Priority.BULK:
            return AWAY_WAIT, "away"
        return self._budgets.local.admit(self._member_id, self._limits), "rate"

    def _priorities(self) -> dict[str, object]:
        return {
            "shares": self._limits.shares(self._priority),
            "patient": self._priority is Priority.BULK,
        }

    def _run(self, operation: str, request: Mapping[str, object]) -> dict[str, Any] | None:
        return self._budgets.run(operation, self._member_id, request, self._limits)


def _given(fields: Mapping[str, object]) -> dict[str, object]:
    """The fields without the unknown ones: in Lua, JSON's null is a value that counts as true."""
    return {
        name: _given(value) if isinstance(value, Mapping) else value
        for name, value in fields.items()
        if value is not None
    }


def _method_view(raw: Mapping[str, Any]) -> MethodView:
    return MethodView(
        operating=raw["operating"],
        limit=raw["limit"],
        cost=raw.get("cost"),
        falls=tuple((after, seconds) for after, seconds in raw["falls"]),
        blocked=raw["blocked"],
        line=raw["line"],
        room=raw["room"],
        wait=raw["wait"],
    )


class _Local:
    """What one process keeps by itself: small buckets for the time while Redis does not answer.

    A quarter of the capacity and half the leak, since other processes do the same.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float, float]] = {}  # level, leak, at
        self._away = False

    def admit(self, member_id: str, limits: Limits) -> float:
        """Seconds to wait; 0 when the request was counted."""
        leak, capacity = limits.leak / 2, max(1.0, limits.capacity / 4)
        with self._lock:
            level = self._level(member_id)
            if level + 1 > capacity:
                return (level + 1 - capacity) / leak
            self._put(member_id, level + 1, leak)
        return 0.0

    def fill(self, member_id: str, limits: Limits) -> None:
        """The portal has said that its bucket is full."""
        with self._lock:
            self._put(member_id, max(1.0, limits.capacity / 4), limits.leak / 2)

    def level(self, member_id: str) -> float:
        with self._lock:
            return self._level(member_id)

    def log_failure(self, error: RedisError) -> None:
        """Log once that Redis does not answer."""
        if not self._away:
            logger.warning("Redis away, small budgets of this process: %s", error)
        self._away = True

    def log_success(self) -> None:
        """Log once that Redis answers again."""
        if self._away:
            logger.info("Redis is back: shared budgets")
        self._away = False

    def _level(self, member_id: str) -> float:
        level, leak, at = self._buckets.get(member_id, (0.0, 1.0, 0.0))
        return max(0.0, level - (self._clock() - at) * leak)

    def _put(self, member_id: str, level: float, leak: float) -> None:
        if len(self._buckets) >= _KEPT_BUCKETS:
            self._buckets = {text: it for text, it in self._buckets.items() if self._level(text)}
        self._buckets[member_id] = level, leak, self._clock()

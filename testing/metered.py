"""The demo portal behind a budget in a real Redis, with a clock that the test advances."""

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from redis import Redis
from redis.exceptions import RedisError

from b24app.bitrix24 import errors
from b24app.bitrix24.budget import Budgets, SharedBudget
from b24app.bitrix24.client import Client, Command, Outcome
from b24app.bitrix24.portal_limits import Limits, Priority
from b24app.bitrix24.token_source import FixedToken
from b24app.bitrix24.transport import Transport
from b24app.redis import CircuitBreaker
from demo.server import DemoPortal
from testing.opening import EMPTY, ONE

ADD = "crm.orderentity.add"


@dataclass
class Metered:
    """A portal, what we believe of its limits, and the Redis that the budget is kept in.

    Waiting only turns the clock, and ``slept`` keeps it, unless ``real`` says that it takes its time.
    """

    portal: DemoPortal
    redis: Redis
    limits: Limits = field(default_factory=Limits)
    turned: float = 0.0
    transport: Transport = field(default_factory=Transport)
    real: bool = False
    slept: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.real:
            self.breaker = CircuitBreaker()
            self.budgets = Budgets(self.redis, self.breaker)
        else:
            self.breaker = CircuitBreaker(self.clock)
            self.budgets = Budgets(self.redis, self.breaker, self.clock, self.sleep)
        self.token = self.portal.open("DEFAULT").form["AUTH_ID"]
        self.allow(self.limits)

    def allow(self, limits: Limits) -> None:
        """What the portal really allows."""
        real = self.portal.rest.limits
        real.capacity, real.leak = limits.capacity, limits.leak
        real.operating = limits.operating
        real.clock = lambda: time.time() + self.turned
        real.reset()

    def clock(self) -> float:
        """This process's clock, with what :meth:`later` has let pass."""
        return time.monotonic() + self.turned

    def now(self) -> float:
        """The clock the shared budget reckons with: Redis's, with what :meth:`later` has let pass."""
        seconds, microseconds = self.redis.time()
        return float(seconds) + float(microseconds) / 1_000_000 + self.turned

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        with suppress(RedisError):
            self.later(seconds)

    def believe(self, **limits: float) -> None:
        self.limits = replace(self.limits, **limits)

    @property
    def base(self) -> str:
        return f"{self.portal.url}/rest/"

    def budget(self, priority: Priority = Priority.INTERACTIVE) -> SharedBudget:
        return self.budgets.of(self.portal.member_id, self.limits, priority)

    def client(self, priority: Priority = Priority.INTERACTIVE) -> Client:
        return Client(
            FixedToken(self.base, self.token),
            budget=self.budget(priority),
            transport=self.transport,
        )

    def later(self, seconds: float) -> None:
        """So many seconds pass: for the portal, and for all that is kept of it."""
        self.turned += seconds
        key = f"budget:{{{self.portal.member_id}}}"
        for name, value in self.redis.hgetall(key).items():
            assert isinstance(name, bytes)
            assert isinstance(value, bytes)
            self.redis.hset(key, name, _aged(name.decode(), value.decode(), seconds))

    def somebody_else_spends(self, method: str, seconds: float) -> None:
        """Another server of the same app works without asking us, until the portal's sum is this high."""
        spent = 0.0
        while spent < seconds:
            spent = self.portal.rest.limits.spend(method).seconds

    def adds(self, count: int, skip: int = 0) -> dict[str, Command]:
        """Links that can be written, whatever was linked before."""
        orders = [*self.portal.state.orders][skip : skip + count]
        deals = [EMPTY if self.portal.link_of(item) == (2, ONE) else ONE for item in orders]
        return {
            f"add{order}": Command(
                ADD,
                {"fields": {"orderId": order, "ownerId": deal, "ownerTypeId": 2}},
                write=True,
            )
            for order, deal in zip(orders, deals, strict=True)
        }

    def job(self, count: int, per_batch: int) -> tuple[float, list[Outcome]]:
        """``count`` links written by a job alone: the seconds it took, and every outcome."""
        client, took = self.client(Priority.BULK), 0.0
        outcomes: list[Outcome] = []
        while len(outcomes) < count:
            try:
                found = client.batch(self.adds(min(per_batch, count - len(outcomes))))
            except errors.Wait as wait:
                passing = wait.seconds
            else:
                outcomes += found.values()
                passing = self.portal.rest.limits.cost(ADD) * len(found)
            took += passing
            self.later(passing)
        return took, outcomes


def refusals(outcomes: list[Outcome] | Mapping[str, Outcome]) -> list[errors.BitrixError]:
    ends = outcomes.values() if isinstance(outcomes, Mapping) else outcomes
    return [error for error in ends if isinstance(error, errors.BitrixError)]


def _aged(name: str, value: str, seconds: float) -> str:
    if name == "offset":
        return repr(float(value) + seconds)
    if name in ("at", "blocked"):
        return repr(float(value) - seconds)
    if name.startswith("method:"):
        account = json.loads(value)
        for moment in {"learnt", "people"} & account.keys():
            account[moment] -= seconds
        account["pending"] = {
            ticket: [reserved, at - seconds]
            for ticket, (reserved, at) in account["pending"].items()
        }
        return json.dumps(account)
    return value

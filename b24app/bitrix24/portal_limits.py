"""How fast a portal may be asked: its limits, what an answer says about them, the time work takes.

Followed page: settings/performance/limits.md. Two limits hold at once: a leaky bucket of requests, and
the execution time of each method over ten minutes. No request is made here and nothing is kept; see
``budget`` for that.
"""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from b24app.bitrix24 import errors
from b24app.bitrix24.answers import CallTime
from b24app.bitrix24.batch import Outcome

MINUTE: Final = 60.0
WINDOW: Final = 600.0
UNKNOWN_COST: Final = 1.0
"""Seconds a command is taken to cost before the first one has been measured."""

IN_FLIGHT: Final = 0.25
"""Seconds by which requests may bunch up on their way: the bucket keeps that much leaking free."""

RESERVE: Final = 3
"""Requests of a bucket of 50 that jobs leave to people who have not come lately: a card's opening is two.
Those who have are left what they wanted at once."""

BULK_SHARE: Final = 0.95
"""The part of a method's execution time that jobs may use; the rest is for people and for surprises."""

LENT_SHARE: Final = 0.99
"""The same where no person has had the method called for an hour: what is left is a dozen links."""

LONGEST_ESTIMATE: Final = 7 * 86_400.0

_NEARLY: Final = 1e-6

# Refused before the method began. Any other failure has cost its time, though no answer says how much.
_NEVER_RAN: Final = (
    errors.NotSent,
    errors.OutOfTime,
    errors.UnexpectedRedirect,
    errors.NotRun,
    errors.AuthError,
    errors.AppClosedToUser,
    errors.MissingScope,
    errors.PaymentRequired,
    errors.PlanEnded,
    errors.LimitError,
    errors.PortalClosed,
    errors.MethodNotFound,
)


class Priority(Enum):
    INTERACTIVE = "interactive"
    BULK = "bulk"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a portal allows: requests at once, requests a second, seconds per method in ten minutes."""

    capacity: float = 50
    leak: float = 2
    operating: float = 480

    @property
    def brim(self) -> float:
        """How full people may make the bucket."""
        return self.capacity - 1 - self.leak * IN_FLIGHT

    @property
    def reserve(self) -> float:
        """How far below the limit jobs stay, at least."""
        return max(RESERVE, self.capacity * RESERVE / 50)

    def shares(self, priority: Priority) -> Mapping[str, float]:
        """The part of a method's execution time this priority may use: usually, and what is lent."""
        if priority is Priority.BULK:
            return {"usual": BULK_SHARE, "lent": LENT_SHARE}
        return {"usual": 1.0, "lent": 1.0}


@dataclass(frozen=True, slots=True)
class MethodView:
    """A method's account. All values are seconds.

    ``operating`` counts the last ten minutes and what is under way, against ``limit``; ``falls`` says
    in how long how much of it falls out; ``blocked`` is how long the portal refuses the method yet;
    ``cost`` is the measured mean of one command, None before the first. For requests of the viewer's
    priority ``room`` is what may be spent now, up to ``line``, and ``wait`` how long it is until one
    command fits.
    """

    operating: float
    limit: float
    cost: float | None = None
    falls: tuple[tuple[float, float], ...] = ()
    blocked: float = 0.0
    line: float = math.inf
    room: float = math.inf
    wait: float = 0.0


@dataclass(frozen=True, slots=True)
class View:
    """A portal's budget at a moment: requests in the bucket, seconds all calls are stopped, methods.

    Up to ``line`` requests of the viewer's priority may fill the bucket. ``shared`` is False while Redis
    is away: then this process alone is described.
    """

    limits: Limits
    level: float = 0.0
    line: float = math.inf
    blocked: float = 0.0
    methods: Mapping[str, MethodView] | None = None
    shared: bool = True

    def of(self, method: str) -> MethodView:
        known = (self.methods or {}).get(method.lower())
        return known or MethodView(operating=0.0, limit=self.limits.operating)

    @property
    def wait(self) -> float:
        """Seconds until a request finds room in the bucket."""
        return max(self.blocked, (self.level + 1 - self.line) / self.limits.leak, 0.0)

    def cost(self, method: str) -> float:
        """Seconds of execution to reckon with for one command."""
        measured = self.of(method).cost
        return UNKNOWN_COST if measured is None else measured


def seconds_for(commands: Mapping[str, int], view: View, per_batch: int, at_once: int = 1) -> float:
    """Seconds until a job alone on the portal has run ``commands`` (how many of which method).

    The commands run in batches of ``per_batch``, ``at_once`` of them in parallel; the slowest of the three
    ceilings decides: the bucket, each method's operating time, execution itself.
    """
    requests = math.ceil(sum(commands.values()) / per_batch)
    waiting = view.level + requests - view.line
    rate = max(0.0, waiting) / view.limits.leak
    needed = {method: count * view.cost(method) for method, count in commands.items()}
    operating = [
        _seconds_to_spend(seconds, seconds / requests, view.of(method), at_once)
        for method, seconds in needed.items()
        if seconds
    ]
    return view.blocked + max(rate, sum(needed.values()) / at_once, *operating)


def _seconds_to_spend(needed: float, portion: float, account: MethodView, at_once: int) -> float:
    """What fits under the line is spent, whole portions at a time, and falls out ten minutes later."""
    line = min(account.line, account.limit * LENT_SHARE)
    portion = min(portion, line)
    spent, falls = account.operating, deque(account.falls)
    now = account.blocked
    while now < LONGEST_ESTIMATE:
        while falls and falls[0][0] <= now:
            spent -= falls.popleft()[1]
        fits = math.floor((line - spent) / portion + _NEARLY) * portion
        step = min(needed, max(portion, MINUTE * at_once), max(0.0, fits))
        needed -= step
        if needed <= _NEARLY:
            return now + step / at_once
        if step:
            spent += step
            falls.append((now + WINDOW, step))
            now += step / at_once
        elif falls:
            now = falls[0][0]
        else:
            spent = 0.0  # it was all reserved for requests under way, which have ended by now
    return LONGEST_ESTIMATE


@dataclass(slots=True)
class Spent:
    """What one request did to a method's account, in seconds, as its answer says.

    ``operating`` is the portal's own sum with the moment ``at`` it was true and the moment ``reset``
    its oldest minute falls out, both of the portal's clock, as is ``started``, when the last command
    that reports its time began. Where it gives no sum, ``seconds`` were measured, and ``unmeasured``
    commands ran, or may have run, without a word about their time. ``cost`` is the mean of one
    command; ``refused``: the method is over its limit.
    """

    operating: float | None = None
    at: float | None = None
    reset: float | None = None
    started: float | None = None
    seconds: float = 0.0
    unmeasured: int = 0
    cost: float | None = None
    refused: bool = False


@dataclass(frozen=True, slots=True)
class RequestSummary:
    """What the end of a request says: of each method (names in lower case), and of the portal.

    ``at`` is the portal's clock when it answered; ``full``: its bucket is; ``overload``: it is closed
    to us by hand.
    """

    methods: Mapping[str, Spent]
    at: float | None
    full: bool
    overload: bool


def summary_of(outcomes: Sequence[tuple[str, Outcome]]) -> RequestSummary:
    """Sum up the outcomes of a request's commands (method, outcome), given in their order."""
    methods: dict[str, Spent] = {}
    measured: dict[str, list[float]] = {}
    at: float | None = None
    for method, outcome in outcomes:
        name = method.lower()
        spent = methods.setdefault(name, Spent())
        if isinstance(outcome, errors.BitrixError):
            spent.refused |= isinstance(outcome, errors.OperatingLimit)
            spent.unmeasured += not isinstance(outcome, _NEVER_RAN)
        elif outcome.time is not None:
            at = _moment(outcome.time.finish) or at
            measured.setdefault(name, []).append(_measured(outcome.time))
            _report(spent, outcome.time)
    for name, costs in measured.items():
        methods[name].seconds = sum(costs)
        methods[name].cost = sum(costs) / len(costs)
    ends = [outcome for _, outcome in outcomes]
    return RequestSummary(
        methods,
        at,
        full=any(isinstance(end, errors.RateLimited) for end in ends),
        overload=any(isinstance(end, errors.Overloaded) for end in ends),
    )


def _report(cost: Spent, time: CallTime) -> None:
    cost.started = _started(time)
    operating = _seconds(time.operating)
    if operating is not None:
        cost.operating, cost.at = operating, _moment(time.finish)
        cost.reset = time.operating_reset_at.timestamp() if time.operating_reset_at else None


def _started(time: CallTime) -> float | None:
    finish, duration = _moment(time.finish), _seconds(time.duration)
    return None if finish is None or duration is None else finish - duration


def _measured(time: CallTime) -> float:
    return _seconds(time.processing) or _seconds(time.duration) or 0.0


def _seconds(value: float | None) -> float | None:
    """A duration that can be true: no portal works for a day in ten minutes."""
    return value if value is not None and 0 <= value < 86_400 else None


def _moment(value: float | None) -> float | None:
    """A Unix time that can be true."""
    return value if value is not None and 0 < value < 1e11 else None

"""Request rate, execution time, and the time one request may take (limits.md).

All times come from a clock that tests may turn, and may run faster than it: what a portal does in an
hour can be watched in a minute.
"""

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

# Seconds of execution, as the documentation's own samples show them.
COSTS: Mapping[str, float] = {
    "crm.orderentity.add": 0.33,
    "crm.orderentity.deletebyfilter": 1.77,
    "crm.deal.update": 1.35,
    "sale.order.update": 0.99,
}
USUAL = 0.03
MINUTE, BASKETS = 60.0, 10


@dataclass
class _Basket:
    """What a method took in one minute, which counts for ten minutes from ``first``, its first call."""

    first: float
    seconds: float = 0.0


@dataclass(frozen=True)
class Spent:
    """The account of a method after a call, or after its refusal: seconds, and when some fall out."""

    allowed: bool
    seconds: float
    resets_at: int
    cost: float


class Limits:
    """A leaky bucket of requests, and the execution time of each method over ten minutes.

    ``capacity`` requests, ``leak`` a second; ``operating`` seconds of a method; ``costs`` seconds of a
    call where it is not ``usual``; ``request_seconds`` for one request with all its commands.
    ``time_scale`` of those seconds are really waited for (0: none, 1: all). ``reports_operating`` is
    off with an older kernel, ``enforced`` off where a test wants no limits at all, ``from_first_call``
    off where a minute counts for ten minutes from its start.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.restore()

    def restore(self) -> None:
        """The documentation's own limits, nothing counted."""
        self.clock: Callable[[], float] = time.time
        self.sleep: Callable[[float], object] = time.sleep
        self.capacity, self.leak, self.operating = 50.0, 2.0, 480.0
        self.costs, self.usual, self.request_seconds = dict(COSTS), USUAL, 60.0
        self.time_scale = 0.0
        self.enforced = self.reports_operating = self.from_first_call = True
        self._factor, self._began, self._turned = 1.0, 0.0, 0.0
        self.reset()

    def reset(self) -> None:
        """Nothing counted; the limits stay."""
        with self._lock:
            self._level, self._seen = 0.0, self.now()
            self._baskets: dict[str, dict[float, _Basket]] = {}

    def scale(self, factor: float) -> None:
        """From here on time runs so many times faster than the clock, for rate, account and costs."""
        self._began, self._turned = self.now(), self.clock()
        self._factor = factor

    def now(self) -> float:
        """The portal's own time in seconds: the clock's, until it was scaled."""
        return self._began + (self.clock() - self._turned) * self._factor

    def cost(self, method: str) -> float:
        return self.costs.get(method.lower(), self.usual)

    def work(self, seconds: float) -> None:
        """Take so much of the portal's time, as far as it is to be waited for."""
        if self.time_scale:
            self.sleep(seconds * self.time_scale / self._factor)

    def admits(self) -> bool:
        """Whether one more request fits into the bucket; it is counted if so."""
        with self._lock:
            now = self.now()
            self._level = max(0.0, self._level - (now - self._seen) * self.leak)
            self._seen = now
            if self.enforced and self._level + 1 > self.capacity:
                return False
            self._level += 1
            return True

    def spend(self, method: str) -> Spent:
        """Count one call, unless the account of the method is over its limit already."""
        with self._lock:
            now, cost = self.now(), self.cost(method)
            baskets = self._baskets.setdefault(method, {})
            for minute, basket in list(baskets.items()):
                if basket.first + BASKETS * MINUTE <= now:
                    del baskets[minute]
            total = sum(basket.seconds for basket in baskets.values())
            allowed = not self.enforced or total <= self.operating
            if allowed:
                minute = now // MINUTE
                first = now if self.from_first_call else minute * MINUTE
                baskets.setdefault(minute, _Basket(first)).seconds += cost
                total += cost
            left = min(basket.first for basket in baskets.values()) + BASKETS * MINUTE - now
            return Spent(allowed, total, math.ceil(self.clock() + left / self._factor), cost)

"""Request rate and operating time (limits.md). All times come from a clock that tests may turn."""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping

# Seconds of execution, as the documentation's own samples show them.
COST: Mapping[str, float] = {"crm.orderentity.add": 0.33, "crm.orderentity.deletebyfilter": 1.77}
USUAL = 0.03
WINDOW = 600.0


class Limits:
    """A leaky bucket of requests, and the sum of execution time of each method over ten minutes."""

    def __init__(
        self,
        capacity: float = 50,
        leak: float = 2,
        operating: float = 480,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.capacity, self.leak, self.operating = capacity, leak, operating
        self.clock = clock
        self.enforced = True
        self._lock = threading.Lock()
        self._level, self._seen = 0.0, clock()
        self._spent: dict[str, deque[tuple[float, float]]] = {}

    def reset(self) -> None:
        with self._lock:
            self._level, self._seen = 0.0, self.clock()
            self._spent.clear()

    def admits(self) -> bool:
        """Whether one more request fits into the bucket; it is counted if so."""
        with self._lock:
            now = self.clock()
            self._level = max(0.0, self._level - (now - self._seen) * self.leak)
            self._seen = now
            if self.enforced and self._level + 1 > self.capacity:
                return False
            self._level += 1
            return True

    def spend(self, method: str) -> tuple[float, float, bool]:
        """Count one execution: (seconds in the window, when the oldest falls out, whether it may run)."""
        with self._lock:
            now = self.clock()
            spent = self._spent.setdefault(method, deque())
            while spent and spent[0][0] <= now - WINDOW:
                spent.popleft()
            total = sum(cost for _, cost in spent)
            allowed = not self.enforced or total < self.operating
            if allowed:
                cost = COST.get(method, USUAL)
                spent.append((now // 60 * 60, cost))
                total += cost
            return total, spent[0][0] + WINDOW, allowed

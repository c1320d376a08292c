"""How many threads of a web process wait for one portal at once.

A portal that is slow, or silent, would otherwise hold every thread of the process, and the pages of all
other portals would wait behind it. A web request takes a slot of a portal with its first call to it and
keeps it to its end, so that no page is turned away half-way through a change. Workers have no slots:
nobody's page waits for them.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from b24app.bitrix24 import deadline, errors

THREADS: Final = 16
"""Threads of a web process, unless :meth:`Slots.share` set another number."""

MIN_SLOTS: Final = 4
WAIT_SECONDS: Final = 0.5
"""How long a request waits for a slot. So many threads as a portal has slots may do so, no more."""


class Slots:
    """The slots of all portals in one process. Safe between threads."""

    def __init__(self, threads: int = THREADS, wait_seconds: float = WAIT_SECONDS) -> None:
        self._each = max(MIN_SLOTS, threads // 4)
        self._wait_seconds = wait_seconds
        self._taken: Counter[str] = Counter()
        self._waiting = 0
        self._freed = threading.Condition()

    def share(self, threads: int) -> None:
        """Give each portal a quarter of so many threads, and at least :data:`MIN_SLOTS`."""
        self._each = max(MIN_SLOTS, threads // 4)

    def take(self, portal: str) -> None:
        """Wait for a slot. Raises ``errors.Crowded`` when there is none in time."""
        with self._freed:
            if not self._free(portal) and not self._waited_for(portal):
                raise errors.Crowded("BUDGET", "enough threads wait for this portal")
            self._taken[portal] += 1

    @property
    def waiting(self) -> int:
        """How many threads wait for a slot, of whichever portal."""
        return self._waiting

    def give_back(self, portal: str) -> None:
        with self._freed:
            self._taken[portal] -= 1
            if not self._taken[portal]:
                del self._taken[portal]
            self._freed.notify_all()

    def _free(self, portal: str) -> bool:
        return self._taken[portal] < self._each

    def _waited_for(self, portal: str) -> bool:
        # Those who wait hold threads too.
        if self._waiting >= self._each:
            return False
        end = time.monotonic() + deadline.left(self._wait_seconds)
        self._waiting += 1
        try:
            while not self._free(portal):
                if not self._freed.wait(max(0.0, end - time.monotonic())):
                    return self._free(portal)
        finally:
            self._waiting -= 1
        return True


OF_PROCESS: Final = Slots()

_taken: ContextVar[set[str] | None] = ContextVar("slots of this web request", default=None)


@contextmanager
def of_web_request() -> Iterator[None]:
    """What calls portals inside takes a slot of each, and gives it back at the end."""
    taken: set[str] = set()
    token = _taken.set(taken)
    try:
        yield
    finally:
        _taken.reset(token)
        for portal in taken:
            OF_PROCESS.give_back(portal)


def hold(portal: str) -> None:
    """Take a slot of the portal for the web request this is done for, if it is done for one.

    Raises ``errors.Crowded``.
    """
    taken = _taken.get()
    if taken is not None and portal not in taken:
        OF_PROCESS.take(portal)
        taken.add(portal)

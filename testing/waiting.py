"""Waiting for what threads and processes do. Limits only end a hang: no test depends on a duration."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

HANG_SECONDS = 180
"""After this long something hangs, however busy the machine is."""


def until(condition: Callable[[], object], what: str) -> None:
    """Return once ``condition`` is true. Raises AssertionError with ``what`` if it never is."""
    limit = time.monotonic() + HANG_SECONDS
    while not condition():
        assert time.monotonic() < limit, f"never: {what}"
        time.sleep(0.02)


@contextmanager
def no_hang() -> Iterator[None]:
    """Ends what runs inside with AssertionError if it hangs. For the main thread."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise AssertionError(f"hangs for {HANG_SECONDS} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(HANG_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)

"""One limit of time and requests for a whole page, however many requests it makes.

A page's view runs inside :func:`within`. Code that waits for the portal on its behalf (sockets, retries, the
budget) asks here how long it may still wait. Without :func:`within`, as in jobs, there is no limit.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from b24app.bitrix24 import errors


@dataclass(slots=True)
class Deadline:
    """``at`` is a moment of the monotonic clock; ``requests`` is how many may still be sent."""

    at: float
    requests: int


_current: ContextVar[Deadline | None] = ContextVar("deadline", default=None)


@contextmanager
def within(seconds: float, requests: int) -> Iterator[None]:
    """Limit the code inside to so many seconds and so many requests to the portal."""
    token = _current.set(Deadline(time.monotonic() + seconds, requests))
    try:
        yield
    finally:
        _current.reset(token)


def left(seconds: float) -> float:
    """``seconds``, or the seconds until the deadline if that is less; never below 0."""
    deadline = _current.get()
    return seconds if deadline is None else max(0.0, min(seconds, deadline.at - time.monotonic()))


def take() -> None:
    """Count one request. Raises ``errors.OutOfTime`` if the time or the requests are used up."""
    deadline = _current.get()
    if deadline is None:
        return
    if deadline.at <= time.monotonic():
        raise errors.OutOfTime("DEADLINE", "the time for this page is over")
    if deadline.requests <= 0:
        raise errors.OutOfTime("REQUESTS", "too many requests for one page")
    deadline.requests -= 1

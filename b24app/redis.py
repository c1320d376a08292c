"""The app's only Redis client, with its timeouts, and the circuit breaker."""

import time
from collections.abc import Callable
from functools import cache

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

TIMEOUT_SECONDS = 1
"""How long to wait for a connection, and for an answer."""

OPEN_SECONDS = 5.0
"""How long a circuit breaker skips Redis after a failure."""


class CircuitBreaker:
    """Skips Redis for ``OPEN_SECONDS`` after a failure, so that requests do not wait each time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open_until = 0.0

    @property
    def is_open(self) -> bool:
        """Whether Redis failed a moment ago and must not be asked."""
        return self._clock() < self._open_until

    def record_failure(self) -> None:
        """Open the breaker."""
        self._open_until = self._clock() + OPEN_SECONDS

    def record_success(self) -> None:
        """Close the breaker."""
        self._open_until = 0.0


breaker = CircuitBreaker()
"""The circuit breaker of the counters and the throttle in this process."""


def client(*, decode: bool = True) -> Redis:
    """The client for ``REDIS_URL``; answers are text, or bytes without ``decode``.

    The client keeps one connection pool per process. Its calls raise ``RedisError``. No command is
    repeated: a command whose answer was lost may have run, and a counter must not count it twice. A
    connection that Redis has closed is noticed before it is used.
    """
    return _client(settings.REDIS_URL, decode)


@cache
def _client(url: str, decode: bool) -> Redis:
    return Redis.from_url(
        url,
        socket_connect_timeout=TIMEOUT_SECONDS,
        socket_timeout=TIMEOUT_SECONDS,
        decode_responses=decode,
        retry=Retry(NoBackoff(), retries=0),
    )

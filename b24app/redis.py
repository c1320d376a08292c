"""The one door to Redis: the client with its timeouts and retry, and the circuit breaker."""

import time
from functools import cache

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

TIMEOUT_SECONDS = 1
"""How long to wait for a connection, and for an answer."""

OPEN_SECONDS = 5.0
"""How long a circuit breaker skips Redis after a failure."""


class CircuitBreaker:
    """Skips Redis for ``OPEN_SECONDS`` after a failure, so that requests do not wait each time."""

    def __init__(self) -> None:
        self._open_until = 0.0

    @property
    def is_open(self) -> bool:
        """Whether Redis failed a moment ago and must not be asked."""
        return time.monotonic() < self._open_until

    def record_failure(self) -> None:
        self._open_until = time.monotonic() + OPEN_SECONDS

    def record_success(self) -> None:
        self._open_until = 0.0


breaker = CircuitBreaker()
"""The circuit breaker of this process."""


def client(*, decode: bool = True) -> Redis:
    """The client for ``REDIS_URL``; answers are text, or bytes without ``decode``.

    The client keeps one connection pool per process. Its calls raise ``RedisError``.
    """
    return _client(settings.REDIS_URL, decode)


@cache
def _client(url: str, decode: bool) -> Redis:
    return Redis.from_url(
        url,
        socket_connect_timeout=TIMEOUT_SECONDS,
        socket_timeout=TIMEOUT_SECONDS,
        decode_responses=decode,
        # Once, for a connection that Redis has closed. A timeout is not retried.
        retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
    )

"""The worker's sign of life: a key in Redis that fades when nobody renews it."""

import logging

from django.core.cache import cache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

EVERY = 5.0
FADES = 20

_KEY = "worker-heartbeat"


def beat(now: float) -> None:
    """Say that a worker lives at ``now`` (seconds since the epoch)."""
    try:
        cache.set(_KEY, now, FADES)
    except RedisError:
        logger.warning("Redis away, no heartbeat")


def end() -> None:
    """Say that the worker stops; another one's next beat takes it back within seconds."""
    try:
        cache.delete(_KEY)
    except RedisError:
        logger.warning("Redis away, heartbeat left to fade")


def alive() -> bool:
    """Whether some worker has given a sign within the last seconds. Raises ``RedisError``."""
    return cache.get(_KEY) is not None

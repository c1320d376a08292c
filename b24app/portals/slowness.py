"""Which portals answer so slowly that they are asked for less at a time.

An on-premise portal may take more than a second for each command. Asking it for the same again after
it did not answer in time brings the same silence; it is remembered for a few minutes instead.
"""

import logging
from collections.abc import Iterable

from django.core.cache import cache
from redis.exceptions import RedisError

from b24app.bitrix24 import errors
from b24app.bitrix24.client import CallTime
from b24app.portals.models import Portal

MEMORY_SECONDS = 600
SLOW_SECONDS = 1.0
"""Seconds a command takes on a portal that is still slow."""

_LATE = frozenset({"READ_TIMEOUT", "DEADLINE"})

logger = logging.getLogger(__name__)


def is_slow(portal: Portal) -> bool:
    try:
        return cache.get(_key(portal)) is not None
    except RedisError:
        return False


def note_failure(portal: Portal, error: errors.BitrixError) -> None:
    """Remember a portal that did not answer in time."""
    if isinstance(error, errors.TransportError) and error.code in _LATE:
        logger.info("%s is slow: it is asked for less at a time", portal.host)
        try:
            cache.set(_key(portal), 1, MEMORY_SECONDS)
        except RedisError:
            return


def note_times(portal: Portal, commands: Iterable[CallTime]) -> None:
    """Forget it once its commands are quick again."""
    times = [max(call_time.duration, call_time.processing) for call_time in commands]
    if times and sum(times) / len(times) < SLOW_SECONDS:
        try:
            cache.delete(_key(portal))
        except RedisError:
            return


def _key(portal: Portal) -> str:
    return f"slow:{portal.pk}"

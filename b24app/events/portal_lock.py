"""One task of a kind at a time for each portal.

A portal that does not answer, or an employee who floods it with events, then keeps one worker busy at
most, and the others are left to the other portals.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.core.cache import cache
from redis.exceptions import RedisError

LOCK_SECONDS = 120
"""After this long a lock ends by itself: its worker was killed."""


@contextmanager
def locked(kind: str, portal: int) -> Iterator[bool]:
    """Whether no other task of this ``kind`` works for the portal; True while Redis is away."""
    key = f"events:{kind}:{portal}"
    try:
        free = bool(cache.add(key, 1, LOCK_SECONDS))
    except RedisError:
        free = True
    try:
        yield free
    finally:
        if free:
            with suppress(RedisError):
                cache.delete(key)


def first_in_a_second(key: str) -> bool:
    """True for the first who asks within a second, and while Redis is away."""
    try:
        return bool(cache.add(f"events:again:{key}", 1, 1))
    except RedisError:
        return True

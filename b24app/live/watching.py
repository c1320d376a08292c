"""Recent changes in a portal, so that open tabs notice them within seconds.

An open tab asks this server every few seconds, never the portal. Changes come from the portal's events
and from the app's own writes. They are kept in Redis for an hour. While Redis is away tabs do not notice
changes by themselves; nothing here raises ``RedisError``.
"""

import logging
from collections.abc import Collection, Iterable, Sequence

from redis.exceptions import RedisError

from b24app import redis
from b24app.orders.types import ORDER, Owner

logger = logging.getLogger(__name__)

KEPT_SECONDS = 3600
VISIBLE_SECONDS = 30
"""A tab that has not asked for so long is not visible any more."""
MAX_CHANGES = 5000
UNKNOWN_CARD = "?"
"""Recorded if it is not known which cards have changed."""

# The time is taken in the script, so no tab can ask between taking and recording it.
_RECORD = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
for index = 3, #ARGV do redis.call('ZADD', KEYS[1], now, ARGV[index]) end
redis.call('ZREMRANGEBYSCORE', KEYS[1], 0, now - ARGV[1])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -ARGV[2] - 1)
redis.call('EXPIRE', KEYS[1], ARGV[1])
"""


def _changes_key(portal: int) -> str:
    return f"changed:{portal}"


def _shown_key(portal: int, owner: Owner) -> str:
    return f"shown:{portal}:{_name(owner)}"


def _visible_key(portal: int) -> str:
    return f"looking:{portal}"


def _name(owner: Owner) -> str:
    return f"{owner.type_id}:{owner.id}"


def now() -> str:
    """The time of Redis, which all processes share; "" while Redis is away.

    A page takes it before it reads the portal, and later asks for changes since then.
    """
    try:
        seconds, micro = redis.client().time()
    except RedisError:
        return ""
    return f"{seconds}.{micro:06d}"


def show(portal: int, owner: Owner, order_ids: Iterable[int]) -> None:
    """Record that open tabs of ``owner`` show these orders, in addition to those recorded before.

    An order that has left the card stays recorded for an hour after the last tab was closed. Until then
    its changes make the tab reload once too often.
    """
    names = [str(order) for order in order_ids]
    if not names:
        return
    try:
        with redis.client().pipeline(transaction=False) as pipe:
            pipe.sadd(_shown_key(portal, owner), *names)
            pipe.expire(_shown_key(portal, owner), KEPT_SECONDS)
            pipe.execute()
    except RedisError:
        logger.warning("Redis away: open tabs do not notice changes")


def record(portal: int, *, orders: Iterable[int] = (), owners: Iterable[Owner] = ()) -> None:
    """Record that orders or cards of the portal have changed."""
    _add(portal, [str(order) for order in orders] + [_name(owner) for owner in owners])


def _add(portal: int, names: Sequence[str]) -> None:
    if not names:
        return
    try:
        redis.client().eval(_RECORD, 1, _changes_key(portal), KEPT_SECONDS, MAX_CHANGES, *names)
    except RedisError:
        logger.warning("Redis away: open tabs do not notice changes")


def record_unknown(portal: int) -> None:
    """Record that orders were saved and that the portal was not asked which cards they are linked to."""
    _add(portal, [UNKNOWN_CARD])


def news(portal: int, owner: Owner, since: str) -> tuple[str, bool]:
    """The time to ask from next, and whether anything that the tab of ``owner`` shows has changed.

    ``since`` is what :func:`now` or the last call returned. Also records that the tab is visible.
    """
    moment = now()
    if not moment or not since:
        return moment, False
    try:
        with redis.client().pipeline(transaction=False) as pipe:
            pipe.zrangebyscore(_changes_key(portal), f"({since}", "+inf")
            pipe.expire(_shown_key(portal, owner), KEPT_SECONDS)
            pipe.zadd(_visible_key(portal), {_name(owner): float(moment)})
            pipe.zremrangebyscore(_visible_key(portal), 0, float(moment) - VISIBLE_SECONDS)
            pipe.expire(_visible_key(portal), VISIBLE_SECONDS)
            changed: list[str] = pipe.execute()[0]
        if _name(owner) in changed or (UNKNOWN_CARD in changed and owner.type_id != ORDER):
            return moment, True
        with redis.client().pipeline(transaction=False) as pipe:
            for name in changed:
                pipe.sismember(_shown_key(portal, owner), name)
            return moment, any(pipe.execute())
    except RedisError:
        return moment, False


def somebody_looks(portal: int, types: Collection[int] = ()) -> bool:
    """Whether any tab of the portal is visible; if ``types`` is given, a tab of a card of these types."""
    moment = now()
    if not moment:
        return False
    try:
        names = redis.client().zrangebyscore(
            _visible_key(portal), float(moment) - VISIBLE_SECONDS, "+inf"
        )
    except RedisError:
        return False
    return any(not types or int(str(name).partition(":")[0]) in types for name in names)

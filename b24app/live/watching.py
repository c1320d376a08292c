"""What has changed lately in a portal, so that open tabs notice within seconds.

An open tab asks our own server every few seconds, never the portal: an idle tab costs the portal
nothing. Changes come from the portal's events and from the app's own writes. They are kept in Redis
for an hour; without Redis tabs simply do not notice by themselves.
"""

import logging
from collections.abc import Collection, Iterable, Sequence

from redis.exceptions import RedisError

from b24app import redis
from b24app.orders.types import ORDER, Owner

logger = logging.getLogger(__name__)

KEPT = 3600
# Seconds without a question after which nobody is thought to look any more.
LOOKING = 30
MOST = 5000
# What is told in place of a card where nobody knows which one has changed.
UNREAD = "?"

# The moment is taken inside, so that no tab's question can fall between taking and writing it.
_TELL = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
for index = 3, #ARGV do redis.call('ZADD', KEYS[1], now, ARGV[index]) end
redis.call('ZREMRANGEBYSCORE', KEYS[1], 0, now - ARGV[1])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -ARGV[2] - 1)
redis.call('EXPIRE', KEYS[1], ARGV[1])
"""


def _changed(portal: int) -> str:
    return f"changed:{portal}"


def _shown(portal: int, owner: Owner) -> str:
    return f"shown:{portal}:{_name(owner)}"


def _looking(portal: int) -> str:
    return f"looking:{portal}"


def _name(owner: Owner) -> str:
    return f"{owner.type_id}:{owner.id}"


def now() -> str:
    """A moment on the clock all processes share, to be taken before a page reads the portal."""
    try:
        seconds, micro = redis.client().time()
    except RedisError:
        return ""
    return f"{seconds}.{micro:06d}"


def show(portal: int, owner: Owner, order_ids: Iterable[int]) -> None:
    """Remember that open tabs of ``owner`` show these orders, beside those they show already.

    An order that has left is forgotten an hour after the last tab was closed; until then its
    changes make a tab read once too often.
    """
    names = [str(one) for one in order_ids]
    if not names:
        return
    try:
        with redis.client().pipeline(transaction=False) as pipe:
            pipe.sadd(_shown(portal, owner), *names)
            pipe.expire(_shown(portal, owner), KEPT)
            pipe.execute()
    except RedisError:
        logger.warning("Redis away: open tabs will not notice changes")


def tell(portal: int, *, orders: Iterable[int] = (), owners: Iterable[Owner] = ()) -> None:
    """Orders or cards of the portal have changed."""
    _tell(portal, [str(one) for one in orders] + [_name(one) for one in owners])


def _tell(portal: int, names: Sequence[str]) -> None:
    if not names:
        return
    try:
        redis.client().eval(_TELL, 1, _changed(portal), KEPT, MOST, *names)
    except RedisError:
        logger.warning("Redis away: open tabs will not notice changes")


def tell_unread(portal: int) -> None:
    """Orders were saved that may have been linked somewhere; nobody looked, so the portal was not asked."""
    _tell(portal, [UNREAD])


def news(portal: int, owner: Owner, since: str) -> tuple[str, bool]:
    """Where to ask from next time, and whether anything shown to the tab of ``owner`` has changed."""
    moment = now()
    if not moment or not since:
        return moment, False
    try:
        with redis.client().pipeline(transaction=False) as pipe:
            pipe.zrangebyscore(_changed(portal), f"({since}", "+inf")
            pipe.expire(_shown(portal, owner), KEPT)
            pipe.zadd(_looking(portal), {_name(owner): float(moment)})
            pipe.zremrangebyscore(_looking(portal), 0, float(moment) - LOOKING)
            pipe.expire(_looking(portal), LOOKING)
            changed: list[str] = pipe.execute()[0]
        if _name(owner) in changed or (UNREAD in changed and owner.type_id != ORDER):
            return moment, True
        with redis.client().pipeline(transaction=False) as pipe:
            for name in changed:
                pipe.sismember(_shown(portal, owner), name)
            return moment, any(pipe.execute())
    except RedisError:
        return moment, False


def somebody_looks(portal: int, types: Collection[int] = ()) -> bool:
    """Whether any tab of the portal is open and on a screen; with ``types`` in a card of these."""
    moment = now()
    if not moment:
        return False
    try:
        names = redis.client().zrangebyscore(_looking(portal), float(moment) - LOOKING, "+inf")
    except RedisError:
        return False
    return any(not types or int(str(one).partition(":")[0]) in types for one in names)

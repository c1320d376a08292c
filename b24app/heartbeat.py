"""Signs of life of workers and beat, in Redis: one per process, so that one may stop while others go on.

A part is a queue that needs a worker, or :data:`BEAT`. For each there is a sorted set: processes by the
time of their latest sign, on the Redis server's clock. Workers give a sign every few seconds. Beat gives
one when it has sent a task of its schedule, so a beat that hangs is seen like one that is gone.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from redis.exceptions import RedisError

from b24app import counters, redis

logger = logging.getLogger(__name__)

BEAT = "beat"

EVERY_SECONDS = 5.0
"""How often a worker gives a sign."""

LIVES_SECONDS = {BEAT: 60}
"""How long a sign of a part is good for; beat sends something every 15 s."""
WORKER_LIVES_SECONDS = 20

FORGOTTEN_SECONDS = 3600
"""How long a process that ended without signing off is still listed."""


@dataclass(frozen=True, slots=True)
class Sign:
    """The latest sign of life of one process, so many seconds ago."""

    process: str
    seconds: float
    alive: bool


def parts() -> tuple[str, ...]:
    """What needs a process of its own besides the web: every queue, and beat."""
    return (*counters.QUEUES, BEAT)


def lives_seconds(part: str) -> int:
    """How long after its latest sign a process of this part counts as alive."""
    return LIVES_SECONDS.get(part, WORKER_LIVES_SECONDS)


def beat(names: Iterable[str], process: str) -> None:
    """Say that ``process`` lives and does the work of these parts. Raises nothing."""
    try:
        now = _now()
        pipe = redis.client().pipeline(transaction=False)
        for name in names:
            pipe.zadd(_key(name), {process: now})
            pipe.zremrangebyscore(_key(name), "-inf", now - FORGOTTEN_SECONDS)
            pipe.expire(_key(name), FORGOTTEN_SECONDS)
        pipe.execute()
    except RedisError:
        logger.warning("Redis away, no heartbeat")


def end(names: Iterable[str], process: str) -> None:
    """Say that ``process`` has stopped in an orderly way; others are not touched. Raises nothing."""
    try:
        pipe = redis.client().pipeline(transaction=False)
        for name in names:
            pipe.zrem(_key(name), process)
        pipe.execute()
    except RedisError:
        logger.warning("Redis away, heartbeat left to fade")


def signs() -> Mapping[str, list[Sign]]:
    """The processes of each part, newest sign first. Raises ``RedisError``."""
    now = _now()
    pipe = redis.client().pipeline(transaction=False)
    for name in parts():
        pipe.zrevrange(_key(name), 0, -1, withscores=True)
    found: dict[str, list[Sign]] = {}
    for name, rows in zip(parts(), pipe.execute(), strict=True):
        lives = lives_seconds(name)
        found[name] = [
            Sign(process, max(0.0, now - at), alive=now - at < lives) for process, at in rows
        ]
    return found


def alive() -> Mapping[str, bool]:
    """Whether each part has a process that lives. Raises ``RedisError``."""
    return {name: any(sign.alive for sign in found) for name, found in signs().items()}


def workers_alive() -> bool:
    """Whether every queue has a worker. Raises ``RedisError``."""
    return all(lives for name, lives in alive().items() if name != BEAT)


def _key(part: str) -> str:
    return f"heartbeat:{part}"


def _now() -> float:
    """Seconds since the epoch, on the Redis server's clock: machines need not agree."""
    seconds, microseconds = redis.client().time()
    return float(seconds) + float(microseconds) / 1_000_000

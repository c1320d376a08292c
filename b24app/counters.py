"""Counters of all processes on all machines, in one Redis hash: what /metrics/ shows unchanged.

Files of one machine, as Prometheus' client shares them between processes, would leave out workers in
other containers. Each web request and each task adds its counts at its end. While one thread of a
process sends, the others leave their counts to it, so a burst of events needs few round trips. While
Redis is away counts are lost, and nobody waits for long. A field is the metric with its labels' values,
as JSON.
"""

import json
import logging
import threading
from collections.abc import Mapping

from redis.exceptions import RedisError

from b24app import redis, tracing

KEY = "counters"
QUEUES = ("interactive", "bulk", "events")
"""What workers take their tasks from: lists in the same Redis."""

BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

logger = logging.getLogger(__name__)


def waiting(queue: str) -> int:
    """Tasks of a queue that no worker has taken yet. Raises ``RedisError`` while Redis is away."""
    return redis.client().llen(queue)


def timed(metric: str, label: str, seconds: float) -> None:
    """Count a duration: into the bucket it falls, and into the sum."""
    bucket = next((f"{limit:g}" for limit in BUCKETS if seconds <= limit), "+Inf")
    tracing.count(metric, label, bucket)
    tracing.count(f"{metric}_sum", label, by=seconds)


Counts = Mapping[tuple[str, ...], float]


def add(counts: Counts) -> None:
    """Add to what all processes have counted. Raises nothing.

    Returns at once while another thread sends: that thread sends these counts next.
    """
    if counts and not redis.breaker.is_open:
        _combined.add(counts)


class _Combined:
    """Sends counts from one thread at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[tuple[str, ...], float] = {}
        self._sending = False

    def add(self, counts: Counts) -> None:
        with self._lock:
            for name, by in counts.items():
                self._waiting[name] = self._waiting.get(name, 0) + by
            if self._sending:
                return
            self._sending = True
        try:
            while waiting := self._take():
                _send(waiting)
        except BaseException:
            self._sending = False
            raise

    def _take(self) -> Counts:
        """What waits to be sent. Once that is nothing, the next thread that adds sends."""
        with self._lock:
            waiting, self._waiting = self._waiting, {}
            self._sending = bool(waiting)
        return waiting


_combined = _Combined()


def _send(counts: Counts) -> None:
    pipe = redis.client().pipeline(transaction=False)
    for name, by in counts.items():
        pipe.hincrbyfloat(KEY, json.dumps(name), by)
    try:
        pipe.execute()
    except RedisError as error:
        redis.breaker.record_failure()
        logger.warning("Redis away, counts of this moment are lost: %s", error)


def read() -> dict[tuple[str, ...], float]:
    """All counts since Redis began; what is not a count is left out. Raises ``RedisError``."""
    found = redis.client().hgetall(KEY)
    counts = (_count(str(name), str(value)) for name, value in found.items())
    return dict(count for count in counts if count is not None)


def _count(name: str, value: str) -> tuple[tuple[str, ...], float] | None:
    try:
        parts, count = json.loads(name), float(value)
    except (ValueError, RecursionError):
        return None
    if not isinstance(parts, list) or not parts or not all(isinstance(part, str) for part in parts):
        return None
    return tuple(parts), count

"""``make bench``: what the budget costs, and how near it comes to what a portal allows at all.

The portal is the demo portal over real HTTP. The bucket is measured in real time, a hundred times
smaller; the job runs on a clock that is turned by what the portal would have taken.
"""

import logging
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from testing import environment  # isort: skip  (sets what the settings read)

from redis import Redis

from b24app import embedded
from b24app.bitrix24 import errors
from b24app.bitrix24.portal_limits import Limits, Priority, seconds_for
from testing.metered import ADD, Metered, refusals

THREADS, SECONDS = 8, 5.0
LINKS, COST = 10_000, 0.33


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "b24app.settings")
    logging.disable(logging.ERROR)
    try:
        redis = Redis(unix_socket_path=str(embedded.socket_path(environment.DIRECTORY)))
        _round_trips(Metered(environment.PORTAL, redis))
        for priority in (Priority.INTERACTIVE, Priority.BULK):
            redis.flushdb()
            _bucket(
                Metered(environment.PORTAL, redis, Limits(capacity=100, leak=40), real=True),
                priority,
            )
        redis.flushdb()
        _job(Metered(environment.PORTAL, redis))
    finally:
        environment.pytest_unconfigure()


def _round_trips(metered: Metered) -> None:
    client = metered.client()
    client.call("profile")
    metered.redis.config_resetstat()
    for _ in range(20):
        client.call("profile")
    stats = metered.redis.info("commandstats")
    calls = {name: row["calls"] for name, row in stats.items() if "config" not in name}
    _write("Redis round trips a request", f"{calls.pop('cmdstat_evalsha') / 20:.1f}")
    _write("  microseconds of Redis each", f"{stats['cmdstat_evalsha']['usec_per_call']:.0f}")


def _bucket(metered: Metered, priority: Priority) -> None:
    """As many requests as the budget lets through, against what the bucket would take."""
    end = threading.Event()

    def work() -> None:
        client = metered.client(priority)
        while not end.is_set():
            try:
                client.call("profile")
            except errors.Wait as wait:
                end.wait(wait.seconds)
            except errors.RateLimited:
                end.wait(0.01)

    metered.portal.reset_counts()
    began = time.monotonic()
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in range(THREADS):
            pool.submit(work)
        end.wait(SECONDS)
        end.set()
    limits, took = metered.limits, time.monotonic() - began
    possible = limits.capacity + limits.leak * took
    sent = metered.portal.http_requests
    _write(f"{priority.value}: sent of possible", f"{sent} of {possible:.0f}")
    _write("  refused by the portal", str(metered.portal.rest.refused))


def _job(metered: Metered) -> None:
    """A job alone on the portal, 50 links a request, against the limit of operating time itself."""
    metered.portal.reset_counts()
    metered.job(50, per_batch=50)
    metered.later(3600)
    estimate = seconds_for({ADD: LINKS}, metered.budget().view(), per_batch=50)
    took, outcomes = metered.job(LINKS, per_batch=50)
    limit = metered.limits.operating
    full, rest = divmod(LINKS * COST, limit)
    floor = full * 600 + rest
    _write(f"{LINKS} links, minutes", f"{took / 60:.1f}")
    _write("  estimated beforehand", f"{estimate / 60:.1f}")
    _write("  with nothing kept back", f"{floor / 60:.1f}")
    _write("  refused by the portal", str(len(refusals(outcomes)) + metered.portal.rest.refused))


def _write(name: str, figure: str) -> None:
    sys.stdout.write(f"{name:32}{figure:>16}\n")


if __name__ == "__main__":
    main()

"""``make bench-jobs``: thousands of links by a job, on a bad day, against what is possible.

In each regime: web, worker, beat, Redis and a database as processes, a demo portal that takes the time
a link costs and refuses what is over its limits. On the way every access token expires, 3 % of the links
are made by somebody else after the preview, one answer is lost after the portal has carried the request
out, and one worker process is killed. Somebody opens a deal's tab all the while.

``--links``, ``--cost`` (seconds a link) and ``--workers`` take several values each. With ``--faster N``
the portal's time runs N times as fast, its bucket, its account and its costs together; all seconds
printed are the portal's. Our own work is then N times as slow beside it: a ratio found that way is the
lower for it. In real time 10,000 links at 330 ms take more than an hour, as they do in a portal.
"""

import argparse
import logging
import math
import os
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

from testing import environment  # isort: skip  (sets what the settings read)

import requests

from bench.watched import Watched
from testing import machine
from testing.machine import Machine
from testing.persons import ADD, Person, added

CAPACITY, LEAK, OPERATING = 50, 2, 480.0
SLOTS = 4  # of b24app.jobs.worker_slots, which needs Django set up
DEALS = 100
LOOK_EVERY = 2.0
# Seconds after which the person opens the app again, since nobody is there to renew a session.
SESSION = 20 * 60
IDLE_LOOKS = 12
COLUMNS = (
    "links", "cost", "workers", "seconds", "floor", "of floor", "requests", "503", "429",
    "connections", "once", "again", "p95 idle", "p95 job",
)  # fmt: skip


@dataclass
class Looker:
    """Somebody who opens a deal's tab every two seconds; how long each answer took."""

    app: Machine
    took: list[float] = field(default_factory=list)

    def look(self) -> None:
        opening = self.app.portal.open("CRM_DEAL_DETAIL_TAB", user_id=1, entity_id=7021)
        began = time.monotonic()
        answer = requests.post(opening.url, data=opening.form, timeout=90)
        self.took.append(time.monotonic() - began)
        # All tokens expire once on the way, perhaps this one before it was shown.
        if answer.status_code != HTTPStatus.UNAUTHORIZED:
            answer.raise_for_status()

    @contextmanager
    def looking(self) -> Iterator[None]:
        end = threading.Event()

        def looks() -> None:
            while not end.wait(LOOK_EVERY):
                self.look()

        thread = threading.Thread(target=looks)
        thread.start()
        try:
            yield
        finally:
            end.set()
            thread.join()

    def p95(self) -> float:
        """Milliseconds since the last call."""
        found = statistics.quantiles(self.took, n=20)[-1] if len(self.took) > 1 else math.nan
        self.took = []
        return found * 1000


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-jobs")
    parser.add_argument("--links", type=int, nargs="+", default=[1000])
    parser.add_argument("--cost", type=float, nargs="+", default=[0.002, 0.05])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--faster", type=int, default=1)
    parser.add_argument("--postgres", action="store_true")
    options = parser.parse_args()
    logging.disable(logging.ERROR)
    _row(COLUMNS)
    try:
        for links in options.links:
            for cost in options.cost:
                for workers in options.workers:
                    bench = Regime(links, cost, workers, options.faster)
                    _row(bench.row(postgres=options.postgres))
    finally:
        environment.pytest_unconfigure()


@dataclass(frozen=True)
class Regime:
    """One line of the table: so many links of so many seconds each, by so many worker processes."""

    links: int
    cost: float
    workers: int
    faster: int = 1

    def row(self, *, postgres: bool) -> tuple[object, ...]:
        rate = (CAPACITY, LEAK * self.faster)
        with (
            tempfile.TemporaryDirectory(prefix="lo-bench-") as home,
            machine.running(Path(home), postgres=postgres, rate=rate, workers=self.workers) as app,
        ):
            return self._measured(app)

    def _measured(self, item: Machine) -> tuple[object, ...]:
        portal = item.portal
        limits = portal.rest.limits = Watched()
        limits.costs[ADD] = self.cost
        person, looker = Person(item), Looker(item)
        orders, deals = portal.many(orders=self.links, deals=DEALS)
        job = _planned(person, orders, deals)
        for at in range(0, self.links, 33):
            portal.state.links[orders[at]] = (2, deals[at % DEALS])
        limits.time_scale = 1.0
        limits.scale(self.faster)
        for _ in range(IDLE_LOOKS):
            looker.look()
        idle = looker.p95()
        # The floor is that of an empty bucket, and the app knows what it has sent so far.
        time.sleep(CAPACITY / LEAK / self.faster)
        portal.reset_counts()
        looks, seconds = _run(item, person, looker, job, self.links)
        seconds *= self.faster
        wanted = {order: (2, deals[at % DEALS]) for at, order in enumerate(orders)}
        once = sum(portal.link_of(order) == place for order, place in wanted.items())
        again = sum(count - 1 for count in added(portal).values())
        mine = portal.http_requests - looks
        # The bucket is one for all: what the person beside asked for counts too.
        floor = self.floor(portal.http_requests, self.cost * len(limits.writes))
        return (
            self.links, f"{self.cost * 1000:.0f} ms", self.workers, f"{seconds:.1f}",
            f"{floor:.1f}", f"{floor / seconds:.2f}", mine, portal.rest.refused, limits.blocked,
            portal.connections, f"{once}/{self.links}", again, f"{idle:.0f} ms",
            f"{looker.p95():.0f} ms",
        )  # fmt: skip

    def floor(self, sent: int, worked: float) -> float:
        """Seconds nobody can go below who sends so many requests and has the portal work so long.

        The bucket; execution itself, in as many requests at once as workers and slots allow; and
        operating time: what one term of ten minutes cannot hold waits for the next.
        """
        at_once = min(SLOTS, self.workers)
        terms, rest = divmod(worked, OPERATING)
        operating = terms * 600 + rest / at_once if terms else 0.0
        return max((sent - CAPACITY) / LEAK, operating, worked / at_once, 0.1)


def _planned(person: Person, orders: range, deals: range) -> str:
    rows = (f"{order},{deals[at % DEALS]}\n" for at, order in enumerate(orders))
    return person.planned("order id,deal\n" + "".join(rows))


def _run(item: Machine, person: Person, looker: Looker, job: str, links: int) -> tuple[int, float]:
    """Looks of the person beside, and seconds from Start to the end, through a bad day."""
    portal = item.portal
    mishaps: list[tuple[float, Callable[[], None]]] = [
        (0.3, portal.expire_tokens),
        (0.5, lambda: portal.misbehave("cut", ADD, after=True)),
        (0.7, lambda: _kill_one_process(item)),
    ]
    began = sat_down = time.monotonic()
    with looker.looking():
        person.post(f"/jobs/{job}/start/", data={"move": "on"})
        while person.state(job) != "done":
            if time.monotonic() - sat_down > SESSION:
                person, sat_down = Person(item), time.monotonic()
            if mishaps and len(added(portal)) > mishaps[0][0] * links:
                mishaps.pop(0)[1]()
            time.sleep(0.2)
        seconds = time.monotonic() - began
    return len(looker.took), seconds


def _kill_one_process(item: Machine) -> None:
    """One of the worker's pool processes, as an operating system out of memory does."""
    leader = item.children["worker"].pid
    children = Path(f"/proc/{leader}/task/{leader}/children").read_text().split()
    os.kill(int(children[-1]), signal.SIGKILL)


def _row(cells: tuple[object, ...]) -> None:
    sys.stdout.write("".join(f"{cell!s:>12}" for cell in cells) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

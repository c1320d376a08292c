"""``make bench-queue``: what the queue itself costs, and whether it stays level.

Three parts, all of them by default. ``overhead``: a job of links that cost the portal nothing, without
limits: processor time, SQL statements, Redis commands and requests of the worker for each row.
``memory``: a worker process over 100,000 rows. ``crowd``: two hundred portals with a job each at once,
one of them a large one. Counts and ratios are for comparing; times are this machine's.
"""

import argparse
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testing import environment  # isort: skip  (sets what the settings read)

from redis import Redis

from b24app import embedded
from bench import counting, crowd, processes
from bench.processes import Memory
from demo.server import DemoPortal
from testing import machine
from testing.machine import Machine
from testing.persons import ADD, Person, added
from testing.processes import ROOT
from testing.waiting import until

DEALS = 100
SAMPLE_EVERY = 5_000
LOOK_EVERY = 0.1
# Seconds after which a task that has just said its last word is over, with all that is counted then.
SETTLED = 1.0
OVERHEAD = (
    "rows", "phase", "seconds", "cpu ms/row", "sql/row", "redis/row", "trips/row", "requests",
    "rows/req", "once",
)  # fmt: skip
MEMORY = ("phase", "rows", "rss MB", "of first", "pss MB", "leader MB")
# Of a job, by phase: the column that counts its rows, and what is true once it is over.
PHASES = (
    ("gathering", "rows", "gathered"),
    ("preview", "looked", "planned_at IS NOT NULL"),
    ("writing", "done", "state = 'done'"),
)
# The app's stored portal here; it is never contacted.
BOUNDLESS = (10_000, 1_000)


@dataclass(frozen=True, slots=True)
class Used:
    """Sums since the beginning, or what was used between two moments.

    ``redis`` are commands, those inside of scripts too; ``trips`` is how often Redis had something to read.
    """

    cpu: float
    sql: int
    redis: int
    trips: int
    requests: int

    def since(self, before: "Used") -> "Used":
        return Used(
            self.cpu - before.cpu,
            self.sql - before.sql,
            self.redis - before.redis,
            self.trips - before.trips,
            self.requests - before.requests,
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-queue")
    parser.add_argument("parts", nargs="*", default=["overhead", "memory", "crowd"])
    parser.add_argument("--rows", type=int, nargs="+", default=[2_000, 10_000], help="overhead")
    parser.add_argument("--most", type=int, default=100_000, help="rows of the part memory")
    parser.add_argument("--portals", type=int, default=200, help="crowd")
    parser.add_argument("--large", type=int, default=1, help="crowd: how many have large jobs")
    parser.add_argument("--postgres", action="store_true")
    options = parser.parse_args()
    parts: dict[str, Callable[[], None]] = {
        "overhead": lambda: overhead(options.rows, postgres=options.postgres),
        "memory": lambda: memory(options.most, postgres=options.postgres),
        "crowd": lambda: crowd.show(options.portals, options.large, postgres=options.postgres),
    }
    if unknown := set(options.parts) - parts.keys():
        parser.error(f"no part {', '.join(unknown)}")
    logging.disable(logging.ERROR)
    try:
        for name in options.parts:
            parts[name]()
    finally:
        environment.pytest_unconfigure()


def overhead(counts: list[int], *, postgres: bool) -> None:
    """What each row costs, of the preview and of the writing, by the number of rows."""
    _say(*OVERHEAD)
    for rows in counts:
        with _measured(2, postgres=postgres) as (app, used):
            person = Person(app)
            orders, deals = _boundless(app.portal, rows)
            before = used()
            job = person.asked(_table(orders, deals))
            planned_in = _until(app, job, "planned")
            planned = used()
            person.post(f"/jobs/{job}/start/", data={"move": "on"})
            done_in = _until(app, job, "done")
            once = _once(app.portal, orders, deals)
            for phase, seconds, spent in (
                ("preview", planned_in, planned.since(before)),
                ("writing", done_in, used().since(planned)),
            ):
                _say(
                    rows, phase, f"{seconds:.1f}", f"{spent.cpu / rows * 1000:.2f}",
                    f"{spent.sql / rows:.3f}", f"{spent.redis / rows:.3f}",
                    f"{spent.trips / rows:.3f}", spent.requests, f"{rows / spent.requests:.1f}",
                    f"{once}/{rows}" if phase == "writing" else "",
                )  # fmt: skip


def memory(rows: int, *, postgres: bool) -> None:
    """A worker's one pool process, and the one that leads it, over a large job: sampled on the way."""
    _say(*MEMORY)
    with _measured(1, postgres=postgres) as (app, _):
        person = Person(app)
        orders, deals = _boundless(app.portal, rows)
        job = person.asked(_table(orders, deals))
        for phase, column, end in PHASES:
            if phase == "writing":
                _until(app, job, "planned")
                person.post(f"/jobs/{job}/start/", data={"move": "on"})
            first = 0
            for done, worker, leader in _samples(app, job, column, end):
                first = first or worker.rss
                _say(
                    phase, done, f"{worker.rss / 1024:.1f}", f"{worker.rss / first:.3f}",
                    f"{worker.pss / 1024:.1f}", f"{leader.rss / 1024:.1f}",
                )  # fmt: skip
        _say("once", f"{_once(app.portal, orders, deals)}/{rows}")


def _samples(
    item: Machine, job: str, column: str, end: str
) -> Iterator[tuple[int, Memory, Memory]]:
    """Rows so far, and the memory of the pool process and of its leader, each 5,000 rows and at the end."""
    leader = item.children["worker"].pid
    (worker,) = processes.below(leader)
    last, over = -1, False
    while not over:
        done, over = _of_job(item, job, f"{column}, {end}")
        if done // SAMPLE_EVERY > last // SAMPLE_EVERY or (over and done != last):
            yield done, processes.memory(worker), processes.memory(leader)
            last = done
        time.sleep(LOOK_EVERY)


@contextmanager
def _measured(pool: int, *, postgres: bool) -> Iterator[tuple[Machine, Callable[[], Used]]]:
    """The app with a worker that counts its statements, and what it has used so far."""
    with tempfile.TemporaryDirectory(prefix="lo-bench-") as home:
        counts = Path(home) / "counts"
        counts.mkdir()
        os.environ["BENCH_COUNTS"] = str(counts)
        with machine.running(Path(home), postgres=postgres, rate=BOUNDLESS, workers=pool) as app:
            app.kill("worker")
            with (Path(home) / "worker.log").open("ab") as log:
                app.children["worker"] = subprocess.Popen(
                    [*app.command("worker"), "-I", "bench.counting"], cwd=ROOT,
                    env=app.environment(), stdout=log, stderr=log, start_new_session=True,
                )  # fmt: skip
            until(lambda: len(processes.below(app.children["worker"].pid)) == pool, "a pool")
            redis = Redis(unix_socket_path=str(embedded.socket_path(app.redis)))

            def used() -> Used:
                stats = redis.info("stats")
                return Used(
                    processes.cpu(app.children["worker"].pid), counting.total(counts),
                    int(stats["total_commands_processed"]), int(stats["total_reads_processed"]),
                    app.portal.http_requests,
                )  # fmt: skip

            yield app, used


def _boundless(portal: DemoPortal, rows: int) -> tuple[range, range]:
    """Orders and deals of a portal that answers at once and refuses nothing."""
    limits = portal.rest.limits
    limits.enforced, limits.usual, limits.costs = False, 0.0, {ADD: 0.0}
    made = portal.many(orders=rows, deals=DEALS)
    portal.reset_counts()
    return made


def _table(orders: range, deals: range) -> str:
    """A file that brings the orders to the deals in turn."""
    rows = (f"{order},{deals[at % DEALS]}\n" for at, order in enumerate(orders))
    return "order id,deal\n" + "".join(rows)


def _of_job(item: Machine, job: str, columns: str) -> tuple[Any, ...]:
    (row,) = item.query(f"SELECT {columns} FROM jobs_job WHERE id = {int(job)}")  # noqa: S608
    return row


def _until(item: Machine, job: str, state: str) -> float:
    """Wait for the job's state, and until its last task is over; seconds it took to the state."""
    began = time.monotonic()
    while (now := _of_job(item, job, "state")[0]) != state:
        if now in ("paused", "failed", "stopped"):
            raise RuntimeError(f"the job has {now}")
        time.sleep(LOOK_EVERY)
    seconds = time.monotonic() - began
    time.sleep(SETTLED)
    return seconds


def _once(portal: DemoPortal, orders: range, deals: range) -> int:
    """How many orders are where they were wanted and were written once."""
    times = added(portal)
    return sum(
        portal.link_of(order) == (2, deals[at % DEALS]) and times[order] == 1
        for at, order in enumerate(orders)
    )


def _say(*cells: object) -> None:
    sys.stdout.write(" ".join(f"{cell!s:>11}" for cell in cells) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

"""``make bench-echoes``: does the echo of a job's own writes hold up whoever opens a deal?

Every link a job makes comes back from the portal as the event of a saved order. Here 1,000 links are made
while somebody opens a deal's tab again and again, and the demo portal posts each event at once, 48 side by
side. The figure is a ratio within one run: p95 of an opening during the job by p95 of an idle one.

``--layout together`` posts the events to the processes that answer people; ``--layout apart`` to a
process of their own with a lower priority and a worker of the queue ``events``, as ``deploy/`` has it.
``--layout silent`` sends no events at all: what the job itself costs a viewer.
Idle and busy times take turns, so that whatever else the machine does falls on both.
"""

import argparse
import logging
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from testing import environment  # isort: skip  (sets what the settings read)

import requests

from bench.senders import AT_ONCE, Outside
from testing import machine
from testing.machine import Machine
from testing.persons import ADD, Person
from testing.waiting import until

LINKS, DEALS = 1_000, 100
IDLE_SECONDS = 8.0
LOOKERS = 2
COLUMNS = (
    "layout", "jobs", "openings", "p50 idle", "p95 idle", "p50 job", "p95 job", "ratio p95",
    "events", "at once", "lost", "slowest",
)  # fmt: skip


@dataclass
class Looker:
    """Somebody who opens a deal's tab, one opening after another; how long each answer took."""

    app: Machine
    took: list[float] = field(default_factory=list)

    def look(self) -> None:
        opening = self.app.portal.open("CRM_DEAL_DETAIL_TAB", user_id=1, entity_id=7021)
        began = time.monotonic()
        answer = requests.post(opening.url, data=opening.form, timeout=90)
        self.took.append(time.monotonic() - began)
        answer.raise_for_status()

    @contextmanager
    def looking(self) -> Iterator[None]:
        end = threading.Event()

        def looks() -> None:
            while not end.is_set():
                self.look()
                end.wait(0.02)

        threads = [threading.Thread(target=looks) for _ in range(LOOKERS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            end.set()
            for thread in threads:
                thread.join()


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-echoes")
    parser.add_argument("--layout", nargs="+", default=["together"])
    parser.add_argument("--jobs", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="0: the portal takes no time")
    options = parser.parse_args()
    logging.disable(logging.ERROR)
    _row(COLUMNS)
    try:
        for layout in options.layout:
            with (
                tempfile.TemporaryDirectory(prefix="lo-bench-") as home,
                machine.running(Path(home), postgres=True, rate=(10_000, 1_000), workers=2) as app,
                Outside() as senders,
            ):
                app.portal.lifecycle.senders = senders
                _row(_measured(app, layout, options))
    finally:
        environment.pytest_unconfigure()


def _measured(item: Machine, layout: str, options: argparse.Namespace) -> tuple[object, ...]:
    portal = item.portal
    limits = portal.rest.limits
    limits.enforced = False
    limits.time_scale, limits.costs[ADD] = options.scale, 0.002
    person, looker = Person(item), Looker(item)
    portal.lifecycle.finish(1)
    if layout == "apart":
        _apart(item)
    if layout == "silent":
        portal.state.events.clear()
    for _ in range(10):
        looker.look()
    portal.lifecycle.sent_events.clear()
    idle: list[float] = []
    busy: list[float] = []
    for _ in range(options.jobs):
        orders, deals = portal.many(orders=LINKS, deals=DEALS)
        job = person.planned("".join(_table(orders, deals)))
        _calm(item)
        idle += _looked(looker, lambda: time.sleep(IDLE_SECONDS))
        busy += _looked(looker, lambda job=job: _run(item, person, job))  # type: ignore[misc]
    sent = portal.lifecycle.sent_events
    lost = sum(each.status != 204 for each in sent)
    p50_idle, p95_idle = _quantiles(idle)
    p50_job, p95_job = _quantiles(busy)
    return (
        layout, options.jobs, f"{len(idle)}+{len(busy)}", f"{p50_idle:.0f} ms",
        f"{p95_idle:.0f} ms", f"{p50_job:.0f} ms", f"{p95_job:.0f} ms",
        f"{p95_job / p95_idle:.2f}", len(sent), AT_ONCE, lost,
        f"{max((each.seconds for each in sent), default=0) * 1000:.0f} ms",
    )  # fmt: skip


def _looked(looker: Looker, happens: Callable[[], None]) -> list[float]:
    """How long openings took while this happened."""
    looker.took = []
    with looker.looking():
        happens()
    return looker.took


def _run(item: Machine, person: Person, job: str) -> None:
    """The job from its start until its last echo has been worked."""
    person.post(f"/jobs/{job}/start/", data={"move": "on"})
    until(lambda: person.state(job) == "done", "the job's end")
    _calm(item)


def _apart(item: Machine) -> None:
    """Events to a process of their own, as the proxy of ``deploy/`` sends them there."""
    item.children["worker"].terminate()
    item.children.pop("worker").wait()
    for name in ("events", "worker-jobs", "worker-events"):
        item.start(name)
    until(item.takes_events, "the process for events")
    for row in item.portal.state.events:
        row["handler"] = f"{item.events_url}/events/"


def _calm(item: Machine) -> None:
    """Every event has been answered, and worked."""
    until(lambda: all(each.ended for each in list(item.portal.lifecycle.sent_events)), "answers")
    until(lambda: not item.query("SELECT 1 FROM events_changenotice LIMIT 1"), "gathered")


def _table(orders: range, deals: range) -> Iterator[str]:
    yield "order id,deal\n"
    yield from (f"{order},{deals[at % DEALS]}\n" for at, order in enumerate(orders))


def _quantiles(took: list[float]) -> tuple[float, float]:
    cut = statistics.quantiles(took, n=20)
    return cut[9] * 1000, cut[-1] * 1000


def _row(cells: tuple[object, ...]) -> None:
    sys.stdout.write("".join(f"{cell!s:>12}" for cell in cells) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

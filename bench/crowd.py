"""Portals with a job each at once, some of them large ones: does everybody get their turn?

A part of ``bench.queue``, with one large one; ``--large 4 --portals 4`` shows whether large ones get what
their portals allow although there are fewer workers than jobs. All jobs have their previews and wait in
the queue before the one worker, of two processes, begins; each portal keeps its own limits, and all share
the authorization server.
"""

import bisect
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.watched import Watched
from demo.server import DemoPortal
from testing import machine
from testing.machine import Machine
from testing.persons import ADD, Person, added

ROWS, LARGE = 40, 4_000
PROCESSES = 2
THREADS = 4  # of each portal; a job has four requests under way at most
CAPACITY, LEAK = 50, 2
LOOK_EVERY = 0.2
MAX_SECONDS = 3_600.0


@dataclass(frozen=True)
class Customer:
    """One portal with its job."""

    portal: DemoPortal
    watch: Watched
    person: Person
    orders: range
    deal: int
    job: str

    def once(self) -> int:
        """How many orders are where they were wanted and were written once."""
        times = added(self.portal)
        there = (self.portal.link_of(order) == (2, self.deal) for order in self.orders)
        return sum(
            here and times[order] == 1 for order, here in zip(self.orders, there, strict=True)
        )


def show(portals: int, large: int, *, postgres: bool) -> None:
    """Print when the portals' jobs began to write and ended, in seconds after the first write of all."""
    with (
        tempfile.TemporaryDirectory(prefix="lo-bench-") as home,
        machine.running(
            Path(home), postgres=postgres, rate=(CAPACITY, LEAK), workers=PROCESSES
        ) as app,
        _customers(app, portals, large) as customers,
    ):
        app.kill("worker")
        for each in customers:
            each.person.post(f"/jobs/{each.job}/start/", data={"move": "on"})
        app.start("worker")
        _until(app, "state <> 'done'", "the end of all jobs")
        _report(customers, large)


def _report(customers: Sequence[Customer], large: int) -> None:
    zero = min(min(each.watch.writes) for each in customers)
    if customers[large:]:
        _say_turns(customers[0], customers[large:], zero)
    wanted = sum(len(each.orders) for each in customers)
    once = sum(each.once() for each in customers)
    requests = sum(each.portal.http_requests for each in customers)
    refused = sum(each.portal.rest.refused for each in customers)
    blocked = sum(each.watch.blocked for each in customers)
    # Of each large one: what its own portal's bucket would have allowed it in that time.
    floors = [(each.portal.http_requests - CAPACITY) / LEAK for each in customers[:large]]
    ends = [max(each.watch.writes) - zero for each in customers[:large]]
    shares = sorted(max(0.0, floor) / end for floor, end in zip(floors, ends, strict=True))
    _say("portals", f"{large} with {LARGE} rows, {len(customers) - large} with {ROWS}")
    _say("last write of a large one", _spread(sorted(ends)))
    _say("of its bucket's floor", f"{shares[0]:.2f} to {shares[-1]:.2f}")
    _say("requests, 503, 429", f"{requests}, {refused}, {blocked}")
    _say("links exactly once", f"{once}/{wanted}")


def _say_turns(large: Customer, small: Sequence[Customer], zero: float) -> None:
    firsts = sorted(min(each.watch.writes) - zero for each in small)
    lasts = sorted(max(each.watch.writes) - zero for each in small)
    larges = sorted(moment - zero for moment in large.watch.writes)
    # What was queued before the one that had to wait longest, and could not have: the large one's rows.
    others = (len(small) - 1) * ROWS
    pushed = bisect.bisect(larges, firsts[-1])
    before = bisect.bisect(lasts, larges[-1])
    _say("first write of a small one", _spread(firsts))
    _say("last write of a small one", _spread(lasts))
    _say("slowest of fastest end", f"{lasts[-1] / max(lasts[0], 0.1):.1f}")
    _say("a large one's rows before", f"{pushed}, on top of {others}: {pushed / others:.2f}")
    _say("small ones over before it", f"{before}/{len(small)}")


def _say(name: str, value: str) -> None:
    sys.stdout.write(f"{name:<28}{value}\n")


def _spread(seconds: Sequence[float]) -> str:
    middle = statistics.median(seconds)
    return (
        f"{seconds[0]:.1f} s the first, {middle:.1f} s the median, {seconds[-1]:.1f} s the latest"
    )


@contextmanager
def _customers(item: Machine, portals: int, large: int) -> Iterator[Sequence[Customer]]:
    """Portals with the app installed and a previewed job each; the first ones' are large."""
    with ExitStack() as stack:
        made = []
        for number in range(portals):
            portal = stack.enter_context(
                DemoPortal(
                    item.url, member_id=f"{number:032x}", oauth_of=item.portal, threads=THREADS
                )
            )
            made.append(_customer(item, portal, LARGE if number < large else ROWS))
        _until(item, "state <> 'planned'", "all previews")
        for each in made:
            each.portal.reset_counts()
            each.watch.time_scale = 1.0
        yield made


def _customer(item: Machine, portal: DemoPortal, rows: int) -> Customer:
    watch = portal.rest.limits = Watched()
    watch.costs[ADD] = 0.002
    orders, (deal,) = portal.many(orders=rows, deals=1)
    person = Person(replace(item, portal=portal))
    table = "order id,deal\n" + "".join(f"{order},{deal}\n" for order in orders)
    return Customer(portal, watch, person, orders, deal, person.asked(table))


def _until(item: Machine, others: str, what: str) -> None:
    """Wait until no job is of this kind."""
    limit = time.monotonic() + MAX_SECONDS
    while item.query(f"SELECT 1 FROM jobs_job WHERE {others} LIMIT 1"):  # noqa: S608
        if time.monotonic() > limit:
            raise RuntimeError(f"never: {what}")
        time.sleep(LOOK_EVERY)

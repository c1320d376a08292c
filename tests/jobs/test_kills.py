"""``kill -9`` of every part of the app while a job is at work: nothing is lost, nothing done twice.

Real processes, a real Redis, on SQLite and on PostgreSQL. Only the clock is helped: leases that would
run out after 90 seconds are let run out at once.
"""

import re
import time
from collections import Counter
from pathlib import Path

import pytest
import requests

from demo.server import DemoPortal
from tests.jobs import machine
from tests.jobs.machine import Machine, wait

pytestmark = pytest.mark.bare

ADD = "crm.orderentity.add"
ORDERS = 130
KILL_AFTER = 60  # one batch recorded, the next one under way


class Person:
    """Somebody at the app's page, over real HTTP."""

    def __init__(self, one: Machine) -> None:
        self.machine = one
        opening = one.portal.open("INSTALL", user_id=1)
        requests.post(opening.url, data=opening.form, timeout=30).raise_for_status()
        opening = one.portal.open("DEFAULT", user_id=1)
        page = requests.post(opening.url, data=opening.form, timeout=30).text
        found = re.search(r'data-session="([^"]+)"', page)
        assert found, page
        self.headers = {"Authorization": f"Bearer {found[1]}"}

    def post(self, path: str, **more: object) -> str:
        address = f"{self.machine.url}{path}"
        answer = requests.post(address, headers=self.headers, timeout=30, **more)  # type: ignore[arg-type]
        answer.raise_for_status()
        return answer.text

    def state(self, job: str) -> str:
        answer = requests.get(
            f"{self.machine.url}/jobs/{job}/live/", headers=self.headers, timeout=30
        )
        answer.raise_for_status()
        found = re.search(r'data-job-state="(\w+)"', answer.text)
        assert found, answer.text
        return found[1]

    def asked(self, table: str) -> str:
        """The number of a job that links by a table; its preview has only begun."""
        form = {"from": "file", "kind": "link"}
        page = self.post("/jobs/new/", data=form, files={"file": ("orders.csv", table)})
        found = re.search(r'data-job-id="(\d+)"', page)
        assert found, page
        return found[1]

    def planned(self, table: str) -> str:
        """The number of a job that links by a table, once it has its preview."""
        job = self.asked(table)
        wait(lambda: self.state(job) == "planned", "the preview")
        return job

    def started(self, orders: range, deal: int) -> str:
        """The number of a job that links the orders, after its preview, just started."""
        job = self.planned("order id,deal\n" + "".join(f"{order},{deal}\n" for order in orders))
        self.post(f"/jobs/{job}/start/", data={"move": "on"})
        return job


def added(portal: DemoPortal) -> Counter[int]:
    calls = [call.params for call in list(portal.calls) if call.method == ADD]
    return Counter(int(one["fields"]["orderId"]) for one in calls if isinstance(one, dict))


def slow(portal: DemoPortal) -> None:
    """A batch of 49 takes a second; no limit comes near."""
    limits = portal.rest.limits
    limits.capacity, limits.leak, limits.operating = 2000, 200, 1e9
    limits.costs, limits.usual, limits.time_scale = {ADD: 0.02}, 0.001, 1.0


def quiet(one: Machine) -> None:
    """Nothing is written any more: whoever lives has finished, and a lease has only dead holders."""
    seen = -1
    while seen != (seen := sum(added(one.portal).values())):
        time.sleep(1.2)


def end(person: Person, job: str, what: str) -> None:
    def ended() -> bool:
        person.machine.look_after()
        return person.state(job) == "done"

    wait(ended, what)


@pytest.mark.parametrize(
    ("database", "victims"),
    [
        ("sqlite", ["worker", "redis"]),
        ("postgres", ["database", "worker", "beat", "web", "redis"]),
    ],
    ids=["sqlite", "postgres"],
)
def test_a_job_survives_the_death_of_every_part(
    tmp_path: Path, database: str, victims: list[str]
) -> None:
    with machine.running(tmp_path, postgres=database == "postgres") as one:
        slow(one.portal)
        person = Person(one)
        for victim in victims:
            orders, (deal,) = one.portal.many(orders=ORDERS, deals=1)
            one.portal.reset_counts()
            job = person.started(orders, deal)
            wait(lambda: len(added(one.portal)) >= KILL_AFTER, f"work before {victim} dies")
            one.kill(victim)
            assert len(added(one.portal)) < ORDERS
            one.start(victim)
            quiet(one)
            one.look_after()
            wait(one.ready, f"{victim} back")
            one.let_time_pass()
            end(person, job, f"the end after {victim} died")
            assert {one.portal.link_of(order) for order in orders} == {(2, deal)}
            assert added(one.portal) == Counter(orders), f"after {victim} died"
            trail = f"SELECT a.order_id FROM journal_auditentry a JOIN jobs_job j ON a.change = j.change WHERE j.id = {int(job)}"  # noqa: S608, E501
            found = Counter(row[0] for row in one.query(trail))
            assert found == Counter(orders), f"after {victim} died"
            counters = f"SELECT total, done, skipped, failed FROM jobs_job WHERE id = {int(job)}"  # noqa: S608
            assert one.query(counters) == [(ORDERS, ORDERS, 0, 0)], f"after {victim} died"

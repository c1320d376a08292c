"""A person at the app's page over real HTTP, and a portal slow enough to interrupt a job."""

import time
from collections import Counter

import requests

from demo.server import DemoPortal
from testing.machine import Machine
from testing.markup import attribute, attributes
from testing.waiting import HANG_SECONDS, until

ADD = "crm.orderentity.add"


class Person:
    """A person at the app's page, over real HTTP."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        opening = machine.portal.open("INSTALL", user_id=1)
        requests.post(opening.url, data=opening.form, timeout=HANG_SECONDS).raise_for_status()
        opening = machine.portal.open("DEFAULT", user_id=1)
        page = requests.post(opening.url, data=opening.form, timeout=HANG_SECONDS).text
        session = attribute(page, "[data-session]", "data-session")
        self.headers = {"Authorization": f"Bearer {session}"}

    def post(self, path: str, **more: object) -> str:
        address = f"{self.machine.url}{path}"
        answer = requests.post(address, headers=self.headers, timeout=HANG_SECONDS, **more)  # type: ignore[arg-type]
        answer.raise_for_status()
        return answer.text

    def get(self, path: str) -> str:
        answer = requests.get(
            f"{self.machine.url}{path}", headers=self.headers, timeout=HANG_SECONDS
        )
        answer.raise_for_status()
        return answer.text

    def state(self, job: str) -> str:
        text = self.get(f"/jobs/{job}/live/")
        return attributes(text, "[data-job-state]", "data-job-state")[0]

    def asked(self, table: str) -> str:
        """The number of a job that links by a table; its preview has only begun."""
        form = {"from": "file", "kind": "link"}
        page = self.post("/jobs/new/", data=form, files={"file": ("orders.csv", table)})
        return attributes(page, "[data-job-id]", "data-job-id")[0]

    def planned(self, table: str) -> str:
        """The number of a job that links by a table, once it has its preview."""
        job = self.asked(table)
        until(lambda: self.state(job) == "planned", "the preview")
        return job

    def started(self, orders: range, deal: int) -> str:
        """The number of a job that links the orders, after its preview, just started."""
        job = self.planned("order id,deal\n" + "".join(f"{order},{deal}\n" for order in orders))
        self.post(f"/jobs/{job}/start/", data={"move": "on"})
        return job


def added(portal: DemoPortal) -> Counter[int]:
    calls = [call.params for call in list(portal.calls) if call.method == ADD]
    return Counter(int(item["fields"]["orderId"]) for item in calls if isinstance(item, dict))


def slow(portal: DemoPortal) -> None:
    """A batch of 49 takes a second; no limit comes near."""
    limits = portal.rest.limits
    limits.capacity, limits.leak, limits.operating = 2000, 200, 1e9
    limits.costs, limits.usual, limits.time_scale = {ADD: 0.02}, 0.001, 1.0


def quiet(machine: Machine) -> None:
    """Wait until nothing is written any more: every living worker has finished."""
    seen = -1
    while seen != (seen := sum(added(machine.portal).values())):
        time.sleep(1.2)

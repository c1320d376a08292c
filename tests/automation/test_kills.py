"""``kill -9`` of a worker while rules link orders, with every event told twice: one link for each order.

Real processes, a real Redis. Only the clock is helped: leases that would run out are let run out at once.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from kombu import Connection

from b24app import embedded
from b24app.celery import app
from demo.trade import NewDeal, Purchase
from testing import machine
from testing.machine import Machine
from testing.markup import attribute, attributes
from testing.persons import Person, added, quiet, slow
from testing.waiting import until

pytestmark = pytest.mark.bare

CLARA = 1
ORDERS = 120
KILL_AFTER = 50  # one batch recorded, the next one under way
FORM = {
    "name": "To the open deal",
    "payer": "any",
    "who": "contact",
    "max_days": "60",
    "since": "created",
    "wait_minutes": "0",
    "several": "suggest",
    "links_an_hour": "10000",
    "undone_percent": "100",
    "days": "1",
    "try": "on",
}


def switch_on(person: Person) -> None:
    """Make a rule, try it, and switch it on, as the page does."""
    page = person.post("/console/rules/save/", data=FORM)
    rule = attribute(page, "[data-section=rule]", "data-rule")

    def is_tried() -> bool:
        trial = person.get(f"/console/rules/trial/?rule={rule}")
        return attributes(trial, "[data-trial-state]", "data-trial-state") == ["done"]

    until(is_tried, "the dry run ends")
    page = person.post("/console/rules/switch/", data={"rule": rule, "on": "on"})
    assert attributes(page, "[data-rule-state]", "data-rule-state") == ["on"]


def let_leases_end(one: Machine) -> None:
    past = "2026-01-01 00:00:00+00:00"
    one.query(
        f"UPDATE automation_cursor SET scan_until = '{past}', work_until = '{past}', due_at = '{past}'"  # noqa: S608
    )
    with Connection(f"redis+socket://{embedded.socket_path(one.redis)}") as broker:
        app.send_task("automation.sweep", queue="bulk", connection=broker)


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_each_order_is_linked_once_although_a_worker_dies(tmp_path: Path, database: str) -> None:
    with machine.running(tmp_path, postgres=database == "postgres") as one:
        slow(one.portal)
        for deal in one.portal.state.deals.values():
            deal.update(CONTACT_ID="0", COMPANY_ID="0")
        person = Person(one)
        one.portal.lifecycle.finish(1)
        switch_on(person)
        one.start("second")
        deal_id = one.portal.open_deal(
            NewDeal("Refit", contacts=(CLARA,), at=datetime.now(UTC) - timedelta(days=5))
        )
        one.portal.reset_counts()
        orders = [one.portal.order_comes(Purchase(CLARA)) for _ in range(ORDERS)]
        for order in orders:
            one.portal.set_status(order, "AW")
        until(lambda: len(added(one.portal)) >= KILL_AFTER, "work before the worker dies")
        one.kill("worker")
        quiet(one)
        one.start("worker")

        def ended() -> bool:
            one.look_after()
            let_leases_end(one)
            waiting = "SELECT count(*) FROM automation_entry WHERE state = 'linked'"
            return one.query(waiting) == [(ORDERS,)]

        until(ended, "the end after the worker died")
        assert {one.portal.link_of(order) for order in orders} == {(2, deal_id)}
        assert added(one.portal) == Counter(orders)
        trail = one.query("SELECT order_id FROM journal_auditentry WHERE through = 'rule'")
        assert Counter(row[0] for row in trail) == Counter(orders)

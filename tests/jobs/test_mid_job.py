"""What happens to a portal while a job is at work, in real processes: renamed, unpaid, app removed."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.install.everywhere import owned
from tests.jobs import machine
from tests.jobs.machine import Machine
from tests.jobs.persons import Person, added, quiet, slow
from tests.waiting import until

pytestmark = pytest.mark.bare

ORDERS = 300
MET_AFTER = 60  # one batch recorded, the next one under way


@pytest.fixture(params=["sqlite", "postgres"])
def one(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Machine]:
    with machine.running(tmp_path, postgres=request.param == "postgres") as running:
        slow(running.portal)
        yield running


def at_work(one: Machine, person: Person) -> tuple[str, range, int]:
    """A job with some of its orders linked: its number, its orders, their deal."""
    one.portal.lifecycle.finish(1)
    orders, (deal,) = one.portal.many(orders=ORDERS, deals=1)
    one.portal.reset_counts()
    job = person.started(orders, deal)
    until(lambda: len(added(one.portal)) >= MET_AFTER, "some orders linked")
    return job, orders, deal


def counted(one: Machine, job: str) -> tuple[object, ...]:
    (row,) = one.query(f"SELECT total, done, skipped, failed FROM jobs_job WHERE id = {int(job)}")  # noqa: S608
    return row


def quarrels(one: Machine) -> list[str]:
    """What the worker could not cope with, by its log."""
    lines = (one.home / "worker.log").read_text("utf-8").splitlines()
    return [line for line in lines if "Traceback" in line or "raised unexpected" in line]


def test_a_portal_is_renamed(one: Machine) -> None:
    person = Person(one)
    job, orders, deal = at_work(one, person)
    one.portal.rename()
    assert len(added(one.portal)) < ORDERS
    until(lambda: person.state(job) == "done", "the end after the portal was renamed")
    assert added(one.portal) == Counter(orders)
    assert {one.portal.link_of(order) for order in orders} == {(2, deal)}
    assert counted(one, job) == (ORDERS, ORDERS, 0, 0)
    assert one.query("SELECT endpoint FROM portals_portal") == [
        (f"{one.portal.current_url}/rest/",)
    ]
    assert quarrels(one) == []


def test_a_subscription_ends_and_is_renewed(one: Machine) -> None:
    person = Person(one)
    job, orders, deal = at_work(one, person)
    # The portal goes on answering; that it is not paid for any more an opening tells.
    one.portal.state.app.expired = True
    Person(one)
    until(lambda: person.state(job) == "waiting_authorization", "the job waiting")
    quiet(one)
    before = len(added(one.portal))
    assert before < ORDERS
    one.let_time_pass()
    quiet(one)
    assert len(added(one.portal)) == before
    one.portal.renew_subscription()  # tells ONAPPPAYMENT; nobody opens anything
    until(lambda: person.state(job) == "done", "the end after it was renewed")
    assert added(one.portal) == Counter(orders)
    assert {one.portal.link_of(order) for order in orders} == {(2, deal)}
    assert counted(one, job) == (ORDERS, ORDERS, 0, 0)
    assert quarrels(one) == []


def test_an_uninstall_that_erases(one: Machine) -> None:
    person = Person(one)
    at_work(one, person)
    one.portal.lifecycle.uninstall(clean=True)
    until(lambda: not one.query("SELECT id FROM portals_portal"), "the portal erased")
    quiet(one)  # what the portal itself had begun
    before = len(added(one.portal))
    assert before < ORDERS
    one.let_time_pass()
    quiet(one)
    tables = [model._meta.db_table for model in owned()]
    left = {table: one.query(f"SELECT count(*) FROM {table}")[0][0] for table in tables}  # noqa: S608
    assert len(tables) >= 10
    assert set(left.values()) == {0}, left
    assert len(added(one.portal)) == before
    assert quarrels(one) == []
    # The worker lives: the portal comes back as a stranger and works.
    again = Person(one)
    (order,), (deal,) = one.portal.many(orders=1, deals=1)
    number = again.started(range(order, order + 1), deal)
    until(lambda: again.state(number) == "done", "a job of the portal that is back")
    assert one.portal.link_of(order) == (2, deal)


def test_an_uninstall_that_keeps(one: Machine) -> None:
    person = Person(one)
    job, orders, deal = at_work(one, person)
    one.portal.lifecycle.uninstall(clean=False)
    row = f"SELECT state, reason FROM jobs_job WHERE id = {int(job)}"  # noqa: S608
    until(lambda: one.query(row) == [("stopped", "removed")], "the job stopped")
    quiet(one)  # what the portal itself had begun
    before = len(added(one.portal))
    one.let_time_pass()
    quiet(one)
    assert one.query(row) == [("stopped", "removed")]
    assert len(added(one.portal)) == before < ORDERS
    again = Person(one)
    assert "The app was removed" in again.get(f"/jobs/{job}/")
    quiet(one)
    assert len(added(one.portal)) == before
    again.post(f"/jobs/{job}/resume/")
    until(lambda: again.state(job) == "done", "the end after the portal came back")
    assert {one.portal.link_of(order) for order in orders} == {(2, deal)}
    assert added(one.portal) == Counter(orders)
    assert counted(one, job) == (ORDERS, ORDERS, 0, 0)
    assert quarrels(one) == []

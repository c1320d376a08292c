"""A portal is renamed, unpaid or removes the app during a job, in real processes."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from testing import machine
from testing.machine import Machine
from testing.persons import Person, added, quiet, slow
from testing.waiting import until
from tests.install.everywhere import owned

pytestmark = pytest.mark.bare

ORDERS = 300
MET_AFTER = 60  # one batch recorded, the next one under way


@pytest.fixture(params=["sqlite", "postgres"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Machine]:
    with machine.running(tmp_path, postgres=request.param == "postgres") as running:
        slow(running.portal)
        yield running


def at_work(app: Machine, person: Person) -> tuple[str, range, int]:
    """A job with some of its orders linked: its number, its orders, their deal."""
    app.portal.lifecycle.finish(1)
    orders, (deal,) = app.portal.many(orders=ORDERS, deals=1)
    app.portal.reset_counts()
    job = person.started(orders, deal)
    until(lambda: len(added(app.portal)) >= MET_AFTER, "some orders linked")
    return job, orders, deal


def counted(app: Machine, job: str) -> tuple[object, ...]:
    (row,) = app.query(f"SELECT total, done, skipped, failed FROM jobs_job WHERE id = {int(job)}")  # noqa: S608
    return row


def quarrels(app: Machine) -> list[str]:
    """What the worker could not cope with, by its log."""
    lines = (app.home / "worker.log").read_text("utf-8").splitlines()
    return [line for line in lines if "Traceback" in line or "raised unexpected" in line]


def test_job_survives_renamed_portal(app: Machine) -> None:
    person = Person(app)
    job, orders, deal = at_work(app, person)
    app.portal.rename()
    assert len(added(app.portal)) < ORDERS
    until(lambda: person.state(job) == "done", "the end after the portal was renamed")
    assert added(app.portal) == Counter(orders)
    assert {app.portal.link_of(order) for order in orders} == {(2, deal)}
    assert counted(app, job) == (ORDERS, ORDERS, 0, 0)
    assert app.query("SELECT endpoint FROM portals_portal") == [
        (f"{app.portal.current_url}/rest/",)
    ]
    assert quarrels(app) == []


def test_job_survives_ended_and_renewed_subscription(app: Machine) -> None:
    person = Person(app)
    job, orders, deal = at_work(app, person)
    # The portal goes on answering; that it is not paid for any more an opening tells.
    app.portal.state.app.expired = True
    Person(app)
    until(lambda: person.state(job) == "waiting_authorization", "the job waiting")
    quiet(app)
    before = len(added(app.portal))
    assert before < ORDERS
    app.let_time_pass()
    quiet(app)
    assert len(added(app.portal)) == before
    app.portal.renew_subscription()  # tells ONAPPPAYMENT; nobody opens anything
    until(lambda: person.state(job) == "done", "the end after it was renewed")
    assert added(app.portal) == Counter(orders)
    assert {app.portal.link_of(order) for order in orders} == {(2, deal)}
    assert counted(app, job) == (ORDERS, ORDERS, 0, 0)
    assert quarrels(app) == []


def test_job_ends_with_erasing_uninstall(app: Machine) -> None:
    person = Person(app)
    at_work(app, person)
    app.portal.lifecycle.uninstall(clean=True)
    until(lambda: not app.query("SELECT id FROM portals_portal"), "the portal erased")
    quiet(app)  # what the portal itself had begun
    before = len(added(app.portal))
    assert before < ORDERS
    app.let_time_pass()
    quiet(app)
    tables = [model._meta.db_table for model in owned()]
    left = {table: app.query(f"SELECT count(*) FROM {table}")[0][0] for table in tables}  # noqa: S608
    assert len(tables) >= 10
    assert set(left.values()) == {0}, left
    assert len(added(app.portal)) == before
    assert quarrels(app) == []
    # The worker lives: the portal comes back as a stranger and works.
    again = Person(app)
    (order,), (deal,) = app.portal.many(orders=1, deals=1)
    number = again.started(range(order, order + 1), deal)
    until(lambda: again.state(number) == "done", "a job of the portal that is back")
    assert app.portal.link_of(order) == (2, deal)


def test_job_stops_after_uninstall_that_keeps_data(app: Machine) -> None:
    person = Person(app)
    job, orders, deal = at_work(app, person)
    app.portal.lifecycle.uninstall(clean=False)
    row = f"SELECT state, reason FROM jobs_job WHERE id = {int(job)}"  # noqa: S608
    until(lambda: app.query(row) == [("stopped", "removed")], "the job stopped")
    quiet(app)  # what the portal itself had begun
    before = len(added(app.portal))
    app.let_time_pass()
    quiet(app)
    assert app.query(row) == [("stopped", "removed")]
    assert len(added(app.portal)) == before < ORDERS
    again = Person(app)
    assert "The app was removed" in again.get(f"/jobs/{job}/")
    quiet(app)
    assert len(added(app.portal)) == before
    again.post(f"/jobs/{job}/resume/")
    until(lambda: again.state(job) == "done", "the end after the portal came back")
    assert {app.portal.link_of(order) for order in orders} == {(2, deal)}
    assert added(app.portal) == Counter(orders)
    assert counted(app, job) == (ORDERS, ORDERS, 0, 0)
    assert quarrels(app) == []

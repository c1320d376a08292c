"""A worker that is suspended before it sends: afterwards it writes nothing it no longer owns."""

import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from django.test import Client

from b24app.jobs import worker_slots
from b24app.jobs.models import Job, JobItem
from b24app.journal.models import AuditEntry
from demo.server import DemoPortal
from testing import machine
from testing.opening import ILYA, MOCKUP, install, open_tab, submit
from testing.persons import ADD, Person, added, slow
from testing.waiting import HANG_SECONDS, until
from tests.jobs.driving import Desk, outcomes, step, work


@pytest.mark.django_db
@pytest.mark.parametrize(("seconds", "sent"), [(9, True), (11, False)])
def test_nothing_is_sent_after_slow_token_renewal(
    desk: Desk, portal: DemoPortal, seconds: int, *, sent: bool
) -> None:
    orders, (deal,) = portal.many(orders=5, deals=1)
    job = desk.link([(order, deal) for order in orders])
    desk.post(f"/jobs/{job.pk}/start/", move="on")
    portal.misbehave("expired_token", ADD)
    with time_machine.travel(datetime.now(UTC), tick=True) as clock:
        portal.at_refresh(lambda: clock.shift(timedelta(seconds=seconds)))
        step(job)
        if sent:
            assert job.done == 5
            return
        # The rows wait again, and the job needs nobody.
        assert (job.state, job.done) == (Job.State.RUNNING, 0)
        assert outcomes(job) == {("pending", ""): 5}
        assert {portal.link_of(order) for order in orders} == {None}
        work(job)
    assert (job.state, job.done) == (Job.State.DONE, 5)
    assert added(portal) == Counter(orders)
    assert set(JobItem.objects.filter(job=job).values_list("attempts", flat=True)) == {0}


@pytest.mark.django_db
def test_request_ends_before_its_lease() -> None:
    cut_off = timedelta(seconds=60)
    assert worker_slots.SEND_WITHIN < worker_slots.LEASE
    assert worker_slots.SEND_WITHIN + cut_off <= worker_slots.IN_DOUBT


@pytest.mark.django_db
def test_click_suspended_past_its_lease_writes_nothing(client: Client, portal: DemoPortal) -> None:
    install(client, portal)
    page, order = open_tab(client, portal, ILYA, MOCKUP), portal.order_id("1193")
    portal.misbehave("expired_token", ADD)
    with time_machine.travel(datetime.now(UTC), tick=True) as clock:
        portal.at_refresh(lambda: clock.shift(timedelta(seconds=31)))
        answer = submit(client, page, "/tab/link/", {"order": f"{order}|"})
    assert portal.link_of(order) is None
    assert "so nothing was sent" in answer.text
    assert not AuditEntry.objects.exists()


@pytest.mark.bare
def test_node_stopped_before_sending_writes_nothing_twice(tmp_path: Path) -> None:
    with machine.running(tmp_path, postgres=True, workers=1) as app:
        slow(app.portal)
        person = Person(app)
        orders, (deal, other) = app.portal.many(orders=130, deals=2)
        stopped, go_on = threading.Event(), threading.Event()

        def stop() -> None:
            app.suspend("worker")
            stopped.set()
            go_on.wait(HANG_SECONDS)

        job = person.planned("order id,deal\n" + "".join(f"{pk},{deal}\n" for pk in orders))
        # The first writing request finds its token expired: the node stops while it renews it.
        app.portal.misbehave("expired_token", ADD)
        app.portal.at_refresh(stop)
        person.post(f"/jobs/{job}/start/", data={"move": "on"})
        until(stopped.is_set, "the node stops before it sends")
        since, known = time.time(), set(app.portal.state.refresh)
        app.start("second")
        # For a second the queue would still hand its messages to the node that is stopped.
        until(lambda: time.time() > since + 2, "the queue gives the stopped node up")
        app.let_time_pass()
        until(lambda: person.state(job) == "done", "the other node finishes")
        moved = orders[:6]
        for order in moved:
            app.portal.link(order, (2, other))
        before = added(app.portal)
        until(
            lambda: time.time() > since + worker_slots.SEND_WITHIN.total_seconds(), "its deadline"
        )
        go_on.set()
        until(lambda: set(app.portal.state.refresh) != known, "the answer it waits for")
        app.resume("worker")
        quiet_since(app.portal)
        assert added(app.portal) == before == Counter(orders)
        assert {app.portal.link_of(order) for order in moved} == {(2, other)}
        trail = f"SELECT a.order_id FROM journal_auditentry a JOIN jobs_job j ON a.change = j.change WHERE j.id = {int(job)}"  # noqa: S608, E501
        assert Counter(row[0] for row in app.query(trail)) == Counter(orders)


def quiet_since(portal: DemoPortal) -> None:
    """Nothing has been asked of the portal for a while."""
    seen = -1
    while seen != (seen := portal.http_requests):
        time.sleep(1.2)

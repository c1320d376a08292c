"""Jobs of a portal that does not answer do not hold every worker."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from redis import Redis

from b24app.jobs import tasks, worker_slots
from b24app.jobs.models import Job, JobLane
from demo.server import DemoPortal
from testing.opening import ILYA
from testing.waiting import HANG_SECONDS, until
from tests.jobs.driving import Desk, sit_down, work

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def other(portal: DemoPortal) -> Iterator[DemoPortal]:
    """Another portal."""
    with DemoPortal("http://app.example.com", member_id="b" * 32, oauth_of=portal) as found:
        yield found


def started(desk: Desk, portal: DemoPortal) -> Job:
    """A job that is due: its preview is made, and *Start* was pressed."""
    orders, (deal,) = portal.many(orders=60, deals=1)
    job = desk.link([(order, deal) for order in orders])
    desk.post(f"/jobs/{job.pk}/start/", move="on")
    JobLane.objects.filter(job=job, number__gt=0).delete()
    return job


def lane_of(job: Job) -> JobLane:
    return JobLane.objects.get(job=job)


def one_slice(job: Job) -> None:
    lane = lane_of(job)
    tasks.work(lane.pk, lane.ticket)


def messages() -> int:
    return int(Redis.from_url(settings.REDIS_URL).llen("bulk"))


@contextmanager
def worked_while_the_portal_hangs(portal: DemoPortal, job: Job) -> Iterator[None]:
    """A worker waits for the portal with a slice of the job."""
    portal.reset_counts()
    portal.misbehave("hang", seconds=HANG_SECONDS)

    def run() -> None:
        one_slice(job)
        connection.close()

    worker = threading.Thread(target=run)
    worker.start()
    until(lambda: portal.http_requests, "the worker asks the portal")
    try:
        yield
    finally:
        portal.calm()
        worker.join()


def test_a_job_leaves_its_worker_to_another_portals_job_that_is_due(
    client: Client, portal: DemoPortal, other: DemoPortal
) -> None:
    ilya = sit_down(client, portal, ILYA)
    first, second = started(ilya, portal), started(ilya, portal)
    with worked_while_the_portal_hangs(portal, first):
        third = started(sit_down(client, other, ILYA), other)
        before = messages()
        one_slice(second)
        assert portal.http_requests == 1
        second.refresh_from_db()
        assert (second.state, second.done) == (Job.State.RUNNING, 0)
        # It comes back by a message of its own.
        assert messages() == before + 1
        assert work(third).done == 60
        one_slice(second)
        second.refresh_from_db()
        assert second.done > 0
    assert (work(first).done, work(second).done) == (60, 60)


def test_the_jobs_of_a_silent_portal_are_tried_one_at_a_time(
    client: Client, portal: DemoPortal
) -> None:
    ilya = sit_down(client, portal, ILYA)
    first, second, third = (started(ilya, portal) for _ in range(3))
    portal.misbehave("html", times=30)
    one_slice(third)
    third.refresh_from_db()
    assert (third.state, third.reason) == (Job.State.WAITING_PORTAL, worker_slots.SILENT)
    portal.calm()
    with worked_while_the_portal_hangs(portal, first):
        one_slice(second)
        assert portal.http_requests == 1
    assert [work(job).done for job in (first, second, third)] == [60, 60, 60]

"""A job that kills its workers does so three times; then it has failed and says so."""

import os
import signal
from pathlib import Path

import pytest

from b24app.jobs import worker_slots
from b24app.jobs.models import Job, JobItem, JobLane, JobSource
from testing import machine
from testing.opening import EMPTY
from testing.persons import Person
from testing.waiting import until
from tests.jobs.driving import Desk, lose_worker, outcomes, shown, step, table, work


def die(job: Job) -> None:
    """A worker takes the job's slot and is killed; its lease runs out."""
    lane = JobLane.objects.get(job=job, number=0)
    assert worker_slots.take(lane.pk, lane.ticket, "killed") is not None
    lose_worker(job)


@pytest.mark.django_db
def test_preview_that_kills_its_worker_three_times_fails_with_reason(desk: Desk) -> None:
    job = shown(desk.upload(table([(1, EMPTY)])))
    for _ in range(worker_slots.MAX_DEATHS):
        die(job)
    step(job)
    assert (job.state, job.reason) == (Job.State.FAILED, "killed")
    assert not JobSource.objects.filter(job=job).exists()
    page = desk.get(f"/jobs/{job.pk}/")
    assert 'data-job-reason="killed"' in page.text
    assert "three times" in page.text


@pytest.mark.django_db
def test_job_of_any_kind_that_kills_its_worker_while_it_writes_fails(desk: Desk) -> None:
    (order,), (deal,) = desk.portal.many(orders=1, deals=1)
    job = desk.link([(order, deal)])
    desk.post(f"/jobs/{job.pk}/start/", move="on")
    for _ in range(worker_slots.MAX_DEATHS):
        die(job)
    step(job)
    job.refresh_from_db()
    assert (job.state, job.reason) == (Job.State.FAILED, "killed")
    assert desk.portal.link_of(order) is None
    assert outcomes(job) == {("pending", ""): 1}


@pytest.mark.django_db
def test_no_worker_takes_a_job_that_has_failed(desk: Desk) -> None:
    job = shown(desk.upload(table([(1, EMPTY)])))
    for _ in range(worker_slots.MAX_DEATHS):
        die(job)
    step(job)
    desk.portal.reset_counts()
    step(job)
    assert job.state == Job.State.FAILED
    assert desk.portal.http_requests == 0
    assert worker_slots.overdue() == []


@pytest.mark.django_db
def test_occasional_worker_deaths_do_not_fail_the_job(desk: Desk) -> None:
    orders, (deal,) = desk.portal.many(orders=3, deals=1)
    job = shown(desk.upload(table((order, deal) for order in orders)))
    for _ in range(worker_slots.MAX_DEATHS - 1):
        die(job)
    step(job)
    for _ in range(worker_slots.MAX_DEATHS - 1):
        die(job)
    assert work(job).state == Job.State.PLANNED
    assert JobItem.objects.filter(job=job).count() == 3


def children(pid: int) -> list[int]:
    return [int(part) for part in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.bare
def test_killed_processes_count_against_the_job_they_worked(tmp_path: Path) -> None:
    with machine.running(tmp_path, postgres=False, workers=1) as app:
        person = Person(app)
        app.portal.reset_counts()
        # The portal hangs, so that there is a slice to be killed in the middle of.
        app.portal.misbehave("hang", "sale.order.list", times=100, seconds=5)
        job = int(person.asked("order id,deal\n1,7000\n"))

        def state() -> object:
            return app.query(f"SELECT state, reason FROM jobs_job WHERE id = {job}")[0]  # noqa: S608

        for count in range(1, worker_slots.MAX_DEATHS + 1):
            until(lambda count=count: app.portal.http_requests >= count, f"slice {count}")  # type: ignore[misc]
            assert state() == ("planning", "")
            for pid in children(app.children["worker"].pid):
                os.kill(pid, signal.SIGKILL)
        until(lambda: state() == ("failed", "killed"), "the end of the job")

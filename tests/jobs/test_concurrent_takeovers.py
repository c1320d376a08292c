"""Two administrators take over the same job at the same moment: one of them gets it."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction
from django.test import Client

from b24app.jobs.models import Job, JobLane
from b24app.journal.models import AuditEntry
from demo.server import DemoPortal
from demo.tables import Row
from testing.markup import attribute
from testing.opening import ANNA, ILYA, NINA, Page
from tests.jobs.driving import Desk, sit_down, step, work

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE_SECONDS = 20


@pytest.fixture
def job(client: Client, desk: Desk, portal: DemoPortal) -> Job:
    """A job of Ilya's that waits for his access, with some orders linked."""
    ilya = sit_down(client, portal, ILYA)
    orders, (deal,) = portal.many(orders=60, deals=1)
    job = ilya.link([(order, deal) for order in orders])
    ilya.post(f"/jobs/{job.pk}/start/", move="on")
    step(job)
    portal.dismiss(ILYA)
    return work(job)


def shown_owner(desk: Desk, job: Job) -> str:
    """The owner that the dialog shows to an administrator."""
    dialog = desk.post(f"/jobs/{job.pk}/take-over/confirm/").text
    return attribute(dialog, "input[name=owner]", "value")


def wait_for_locks(count: int) -> None:
    """Until so many other connections wait for a lock (PostgreSQL)."""
    limit = time.monotonic() + PATIENCE_SECONDS
    waiting = 0
    while waiting < count:
        assert time.monotonic() < limit, f"{waiting} connections wait"
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted")
            (waiting,) = cursor.fetchone()
        time.sleep(0.02)


def test_concurrent_takeovers_give_job_to_one_administrator(job: Job, portal: DemoPortal) -> None:
    desks = [sit_down(Client(), portal, user) for user in (ANNA, NINA)]
    owners = [shown_owner(desk, job) for desk in desks]
    assert owners[0] == owners[1] == str(job.user.pk)
    # Both are confirmed as administrators before either of them writes.
    confirmed = threading.Barrier(len(desks), timeout=PATIENCE_SECONDS)

    def confirm(answer: Row) -> Row:
        confirmed.wait()
        return answer

    def take_over(desk: Desk, owner: str) -> Page:
        try:
            return desk.post(f"/jobs/{job.pk}/take-over/", owner=owner)
        finally:
            connection.close()

    portal.bend("user.admin", confirm)
    with ThreadPoolExecutor(len(desks)) as pool:
        if connection.vendor == "postgresql":
            with transaction.atomic():
                list(Job.objects.select_for_update().filter(pk=job.pk))
                list(JobLane.objects.select_for_update().filter(job=job))
                requests = [
                    pool.submit(take_over, *pair) for pair in zip(desks, owners, strict=True)
                ]
                wait_for_locks(len(desks))
        else:
            requests = [pool.submit(take_over, *pair) for pair in zip(desks, owners, strict=True)]
        answers = [request.result() for request in requests]
    portal.calm()
    assert [answer.response.status_code for answer in answers] == [200, 200]
    job.refresh_from_db()
    entry = AuditEntry.objects.get(kind="access", details={"job": job.pk})
    assert job.user.user_id in (ANNA, NINA)
    assert (entry.user_id, entry.before) == (job.user.user_id, str(ILYA))
    assert JobLane.objects.filter(job=job).count() == 1
    assert work(job).state == Job.State.PLANNED
    assert {call.user_id for call in portal.calls if call.method == "crm.deal.get"} <= {
        job.user.user_id
    }

"""A job that waits for the portal shows why and until when, and one state while nothing is sent."""

from datetime import datetime, timedelta
from itertools import groupby

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings

from b24app.jobs.models import Job
from demo.server import DemoPortal
from testing.markup import attribute
from testing.opening import Page
from tests.jobs.driving import Desk, step

pytestmark = pytest.mark.django_db


def started(desk: Desk, portal: DemoPortal, orders: int = 100) -> Job:
    found, (deal,) = portal.many(orders=orders, deals=1)
    job = desk.link([(order, deal) for order in found])
    desk.post(f"/jobs/{job.pk}/start/", move="on")
    return job


def live(desk: Desk, job: Job) -> Page:
    return desk.get(f"/jobs/{job.pk}/live/")


def test_exhausted_operating_time_is_shown_with_its_end(
    desk: Desk, portal: DemoPortal, settings: Settings
) -> None:
    settings.B24_OPERATING_LIMIT = 20
    job = started(desk, portal)
    while job.state != Job.State.WAITING_PORTAL:
        step(job)
    assert (job.done, job.reason) == (60, "limit")
    assert job.again_at is not None
    assert timedelta(minutes=5) < job.again_at - timezone.now() < timedelta(minutes=11)
    page = live(desk, job)
    assert (
        "The app has used up the processing time that Bitrix24 allows in 10 minutes." in page.text
    )
    assert "data-job-minutes" not in page.text
    assert "Speed now" not in page.text
    again = attribute(page.text, "time[data-job-again]", "datetime")
    assert datetime.fromisoformat(again) == job.again_at


def test_countdown_ends_with_a_retry(desk: Desk, portal: DemoPortal) -> None:
    job = started(desk, portal, 3)
    portal.misbehave("https_required", times=100)
    step(job)
    assert (job.state, job.reason) == ("waiting_portal", "portal_closed")
    assert job.again_at is not None
    job.again_at = timezone.now() + timedelta(minutes=9, seconds=30)
    job.save(update_fields=["again_at"])
    with time_machine.travel(job.again_at - timedelta(minutes=2, seconds=41), tick=False):
        assert "in 2 min 41 s" in live(desk, job).text
    with time_machine.travel(job.again_at + timedelta(seconds=1), tick=False):
        page = live(desk, job).text
        assert "Trying now" in page
        assert "Next try" not in page
        assert 'data-job-state="waiting_portal"' in page


@pytest.mark.parametrize("kind", ["https_required", "overload", "unclear"])
def test_job_retrying_without_success_stays_waiting(
    desk: Desk, portal: DemoPortal, kind: str
) -> None:
    job = started(desk, portal, 3)
    portal.misbehave(kind, times=100)
    step(job)
    reason, since = job.reason, job.waiting_since
    assert job.state == Job.State.WAITING_PORTAL
    with CaptureQueriesContext(connection) as captured:
        for _ in range(4):
            step(job)
    assert not [record["sql"] for record in captured if "\"state\" = 'running'" in record["sql"]]
    assert (job.state, job.reason, job.waiting_since) == ("waiting_portal", reason, since)


def test_waiting_preview_is_shown_until_portal_answers(desk: Desk, portal: DemoPortal) -> None:
    orders, (deal,) = portal.many(orders=3, deals=1)
    portal.misbehave("https_required", times=4)
    text = "\n".join(["Order ID", *map(str, orders)])
    form = {"from": "list", "kind": "link", "to": str(deal), "named": "id", "text": text}
    desk.post("/jobs/new/", **form)
    job = Job.objects.get()
    seen = []
    while job.state != Job.State.PLANNED:
        step(job)
        seen.append(job.state)
    assert [state for state, _ in groupby(seen)] == [
        "planning",
        "waiting_portal",
        "planned",
    ]

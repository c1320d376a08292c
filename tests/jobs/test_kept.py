"""How long what a job was given, and what it has read, is kept: as the privacy policy says."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from b24app.jobs import control, tasks
from b24app.jobs.models import Job, JobItem, JobSource
from demo.server import DemoPortal
from testing.opening import EMPTY
from tests.jobs.driving import Desk, shown, step, table, work

pytestmark = pytest.mark.django_db

DAY, WEEK, QUARTER = timedelta(days=1, hours=1), timedelta(days=7, hours=1), timedelta(days=91)


def uploaded(desk: Desk, portal: DemoPortal) -> Job:
    return shown(desk.upload(table([(portal.order_id("1193"), EMPTY)])))


def test_uploaded_file_is_deleted_after_a_day(desk: Desk, portal: DemoPortal) -> None:
    job = uploaded(desk, portal)
    step(job)
    assert JobItem.objects.filter(job=job).count() == 1
    tasks.forget()
    assert JobSource.objects.count() == 1
    JobSource.objects.update(created_at=timezone.now() - DAY)
    tasks.forget()
    assert not JobSource.objects.exists()
    assert Job.objects.filter(pk=job.pk).exists()


def test_unread_file_is_kept_longer_than_a_day(desk: Desk, portal: DemoPortal) -> None:
    uploaded(desk, portal)
    JobSource.objects.update(created_at=timezone.now() - DAY)
    tasks.forget()
    assert JobSource.objects.count() == 1


def test_uploaded_file_is_deleted_with_start_or_job(desk: Desk, portal: DemoPortal) -> None:
    job = work(uploaded(desk, portal))
    desk.post(f"/jobs/{job.pk}/start/")
    assert not JobSource.objects.exists()
    other = work(uploaded(desk, portal))
    assert JobSource.objects.count() == 1
    desk.post(f"/jobs/{other.pk}/discard/")
    assert not JobSource.objects.exists()


@pytest.mark.parametrize("content", [b"\x89PNG", b"PK\x03\x04 no archive", b'order,deal\n"1,1'])
def test_unreadable_file_is_not_stored(desk: Desk, content: bytes) -> None:
    job = desk.asked(desk.upload(content))
    assert job.state == Job.State.FAILED
    assert not JobSource.objects.exists()


def test_unread_file_is_deleted_after_a_week(desk: Desk, portal: DemoPortal) -> None:
    job = uploaded(desk, portal)
    portal.kill_tokens()
    Job.objects.update(created_at=timezone.now() - WEEK)
    tasks.forget()
    assert not Job.objects.filter(pk=job.pk).exists()
    assert not JobSource.objects.exists()


def test_customers_in_unfinished_export_are_deleted_after_a_week(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    orders = "\n".join(map(str, ["Order ID", *portal.many(orders=300)[0]]))
    export = desk.asked(
        desk.post("/jobs/new/", **{"from": "list", "kind": "export", "text": orders})
    )
    desk.post(f"/jobs/{export.pk}/start/")
    portal.misbehave("user_access", times=100, skip=1)
    assert work(export).state == "waiting_authorization"
    assert JobItem.objects.filter(job=export, data__isnull=False).exists()
    tasks.forget()
    assert Job.objects.exists()
    Job.objects.update(started_at=timezone.now() - WEEK)
    tasks.forget()
    assert not JobItem.objects.exists()


def test_waiting_jobs_are_deleted_eventually(desk: Desk, portal: DemoPortal) -> None:
    orders, (deal,) = portal.many(orders=150, deals=1)
    job = desk.link([(order, deal) for order in orders])
    desk.post(f"/jobs/{job.pk}/start/", move="on")
    portal.kill_tokens()
    assert work(job).state == "waiting_authorization"
    Job.objects.update(started_at=timezone.now() - WEEK)
    tasks.forget()
    assert Job.objects.exists()
    Job.objects.update(started_at=timezone.now() - QUARTER)
    tasks.forget()
    assert not Job.objects.exists()


def test_any_number_of_old_jobs_is_deleted(desk: Desk, portal: DemoPortal) -> None:
    first = desk.link([(portal.order_id("1193"), EMPTY)])
    copies = [Job(portal=first.portal, user=first.user, acting=first.user) for _ in range(44)]
    Job.objects.bulk_create(copies)
    Job.objects.update(created_at=timezone.now() - WEEK)
    assert [control.forget() for _ in range(3)] == [True, True, False]
    assert not Job.objects.exists()

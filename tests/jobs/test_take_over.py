"""Whose access a job goes on with: its owner's, or an administrator's who has taken it over."""

import re

import pytest
from django.test import Client

from b24app.jobs import tasks
from b24app.jobs.models import Job, JobItem
from demo.server import DemoPortal
from tests.jobs.driving import Desk, shown, sit_down, work
from tests.opening import ANNA, ERIK, MARIA, launch

pytestmark = pytest.mark.django_db

USELESS = {"REFRESH_ID": "garbage-refresh-token", "AUTH_EXPIRES": "1"}


def with_useless_tokens(client: Client, portal: DemoPortal, user_id: int) -> Desk:
    """Somebody who has posted the opening again, with token data of their own making."""
    page = launch(client, portal, "DEFAULT", user_id, 0, "en", USELESS)
    return Desk(client, portal, page)


def open_everything(client: Client, portal: DemoPortal, user_id: int) -> Desk:
    """Everything an administrator may look at, with the sweeps in between."""
    desk = sit_down(client, portal, user_id)
    desk.get("/jobs/")
    for job in Job.objects.all():
        desk.get(f"/jobs/{job.pk}/")
        desk.get(f"/jobs/{job.pk}/live/")
    desk.get("/console/overview/")
    tasks.sweep()
    for job in Job.objects.all():
        work(job)
    return desk


def test_a_readers_status_job_never_runs_with_the_access_of_an_administrator_who_opens_the_app(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    maria = sit_down(client, portal, MARIA)
    orders, _ = portal.many(orders=3)
    text = "\n".join(map(str, orders))
    form = {"from": "list", "kind": "status", "text": text, "to": "F", "named": "id"}
    job = maria.asked(maria.post("/jobs/new/", **form))
    assert (job.state, job.total) == ("planned", 3)
    before = [portal.state.orders[order]["statusId"] for order in orders]
    maria = with_useless_tokens(client, portal, MARIA)
    maria.post(f"/jobs/{job.pk}/start/")
    work(job)
    open_everything(client, portal, ANNA)
    job.refresh_from_db()
    assert [portal.state.orders[order]["statusId"] for order in orders] == before
    assert (job.user.user_id, job.acting.user_id) == (MARIA, MARIA)
    assert job.state in ("waiting_authorization", "paused")


def test_nobody_downloads_orders_read_with_the_access_of_somebody_else(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    portal.state.users[ERIK].sale = "denied"
    erik = with_useless_tokens(client, portal, ERIK)
    job = shown(erik.post("/jobs/new/", **{"from": "search", "kind": "export", "every": "on"}))
    work(job)
    open_everything(client, portal, ANNA)
    erik = with_useless_tokens(client, portal, ERIK)
    erik.post(f"/jobs/{job.pk}/start/")
    work(job)
    open_everything(client, portal, ANNA)
    job.refresh_from_db()
    assert not JobItem.objects.filter(job=job).exclude(data=None).exists()
    assert (job.user.user_id, job.acting.user_id) == (ERIK, ERIK)
    table = erik.get(f"/jobs/{job.pk}/table/?format=csv").text
    assert not re.search(r"\+\d|@", table)

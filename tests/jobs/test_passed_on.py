"""A portal that gives the tokens of a dismissed person to another user gives nobody their jobs."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from b24app.jobs import tasks
from b24app.jobs.models import JobItem
from b24app.portals.models import PortalUser
from b24app.portals.rights import CONFIRMED_FOR
from demo.server import DemoPortal
from testing.opening import ANNA, ERIK, ILYA, MARIA, NINA
from tests.jobs.driving import Desk, shown, sit_down, work
from tests.jobs.test_authorization import ADD, named, running

pytestmark = pytest.mark.django_db


def pass_on(portal: DemoPortal, user_id: int) -> None:
    """The person is dismissed, and their tokens go on as another user's; a minute passes."""
    portal.dismiss(user_id, passed_on=True)
    before = timezone.now() - CONFIRMED_FOR - timedelta(seconds=1)
    PortalUser.objects.filter(user_id=user_id).update(confirmed_at=before)


@pytest.mark.parametrize("borrowed", [False, True])
def test_a_job_never_goes_on_with_access_that_the_portal_has_given_to_somebody_else(
    client: Client, desk: Desk, portal: DemoPortal, borrowed: bool
) -> None:
    """The tokens of a dismissed person work on, as those of a user who may do everything."""
    owner = MARIA if borrowed else ILYA
    if borrowed:
        named(portal, MARIA)
    person = sit_down(client, portal, owner)
    job, orders, _ = running(person, portal)
    pass_on(portal, owner)
    linked = {order for order in orders if portal.link_of(order)}
    portal.reset_counts()
    work(job)
    assert (job.state, job.reason) == ("waiting_authorization", "token")
    assert {order for order in orders if portal.link_of(order)} == linked
    assert not [call for call in portal.calls if call.method == ADD]
    for administrator in (ANNA, NINA, ANNA):
        sit_down(client, portal, administrator).get("/jobs/")
        tasks.sweep()
        work(job)
    assert (job.state, job.user.user_id) == ("waiting_authorization", owner)
    assert {order for order in orders if portal.link_of(order)} == linked


def test_a_preview_and_an_export_read_nothing_with_access_of_somebody_else(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    portal.state.users[ERIK].sale = "read"
    erik = sit_down(client, portal, ERIK)
    form = {"from": "search", "kind": "export", "every": "on"}
    planned = erik.asked(erik.post("/jobs/new/", **form))
    fresh = shown(erik.post("/jobs/new/", **form))
    erik.post(f"/jobs/{planned.pk}/start/")
    pass_on(portal, ERIK)
    for job in (planned, fresh):
        assert work(job).state == "waiting_authorization"
    assert not JobItem.objects.exclude(data=None).exists()
    assert not JobItem.objects.filter(job=fresh).exists()

import pytest
from django.test import Client

from b24app.jobs.models import Job
from demo.server import DemoPortal
from tests.jobs.driving import Desk, sit_down


@pytest.fixture
def desk(client: Client, portal: DemoPortal) -> Desk:
    """The administrator at the app's main page."""
    return sit_down(client, portal)


@pytest.fixture
def running(desk: Desk, portal: DemoPortal) -> Job:
    """A job of its own person's right that has set back once already, with nothing written."""
    orders, (deal,) = portal.many(orders=1, deals=1)
    job = desk.link([(order, deal) for order in orders])
    desk.post(f"/jobs/{job.pk}/start/", move="on")
    Job.objects.filter(pk=job.pk).update(setbacks=1)
    return Job.objects.select_related("portal", "user").get(pk=job.pk)

"""Jobs of the version before: they belong to the person whose access they used."""

from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client

from b24app.jobs.models import Job
from b24app.portals.models import PortalUser
from demo.server import DemoPortal
from testing.opening import ILYA
from tests.jobs.driving import Desk, sit_down

pytestmark = pytest.mark.django_db

MIGRATION = "b24app.jobs.migrations.0006_jobs_belong_to_whose_access_they_used"


@pytest.mark.parametrize(
    ("state", "after"),
    [
        ("running", "stopped"),
        ("waiting_portal", "stopped"),
        ("done", "done"),
        ("planned", "planned"),
    ],
)
def test_migration_gives_job_to_administrator_whose_access_it_used(
    client: Client, desk: Desk, portal: DemoPortal, state: str, after: str
) -> None:
    ilya = sit_down(client, portal, ILYA)
    orders, (deal,) = portal.many(orders=2, deals=1)
    job, own = (ilya.link([(order, deal)]) for order in orders)
    anna = PortalUser.objects.get(user_id=1)
    Job.objects.filter(pk=job.pk).update(acting=anna, state=state, kind="status", subject="status")
    Job.objects.filter(pk=job.pk).update(right="installer")
    Job.objects.filter(pk=own.pk).update(state="running", right="installer")
    import_module(MIGRATION).hand_over(apps, connection.schema_editor())
    job.refresh_from_db()
    own.refresh_from_db()
    assert (job.user, job.acting, job.state, job.right) == (anna, anna, after, "own")
    assert (own.user.user_id, own.state, own.right) == (ILYA, "running", "installer")

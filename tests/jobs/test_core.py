import pytest
from django.test import Client

from b24app.jobs import creating, steering
from b24app.jobs.models import Job, JobItem
from b24app.journal.models import AuditEntry
from b24app.portals.models import PortalUser
from demo.server import DemoPortal
from tests.jobs import driving
from tests.opening import ANNA, EMPTY, install

pytestmark = pytest.mark.django_db


def test_core(client: Client, portal: DemoPortal) -> None:
    install(client, portal)
    user = PortalUser.objects.select_related("portal").get(user_id=ANNA)
    numbers = [row["accountNumber"] for row in portal.state.orders.values()]
    content = ("order,deal\n" + "".join(f"{n},{EMPTY}\n" for n in numbers) + "99999,7000\n").encode()
    portal.reset_counts()
    job = creating.of_source(user, creating.Order("link", "file", "x.csv"), content, "en")
    driving.work(job)
    print(job.state, job.reason, job.rows, job.total, portal.http_requests)
    from collections import Counter
    print(Counter(JobItem.objects.filter(job=job).values_list("verdict", flat=True)))
    portal.reset_counts()
    assert steering.start(job, may_move=True)
    driving.work(job)
    print(job.state, job.done, job.total, job.failed, portal.http_requests, portal.rest.refused)
    assert job.state == "done"
    assert AuditEntry.objects.filter(change=job.change).count() == job.done
    undo = creating.undo(user, job, "en")
    driving.work(undo)
    assert steering.start(undo, may_move=True)
    driving.work(undo)
    print(undo.state, undo.done, undo.total, undo.failed)
    print(Counter(JobItem.objects.filter(job=undo).values_list("verdict", "state", "reason")))

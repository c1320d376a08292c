"""Jobs through a portal's life: installed again, updated, removed and back, carried on by others."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from b24app.events import uninstall
from b24app.jobs import control, tasks
from b24app.jobs.models import Job, JobItem, JobLane, JobSource
from b24app.journal.models import AuditEntry
from b24app.portals.models import Portal, PortalUser
from demo.server import DemoPortal
from testing.opening import ANNA, EMPTY, ILYA, MARIA, NINA, install
from testing.waiting import HANG_SECONDS, until
from tests.install.everywhere import counts
from tests.install.lives import Deliveries, finish, installer_id, open_main
from tests.jobs.driving import Desk, shown, sit_down, step, table, work

pytestmark = pytest.mark.django_db(transaction=True)

ADD = "crm.orderentity.add"
ORDERS = 150


@pytest.fixture
def desk(client: Client, installed: DemoPortal) -> Desk:
    return sit_down(client, installed, ILYA)


def begun(desk: Desk) -> Job:
    """A job with a first slice behind it."""
    orders, (deal,) = desk.portal.many(orders=ORDERS, deals=1)
    job = desk.link([(order, deal) for order in orders])
    desk.post(f"/jobs/{job.pk}/start/", move="on")
    job = step(job)
    assert 0 < job.done < ORDERS
    return job


def linked_once(portal: DemoPortal, job: Job) -> bool:
    """Every order of the job was written once."""
    called = [call.params for call in portal.calls if call.method == ADD]
    written = sorted(int(item["fields"]["orderId"]) for item in called if isinstance(item, dict))
    return written == sorted(JobItem.objects.filter(job=job).values_list("order_id", flat=True))


@pytest.mark.parametrize("what", ["again", "by another", "updated"])
def test_job_survives_reinstallation_and_update(
    client: Client, installed: DemoPortal, events: Deliveries, desk: Desk, what: str
) -> None:
    job = begun(desk)
    if what == "updated":
        installed.lifecycle.update()
        assert ("ONAPPUPDATE", 204) in events()
    else:
        finish(client, installed, events, ANNA if what == "again" else NINA)
    assert (work(job).state, job.done, job.failed) == (Job.State.DONE, ORDERS, 0)
    assert linked_once(installed, job)


def test_job_after_uninstall_that_keeps_data_and_reinstallation(
    client: Client, installed: DemoPortal, events: Deliveries, desk: Desk
) -> None:
    (order,), (deal,) = installed.many(orders=1, deals=1)
    finished = desk.start(desk.link([(order, deal)]))
    preview = desk.link([(installed.order_id("1193"), deal)])
    unread = shown(desk.upload(table([(installed.order_id("1201"), deal)])))
    running = begun(desk)
    installed.lifecycle.uninstall(clean=False)
    assert ("ONAPPUNINSTALL", 204) in events()
    installed.reset_counts()
    tasks.sweep()
    states = dict(Job.objects.values_list("pk", "state"))
    assert states == {
        finished.pk: "done",
        preview.pk: "planned",
        unread.pk: "stopped",
        running.pk: "stopped",
    }
    assert installed.http_requests == 0
    finish(client, installed, events)
    tasks.sweep()
    assert dict(Job.objects.values_list("pk", "state")) == states
    # Nothing goes on by itself. Ilya has not come back; the administrator does.
    anna = sit_down(client, installed, ANNA)
    page = anna.get(f"/jobs/{running.pk}/").text
    assert "The app was removed from Bitrix24" in page
    assert 'id="job-resume"' not in page
    assert 'id="job-take-over"' in page
    anna.take_over(running)
    assert (work(running).state, running.user.user_id) == ("planned", ANNA)
    assert (anna.start(running).state, running.done) == ("done", ORDERS)
    ilya = sit_down(client, installed, ILYA)
    assert ilya.start(preview).state == Job.State.DONE
    ilya.post(f"/jobs/{unread.pk}/resume/")
    assert work(unread).state == Job.State.PLANNED


def test_uninstall_erases_running_job(
    client: Client, installed: DemoPortal, neighbour: DemoPortal, events: Deliveries, desk: Desk
) -> None:
    theirs = sit_down(client, neighbour)
    kept = theirs.link([(neighbour.order_id("1193"), EMPTY)])
    begun(desk)
    desk.upload(table([(1, 2)]))
    lanes = list(JobLane.objects.exclude(job=kept).values_list("pk", "ticket"))
    assert len(lanes) >= 3
    installed.lifecycle.uninstall(clean=True)
    events()
    assert list(Job.objects.all()) == [kept]
    assert not JobItem.objects.exclude(job=kept).exists()
    assert not JobSource.objects.exclude(job=kept).exists()
    # Messages that are still on their way find nothing.
    installed.reset_counts()
    for lane, ticket in lanes:
        tasks.work(lane, ticket)
    tasks.sweep()
    assert (installed.http_requests, Portal.objects.get().member_id) == (0, neighbour.member_id)


@pytest.mark.parametrize("asked", ["crm.orderentity.list", ADD], ids=["looking", "writing"])
def test_slice_ends_quietly_after_its_portal_was_erased(
    client: Client,
    installed: DemoPortal,
    desk: Desk,
    asked: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    job = begun(desk)
    installed.reset_counts()
    installed.misbehave("hang", method=asked, seconds=HANG_SECONDS)

    def at_work() -> None:
        try:
            # Some lanes have nothing to do now; one meets the portal that hangs.
            while installed.rest.faults.names():
                for pk, ticket in JobLane.objects.filter(job=job).values_list("pk", "ticket"):
                    tasks.work(pk, ticket)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        slice_ = pool.submit(at_work)
        until(lambda: not installed.rest.faults.names(), "the portal hangs")
        uninstall.leave(job.portal, clean=True)
        assert not slice_.done()
        installed.calm()
        slice_.result()
    assert {table for table, rows in counts(job.portal.pk).items() if rows} == set()
    assert not JobItem.objects.exists()
    assert not [record for record in caplog.records if record.exc_info]


def test_reinstallation_just_before_erasing_keeps_jobs(
    client: Client, installed: DemoPortal, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, abandon = begun(desk), control.abandon

    def overtaken(portal: Portal) -> None:
        abandon(portal)
        install(client, installed)
        open_main(client, installed, ILYA)

    monkeypatch.setattr(control, "abandon", overtaken)
    assert not uninstall.leave(job.portal, clean=True)
    assert (work(job).state, job.done, job.failed) == (Job.State.DONE, ORDERS, 0)
    assert linked_once(installed, job)


def test_portal_of_any_size_is_erased_with_a_few_short_statements(
    client: Client, installed: DemoPortal, desk: Desk
) -> None:
    job = begun(desk)
    numbers = range(10_000, 13_000)
    JobItem.objects.bulk_create((JobItem(job=job, row=at) for at in numbers), batch_size=500)
    own = {"portal": job.portal, "user_id": ILYA, "through": AuditEntry.Through.JOB}
    AuditEntry.objects.bulk_create(
        (AuditEntry(order_id=at, **own) for at in numbers), batch_size=500
    )
    undone = AuditEntry.objects.of(job.portal).first()
    AuditEntry.objects.bulk_create([AuditEntry(undoes=undone, **own)])
    with CaptureQueriesContext(connection) as captured:
        uninstall.leave(job.portal, clean=True)
    left = [model.objects.count() for model in (Portal, AuditEntry, JobItem)]
    assert left == [0, 0, 0]
    assert len(captured) < 60
    assert max(len(query["sql"]) for query in captured) < 1000


def test_job_with_installers_right_stops_after_dismissal(
    client: Client, installed: DemoPortal
) -> None:
    Portal.objects.update(named=[{"id": f"U{MARIA}", "name": "Maria"}])
    maria = sit_down(client, installed, MARIA)
    PortalUser.objects.filter(user_id=MARIA).update(may_link=False)
    job = begun(maria)
    assert job.right == Job.Right.INSTALLER
    installed.dismiss(ANNA)
    assert (work(job).state, job.reason) == ("waiting_authorization", "token")
    tasks.sweep()
    assert work(job).state == "waiting_authorization"
    open_main(client, installed, NINA)
    assert installer_id() == NINA
    tasks.sweep()
    assert (work(job).state, job.done, job.user.user_id) == (Job.State.DONE, ORDERS, MARIA)
    assert linked_once(installed, job)
    assert {call.user_id for call in installed.calls if call.method == ADD} == {ANNA, NINA}


def test_job_continues_after_access_passes_to_system_user(
    client: Client, installed: DemoPortal
) -> None:
    Portal.objects.update(named=[{"id": f"U{MARIA}", "name": "Maria"}])
    maria = sit_down(client, installed, MARIA)
    PortalUser.objects.filter(user_id=MARIA).update(may_link=False)
    job = begun(maria)
    installed.dismiss(ANNA, passed_on=True)
    installed.expire_tokens()
    assert (work(job).state, job.done) == (Job.State.DONE, ORDERS)
    assert installer_id() not in (ANNA, NINA)
    assert linked_once(installed, job)
    install(client, installed, NINA)
    assert installer_id() == NINA

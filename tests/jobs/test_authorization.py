"""On whose token and right a job runs, and what it does when that ends."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client

from b24app.jobs import control, tasks
from b24app.jobs.models import Job
from b24app.journal.models import AuditEntry
from b24app.portals.models import Portal, PortalUser
from demo.server import DemoPortal
from testing.markup import html_of, only
from testing.opening import ANNA, EMPTY, ILYA, MARIA, MOCKUP, TOM, Page
from tests.jobs.driving import Desk, item, outcomes, shown, sit_down, step, table, work

pytestmark = pytest.mark.django_db

ADD = "crm.orderentity.add"


def running(desk: Desk, portal: DemoPortal, count: int = 150) -> tuple[Job, range, int]:
    """A job with a first slice behind it."""
    orders, (deal,) = portal.many(orders=count, deals=1)
    job = desk.link([(order, deal) for order in orders])
    desk.post(f"/jobs/{job.pk}/start/", move="on")
    return step(job), orders, deal


def test_job_renews_expired_token_once(desk: Desk, portal: DemoPortal) -> None:
    job, _, _ = running(desk, portal)
    portal.reset_counts()
    portal.expire_tokens()
    work(job)
    assert (job.state, job.done) == (Job.State.DONE, 150)
    assert portal.refreshes == 1


def test_job_with_dead_token_waits_for_its_owner(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    ilya = sit_down(client, portal, ILYA)
    job, orders, deal = running(ilya, portal)
    done = job.done
    portal.kill_tokens()
    work(job)
    assert (job.state, job.reason, job.done) == ("waiting_authorization", "token", done)
    assert outcomes(job)["writing", ""] == outcomes(job)["claimed", ""] == 0
    tasks.sweep()
    assert work(job).state == "waiting_authorization"
    again = sit_down(client, portal, ILYA)
    tasks.sweep()
    work(job)
    assert (job.state, job.done) == (Job.State.DONE, 150)
    assert {portal.link_of(order) for order in orders} == {(2, deal)}
    assert "data-job-reason" not in again.get(f"/jobs/{job.pk}/").text


def passed_on() -> list[tuple[str, int, str, str, object]]:
    """Whose access was used instead of whose, as the audit has it."""
    found = AuditEntry.objects.filter(kind="access").order_by("pk")
    return [
        (entry.through, entry.user_id, entry.before, entry.after, (entry.details or {}).get("job"))
        for entry in found
    ]


def test_takeover_is_in_the_audit(client: Client, desk: Desk, portal: DemoPortal) -> None:
    ilya, maria = (sit_down(client, portal, user) for user in (ILYA, MARIA))
    job, orders, _ = running(ilya, portal)
    anna = sit_down(client, portal, ANNA)
    PortalUser.objects.filter(user_id=ILYA).update(tokens=PortalUser.Tokens.DEAD)
    assert work(job).state == "waiting_authorization"
    forms = [
        (f"/jobs/{job.pk}/take-over/confirm/", {}),
        (f"/jobs/{job.pk}/take-over/", owner_of(job)),
    ]
    for path, form in forms:
        assert maria.post(path, **form).response.status_code == 404
    with DemoPortal("http://app.example.com", member_id="b" * 32, oauth_of=portal) as other:
        stranger = sit_down(client, other)
        for path, form in forms:
            assert stranger.post(path, **form).response.status_code == 404
        assert passed_on() == []
        anna.post(f"/jobs/{job.pk}/take-over/", **forms[1][1])
        anna.post(
            f"/jobs/{job.pk}/take-over/", **forms[1][1]
        )  # a second click changes nothing any more
        assert passed_on() == [("job", ANNA, str(ILYA), str(ANNA), job.pk)]
        assert 'data-what="access"' not in stranger.get("/console/audit/").text
    audit = anna.get("/console/audit/?kind=access").text
    line = html_of(only(audit, "tr[data-what=access]"))
    for text in (f"Job {job.pk}<", 'from">Ilya Sokolov<', 'to">Anna Schmidt<', "bulk job"):
        assert text in line
    form = {"format": "csv", "kind": "access"}
    rows = anna.post("/console/audit/export/", **form).response.content.decode().splitlines()
    assert len(rows) == 2
    assert f"Anna Schmidt,access taken over: Job {job.pk},,,Ilya Sokolov,Anna Schmidt" in rows[1]
    assert work(job).state == Job.State.PLANNED
    assert (anna.start(job).state, job.done) == (Job.State.DONE, 150)
    # What takes the job back takes back its links, and nothing else.
    assert anna.asked(anna.post(f"/jobs/{job.pk}/undo/")).total == len(orders)


def owner_of(job: Job) -> dict[str, str]:
    return {"owner": str(job.user.pk)}


def test_resuming_own_job_transfers_no_access(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    ilya = sit_down(client, portal, ILYA)
    job, _, _ = running(ilya, portal)
    ilya.post(f"/jobs/{job.pk}/stop/")
    desk.post(f"/jobs/{job.pk}/resume/")  # Ilya's access is alive: the job stays his
    assert (work(job).state, job.user.user_id) == (Job.State.DONE, ILYA)
    assert passed_on() == []


def test_dead_token_during_preview(client: Client, desk: Desk, portal: DemoPortal) -> None:
    job = shown(desk.upload(table([(portal.order_id("1193"), EMPTY)])))
    portal.kill_tokens()
    work(job)
    assert job.state == "waiting_authorization"
    sit_down(client, portal, ANNA).get("/jobs/")  # looking at the jobs is enough
    assert work(job).state == Job.State.PLANNED


def test_job_waits_for_subscription_and_continues(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    job, _, _ = running(desk, portal)
    portal.end_subscription()
    work(job)
    assert (job.state, job.reason) == ("waiting_authorization", "payment")
    assert "subscription" in desk.get(f"/jobs/{job.pk}/live/").text
    portal.renew_subscription()
    Portal.objects.update(payment_expired=False)
    sit_down(client, portal, ANNA)
    tasks.sweep()
    assert work(job).state == Job.State.DONE


def test_job_without_write_right_pauses_after_one_request(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    maria = sit_down(client, portal, MARIA)
    orders, (deal,) = portal.many(orders=120, deals=1)
    job = maria.link([(order, deal) for order in orders])
    portal.reset_counts()
    maria.start(job)
    assert (job.state, job.reason, job.done, job.failed) == (Job.State.PAUSED, "no_write", 0, 0)
    assert len({call.request for call in portal.calls if call.method == ADD}) == 1
    assert "You don’t have permission to change orders" in maria.get(f"/jobs/{job.pk}/").text
    portal.state.users[MARIA].sale = "write"
    maria.post(f"/jobs/{job.pk}/resume/")
    assert work(job).done == 120


def named(portal: DemoPortal, user_id: int) -> None:
    Portal.objects.filter(member_id=portal.member_id).update(
        named=[{"id": f"U{user_id}", "name": "Somebody"}]
    )


def test_listed_person_links_with_installers_right(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    named(portal, MARIA)
    maria = sit_down(client, portal, MARIA)
    orders, (deal,) = portal.many(orders=60, deals=1)
    job = maria.start(maria.link([(order, deal) for order in orders]))
    assert (job.state, job.done, job.right) == (Job.State.DONE, 60, Job.Right.INSTALLER)
    entry = AuditEntry.objects.filter(change=job.change).first()
    assert entry is not None
    assert (entry.right, entry.user_id) == ("installer", MARIA)
    writers = {call.user_id for call in portal.calls if call.method == ADD}
    assert writers == {MARIA, ANNA}


def test_installers_right_does_not_unlink_from_closed_deal(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    portal.state.users[TOM].sale = "read"
    named(portal, TOM)
    tom = sit_down(client, portal, TOM)
    PortalUser.objects.filter(user_id=TOM).update(may_link=False)
    closed, free = portal.order_id("1201"), portal.order_id("1193")  # 1201 is in Ilya's deal
    portal.state.deals[EMPTY]["ASSIGNED_BY_ID"] = str(TOM)
    job = tom.link([(closed, EMPTY), (free, EMPTY)])
    assert [item(job, row).verdict for row in (2, 3)] == ["no_right", "link"]
    tom.start(job)
    assert portal.link_of(closed) == (2, MOCKUP)
    assert portal.link_of(free) == (2, EMPTY)


@pytest.mark.parametrize(("kind", "to"), [("status", "F"), ("responsible", str(ILYA))])
def test_installers_token_changes_no_status_and_no_responsible_person(
    client: Client, desk: Desk, portal: DemoPortal, kind: str, to: str
) -> None:
    named(portal, MARIA)
    maria = sit_down(client, portal, MARIA)
    PortalUser.objects.filter(user_id=MARIA).update(may_link=False)
    orders, _ = portal.many(orders=3)
    before = [dict(portal.state.orders[order]) for order in orders]
    form = {"from": "list", "kind": kind, "to": to, "named": "id"}
    job = maria.asked(
        maria.post("/jobs/new/", **form, text="\n".join(["Order ID", *map(str, orders)]))
    )
    assert (job.state, job.total) == ("planned", 3)
    portal.reset_counts()
    maria.start(job)
    assert (job.state, job.reason, job.right, job.done) == ("paused", "no_write", "own", 0)
    assert [portal.state.orders[order] for order in orders] == before
    assert {call.user_id for call in portal.calls} == {MARIA}


def test_installers_token_undoes_no_status(client: Client, desk: Desk, portal: DemoPortal) -> None:
    maria = sit_down(client, portal, MARIA)
    portal.state.users[MARIA].sale = "write"
    (order,), _ = portal.many(orders=1)
    form = {
        "from": "list",
        "kind": "status",
        "to": "F",
        "named": "id",
        "text": f"Order ID\n{order}",
    }
    job = maria.start(maria.asked(maria.post("/jobs/new/", **form)))
    assert (job.state, job.done) == (Job.State.DONE, 1)
    portal.state.users[MARIA].sale = "read"
    named(portal, MARIA)
    back = maria.start(maria.asked(maria.post(f"/jobs/{job.pk}/undo/")))
    assert (back.state, back.reason, back.done) == ("paused", "no_write", 0)
    assert portal.state.orders[order]["statusId"] == "F"


def test_person_removed_from_list_is_stopped(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    named(portal, MARIA)
    maria = sit_down(client, portal, MARIA)
    job, orders, _ = running(maria, portal)
    Portal.objects.update(named=[{"id": f"U{ILYA}", "name": "Ilya"}])
    work(job)
    assert (job.state, job.reason) == (Job.State.PAUSED, "no_write")
    assert len([order for order in orders if portal.link_of(order)]) == job.done < 150


def test_deal_closed_after_the_preview_is_not_touched(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    ilya = sit_down(client, portal, ILYA)
    orders, (mine, other) = portal.many(orders=2, deals=2)
    job = ilya.link([(orders[0], mine), (orders[1], other)])
    portal.state.users[ILYA].own_deals_only = True
    portal.state.deals[other]["ASSIGNED_BY_ID"] = str(ANNA)
    ilya.start(job)
    assert (item(job, 2).state, item(job, 3).reason) == ("done", "no_card")
    assert portal.link_of(orders[1]) is None


# --- the subscription -------------------------------------------------------------------------


def unpaid(client: Client, portal: DemoPortal) -> None:
    """The subscription ends, the portal goes on answering, and an opening tells us so."""
    portal.state.app.expired = True
    sit_down(client, portal, ANNA)
    assert Portal.objects.get().payment_expired


def written(portal: DemoPortal) -> int:
    return sum(1 for call in portal.calls if call.method == ADD)


def test_slice_writes_nothing_once_the_subscription_has_ended(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    job, orders, deal = running(desk, portal)
    unpaid(client, portal)
    portal.reset_counts()
    work(job)
    assert (job.state, job.reason) == ("waiting_authorization", "payment")
    assert portal.http_requests == 0
    assert "The subscription to this app has ended" in desk.get(f"/jobs/{job.pk}/live/").text
    # An opening alone lets nothing go on while it is not paid for.
    sit_down(client, portal, ANNA)
    tasks.sweep()
    assert work(job).state == "waiting_authorization"
    assert written(portal) == 0
    portal.state.app.expired = False
    sit_down(client, portal, ANNA)
    tasks.sweep()
    assert (work(job).state, job.done) == (Job.State.DONE, 150)
    assert {portal.link_of(order) for order in orders} == {(2, deal)}


@pytest.mark.parametrize("path", ["start/", "resume/", "retry/", "undo/"])
def test_no_job_starts_without_subscription(
    client: Client, desk: Desk, portal: DemoPortal, path: str
) -> None:
    (order,), (deal,) = portal.many(orders=1, deals=1)
    job = desk.link([(order, deal)])
    before = job.state
    unpaid(client, portal)
    portal.reset_counts()
    for answer in (desk.post(f"/jobs/{job.pk}/{path}"), new_job(desk, order)):
        assert (answer.state, answer.response.status_code) == ("payment", 402)
    assert portal.http_requests == 0
    job.refresh_from_db()
    assert (job.state, Job.objects.count(), portal.link_of(order)) == (before, 1, None)


def new_job(desk: Desk, order: int) -> Page:
    return desk.post(
        "/jobs/new/", **{"from": "list", "kind": "unlink", "text": f"Order ID\n{order}"}
    )


def test_jobs_can_be_stopped_and_previews_discarded_without_subscription(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    job, orders, deal = running(desk, portal)
    preview = desk.link([(orders[-1], deal)])
    unpaid(client, portal)
    assert desk.post(f"/jobs/{job.pk}/stop/").response.status_code == 200
    assert work(job).state == Job.State.STOPPED
    assert desk.post(f"/jobs/{preview.pk}/discard/").response.status_code == 200
    assert list(Job.objects.all()) == [job]


def test_renewed_subscription_without_event_is_detected(desk: Desk, portal: DemoPortal) -> None:
    job, _, _ = running(desk, portal)
    portal.end_subscription()  # the event is lost: nobody hears the portal here
    assert (work(job).reason, Portal.objects.get().payment_expired) == ("payment", True)
    now = datetime.now(UTC)
    for minutes in (0, 1):
        with time_machine.travel(now + timedelta(minutes=minutes), tick=False):
            tasks.sweep()
            assert work(job).state == "waiting_authorization"
    portal.renew_subscription()
    asked = control.unpaid()
    assert asked == [job.portal_id]
    tasks.ask_about_payment(asked[0])
    assert not Portal.objects.get().payment_expired
    assert work(job).state == Job.State.DONE
    assert control.unpaid() == []


def test_answer_of_older_kernel_proves_payment(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    portal.grow_old()
    job, _, _ = running(desk, portal)
    portal.end_subscription()
    assert work(job).reason == "payment"
    tasks.ask_about_payment(job.portal_id)
    assert Portal.objects.get().payment_expired
    portal.renew_subscription()
    tasks.ask_about_payment(job.portal_id)
    assert work(job).state == Job.State.DONE


# --- permissions, closed apps, other addresses ------------------------------------------------


def test_withdrawn_permission_pauses_job_until_restored(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    job, orders, deal = running(desk, portal)
    everything = list(portal.state.app.scope)
    portal.state.app.scope = [text for text in everything if text != "crm"]
    portal.reset_counts()
    work(job)
    assert (job.state, job.reason) == (Job.State.PAUSED, "no_scope")
    assert written(portal) == 0
    assert "A permission of the app is missing" in desk.get(f"/jobs/{job.pk}/").text
    portal.state.app.scope = everything
    desk.post(f"/jobs/{job.pk}/resume/")
    assert (work(job).state, job.done, job.failed) == (Job.State.DONE, 150, 0)
    assert {portal.link_of(order) for order in orders} == {(2, deal)}


def test_job_waits_while_person_has_no_app_access(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    ilya = sit_down(client, portal, ILYA)
    job, orders, deal = running(ilya, portal)
    portal.misbehave("user_access", times=1000)
    portal.reset_counts()
    work(job)
    assert (job.state, job.reason) == ("waiting_authorization", "app_closed")
    assert "Ilya Sokolov has no access to the app" in desk.get(f"/jobs/{job.pk}/live/").text
    tasks.sweep()
    assert work(job).state == "waiting_authorization"
    assert written(portal) == 0
    portal.calm()
    sit_down(client, portal, ILYA)
    tasks.sweep()
    assert (work(job).state, job.done, job.user.user_id) == (Job.State.DONE, 150, ILYA)
    assert {portal.link_of(order) for order in orders} == {(2, deal)}


def test_job_on_on_premise_portal_with_older_kernel(client: Client, portal: DemoPortal) -> None:
    portal.grow_old()
    desk = sit_down(client, portal)
    orders, (deal,) = portal.many(orders=150, deals=1)
    job = desk.start(desk.link([(order, deal) for order in orders]))
    assert (job.state, job.done, job.failed) == (Job.State.DONE, 150, 0)
    assert {portal.link_of(order) for order in orders} == {(2, deal)}


def test_renamed_portal_is_followed_between_two_slices(desk: Desk, portal: DemoPortal) -> None:
    job, orders, deal = running(desk, portal)
    portal.rename()
    portal.reset_counts()
    assert (work(job).state, job.done) == (Job.State.DONE, 150)
    assert {portal.link_of(order) for order in orders} == {(2, deal)}
    assert Portal.objects.get().host == portal.domain
    assert portal.refreshes == 1


def test_stopped_job_of_dismissed_person_is_taken_over_not_resumed(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    ilya = sit_down(client, portal, ILYA)
    job, _, _ = running(ilya, portal)
    ilya.post(f"/jobs/{job.pk}/stop/")
    assert work(job).state == Job.State.STOPPED
    portal.dismiss(ILYA)
    PortalUser.objects.filter(user_id=ILYA).update(tokens=PortalUser.Tokens.DEAD)
    desk.post(f"/jobs/{job.pk}/resume/")
    assert work(job).state == Job.State.STOPPED
    desk.take_over(job)
    assert (work(job).state, job.user.user_id) == (Job.State.PLANNED, ANNA)
    assert (desk.start(job).state, job.done) == (Job.State.DONE, 150)

"""On whose token and right a job runs, and what it does when that ends."""

import pytest
from django.test import Client

from b24app.jobs import tasks
from b24app.jobs.models import Job
from b24app.journal.models import AuditEntry
from b24app.portals.models import Portal, PortalUser
from demo.server import DemoPortal
from tests.jobs.driving import Desk, item, outcomes, shown, sit_down, step, table, work
from tests.opening import ANNA, EMPTY, ILYA, MARIA, MOCKUP, TOM

pytestmark = pytest.mark.django_db

ADD = "crm.orderentity.add"


def running(desk: Desk, portal: DemoPortal, count: int = 150) -> tuple[Job, range, int]:
    """A job with a first slice behind it."""
    orders, (deal,) = portal.many(orders=count, deals=1)
    job = desk.link([(order, deal) for order in orders])
    desk.post(f"/jobs/{job.pk}/start/", move="on")
    return step(job), orders, deal


def test_an_expired_token_is_renewed_once_on_the_way(desk: Desk, portal: DemoPortal) -> None:
    job, _, _ = running(desk, portal)
    portal.reset_counts()
    portal.expire_tokens()
    work(job)
    assert (job.state, job.done) == (Job.State.DONE, 150)
    assert portal.refreshes == 1


def test_a_dead_token_waits_for_the_person(client: Client, desk: Desk, portal: DemoPortal) -> None:
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


def test_an_administrator_takes_over_by_opening_the_app(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    ilya = sit_down(client, portal, ILYA)
    job, _, _ = running(ilya, portal)
    portal.dismiss(ILYA)
    PortalUser.objects.filter(user_id=ILYA).update(tokens=PortalUser.Tokens.DEAD)
    work(job)
    assert job.state == "waiting_authorization"
    tasks.sweep()
    assert work(job).state == "waiting_authorization"
    sit_down(client, portal, ANNA)
    tasks.sweep()
    work(job)
    assert (job.state, job.done, job.acting.user_id) == (Job.State.DONE, 150, ANNA)
    names = set(AuditEntry.objects.filter(change=job.change).values_list("user_name", flat=True))
    assert names == {"Ilya Sokolov", "Anna Schmidt"}


def test_a_dead_token_during_the_preview(client: Client, desk: Desk, portal: DemoPortal) -> None:
    job = shown(desk.upload(table([(portal.order_id("1193"), EMPTY)])))
    portal.kill_tokens()
    work(job)
    assert job.state == "waiting_authorization"
    sit_down(client, portal, ANNA).get("/jobs/")  # looking at the jobs is enough
    assert work(job).state == Job.State.PLANNED


def test_an_ended_subscription_waits_and_goes_on(
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


def test_without_the_right_to_write_it_pauses_after_one_request(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    maria = sit_down(client, portal, MARIA)
    orders, (deal,) = portal.many(orders=120, deals=1)
    job = maria.link([(order, deal) for order in orders])
    portal.reset_counts()
    maria.start(job)
    assert (job.state, job.reason, job.done, job.failed) == (Job.State.PAUSED, "no_write", 0, 0)
    assert len({call.request for call in portal.calls if call.method == ADD}) == 1
    assert "You have no right to change orders" in maria.get(f"/jobs/{job.pk}/").text
    portal.state.users[MARIA].sale = "write"
    maria.post(f"/jobs/{job.pk}/resume/")
    assert work(job).done == 120


def named(portal: DemoPortal, user_id: int) -> None:
    Portal.objects.filter(member_id=portal.member_id).update(
        named=[{"id": f"U{user_id}", "name": "Somebody"}]
    )


def test_a_named_person_links_on_the_installers_right(
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


def test_the_installers_right_takes_nothing_out_of_a_closed_deal(
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


def test_whoever_is_named_no_more_is_stopped(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    named(portal, MARIA)
    maria = sit_down(client, portal, MARIA)
    job, orders, _ = running(maria, portal)
    Portal.objects.update(named=[{"id": f"U{ILYA}", "name": "Ilya"}])
    work(job)
    assert (job.state, job.reason) == (Job.State.PAUSED, "no_write")
    assert len([order for order in orders if portal.link_of(order)]) == job.done < 150


def test_a_deal_closed_after_the_preview_is_not_touched(
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

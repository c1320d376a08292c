"""Running jobs: every previewed change is made exactly once, rows changed meanwhile are skipped."""

import time
from collections import Counter
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from b24app.bitrix24 import errors
from b24app.bitrix24.portal_limits import Priority
from b24app.jobs import batch_sizes, runner, tasks, worker_slots
from b24app.jobs.models import Job, JobItem, JobLane
from b24app.journal.models import AuditEntry
from b24app.portals.budgets import budget_of
from demo.server import DemoPortal
from testing.opening import CHAIRS_INVOICE, EMPTY, MOCKUP, ONE, WINTER
from tests.jobs.driving import Desk, item, lose_worker, outcomes, places, shown, step, work

pytestmark = pytest.mark.django_db

ADD, DELETE = "crm.orderentity.add", "crm.orderentity.deletebyfilter"


def written(portal: DemoPortal, method: str = ADD) -> Counter[int]:
    """How often each order was written, whatever came of it."""
    calls = [call.params for call in portal.calls if call.method == method]
    return Counter(
        int(element["fields"]["orderId"]) for element in calls if isinstance(element, dict)
    )


def trail(job: Job) -> Counter[int]:
    """How often each order stands in the audit trail of a job."""
    return Counter(AuditEntry.objects.filter(change=job.change).values_list("order_id", flat=True))


def test_links_and_moves_each_once(desk: Desk, portal: DemoPortal) -> None:
    orders, deals = portal.many(orders=230, deals=7)
    elsewhere = list(orders[:30])
    for order in elsewhere:
        portal.state.links[order] = (2, MOCKUP)
    job = desk.link([(order, deals[at % 7]) for at, order in enumerate(orders)])
    portal.reset_counts()
    desk.start(job)
    assert (job.state, job.done, job.skipped, job.failed) == (Job.State.DONE, 230, 0, 0)
    assert places(portal, orders) == [(2, deals[at % 7]) for at in range(230)]
    assert written(portal) == Counter(orders)
    assert trail(job) == Counter(orders)
    assert portal.rest.refused == 0
    moved = AuditEntry.objects.get(change=job.change, order_id=elsewhere[0])
    assert (moved.from_type, moved.from_id, moved.to_id) == (2, MOCKUP, deals[0])
    assert (moved.through, moved.right, moved.user_name) == ("job", "own", "Anna Schmidt")
    page = desk.get(f"/jobs/{job.pk}/live/")
    assert 'data-job-state="done"' in page.text
    assert "<b>230</b> of 230" in page.text
    assert "data-live" not in page.text


def test_only_agreed_moves_are_made(desk: Desk, portal: DemoPortal) -> None:
    orders, (deal,) = portal.many(orders=4, deals=1)
    portal.state.links[orders[0]] = (2, MOCKUP)
    job = desk.link([(order, deal) for order in orders])
    desk.start(job, move=False)
    assert (job.state, job.total, job.done) == (Job.State.DONE, 3, 3)
    assert portal.link_of(orders[0]) == (2, MOCKUP)
    assert (item(job, 2).state, item(job, 2).reason) == ("left", "not_agreed")


def test_rows_changed_since_preview_are_skipped_with_reason(desk: Desk, portal: DemoPortal) -> None:
    orders, deals = portal.many(orders=6, deals=3)
    job = desk.link([(order, deals[at % 3]) for at, order in enumerate(orders)])
    portal.link(orders[0], (2, MOCKUP))  # somewhere else
    portal.link(orders[1], (2, deals[1]))  # where it was going anyway
    portal.delete_order(orders[3])
    portal.delete_deal(deals[2])
    desk.start(job)
    assert job.state == Job.State.DONE
    found = [(item(job, row).state, item(job, row).reason) for row in range(2, 8)]
    assert found == [
        ("skipped", "changed"), ("done", "already"), ("failed", "no_card"), ("failed", "gone"),
        ("done", ""), ("failed", "no_card"),
    ]  # fmt: skip
    assert portal.link_of(orders[0]) == (2, MOCKUP)
    assert item(job, 2).detail == f"2:{MOCKUP}"
    assert trail(job) == {orders[4]: 1}
    assert (job.done, job.skipped, job.failed) == (2, 1, 3)
    page = desk.get(f"/jobs/{job.pk}/rows/?show=failed")
    assert page.text.count("data-row=") == 3
    assert "The order was deleted" in page.text


@pytest.mark.parametrize("kind", ["reset", "cut", "html"])
@pytest.mark.parametrize("after", [True, False], ids=["applied", "not applied"])
def test_unknown_outcome_is_read_back_and_never_repeated(
    desk: Desk, portal: DemoPortal, kind: str, *, after: bool
) -> None:
    orders, (deal,) = portal.many(orders=60, deals=1)
    job = desk.link([(order, deal) for order in orders])
    portal.reset_counts()
    portal.misbehave(kind, ADD, after=after)
    desk.post(f"/jobs/{job.pk}/start/", move="on")
    step(job)
    assert (job.state, job.reason) == (Job.State.WAITING_PORTAL, "silent")
    work(job)
    assert (job.state, job.done) == (Job.State.DONE, 60)
    assert written(portal) == Counter(orders)
    assert trail(job) == Counter(orders)


def test_worker_death_during_batch_is_recovered(desk: Desk, portal: DemoPortal) -> None:
    orders, (deal,) = portal.many(orders=80, deals=1)
    job = desk.link([(order, deal) for order in orders])
    desk.post(f"/jobs/{job.pk}/start/", move="on")
    lane = JobLane.objects.filter(job=job).order_by("number")[0]
    lease = worker_slots.take(lane.pk, lane.ticket, "task-1")
    assert lease is not None
    claimed = lease.claim(30)
    lease.begin(claimed[:20], 7.0)
    for element in claimed[:10]:  # the portal had come that far
        portal.state.links[element.order_id] = (2, deal)
    portal.reset_counts()
    assert worker_slots.take(lane.pk, lane.ticket, "task-2") is None
    JobLane.objects.filter(pk=lane.pk).update(leased_until=timezone.now())
    while outcomes(job)["pending", ""] or outcomes(job)["claimed", ""]:
        step(job)
    # The request of the dead may still be at work: what it has not written yet waits, and is not
    # asked for by every slice of every slot.
    assert (job.state, job.done) == (Job.State.RUNNING, 70)
    assert 1 <= looks_at(portal, orders[10]) <= 3
    assert outcomes(job)["unknown", ""] == 10
    assert written(portal) == Counter(orders[20:])
    JobItem.objects.filter(state="unknown").update(at=timezone.now() - worker_slots.IN_DOUBT)
    work(job)
    assert (job.state, job.done) == (Job.State.DONE, 80)
    assert set(places(portal, orders)) == {(2, deal)}
    assert written(portal) == Counter(orders[10:])
    assert trail(job) == Counter(orders)
    with pytest.raises(worker_slots.Lost):
        lease.begin(claimed, 7.0)


def test_repeated_failures_wait_longer(desk: Desk, portal: DemoPortal) -> None:
    orders, (deal,) = portal.many(orders=10, deals=1)
    job = desk.link([(order, deal) for order in orders])
    desk.post(f"/jobs/{job.pk}/start/", move="on")
    portal.misbehave("html", ADD, times=2)
    assert [round(waited(job)), round(waited(job))] == [2, 4]
    work(job)
    assert (job.state, job.done, job.setbacks) == (Job.State.DONE, 10, 0)


def test_token_refused_after_renewal_pauses_job(desk: Desk, portal: DemoPortal) -> None:
    orders, (deal,) = portal.many(orders=10, deals=1)
    job = desk.link([(order, deal) for order in orders])
    desk.post(f"/jobs/{job.pk}/start/", move="on")
    portal.misbehave("expired_token", ADD, times=2)
    assert waited(job) <= 0
    assert job.state == Job.State.RUNNING
    # Where that goes on it is no coincidence.
    portal.misbehave("expired_token", ADD, times=2)
    assert waited(job) > 1
    assert (job.state, job.reason) == (Job.State.WAITING_PORTAL, "renewing")
    work(job)
    assert (job.state, job.done) == (Job.State.DONE, 10)


def waited(job: Job) -> float:
    """Seconds that a worker slot has to wait after its next slice."""
    step(job)
    last = JobLane.objects.filter(job=job).order_by("-due_at")[0]
    return (last.due_at - timezone.now()).total_seconds()


def looks_at(portal: DemoPortal, order: int) -> int:
    """How often it was asked where an order stands."""
    asked = [call.params for call in portal.calls if call.method == "crm.orderentity.list"]
    return sum(str(order) in str(value) for value in asked)


def test_rows_waiting_for_budget_are_not_in_flight(
    desk: Desk, portal: DemoPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker killed while it waits leaves no row behind of which nobody knows whether it was written."""
    orders, (deal,) = portal.many(orders=30, deals=1)
    job = desk.link([(order, deal) for order in orders])
    desk.post(f"/jobs/{job.pk}/start/", move="on")
    seen: list[set[str]] = []

    def sleep(_seconds: float) -> None:
        seen.append(set(JobItem.objects.filter(job=job).values_list("state", flat=True)))

    monkeypatch.setattr(runner, "time", SimpleNamespace(sleep=sleep, monotonic=time.monotonic))
    work(job)
    assert seen[0] == {"claimed"}
    assert job.done == 30


def test_repeated_message_claims_its_own_slot_at_once(desk: Desk, portal: DemoPortal) -> None:
    orders, (deal,) = portal.many(orders=3, deals=1)
    job = desk.link([(order, deal) for order in orders])
    desk.post(f"/jobs/{job.pk}/start/", move="on")
    lane = JobLane.objects.filter(job=job).order_by("number")[0]
    first = worker_slots.take(lane.pk, lane.ticket, "task-1")
    again = worker_slots.take(lane.pk, lane.ticket, "task-1")
    assert first is not None
    assert again is not None
    with pytest.raises(worker_slots.Lost):
        first.claim(1)
    assert worker_slots.take(lane.pk, lane.ticket - 1, "task-1") is None
    again.release(0.0)
    assert work(job).done == 3


def test_sweep_resends_lost_messages(desk: Desk, portal: DemoPortal) -> None:
    orders, (deal,) = portal.many(orders=3, deals=1)
    job = desk.link([(order, deal) for order in orders])
    desk.post(f"/jobs/{job.pk}/start/", move="on")
    lane = JobLane.objects.filter(job=job).order_by("number")[0]
    tasks.sweep()
    lane.refresh_from_db()
    before = lane.ticket
    assert worker_slots.take(lane.pk, before, "task-1") is not None
    lose_worker(job)
    tasks.sweep()
    lane.refresh_from_db()
    assert lane.ticket == before + 1
    tasks.work(lane.pk, before)  # the old message is void
    assert JobItem.objects.filter(job=job, state="pending").count() == 3
    tasks.work(lane.pk, lane.ticket)
    assert work(job).done == 3


def test_batches_follow_the_measured_cost(desk: Desk, portal: DemoPortal) -> None:
    orders, (deal,) = portal.many(orders=60, deals=1)
    for order in orders:
        portal.state.links[order] = (2, deal)
    answer = desk.post("/jobs/new/", **{"from": "list", "kind": "unlink",
                                        "text": "\n".join(map(str, ["Order ID", *orders]))})  # fmt: skip
    job = desk.asked(answer)
    portal.reset_counts()
    desk.start(job)
    assert (job.state, job.done) == (Job.State.DONE, 60)
    assert set(places(portal, orders)) == {None}
    sizes = Counter(call.request for call in portal.calls if call.method == DELETE).values()
    # 1.77 s each: nothing is known before the first batch, of which a second each is reckoned.
    assert max(sizes) <= batch_sizes.BATCH
    assert max(list(sizes)[1:]) * 1.77 <= batch_sizes.BATCH == 5


def test_job_waits_for_exhausted_method(desk: Desk, portal: DemoPortal) -> None:
    orders, (deal,) = portal.many(orders=60, deals=1)
    job = desk.link([(order, deal) for order in orders])
    portal.misbehave("operating", ADD, times=20)
    desk.post(f"/jobs/{job.pk}/start/", move="on")
    step(job)
    assert (job.state, job.reason) == (Job.State.WAITING_PORTAL, "limit")
    live = desk.get(f"/jobs/{job.pk}/live/")
    assert "The job continues automatically" in live.text
    assert JobLane.objects.filter(job=job).order_by("number")[0].token is None
    assert outcomes(job)["writing", ""] == outcomes(job)["unknown", ""] == 0


def test_remaining_operating_time_is_used_then_awaited_without_requests(
    desk: Desk, portal: DemoPortal, settings: Settings
) -> None:
    settings.B24_OPERATING_LIMIT = 20
    orders, deals = portal.many(orders=100, deals=2)
    job = desk.link([(order, deals[at % 2]) for at, order in enumerate(orders)])
    desk.post(f"/jobs/{job.pk}/start/", move="on")
    while job.state != Job.State.WAITING_PORTAL:
        step(job)
    # 60 links of 0.33 s are 99 % of 20 s.
    assert (job.done, portal.rest.refused) == (60, 0)
    portal.reset_counts()
    for _ in range(2 * worker_slots.SLOTS):
        step(job)
    assert portal.http_requests == 0


def test_finished_job_ignores_exhausted_operating_time(
    desk: Desk, portal: DemoPortal, settings: Settings
) -> None:
    settings.B24_OPERATING_LIMIT = 20
    orders, (deal,) = portal.many(orders=60, deals=1)
    job = desk.start(desk.link([(order, deal) for order in orders]))
    assert (job.state, job.done) == (Job.State.DONE, 60)


def at_work(job: Job, portal: DemoPortal, number: int) -> bool:
    """Whether a slot asks the portal for anything, or leaves its worker to others for a while."""
    lane, before = JobLane.objects.get(job=job, number=number), portal.http_requests
    tasks.work(lane.pk, lane.ticket)
    lane.refresh_from_db()
    rests = lane.due_at > timezone.now() + timedelta(seconds=10)
    assert rests == (portal.http_requests == before)
    return not rests


def test_extra_slots_use_idle_workers_only(desk: Desk, portal: DemoPortal) -> None:
    orders, (deal,) = portal.many(orders=220, deals=1)
    job = desk.link([(order, deal) for order in orders[:200]])
    other = desk.link([(order, deal) for order in orders[200:]])
    for element in (job, other):
        desk.post(f"/jobs/{element.pk}/start/", move="on")
    assert at_work(job, portal, 1)
    # No worker has come for the other job in a second: there are fewer of them than slots.
    JobLane.objects.filter(job=other).update(due_at=timezone.now() - timedelta(seconds=2))
    assert not at_work(job, portal, 2)
    assert at_work(job, portal, 0)
    work(other)
    assert at_work(job, portal, 3)
    assert work(job).done == 200


def test_full_bucket_needs_one_slot_only(desk: Desk, portal: DemoPortal) -> None:
    orders, (deal,) = portal.many(orders=200, deals=1)
    job = desk.link([(order, deal) for order in orders])
    desk.post(f"/jobs/{job.pk}/start/", move="on")
    full = errors.RateLimited("QUERY_LIMIT_EXCEEDED")
    budget_of(job.portal, Priority.BULK).settle("one", [("profile", full)])
    assert not at_work(job, portal, 1)


def test_stop_and_resume(desk: Desk, portal: DemoPortal) -> None:
    orders, (deal,) = portal.many(orders=150, deals=1)
    job = desk.link([(order, deal) for order in orders])
    desk.post(f"/jobs/{job.pk}/start/", move="on")
    step(job)
    assert 0 < job.done < 150
    done = job.done
    answer = desk.post(f"/jobs/{job.pk}/stop/")
    assert 'data-job-state="stopped"' in answer.text
    assert work(job).done == done
    assert len([pk for pk in orders if portal.link_of(pk)]) == done
    desk.post(f"/jobs/{job.pk}/resume/")
    work(job)
    assert (job.state, job.done) == (Job.State.DONE, 150)
    assert trail(job) == Counter(orders)


def test_stop_during_a_slice(desk: Desk, portal: DemoPortal) -> None:
    orders, (deal,) = portal.many(orders=20, deals=1)
    job = desk.link([(order, deal) for order in orders])
    desk.post(f"/jobs/{job.pk}/start/", move="on")
    lane = JobLane.objects.filter(job=job).order_by("number")[0]
    lease = worker_slots.take(lane.pk, lane.ticket, "task-1")
    assert lease is not None
    lease.claim(5)
    assert 'data-job-state="stopping"' in desk.post(f"/jobs/{job.pk}/stop/").text
    lose_worker(job)
    work(job)
    assert job.state == Job.State.STOPPED
    assert outcomes(job) == {("pending", ""): 20}


def test_failed_rows_are_tried_again(desk: Desk, portal: DemoPortal) -> None:
    orders, (deal,) = portal.many(orders=4, deals=1)
    job = desk.link([(order, deal) for order in orders])
    kept = portal.state.orders[orders[1]]
    portal.delete_order(orders[1])
    desk.start(job)
    assert (job.state, job.done, job.failed) == (Job.State.DONE, 3, 1)
    assert "Retry 1 failed" in desk.get(f"/jobs/{job.pk}/").text
    portal.state.orders[orders[1]] = kept
    desk.post(f"/jobs/{job.pk}/retry/")
    work(job)
    assert (job.state, job.done, job.failed) == (Job.State.DONE, 4, 0)
    assert "Retry" not in desk.get(f"/jobs/{job.pk}/").text


def test_undo_restores_rows_not_changed_since(desk: Desk, portal: DemoPortal) -> None:
    orders, (deal,) = portal.many(orders=5, deals=1)
    portal.state.links[orders[0]] = (2, MOCKUP)
    portal.state.links[orders[1]] = (31, CHAIRS_INVOICE)
    job = desk.link([(order, deal) for order in orders])
    desk.start(job, invoices=True)
    portal.link(orders[2], (2, ONE))
    undo = desk.asked(desk.post(f"/jobs/{job.pk}/undo/"))
    assert (undo.kind, undo.undoes, undo.state) == ("restore", job, Job.State.PLANNED)
    assert [item(undo, row).verdict for row in range(1, 6)] == [
        "move", "move", "elsewhere", "unlink", "unlink",
    ]  # fmt: skip
    assert "Changed since the preview" in desk.get(f"/jobs/{undo.pk}/").text
    desk.start(undo)
    assert (undo.state, undo.done) == (Job.State.DONE, 4)
    assert places(portal, orders) == [(2, MOCKUP), (31, CHAIRS_INVOICE), (2, ONE), None, None]
    entries = AuditEntry.objects.filter(change=undo.change).select_related("undoes")
    assert {entry.undoes.change for entry in entries if entry.undoes} == {job.change}
    assert {entry.through for entry in entries} == {"undo"}
    again = desk.asked(desk.post(f"/jobs/{job.pk}/undo/"))
    assert (again.total, again.rows) == (0, 1)


def test_undo_can_be_undone(desk: Desk, portal: DemoPortal) -> None:
    order = portal.order_id("1184")
    job = desk.start(desk.link([(order, EMPTY)]))
    undo = desk.start(desk.asked(desk.post(f"/jobs/{job.pk}/undo/")))
    assert portal.link_of(order) == (2, WINTER)
    redo = desk.start(desk.asked(desk.post(f"/jobs/{undo.pk}/undo/")))
    assert redo.state == Job.State.DONE
    assert portal.link_of(order) == (2, EMPTY)


@pytest.mark.parametrize(
    ("kind", "field", "to"), [("status", "statusId", "F"), ("responsible", "responsibleId", "7")]
)
def test_order_fields_are_changed(
    desk: Desk, portal: DemoPortal, kind: str, field: str, to: str
) -> None:
    orders, _ = portal.many(orders=45)
    before = {order: str(portal.state.orders[order][field]) for order in orders}
    text = "\n".join(portal.state.orders[order]["accountNumber"] for order in orders)
    form = {"from": "list", "kind": kind, "to": to, "text": text}
    job = desk.start(desk.asked(desk.post("/jobs/new/", **form)))
    assert (job.state, job.done) == (Job.State.DONE, 45)
    assert {str(portal.state.orders[order][field]) for order in orders} == {to}
    entry = AuditEntry.objects.filter(change=job.change, order_id=orders[0]).get()
    assert (entry.kind, entry.before, entry.after) == (kind, before[orders[0]], to)
    desk.start(desk.asked(desk.post(f"/jobs/{job.pk}/undo/")))
    assert {order: str(portal.state.orders[order][field]) for order in orders} == before


def test_discarding_a_preview(desk: Desk, portal: DemoPortal) -> None:
    job = desk.link([(portal.order_id("1193"), EMPTY)])
    answer = desk.post(f"/jobs/{job.pk}/discard/")
    assert "No jobs yet" in answer.text
    assert not Job.objects.exists()
    begun = desk.start(desk.link([(portal.order_id("1193"), EMPTY)]))
    desk.post(f"/jobs/{begun.pk}/discard/")
    assert Job.objects.filter(pk=begun.pk).exists()


def test_starting_twice_starts_once(desk: Desk, portal: DemoPortal) -> None:
    job = desk.link([(portal.order_id("1193"), EMPTY)])
    desk.start(job)
    assert shown(desk.post(f"/jobs/{job.pk}/start/", move="on")).state == Job.State.DONE
    assert trail(job) == {portal.order_id("1193"): 1}


def test_old_jobs_are_deleted_and_audit_stays(desk: Desk, portal: DemoPortal) -> None:
    done = desk.start(desk.link([(portal.order_id("1193"), EMPTY)]))
    preview = desk.link([(portal.order_id("1170"), EMPTY)])
    listed = {"from": "list", "kind": "export", "text": "1201"}
    export = desk.start(desk.asked(desk.post("/jobs/new/", **listed)))
    tasks.forget()
    assert Job.objects.count() == 3
    week = timezone.now() - timedelta(days=8)
    Job.objects.filter(pk=preview.pk).update(created_at=week)
    Job.objects.exclude(pk=preview.pk).update(started_at=week, ended_at=week)
    tasks.forget()
    assert list(Job.objects.all()) == [done]
    assert not JobItem.objects.filter(job_id=export.pk).exists()
    Job.objects.update(ended_at=timezone.now() - timedelta(days=91))
    tasks.forget()
    assert not Job.objects.exists()
    assert AuditEntry.objects.filter(change=done.change).count() == 1


def test_denied_row_fails_without_others(desk: Desk, portal: DemoPortal) -> None:
    orders, (deal,) = portal.many(orders=5, deals=1)
    job = desk.link([(order, deal) for order in orders])
    portal.misbehave("no_write", ADD)
    desk.start(job)
    assert (job.state, job.reason, job.done, job.failed) == (Job.State.DONE, "", 4, 1)
    assert outcomes(job) == {("done", ""): 4, ("failed", "denied"): 1}
    assert (
        "no permission to change this order" in desk.get(f"/jobs/{job.pk}/rows/?show=failed").text
    )


def test_job_pauses_if_every_row_is_denied(desk: Desk, portal: DemoPortal) -> None:
    orders, (deal,) = portal.many(orders=5, deals=1)
    job = desk.link([(order, deal) for order in orders])
    portal.misbehave("no_write", ADD, times=5)
    desk.start(job)
    assert (job.state, job.reason, job.failed) == (Job.State.PAUSED, "no_write", 0)
    assert outcomes(job) == {("pending", ""): 5}


def test_denied_row_alone_in_its_batch_fails_after_others_succeeded(
    desk: Desk, portal: DemoPortal
) -> None:
    orders, (deal,) = portal.many(orders=6, deals=1)
    job = desk.link([(order, deal) for order in orders])
    portal.misbehave("no_write", ADD, skip=5)  # the first batch, of unknown cost, has five rows
    desk.start(job)
    assert (job.state, job.done, job.failed) == (Job.State.DONE, 5, 1)

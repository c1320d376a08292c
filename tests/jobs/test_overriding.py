"""Changes between a job's read and its write: reported, recorded in the audit, restored on request."""

import pytest

from b24app.jobs.models import Job
from b24app.journal.models import AuditEntry
from demo.server import DemoPortal
from testing.opening import EMPTY, MOCKUP, ONE, open_tab, submit
from tests.jobs.driving import Desk, item, shown, work

pytestmark = pytest.mark.django_db

ADD, DELETE, UPDATE = "crm.orderentity.add", "crm.orderentity.deletebyfilter", "sale.order.update"


def test_overridden_link_is_in_audit_and_can_be_restored(desk: Desk, portal: DemoPortal) -> None:
    orders, (deal,) = portal.many(orders=3, deals=1)
    colleague = open_tab(desk.client, portal, deal_id=ONE)
    submit(desk.client, colleague, "/tab/link/", {"order": f"{orders[0]}|"})
    portal.link(orders[0], None)
    job = desk.link([(order, deal) for order in orders])
    portal.meanwhile(ADD, lambda: portal.link(orders[0], (2, ONE)))
    desk.start(job)
    assert (job.state, job.done) == (Job.State.DONE, 3)
    entry = AuditEntry.objects.get(change=job.change, order_id=orders[0])
    assert (entry.from_type, entry.from_id, entry.to_id) == (2, ONE, deal)
    page = desk.get(f"/jobs/{job.pk}/rows/?show=overrode")
    assert page.text.count("data-row=") == 1
    assert (
        f"Anna Schmidt had just linked it to deal {ONE}; this job replaced that change" in page.text
    )
    assert page.text.count("data-put-back") == 1
    undo = work(shown(desk.post(f"/jobs/{job.pk}/undo/", row="2")))
    assert (undo.rows, undo.total) == (1, 1)
    desk.start(undo)
    assert portal.link_of(orders[0]) == (2, ONE)
    assert {portal.link_of(order) for order in orders[1:]} == {(2, deal)}


def test_only_overriding_rows_offer_their_own_undo(desk: Desk, portal: DemoPortal) -> None:
    orders, (deal,) = portal.many(orders=2, deals=1)
    job = desk.start(desk.link([(order, deal) for order in orders]))
    assert shown(desk.post(f"/jobs/{job.pk}/undo/", row="2")).pk == job.pk
    assert desk.post(f"/jobs/{job.pk}/undo/", row="x").response.status_code == 400
    assert "data-put-back" not in desk.get(f"/jobs/{job.pk}/rows/").text


def test_link_made_by_another_during_request_is_not_claimed(desk: Desk, portal: DemoPortal) -> None:
    orders, (deal,) = portal.many(orders=2, deals=1)
    job = desk.link([(order, deal) for order in orders])
    portal.meanwhile(ADD, lambda: portal.link(orders[0], (2, deal)), inside=True)
    desk.start(job)
    assert (item(job, 2).state, item(job, 2).reason) == ("done", "already")
    assert set(AuditEntry.objects.values_list("order_id", flat=True)) == {orders[1]}


def test_undo_restores_overridden_status(desk: Desk, portal: DemoPortal) -> None:
    order = portal.order_id("1201")
    form = {"from": "list", "kind": "status", "to": "AW", "text": "1201"}
    job = desk.asked(desk.post("/jobs/new/", **form))
    portal.meanwhile(UPDATE, lambda: portal.set_status(order, "PC"))
    desk.start(job)
    assert AuditEntry.objects.get(change=job.change).before == "PC"
    assert "had just been changed to Paid, being prepared" in desk.get(f"/jobs/{job.pk}/").text
    desk.start(desk.asked(desk.post(f"/jobs/{job.pk}/undo/", row="1")))
    assert portal.state.orders[order]["statusId"] == "PC"


def test_each_writing_request_reads_links_first(desk: Desk, portal: DemoPortal) -> None:
    orders, (deal,) = portal.many(orders=130, deals=1)
    job = desk.link([(order, deal) for order in orders])
    portal.reset_counts()
    desk.start(job)
    requests: dict[int, list[str]] = {}
    for call in portal.calls:
        requests.setdefault(call.request, []).append(call.method)
    writing = [methods for methods in requests.values() if ADD in methods]
    assert {methods[0] for methods in writing} == {"crm.orderentity.list"}
    assert max(len(methods) for methods in writing) <= 50


def test_batch_of_rows_changed_by_others_finishes(desk: Desk, portal: DemoPortal) -> None:
    orders, (deal,) = portal.many(orders=160, deals=1)
    job = desk.link([(order, deal) for order in orders])
    desk.post(f"/jobs/{job.pk}/start/", move="on")

    def somebody() -> None:
        for order in orders[40:]:
            portal.link(order, (2, MOCKUP))

    portal.meanwhile(ADD, somebody)
    work(job)
    assert job.state == Job.State.DONE
    assert job.done + job.skipped == 160
    moved = [order for order in orders if portal.link_of(order) == (2, MOCKUP)]
    assert len(moved) == job.skipped


@pytest.mark.parametrize("kind", ["move", "unlink", "undo"])
@pytest.mark.parametrize("when", ["before the preview", "before the look", "inside the request"])
def test_deleted_order_is_reported_as_deleted_not_changed(
    desk: Desk, portal: DemoPortal, kind: str, when: str
) -> None:
    orders, (deal,) = portal.many(orders=2, deals=1)
    if kind == "undo":
        done = desk.start(desk.link([(order, deal) for order in orders]))
    else:
        for order in orders:
            portal.link(order, (2, deal))

    def planned() -> Job:
        if kind == "undo":
            return desk.asked(desk.post(f"/jobs/{done.pk}/undo/"))
        if kind == "move":
            return desk.link([(order, EMPTY) for order in orders])
        text = "\n".join(["Order ID", *map(str, orders)])
        form = {"from": "list", "kind": "unlink", "text": text}
        return desk.asked(desk.post("/jobs/new/", **form))

    if when == "before the preview":
        portal.delete_order(orders[0])
        job = planned()
        assert item(job, job.items.order_by("row")[0].row).verdict == "no_order"
        return
    job = planned()
    if when == "before the look":
        portal.delete_order(orders[0])
    else:
        method = ADD if kind == "move" else DELETE
        portal.meanwhile(method, lambda: portal.delete_order(orders[0]))
    desk.start(job)
    first = job.items.order_by("row")[0]
    assert (first.state, first.reason) == ("failed", "gone")
    assert "The order was deleted" in desk.get(f"/jobs/{job.pk}/").text
    assert not AuditEntry.objects.filter(change=job.change, order_id=orders[0]).exists()


def test_unlinked_order_is_reported_as_changed(desk: Desk, portal: DemoPortal) -> None:
    orders, (deal,) = portal.many(orders=2, deals=1)
    portal.link(orders[0], (2, deal))
    job = desk.link([(order, EMPTY) for order in orders])
    portal.link(orders[0], None)
    desk.start(job)
    assert (item(job, 2).state, item(job, 2).reason) == ("skipped", "changed")

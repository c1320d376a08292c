"""Bulk work from the explorer: selected or all matching links become a job with a preview."""

import io
import json
from collections.abc import Mapping
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse
from openpyxl import load_workbook

from b24app.console.link_pages import MAX_JOB_ROWS
from b24app.jobs.models import Job, JobItem
from b24app.jobs.row_sources import MAX_ROWS
from b24app.orders.types import DEAL, INVOICE
from demo.server import DemoPortal
from testing.markup import attribute, attributes, only, select
from testing.opening import CHAIRS_INVOICE, MARIA, MOCKUP, ONE, THREE, TOM, Page
from tests.jobs.driving import Desk, outcomes, places, shown, sit_down, verdicts, work

pytestmark = pytest.mark.django_db

LINKS = "/console/links/"


@pytest.fixture
def desk(client: Client, portal: DemoPortal) -> Desk:
    """The administrator in front of 120 links: 90 to deal 7021, 30 to invoice 118."""
    for order_id in list(portal.state.links):
        del portal.state.links[order_id]
    for order_id in list(portal.state.orders)[:120]:
        portal.state.links[order_id] = (DEAL, MOCKUP) if order_id % 4 else (INVOICE, CHAIRS_INVOICE)
    return sit_down(client, portal)


def at(portal: DemoPortal, owner: tuple[int, int]) -> list[int]:
    return sorted(number for number, place in portal.state.links.items() if place == owner)


def where(**line: str) -> str:
    fields = {"field": "owner", "word": "is", "value": "", "upto": "", "kind": "2", **line}
    return f"{LINKS}?{urlencode(fields)}"


def form_of(page: Page) -> Mapping[str, str]:
    """The fields behind "for all", as the script sends them."""
    only(page.text, "fieldset[data-every-fields]")
    fields = select(page.text, "fieldset[data-every-fields] [name]")
    return {"from": "search", "text": "", "to": ""} | {
        str(field.attributes["name"]): field.attributes["value"] or "" for field in fields
    }


def ticked(order_ids: list[int]) -> dict[str, str]:
    return {"from": "list", "text": "\n".join(["Order ID", *map(str, order_ids)])}


def test_selected_orders_are_moved(desk: Desk, portal: DemoPortal) -> None:
    chosen = at(portal, (DEAL, MOCKUP))[:60]
    job = desk.asked(desk.post("/jobs/new/", kind="move", to=f"2:{ONE}", **ticked(chosen)))
    assert (job.state, verdicts(job)) == (Job.State.PLANNED, {"move": 60})
    assert places(portal, chosen) == [(DEAL, MOCKUP)] * 60
    desk.start(job)
    assert places(portal, chosen) == [(DEAL, ONE)] * 60
    assert len(at(portal, (DEAL, MOCKUP))) == 30


def test_selected_orders_without_a_deal_are_linked(desk: Desk, portal: DemoPortal) -> None:
    page = desk.get(reverse("console-without"))
    chosen = page.order_ids[:70]
    job = desk.asked(desk.post("/jobs/new/", kind="link", to=f"2:{THREE}", **ticked(chosen)))
    assert verdicts(job) == {"link": 70}
    desk.start(job)
    assert places(portal, chosen) == [(DEAL, THREE)] * 70


def test_order_linked_meanwhile_is_not_moved(desk: Desk, portal: DemoPortal) -> None:
    chosen = desk.get(reverse("console-without")).order_ids[:10]
    job = desk.asked(desk.post("/jobs/new/", kind="link", to=f"2:{THREE}", **ticked(chosen)))
    portal.link(chosen[0], (DEAL, ONE))
    desk.start(job, move=False)
    assert places(portal, chosen) == [(DEAL, ONE)] + [(DEAL, THREE)] * 9


def test_all_matching_links_are_moved_over_many_pages(desk: Desk, portal: DemoPortal) -> None:
    page = desk.get(where(value=str(MOCKUP)))
    assert len(page.order_ids) == 50
    before = at(portal, (DEAL, MOCKUP))
    job = desk.asked(desk.post("/jobs/new/", kind="move", **{**form_of(page), "to": f"2:{ONE}"}))
    assert (job.rows, verdicts(job)) == (90, {"move": 90})
    desk.start(job)
    assert at(portal, (DEAL, ONE)) == before
    assert len(at(portal, (INVOICE, CHAIRS_INVOICE))) == 30


@pytest.mark.bare
@pytest.mark.parametrize("references", [True, False])
def test_any_number_of_links_is_moved(desk: Desk, portal: DemoPortal, references: bool) -> None:
    orders, _ = portal.many(orders=2600, deals=3, link=True)
    if not references:
        portal.misbehave("no_references", times=1000)
    job = desk.asked(desk.post("/jobs/new/", kind="unlink", **form_of(desk.get(LINKS))))
    assert (job.rows, verdicts(job)) == (2720, {"unlink": 2720})
    rows = JobItem.objects.filter(job=job)
    assert set(rows.values_list("order_id", flat=True)) == set(portal.state.links)
    assert [rows.get(row=1).order_id, rows.get(row=2600).order_id] == [orders[-1], orders[0]]


def test_matching_links_are_unlinked_unless_moved_since(desk: Desk, portal: DemoPortal) -> None:
    page = desk.get(where(field="type", kind="31"))
    job = desk.asked(desk.post("/jobs/new/", kind="unlink", **form_of(page)))
    assert verdicts(job) == {"unlink": 30}
    moved = at(portal, (INVOICE, CHAIRS_INVOICE))[0]
    portal.link(moved, (DEAL, ONE))
    desk.start(job)
    assert at(portal, (INVOICE, CHAIRS_INVOICE)) == []
    assert portal.link_of(moved) == (DEAL, ONE)
    assert outcomes(job) == {("done", ""): 29, ("skipped", "changed"): 1}


def test_job_keeps_every_filter_of_the_explorer(desk: Desk, portal: DemoPortal) -> None:
    lines = {
        "field": ["order", "owner", "type"],
        "word": ["ends", "between", "one_of"],
        "value": ["7", "100", ""],
        "upto": ["", "8000", ""],
        "kind": ["2", "2", "2,31"],
    }
    page = desk.get(f"{LINKS}?{urlencode(lines, doseq=True)}")
    job = desk.asked(desk.post("/jobs/new/", kind="export", **form_of(page)))
    wanted = sorted((link for link in portal.state.links if link % 10 == 7), reverse=True)
    found = JobItem.objects.filter(job=job).order_by("row").values_list("order_id", flat=True)
    assert list(found) == wanted == page.order_ids


def test_all_links_are_exported_with_their_cards(desk: Desk, portal: DemoPortal) -> None:
    job = desk.start(desk.asked(desk.post("/jobs/new/", kind="export", **form_of(desk.get(LINKS)))))
    answer = desk.get(f"/jobs/{job.pk}/table/?format=xlsx").response
    sheet = load_workbook(io.BytesIO(answer.content)).worksheets[0]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert rows[0][-2:] == ["Type", "Deal/invoice ID"]
    kinds = {"Deal": DEAL, "Invoice": INVOICE}
    found = {row[1]: (kinds[str(row[-2])], row[-1]) for row in rows[1:]}
    assert found == dict(portal.state.links)


def test_all_orders_without_a_deal_are_linked(desk: Desk, portal: DemoPortal) -> None:
    free = set(portal.state.orders) - set(portal.state.links)
    page = desk.get(reverse("console-without"))
    job = desk.asked(desk.post("/jobs/new/", kind="link", **{**form_of(page), "to": f"2:{THREE}"}))
    assert verdicts(job) == {"link": len(free)}
    assert set(JobItem.objects.filter(job=job).values_list("order_id", flat=True)) == free


@pytest.mark.parametrize("kind", ["unlink", "move"])
@pytest.mark.parametrize("source", ["ticked", "all"])
def test_orders_are_taken_out_of_cards_that_are_gone(
    desk: Desk, portal: DemoPortal, kind: str, source: str
) -> None:
    lost = list(portal.state.orders)[200:230]
    for order_id in lost:
        portal.state.links[order_id] = (DEAL, 990_000 + order_id % 3)
    report = desk.get(reverse("console-gone"))
    assert sorted(report.order_ids) == lost
    page = desk.get(where(word="between", value="990000"))
    form = ticked(report.order_ids) if source == "ticked" else form_of(page)
    to = {"to": f"2:{THREE}"} if kind == "move" else {}
    job = desk.asked(desk.post("/jobs/new/", **{"kind": kind, **form, **to}))
    assert verdicts(job) == {kind: 30}
    desk.start(job)
    assert (job.state, outcomes(job)) == (Job.State.DONE, {("done", ""): 30})
    assert places(portal, lost) == [(DEAL, THREE) if kind == "move" else None] * 30


def lost_links(portal: DemoPortal, count: int) -> list[int]:
    """``count`` orders in two deals that are no more, of 3,000 linked ones; newest first."""
    orders, _ = portal.many(orders=3000, deals=2, link=True)
    lost = [*orders[:: len(orders) // count]][:count]
    for order_id in lost:
        portal.state.links[order_id] = (DEAL, 990_000 + order_id % 2)
    return sorted(lost, reverse=True)


def rows_of(job: Job) -> list[int]:
    return list(JobItem.objects.filter(job=job).order_by("row").values_list("order_id", flat=True))


def to_the_end(desk: Desk, page: Page) -> Page:
    """The report's last answer."""
    while address := attributes(page.text, "#report-line", "hx-get"):
        page = desk.get(address[0])
    return page


@pytest.mark.bare
@pytest.mark.parametrize("kind", ["unlink", "export"])
def test_report_results_become_a_job(desk: Desk, portal: DemoPortal, kind: str) -> None:
    lost = lost_links(portal, 60)
    page = to_the_end(desk, desk.get(reverse("console-gone")))
    assert 'data-every="60"' in page.text
    assert "not-to-the-end" not in page.text
    before = dict(portal.state.links)
    job = desk.asked(desk.post("/jobs/new/", kind=kind, **form_of(page)))
    assert (rows_of(job), verdicts(job)) == (lost, {kind: 60})
    desk.start(job)
    gone = set(lost) if kind == "unlink" else set()
    assert portal.state.links == {pk: at for pk, at in before.items() if pk not in gone}


@pytest.mark.bare
def test_stopped_report_keeps_its_results_and_is_marked_incomplete(
    desk: Desk, portal: DemoPortal
) -> None:
    lost = lost_links(portal, 60)
    first = desk.get(reverse("console-gone"))
    assert "links-every" not in first.text  # it goes on by itself
    stopped = desk.get(attribute(first.text, "#report-on", "hx-get"))
    assert "The report is not complete" in stopped.text
    newer = max(portal.state.orders) + 1
    looked = [number for number in lost if number in first.order_ids]
    assert 0 < len(looked) < len(lost)
    assert f'data-every="{len(looked)}"' in stopped.text
    # What was linked since above the report's first order is none of what it found.
    portal.many(orders=1)
    portal.state.links[newer] = (DEAL, 990_000)
    job = desk.asked(desk.post("/jobs/new/", kind="unlink", **form_of(stopped)))
    assert (rows_of(job), verdicts(job)) == (looked, {"unlink": len(looked)})


@pytest.mark.bare
def test_report_and_its_job_are_cheap_however_many_links_there_are(
    desk: Desk, portal: DemoPortal
) -> None:
    lost_links(portal, 60)
    before = portal.rest.requests
    page = to_the_end(desk, desk.get(reverse("console-gone")))
    read = portal.rest.requests - before
    assert read == 2 * 3  # 500, 1,500 and what is left, with no more asked for the offer
    before = portal.rest.requests
    job = desk.post("/jobs/new/", kind="unlink", **form_of(page))
    assert portal.rest.requests == before
    work(shown(job))
    # 2,500 links and their deals, the rest and theirs, the end; then the preview of 60 rows in two deals.
    assert portal.rest.requests - before <= 5 + 4


def test_empty_report_offers_no_job(desk: Desk) -> None:
    page = to_the_end(desk, desk.get(reverse("console-gone")))
    assert "Checked all" in page.text
    assert "links-every" not in page.text
    only(page.text, "fieldset[data-every-fields]")
    assert not select(page.text, "fieldset[data-every-fields] [name]")


@pytest.mark.bare
def test_deals_that_cannot_be_read_do_not_count_as_gone(desk: Desk, portal: DemoPortal) -> None:
    lost = lost_links(portal, 3)
    form = form_of(to_the_end(desk, desk.get(reverse("console-gone"))))
    portal.misbehave("no_scope", method="crm.deal.list")
    job = desk.asked(desk.post("/jobs/new/", kind="unlink", **form))
    assert (job.state, job.reason, job.rows) == (Job.State.PAUSED, "no_scope", 0)
    desk.post(f"/jobs/{job.pk}/resume/")
    assert verdicts(work(job)) == {"unlink": 3}
    assert rows_of(job) == lost


def test_report_larger_than_a_job_is_limited(desk: Desk, portal: DemoPortal) -> None:
    below = sorted(portal.state.links)[10]
    many = desk.get(f"{reverse('console-gone')}?below={below}&top=99&found=100001&stop=1").text
    assert "restart the report and stop it earlier" in many
    assert "disabled" in only(many, "input#links-every").attributes


def test_forged_form_cannot_treat_closed_cards_as_deleted(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    closed, lost = list(portal.state.orders)[199:201]
    portal.state.links[lost] = (DEAL, 990_000)
    form = form_of(to_the_end(desk, desk.get(reverse("console-gone"))))
    portal.state.users[MARIA].own_deals_only = True
    portal.state.users[MARIA].sale = "write"
    foreign = next(pk for pk, row in portal.state.deals.items() if row["ASSIGNED_BY_ID"] != "5")
    portal.state.links[closed] = (DEAL, foreign)
    maria = sit_down(client, portal, MARIA)
    assert maria.get(reverse("console-gone")).state == "admins-only"
    job = maria.asked(maria.post("/jobs/new/", **{**form, "kind": "unlink"}))
    assert JobItem.objects.get(job=job, order_id=closed).verdict in ("no_right", "no_card")
    maria.start(job)
    assert (portal.link_of(closed), portal.link_of(lost)) == ((DEAL, foreign), None)


def test_links_of_another_tenant_are_not_changed(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    order_id = list(portal.state.orders)[200]
    portal.state.links[order_id] = (DEAL, 990_000)
    form = form_of(to_the_end(desk, desk.get(reverse("console-gone"))))
    with DemoPortal("http://app.example.com", member_id="b" * 32, oauth_of=portal) as other:
        other.state.links[order_id] = (DEAL, 990_000)
        stranger = sit_down(client, other)
        stranger.start(stranger.asked(stranger.post("/jobs/new/", kind="unlink", **form)))
        assert (other.link_of(order_id), portal.link_of(order_id)) == (None, (DEAL, 990_000))


def test_card_closed_to_a_person_is_not_deleted(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    portal.state.users[MARIA].own_deals_only = True
    foreign = next(pk for pk, row in portal.state.deals.items() if row["ASSIGNED_BY_ID"] != "5")
    order_id = list(portal.state.orders)[200]
    portal.state.links[order_id] = (DEAL, foreign)
    maria = sit_down(client, portal, MARIA)
    job = maria.asked(maria.post("/jobs/new/", kind="unlink", **ticked([order_id])))
    assert verdicts(job) == {"no_right": 1}
    owner = {"links": json.dumps([["ownerId", "=", foreign]])}
    listed = {"from": "search", "kind": "unlink", **owner}
    job = maria.asked(maria.post("/jobs/new/", **listed))
    assert set(verdicts(job)) <= {"no_right", "no_card"}
    assert portal.link_of(order_id) == (DEAL, foreign)


def test_orders_of_card_deleted_while_job_waits_are_moved(desk: Desk, portal: DemoPortal) -> None:
    page = desk.get(where(value=str(MOCKUP)))
    job = desk.asked(desk.post("/jobs/new/", kind="unlink", **form_of(page)))
    del portal.state.deals[MOCKUP]
    desk.start(job)
    assert outcomes(job) == {("done", ""): 90}


def test_no_order_is_linked_to_a_deleted_card(desk: Desk, portal: DemoPortal) -> None:
    chosen = at(portal, (DEAL, MOCKUP))[:3]
    job = desk.asked(desk.post("/jobs/new/", kind="move", to=f"2:{ONE}", **ticked(chosen)))
    del portal.state.deals[ONE]
    desk.start(job)
    assert outcomes(job) == {("failed", "no_card"): 3}
    lost = desk.asked(desk.post("/jobs/new/", kind="move", to="2:990001", **ticked(chosen)))
    assert verdicts(lost) == {"no_card": 3}


def test_more_than_one_job_takes_is_not_offered(desk: Desk, portal: DemoPortal) -> None:
    assert MAX_JOB_ROWS == MAX_ROWS
    few = only(desk.get(LINKS).text, "#links-every").attributes
    assert ("disabled" in few, few["data-every"]) == (False, "120")
    many = only(desk.get(f"{LINKS}?after=999999999&total=100001").text, "#links-every").attributes
    assert "disabled" in many


@pytest.mark.parametrize(
    "links",
    [
        "",
        "[",
        "[" * 100_000,
        "{}",
        "[1]",
        '[["orderId", "="]]',
        '[["OWNER_ID", "=", 5]]',
        '[["orderId", "~", 5]]',
        '[["orderId", "=", true]]',
        '[["orderId", "=", -1]]',
        '[["orderId", "=", 1.5]]',
        '[["orderId", "=", null]]',
        '[["orderId", "=", {"a": 1}]]',
        '[["orderId", "=", "$result[page0]"]]',
        '[["orderId", "%", "1%"]]',
        '[["orderId", "@", []]]',
        '[["orderId", "@", [1, "x"]]]',
        '[["orderId", "=", 1], ["orderId", "=", 2]]',
        f'[["orderId", "=", {10**15}]]',
        json.dumps([["orderId", "@", list(range(501))]]),
    ],
)
def test_forged_filters_are_refused(desk: Desk, portal: DemoPortal, links: str) -> None:
    requests = portal.rest.requests
    answer = desk.post("/jobs/new/", **{"from": "search", "kind": "unlink", "links": links})
    assert (answer.response.status_code, Job.objects.count()) == (400, 0)
    assert portal.rest.requests == requests


def test_move_of_all_needs_a_deal(desk: Desk) -> None:
    answer = desk.post("/jobs/new/", kind="move", **form_of(desk.get(LINKS)))
    assert answer.response.status_code == 422
    assert Job.objects.count() == 0


def test_person_without_read_right_gets_no_links(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    portal.state.users[TOM].sale = "denied"
    form = form_of(desk.get(LINKS))
    tom = sit_down(client, portal, TOM)
    job = work(shown(tom.post("/jobs/new/", kind="export", **form)))
    assert (job.state, job.rows) == (Job.State.PAUSED, 0)

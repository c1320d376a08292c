"""Bulk work from the explorer: what is ticked, or all that matches, becomes a job with its preview."""

import html
import io
import json
import re
from collections.abc import Mapping
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse
from openpyxl import load_workbook

from b24app.console.links import MOST_AT_ONCE
from b24app.jobs.gather import MOST_ROWS
from b24app.jobs.models import Job, JobItem
from b24app.orders.types import DEAL, INVOICE
from demo.server import DemoPortal
from tests.jobs.driving import Desk, outcomes, places, shown, sit_down, verdicts, work
from tests.opening import MARIA, MOCKUP, TOM, Page

pytestmark = pytest.mark.django_db

LINKS = "/console/links/"


@pytest.fixture
def desk(client: Client, portal: DemoPortal) -> Desk:
    """The administrator in front of 120 links: 90 to deal 7021, 30 to invoice 118."""
    for order_id in list(portal.state.links):
        del portal.state.links[order_id]
    for order_id in list(portal.state.orders)[:120]:
        portal.state.links[order_id] = (DEAL, MOCKUP) if order_id % 4 else (INVOICE, 118)
    return sit_down(client, portal)


def at(portal: DemoPortal, owner: tuple[int, int]) -> list[int]:
    return sorted(one for one, place in portal.state.links.items() if place == owner)


def where(**line: str) -> str:
    fields = {"field": "owner", "word": "is", "value": "", "upto": "", "kind": "2", **line}
    return f"{LINKS}?{urlencode(fields)}"


def form_of(page: Page) -> Mapping[str, str]:
    """The fields behind "for all", as the script sends them."""
    fields = re.search(r"<fieldset[^>]*data-every-fields>(.*?)</fieldset>", page.text, re.DOTALL)
    assert fields
    pairs = re.findall(r'name="(\w+)" value="([^"]*)"', fields[1])
    return {"from": "search", "text": "", "to": ""} | {
        name: html.unescape(value) for name, value in pairs
    }


def ticked(order_ids: list[int]) -> dict[str, str]:
    return {"from": "list", "text": "\n".join(["Order ID", *map(str, order_ids)])}


def test_ticked_orders_are_moved(desk: Desk, portal: DemoPortal) -> None:
    chosen = at(portal, (DEAL, MOCKUP))[:60]
    job = desk.asked(desk.post("/jobs/new/", kind="move", to="2:7001", **ticked(chosen)))
    assert (job.state, verdicts(job)) == (Job.State.PLANNED, {"move": 60})
    assert places(portal, chosen) == [(DEAL, MOCKUP)] * 60
    desk.start(job)
    assert places(portal, chosen) == [(DEAL, 7001)] * 60
    assert len(at(portal, (DEAL, MOCKUP))) == 30


def test_ticked_orders_without_a_deal_are_linked(desk: Desk, portal: DemoPortal) -> None:
    page = desk.get(reverse("console-without"))
    chosen = page.order_ids[:70]
    job = desk.asked(desk.post("/jobs/new/", kind="link", to="2:7003", **ticked(chosen)))
    assert verdicts(job) == {"link": 70}
    desk.start(job)
    assert places(portal, chosen) == [(DEAL, 7003)] * 70


def test_what_somebody_links_meanwhile_is_not_pulled_away(desk: Desk, portal: DemoPortal) -> None:
    chosen = desk.get(reverse("console-without")).order_ids[:10]
    job = desk.asked(desk.post("/jobs/new/", kind="link", to="2:7003", **ticked(chosen)))
    portal.link(chosen[0], (DEAL, 7001))
    desk.start(job, move=False)
    assert places(portal, chosen) == [(DEAL, 7001)] + [(DEAL, 7003)] * 9


def test_all_that_match_are_moved_over_many_pages(desk: Desk, portal: DemoPortal) -> None:
    page = desk.get(where(value=str(MOCKUP)))
    assert len(page.order_ids) == 50
    before = at(portal, (DEAL, MOCKUP))
    job = desk.asked(desk.post("/jobs/new/", kind="move", **{**form_of(page), "to": "2:7001"}))
    assert (job.rows, verdicts(job)) == (90, {"move": 90})
    desk.start(job)
    assert at(portal, (DEAL, 7001)) == before
    assert len(at(portal, (INVOICE, 118))) == 30


@pytest.mark.bare
@pytest.mark.parametrize("references", [True, False])
def test_all_links_whatever_their_number(desk: Desk, portal: DemoPortal, references: bool) -> None:
    orders, _ = portal.many(orders=2600, deals=3, link=True)
    if not references:
        portal.misbehave("no_references", times=1000)
    job = desk.asked(desk.post("/jobs/new/", kind="unlink", **form_of(desk.get(LINKS))))
    assert (job.rows, verdicts(job)) == (2720, {"unlink": 2720})
    rows = JobItem.objects.filter(job=job)
    assert set(rows.values_list("order_id", flat=True)) == set(portal.state.links)
    assert [rows.get(row=1).order_id, rows.get(row=2600).order_id] == [orders[-1], orders[0]]


def test_all_that_match_are_unlinked_but_what_moved_since(desk: Desk, portal: DemoPortal) -> None:
    page = desk.get(where(field="type", kind="31"))
    job = desk.asked(desk.post("/jobs/new/", kind="unlink", **form_of(page)))
    assert verdicts(job) == {"unlink": 30}
    moved = at(portal, (INVOICE, 118))[0]
    portal.link(moved, (DEAL, 7001))
    desk.start(job)
    assert at(portal, (INVOICE, 118)) == []
    assert portal.link_of(moved) == (DEAL, 7001)
    assert outcomes(job) == {("done", ""): 29, ("skipped", "changed"): 1}


def test_every_condition_travels_into_the_job(desk: Desk, portal: DemoPortal) -> None:
    lines = {
        "field": ["order", "owner", "type"],
        "word": ["ends", "between", "one_of"],
        "value": ["7", "100", ""],
        "upto": ["", "8000", ""],
        "kind": ["2", "2", "2,31"],
    }
    page = desk.get(f"{LINKS}?{urlencode(lines, doseq=True)}")
    job = desk.asked(desk.post("/jobs/new/", kind="export", **form_of(page)))
    wanted = sorted((one for one in portal.state.links if one % 10 == 7), reverse=True)
    found = JobItem.objects.filter(job=job).order_by("row").values_list("order_id", flat=True)
    assert list(found) == wanted == page.order_ids


def test_all_links_leave_as_a_file_with_their_places(desk: Desk, portal: DemoPortal) -> None:
    job = desk.start(desk.asked(desk.post("/jobs/new/", kind="export", **form_of(desk.get(LINKS)))))
    answer = desk.get(f"/jobs/{job.pk}/table/?format=xlsx").response
    sheet = load_workbook(io.BytesIO(answer.content)).worksheets[0]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert rows[0][-2:] == ["Owner type", "Owner ID"]
    kinds = {"Deal": DEAL, "Invoice": INVOICE}
    found = {row[1]: (kinds[str(row[-2])], row[-1]) for row in rows[1:]}
    assert found == dict(portal.state.links)


def test_all_orders_without_a_deal_are_linked(desk: Desk, portal: DemoPortal) -> None:
    free = set(portal.state.orders) - set(portal.state.links)
    page = desk.get(reverse("console-without"))
    job = desk.asked(desk.post("/jobs/new/", kind="link", **{**form_of(page), "to": "2:7003"}))
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
    to = {"to": "2:7003"} if kind == "move" else {}
    job = desk.asked(desk.post("/jobs/new/", **{"kind": kind, **form, **to}))
    assert verdicts(job) == {kind: 30}
    desk.start(job)
    assert (job.state, outcomes(job)) == (Job.State.DONE, {("done", ""): 30})
    assert places(portal, lost) == [(DEAL, 7003) if kind == "move" else None] * 30


def test_a_card_that_is_closed_to_somebody_is_not_a_card_that_is_gone(
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


def test_a_card_that_goes_while_the_job_waits_does_not_keep_its_orders(
    desk: Desk, portal: DemoPortal
) -> None:
    page = desk.get(where(value=str(MOCKUP)))
    job = desk.asked(desk.post("/jobs/new/", kind="unlink", **form_of(page)))
    del portal.state.deals[MOCKUP]
    desk.start(job)
    assert outcomes(job) == {("done", ""): 90}


def test_nothing_is_brought_into_a_card_that_is_gone(desk: Desk, portal: DemoPortal) -> None:
    chosen = at(portal, (DEAL, MOCKUP))[:3]
    job = desk.asked(desk.post("/jobs/new/", kind="move", to="2:7001", **ticked(chosen)))
    del portal.state.deals[7001]
    desk.start(job)
    assert outcomes(job) == {("failed", "no_card"): 3}
    lost = desk.asked(desk.post("/jobs/new/", kind="move", to="2:990001", **ticked(chosen)))
    assert verdicts(lost) == {"no_card": 3}


def test_more_than_one_job_takes_is_not_offered(desk: Desk, portal: DemoPortal) -> None:
    assert MOST_AT_ONCE == MOST_ROWS
    offer = re.compile(r'<input type="checkbox" id="links-every"[^>]*>')
    few = offer.search(desk.get(LINKS).text)
    assert few
    assert ("disabled" in few[0], 'data-every="120"' in few[0]) == (False, True)
    many = offer.search(desk.get(f"{LINKS}?after=999999999&total=100001").text)
    assert many
    assert "disabled" in many[0]


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
def test_conditions_nobody_of_ours_wrote_are_refused(
    desk: Desk, portal: DemoPortal, links: str
) -> None:
    requests = portal.rest.requests
    answer = desk.post("/jobs/new/", **{"from": "search", "kind": "unlink", "links": links})
    assert (answer.response.status_code, Job.objects.count()) == (400, 0)
    assert portal.rest.requests == requests


def test_a_move_of_all_needs_a_deal(desk: Desk) -> None:
    answer = desk.post("/jobs/new/", kind="move", **form_of(desk.get(LINKS)))
    assert answer.response.status_code == 422
    assert Job.objects.count() == 0


def test_somebody_without_the_right_to_read_links_gets_none(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    portal.state.users[TOM].sale = "denied"
    form = form_of(desk.get(LINKS))
    tom = sit_down(client, portal, TOM)
    job = work(shown(tom.post("/jobs/new/", kind="export", **form)))
    assert (job.state, job.rows) == (Job.State.PAUSED, 0)

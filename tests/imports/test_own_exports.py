"""Tables that the app exports are imported again as they are, in every language and both formats."""

import pytest
from django.test import Client

from b24app.jobs.models import Job, JobItem
from b24app.journal import audit
from b24app.journal.audit import Entry
from b24app.orders.types import Owner
from b24app.portals.models import PortalUser
from demo.rows import DEAL, INVOICE
from demo.server import DemoPortal
from testing import opening
from testing.markup import select
from testing.opening import ANNA
from tests.jobs.driving import Desk, sit_down, small_store

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.bare]

ORDERS = {"7003": 1001, "WEB-3/2": 1002, "007036": 1018}
LANGUAGES = ("en", "ru", "de")
FORMATS = ("csv", "xlsx")

each_language = pytest.mark.parametrize("language", LANGUAGES)
each_format = pytest.mark.parametrize("kind", FORMATS)


@pytest.fixture
def desk(client: Client, portal: DemoPortal, language: str) -> Desk:
    """An administrator who reads the language, in a store of three orders, two deals, an invoice."""
    small_store(portal, ORDERS, (101, 102), price=1234.5)
    sit_down(client, portal)
    page = opening.launch(client, portal, "DEFAULT", ANNA, 0, language, {})
    return Desk(client, portal, page)


def planned(desk: Desk, content: bytes, kind: str, **form: str) -> list[tuple[str, str]]:
    """What a job from the table would write: numbers of orders, each with its card."""
    job = desk.asked(desk.upload(content, name=f"table.{kind}", **form))
    assert job.state == Job.State.PLANNED, job.reason
    found = JobItem.objects.filter(job=job, state="pending").order_by("row")
    return [(item.order_number, item.wanted) for item in found]


def named(desk: Desk, content: bytes, kind: str) -> list[str]:
    """The orders that a job from the table finds."""
    job = desk.asked(desk.upload(content, name=f"table.{kind}", kind="export"))
    found = JobItem.objects.filter(job=job, state="pending").order_by("row")
    return [item.order_number for item in found]


def link_all(portal: DemoPortal) -> None:
    links = {1001: (DEAL, 101), 1002: (INVOICE, 118), 1018: (DEAL, 102)}
    for order_id, owner in links.items():
        portal.state.links[order_id] = owner


LINKED = [("7003", "2:101"), ("WEB-3/2", "2:102"), ("007036", "2:101")]
TABLE = b"Order number;Deal\n7003;101\nWEB-3/2;102\n007036;101\n"


@each_language
@each_format
def test_results_of_a_job(desk: Desk, portal: DemoPortal, kind: str) -> None:
    job = desk.asked(desk.upload(TABLE))
    preview = desk.get(f"/jobs/{job.pk}/table/?format={kind}").response.content
    desk.start(job)
    results = desk.get(f"/jobs/{job.pk}/table/?format={kind}").response.content
    portal.state.links.clear()
    assert planned(desk, preview, kind) == LINKED
    assert planned(desk, results, kind) == LINKED


@each_language
@each_format
def test_orders_of_an_export(desk: Desk, portal: DemoPortal, kind: str) -> None:
    job = desk.start(desk.asked(desk.upload(TABLE, kind="export")))
    exported = desk.get(f"/jobs/{job.pk}/table/?format={kind}").response.content
    assert planned(desk, exported, kind, to="102") == [(number, "2:102") for number in ORDERS]


@each_language
@each_format
def test_linked_orders_of_an_export(desk: Desk, portal: DemoPortal, kind: str) -> None:
    link_all(portal)
    fields = select(desk.get("/console/links/").text, "fieldset[data-every-fields] [name]")
    form = {str(one.attributes["name"]): one.attributes["value"] or "" for one in fields}
    asked = desk.post("/jobs/new/", **{**form, "kind": "export", "from": "search"})
    job = desk.start(desk.asked(asked))
    exported = desk.get(f"/jobs/{job.pk}/table/?format={kind}").response.content
    portal.state.links.clear()
    wanted = [("007036", "2:102"), ("WEB-3/2", "31:118"), ("7003", "2:101")]
    assert planned(desk, exported, kind) == wanted


@each_language
@each_format
def test_orders_of_a_deal(
    client: Client, desk: Desk, portal: DemoPortal, language: str, kind: str
) -> None:
    for order_id in ORDERS.values():
        portal.state.links[order_id] = (DEAL, 101)
    tab = opening.open_tab(client, portal, ANNA, 101, language)
    form = {"format": kind, "all": "on"}
    exported = Desk(client, portal, tab).post("/tab/export/", **form).response.content
    assert sorted(named(desk, exported, kind)) == sorted(ORDERS)
    moved = desk.asked(desk.upload(exported, name=f"orders.{kind}", to="102"))
    verdicts = JobItem.objects.filter(job=moved).values_list("verdict", flat=True)
    assert set(verdicts) == {"move"}


@each_language
@each_format
def test_links_of_the_console(desk: Desk, portal: DemoPortal, kind: str) -> None:
    link_all(portal)
    exported = desk.post("/console/links/export/", format=kind).response.content
    job = desk.asked(desk.upload(exported, name=f"links.{kind}", kind="unlink"))
    expected = JobItem.objects.filter(job=job, state="pending").order_by("row")
    assert {(item.order_number, item.expected) for item in expected} == {
        ("7003", "2:101"),
        ("WEB-3/2", "31:118"),
        ("007036", "2:102"),
    }
    portal.state.links.clear()
    assert set(planned(desk, exported, kind)) == {
        ("7003", "2:101"),
        ("WEB-3/2", "31:118"),
        ("007036", "2:102"),
    }


@each_language
@each_format
def test_the_audit(desk: Desk, portal: DemoPortal, kind: str) -> None:
    anna = PortalUser.objects.get(user_id=ANNA)
    deal, other, invoice = Owner(DEAL, 101), Owner(DEAL, 102), Owner(INVOICE, 118)
    entries = [
        Entry("link", 1001, "7003", target=deal),
        Entry("link", 1002, "WEB-3/2", source=deal, target=invoice),
        Entry("link", 1018, "007036", source=deal, target=other),
    ]
    audit.record(anna, "tab", entries)
    exported = desk.post("/console/audit/export/", format=kind).response.content
    assert set(planned(desk, exported, kind)) == {
        ("7003", "2:101"),
        ("WEB-3/2", "31:118"),
        ("007036", "2:102"),
    }

"""The audit: search, display and export of changes made through the app."""

from datetime import UTC, datetime

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from b24app.journal import audit
from b24app.journal.audit import Entry
from b24app.journal.models import AuditEntry
from b24app.orders.types import DEAL, INVOICE, Owner
from b24app.portals.models import Portal, PortalUser
from demo.server import DemoPortal
from testing.markup import attributes, html_of, select, words
from testing.opening import ANNA, CHAIRS_INVOICE, MARIA, MOCKUP, WINTER, Page, ask, open_tab, submit
from tests.console.desk import at_work

pytestmark = pytest.mark.django_db

AUDIT = "/console/audit/"
HERE, THERE, INVOICED = Owner(DEAL, MOCKUP), Owner(DEAL, WINTER), Owner(INVOICE, MOCKUP)
DAY = datetime(2026, 11, 18, 12, tzinfo=UTC)


@pytest.fixture
def page(client: Client, portal: DemoPortal) -> Page:
    """The console, after Anna linked 1 and moved it, Maria unlinked 2 and changed 3."""
    page = at_work(client, portal)
    open_tab(client, portal, MARIA)
    anna, maria = PortalUser.objects.get(user_id=ANNA), PortalUser.objects.get(user_id=MARIA)
    with time_machine.travel(DAY, tick=False):
        audit.record(anna, "tab", [Entry("link", 1, "1196", target=HERE)])
        audit.record(anna, "order_card", [Entry("link", 1, "1196", source=HERE, target=THERE)])
    right = AuditEntry.Right.INSTALLER
    with time_machine.travel(datetime(2026, 11, 19, tzinfo=UTC), tick=False):
        audit.record(maria, "job", [Entry("link", 2, "1188", source=INVOICED, right=right)])
    with time_machine.travel(datetime(2026, 11, 20, tzinfo=UTC), tick=False):
        audit.record(maria, "tab", [Entry("status", 3, "=1+1", before="N", after="F")])
        audit.record(
            maria,
            "tab",
            [Entry("responsible", 3, before=str(ANNA), after=str(MARIA), certain=False)],
        )
    return page


def shown(page: Page) -> list[tuple[str, str]]:
    """What each line did, and with which order."""
    rows = [html_of(node) for node in select(page.text, "tr[data-entry]")]
    return [
        (
            attributes(row, "[data-what]", "data-what")[0],
            attributes(row, "a[href*='orders/details/']", "href")[0].rstrip("/").rpartition("/")[2],
        )
        for row in rows
    ]


def line(page: Page, what: str) -> str:
    """The markup of the newest line of this kind."""
    return next(
        html_of(node)
        for node in select(page.text, "tr[data-entry]")
        if what in attributes(html_of(node), "[data-what]", "data-what")
    )


ALL = [
    ("responsible", "3"),
    ("status", "3"),
    ("unlinked", "2"),
    ("moved", "1"),
    ("linked", "1"),
]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ALL),
        (f"person={MARIA}", ALL[:3]),
        ("order=1", ALL[3:]),
        ("card=7021", ALL[3:]),
        ("card=7021&card_type=31", [ALL[2]]),
        ("card=6933&card_type=2", [ALL[3]]),
        ("kind=status", [ALL[1]]),
        ("kind=link&person=1", ALL[3:]),
        ("since=2026-11-19", ALL[:3]),
        ("until=2026-11-18", ALL[3:]),
        ("since=2026-11-19&until=2026-11-19", [ALL[2]]),
        ("until=9999-12-31", ALL),
        ("order=77", []),
    ],
)
def test_audit_is_filtered(
    client: Client, page: Page, query: str, found: list[tuple[str, str]]
) -> None:
    assert shown(ask(client, page, f"{AUDIT}?{query}")) == found


def test_audit_lines_name_person_change_and_card(client: Client, page: Page) -> None:
    audit_page = ask(client, page, AUDIT)
    moved = line(audit_page, "moved")
    assert "/crm/deal/details/7021/" in moved
    assert "/crm/deal/details/6933/" in moved
    assert "Anna Schmidt" in moved
    assert "in the order’s card" in moved
    responsible = line(audit_page, "responsible")
    assert 'class="from">Anna Schmidt<' in responsible
    assert 'class="to">Maria Lopez<' in responsible
    assert "may not have been made" in responsible
    unlinked = line(audit_page, "unlinked")
    assert "with the app’s permissions" in unlinked
    assert "/crm/type/31/details/7021/" in unlinked


def test_undone_change_is_marked(client: Client, page: Page) -> None:
    entry = AuditEntry.objects.get(to_id=HERE.id)
    anna = PortalUser.objects.get(user_id=ANNA)
    audit.record(anna, "undo", [Entry("link", 1, source=HERE, undoes=entry.pk)])
    assert "undone later" in line(ask(client, page, AUDIT), "linked")


@pytest.mark.parametrize(
    "query",
    [
        "order=1a",
        "order=-1",
        "card=x",
        "person=x",
        "since=18.11.2026",
        "kind=everything",
        "until=2026-02-31",
        "before=x",
        "order=9999999999999999",
    ],
)
def test_invalid_filter_is_reported(client: Client, page: Page, query: str) -> None:
    answer = ask(client, page, f"{AUDIT}?{query}")
    assert 'data-note="wrong"' in answer.text
    assert shown(answer) == []
    name, _, value = query.partition("=")
    form = {"format": "csv", name: value}
    assert submit(client, page, f"{AUDIT}export/", form).response.status_code == 400


def test_link_names_the_card_and_its_type(client: Client, portal: DemoPortal, page: Page) -> None:
    anna = PortalUser.objects.get(user_id=ANNA)
    audit.record(anna, "tab", [Entry("link", 801, target=Owner(DEAL, 118))])
    audit.record(anna, "tab", [Entry("link", 802, target=Owner(INVOICE, CHAIRS_INVOICE))])
    link = f"{portal.url}/crm/type/31/details/118/"
    assert shown(ask(client, page, f"{AUDIT}?card={link}&card_type=2")) == [("linked", "802")]
    assert shown(ask(client, page, f"{AUDIT}?card=118&card_type=2")) == [("linked", "801")]


def test_audit_of_a_card_of_another_portal_is_refused_with_a_sentence(
    client: Client, page: Page
) -> None:
    link = "https://other.bitrix24.com/crm/deal/details/7021/"
    answer = ask(client, page, f"{AUDIT}?card={link}")
    assert "The link leads to another Bitrix24" in answer.text
    assert shown(answer) == []
    form = {"format": "csv", "card": link}
    assert submit(client, page, f"{AUDIT}export/", form).response.status_code == 400


def test_older_pages_keep_the_filter(client: Client, page: Page) -> None:
    anna = PortalUser.objects.get(user_id=ANNA)
    audit.record(anna, "tab", [Entry("link", n, target=HERE) for n in range(1, 121)])
    audit.record(anna, "tab", [Entry("link", n, source=HERE) for n in range(1, 11)])
    found, address = [], f"{AUDIT}?kind=link&person={ANNA}&card=7021&card_type=2"
    while address:
        answer = ask(client, page, address)
        found += shown(answer)
        address = "".join(attributes(answer.text, "#page-next", "hx-get"))
    assert len(found) == 132
    assert found[10][0] == "linked"


def test_another_portal_is_not_seen(client: Client, page: Page, portal: DemoPortal) -> None:
    other = Portal.objects.create(member_id="b" * 32, endpoint=f"{portal.url}/rest/")
    stranger = PortalUser.objects.create(portal=other, user_id=ANNA, name="Stranger")
    audit.record(stranger, "tab", [Entry("link", 1, "S-1", target=HERE)])
    answer = ask(client, page, AUDIT)
    assert shown(answer) == ALL
    assert "Stranger" not in answer.text
    content = submit(client, page, f"{AUDIT}export/", {"format": "csv"}).response.content.decode()
    assert "S-1" not in content


def test_portal_is_asked_for_the_names_of_statuses_once(
    client: Client, page: Page, portal: DemoPortal
) -> None:
    cache.clear()
    requests = portal.rest.requests
    ask(client, page, f"{AUDIT}?kind=link")
    assert portal.rest.requests == requests
    status = line(ask(client, page, AUDIT), "status")
    assert "Waiting for payment" in status
    assert "Completed" in status
    submit(client, page, f"{AUDIT}export/", {"format": "xlsx"})
    assert portal.rest.requests == requests + 1


@pytest.mark.parametrize("method", ["sale.status.list", "batch"])
def test_statuses_are_shown_by_code_if_names_cannot_be_read(
    client: Client, page: Page, portal: DemoPortal, method: str
) -> None:
    cache.clear()
    kind = "no_read" if method == "sale.status.list" else "html"
    portal.misbehave(kind, method=method, times=10)
    answer = ask(client, page, AUDIT)
    assert shown(answer) == ALL
    pairs = zip(select(answer.text, "td.from"), select(answer.text, "td.to"), strict=True)
    assert ("N", "F") in [(words(before), words(after)) for before, after in pairs]


def test_exported_audit_contains_no_formulas(client: Client, page: Page) -> None:
    answer = submit(client, page, f"{AUDIT}export/", {"format": "csv", "person": str(MARIA)})
    rows = answer.response.content.decode("utf-8-sig").splitlines()
    assert len(rows) == 4
    assert "Maria Lopez" in rows[1]
    assert ",'=1+1," in rows[2]
    assert answer.response["Content-Disposition"] == 'attachment; filename="audit.csv"'
    assert submit(client, page, reverse("console-audit-export"), {}).response.status_code == 400

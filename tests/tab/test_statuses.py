"""Changing statuses: the portal's own names, the person's own right, and the way back."""

import pytest
from django.test import Client

from b24app.journal.models import AuditEntry
from b24app.portals.models import Portal
from demo.server import DemoPortal
from testing.opening import ILYA, MARIA, MOCKUP, Page, install, open_tab, submit

pytestmark = pytest.mark.django_db


@pytest.fixture
def tab(client: Client, portal: DemoPortal) -> Page:
    install(client, portal)
    return open_tab(client, portal, ILYA, MOCKUP)


def status_of(portal: DemoPortal, number: str) -> str:
    return str(portal.state.orders[portal.order_id(number)]["statusId"])


def pick(portal: DemoPortal, number: str) -> str:
    return f"{portal.order_id(number)}|{status_of(portal, number)}"


def test_dialog_offers_the_portals_statuses_in_its_order(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    asked = submit(
        client,
        tab,
        "/tab/status/confirm/",
        {"order": f"{portal.order_id('1201')}|", "held": pick(portal, "1201")},
    )
    names = ["Waiting for payment", "In assembly", "Paid, being prepared", "Handed to delivery"]
    places = [asked.text.index(name) for name in names]
    assert places == sorted(places)
    assert "selected" not in asked.text


def test_status_names_of_further_pages_are_read(client: Client, portal: DemoPortal) -> None:
    names = portal.state.status_names
    english = [record for record in names if record["lid"] == "en"]
    names[:0] = [{**record, "lid": f"a{n}", "name": "?"} for n in range(15) for record in english]
    assert len(names) > 100
    install(client, portal)
    page = open_tab(client, portal, ILYA, MOCKUP)
    form = {"order": f"{portal.order_id('1201')}|", "held": pick(portal, "1201")}
    asked = submit(client, page, "/tab/status/confirm/", form)
    for name in ("Waiting for payment", "In assembly", "Paid, being prepared"):
        assert name in asked.text


def test_statuses_are_changed_and_undone(client: Client, portal: DemoPortal, tab: Page) -> None:
    form = {"held": [pick(portal, "1201"), pick(portal, "1166")], "to": "AW"}
    answer = submit(client, tab, "/tab/status/", form)
    assert answer.toast["text"] == "Status of 2 orders changed"
    assert status_of(portal, "1201") == status_of(portal, "1166") == "AW"
    assert set(AuditEntry.objects.values_list("kind", "before", "after", "to_id")) == {
        ("status", "N", "AW", MOCKUP)
    }
    undo = answer.toast["undo"]
    assert isinstance(undo, dict)
    portal.state.orders[portal.order_id("1166")]["statusId"] = "F"
    back = submit(client, tab, undo["url"], undo["values"])
    assert (status_of(portal, "1201"), status_of(portal, "1166")) == ("N", "F")
    assert 'data-note="conflict"' in back.text


def test_status_changed_meanwhile_is_not_overwritten(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    seen = pick(portal, "1201")
    portal.state.orders[portal.order_id("1201")]["statusId"] = "F"
    answer = submit(client, tab, "/tab/status/", {"held": seen, "to": "AW"})
    assert status_of(portal, "1201") == "F"
    assert 'data-note="conflict"' in answer.text
    assert not answer.toast


def test_order_of_another_deal_is_not_changed(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    answer = submit(client, tab, "/tab/status/", {"held": pick(portal, "1184"), "to": "AW"})
    assert status_of(portal, "1184") == "N"
    assert 'data-note="conflict"' in answer.text


def test_installers_right_is_not_used_for_statuses(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    Portal.objects.update(named=[{"id": "U5", "name": "Maria"}])
    page = open_tab(client, portal, MARIA, MOCKUP)
    answer = submit(client, page, "/tab/status/", {"held": pick(portal, "1201"), "to": "AW"})
    assert status_of(portal, "1201") == "N"
    assert 'data-note="failed"' in answer.text
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("fault", ["cut", "reset", "html"])
def test_lost_answer_is_read_back_and_not_repeated(
    client: Client, portal: DemoPortal, tab: Page, fault: str
) -> None:
    portal.misbehave(fault, method="sale.order.update", after=True)
    portal.reset_counts()
    submit(client, tab, "/tab/status/", {"held": pick(portal, "1201"), "to": "AW"})
    assert status_of(portal, "1201") == "AW"
    assert [call.method for call in portal.calls].count("sale.order.update") == 1
    assert AuditEntry.objects.get().certain


@pytest.mark.parametrize(
    "form", [{}, {"held": "x|N"}, {"held": "0|N", "to": "AW"}, {"held": "5|N", "to": "a b"}]
)
def test_bad_forms_of_a_status_make_no_request(
    client: Client, portal: DemoPortal, tab: Page, form: dict[str, str]
) -> None:
    portal.reset_counts()
    assert submit(client, tab, "/tab/status/", form).response.status_code == 400
    assert portal.http_requests == 0

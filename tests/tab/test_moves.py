"""Moving orders to another deal: asked first, written down, taken back."""

import pytest
from django.test import Client

from b24app.journal.models import AuditEntry
from demo.server import DemoPortal
from testing.opening import (
    CHAIRS_INVOICE,
    EMPTY,
    ILYA,
    ONE,
    THREE,
    TOM,
    Page,
    install,
    open_invoice,
    open_tab,
    submit,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def tab(client: Client, portal: DemoPortal) -> Page:
    install(client, portal)
    return open_tab(client, portal, ILYA, THREE)


@pytest.mark.parametrize(
    "to",
    [
        f"{EMPTY}",
        f"deal {EMPTY}",
        f"{{portal}}/crm/deal/details/{EMPTY}/",
        f"{{portal}}/crm/deal/show/{EMPTY}/",
        f"/crm/deal/details/{EMPTY}/?x=1",
    ],
)
def test_dialog_names_the_deal(client: Client, portal: DemoPortal, tab: Page, to: str) -> None:
    order = tab.order_ids[0]
    form = {"order": f"{order}|", "number": "N1", "to": to.format(portal=portal.url)}
    asked = submit(client, tab, "/tab/move/confirm/", form)
    assert "Empty so far" in asked.text
    assert f'name="to" value="{EMPTY}"' in asked.text


@pytest.mark.parametrize("path", ["/tab/move/confirm/", "/tab/move/"])
@pytest.mark.parametrize(
    "link",
    [
        f"https://other.bitrix24.com/crm/deal/details/{EMPTY}/",
        f"other.bitrix24.com/crm/deal/details/{EMPTY}/",
        f"//other.bitrix24.com/crm/deal/details/{EMPTY}/",
        f"https://other.bitrix24.com/crm/type/2/details/{EMPTY}/",
    ],
)
def test_move_to_a_deal_of_another_portal_is_refused(
    client: Client, portal: DemoPortal, tab: Page, path: str, link: str
) -> None:
    order = tab.order_ids[0]
    portal.reset_counts()
    answer = submit(client, tab, path, {"order": f"{order}|", "to": link})
    assert portal.link_of(order) == (2, THREE)
    assert "Empty so far" not in answer.text
    assert "The link leads to another Bitrix24" in answer.text
    if path == "/tab/move/":
        assert answer.response["HX-Retarget"] == "#dialog-host"
        assert portal.http_requests == 0


def test_orders_move_to_the_invoice_a_link_names(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    order, link = tab.order_ids[0], f"{portal.url}/crm/type/31/details/118/"
    asked = submit(client, tab, "/tab/move/confirm/", {"order": f"{order}|", "to": link})
    assert "Invoice 118" in asked.text
    assert "Deal 118" not in asked.text
    assert f'name="to" value="31:{CHAIRS_INVOICE}"' in asked.text
    moved = submit(client, tab, "/tab/move/", {"order": f"{order}|", "to": f"31:{CHAIRS_INVOICE}"})
    assert portal.link_of(order) == (31, CHAIRS_INVOICE)
    assert moved.toast["text"] == "1 order moved to invoice 118"


@pytest.mark.parametrize(
    "to", ["", "deal", "99999", "-1", f"{THREE}", "https://portal.example/crm/lead/5/"]
)
def test_move_dialog_requires_a_deal(client: Client, tab: Page, to: str) -> None:
    asked = submit(client, tab, "/tab/move/confirm/", {"order": f"{tab.order_ids[0]}|", "to": to})
    assert '<input class="field" name="to"' in asked.text
    assert ('role="alert"' in asked.text) is bool(to)


def test_deal_without_access_is_refused_as_target(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    portal.state.deals[THREE]["ASSIGNED_BY_ID"] = str(TOM)
    page = open_tab(client, portal, TOM, THREE)
    order = page.order_ids[0]
    asked = submit(client, page, "/tab/move/confirm/", {"order": f"{order}|", "to": str(EMPTY)})
    assert 'role="alert"' in asked.text
    forced = submit(client, page, "/tab/move/", {"order": f"{order}|", "to": str(EMPTY)})
    assert portal.link_of(order) == (2, THREE)
    assert 'data-note="failed"' in forced.text


def test_orders_are_moved_and_undone(client: Client, portal: DemoPortal, tab: Page) -> None:
    orders = tab.order_ids[:2]
    form = {"order": [f"{order}|" for order in orders], "to": str(EMPTY)}
    moved = submit(client, tab, "/tab/move/", form)
    assert moved.toast["text"] == f"2 orders moved to deal {EMPTY}"
    assert [portal.link_of(order) for order in orders] == [(2, EMPTY)] * 2
    entries = list(AuditEntry.objects.order_by("order_id"))
    assert {(entry.from_id, entry.to_id, entry.user_id) for entry in entries} == {
        (THREE, EMPTY, ILYA)
    }
    assert len({entry.change for entry in entries}) == 1
    undo = moved.toast["undo"]
    assert isinstance(undo, dict)
    submit(client, tab, undo["url"], undo["values"])
    assert [portal.link_of(order) for order in orders] == [(2, THREE)] * 2
    assert AuditEntry.objects.filter(through="undo", undoes__in=entries).count() == 2


def test_order_that_left_the_deal_is_not_moved(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    order = tab.order_ids[0]
    portal.state.links[order] = (2, ONE)
    page = submit(client, tab, "/tab/move/", {"order": f"{order}|", "to": str(EMPTY)})
    assert portal.link_of(order) == (2, ONE)
    assert 'data-note="conflict"' in page.text


def test_moving_the_last_order_is_announced(client: Client, portal: DemoPortal, tab: Page) -> None:
    page = open_tab(client, portal, ILYA, ONE)
    order = page.order_ids[0]
    for path in ("/tab/unlink/confirm/", "/tab/move/confirm/"):
        asked = submit(client, page, path, {"order": f"{order}|", "to": str(EMPTY), "of": "1"})
        assert "No orders will be left here" in asked.text


def test_from_an_invoice_to_a_deal(client: Client, portal: DemoPortal, tab: Page) -> None:
    page = open_invoice(client, portal, ILYA)
    order = portal.order_id("1163")
    assert page.order_ids == [order]
    submit(client, page, "/tab/move/", {"order": f"{order}|", "to": "118"})
    assert portal.link_of(order) == (31, CHAIRS_INVOICE), (
        "deal 118 does not exist, and is not invoice 118"
    )
    submit(client, page, "/tab/move/", {"order": f"{order}|", "to": str(EMPTY)})
    assert portal.link_of(order) == (2, EMPTY)


@pytest.mark.parametrize("to", ["", "x", str(THREE), "0"])
def test_invalid_target_changes_nothing(
    client: Client, portal: DemoPortal, tab: Page, to: str
) -> None:
    order = tab.order_ids[0]
    portal.reset_counts()
    answer = submit(client, tab, "/tab/move/", {"order": f"{order}|", "to": to})
    assert '<input class="field" name="to"' in answer.text
    assert ('role="alert"' in answer.text) is bool(to)
    assert answer.response["HX-Retarget"] == "#dialog-host"
    assert portal.http_requests == 0
    assert portal.link_of(order) == (2, THREE)

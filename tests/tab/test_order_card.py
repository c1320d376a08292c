"""The tab in an order's own card: where it is linked, and linking, moving, unlinking there."""

import json

import pytest
from django.test import Client

from b24app.journal.models import AuditEntry
from b24app.live import watching
from b24app.orders.types import DEAL, Owner
from b24app.portals.models import Portal
from demo.server import DemoPortal
from testing.opening import (
    CHAIRS,
    CHAIRS_INVOICE,
    EMPTY,
    ILYA,
    MARIA,
    PETRA,
    TOM,
    WINTER,
    Page,
    ask,
    install,
    open_order,
    open_tab,
    submit,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def order(client: Client, portal: DemoPortal) -> int:
    """An order that is linked to the deal 6933."""
    install(client, portal)
    return portal.order_id("1184")


def card(client: Client, portal: DemoPortal, order: int, user_id: int = ILYA) -> Page:
    return open_order(client, portal, order, user_id)


def test_order_card_shows_link_in_one_request(
    client: Client, portal: DemoPortal, order: int
) -> None:
    card(client, portal, order)
    portal.reset_counts()
    page = card(client, portal, order)
    assert portal.http_requests == 1
    assert page.state == "linked"
    assert "Deal 6933 Winter catalogue" in page.text
    assert card(client, portal, portal.order_id("1193")).state == "not-linked"
    assert "Invoice 118" in card(client, portal, portal.order_id("1163")).text


def test_deal_the_person_cannot_open_has_no_title(
    client: Client, portal: DemoPortal, order: int
) -> None:
    page = card(client, portal, portal.order_id("1179"), TOM)
    assert "Deal 6940" in page.text
    assert "Meeting room chairs" not in page.text


def test_link_move_unlink_and_undo_from_order_card(
    client: Client, portal: DemoPortal, order: int
) -> None:
    page = card(client, portal, order)
    asked = ask(
        client, page, "/order/link/confirm/", {"order": f"{order}|2:{WINTER}", "to": str(EMPTY)}
    )
    assert "Empty so far" in asked.text
    moved = submit(client, page, "/order/link/", {"order": f"{order}|2:{WINTER}", "to": str(EMPTY)})
    assert portal.link_of(order) == (2, EMPTY)
    assert "Empty so far" in moved.text
    unlinked = submit(client, page, "/order/unlink/", {"order": f"{order}|2:{EMPTY}"})
    assert portal.link_of(order) is None
    assert unlinked.state == "not-linked"
    undo = unlinked.toast["undo"]
    assert isinstance(undo, dict)
    assert undo["url"] == "/order/undo/"
    submit(client, page, undo["url"], undo["values"])
    assert portal.link_of(order) == (2, EMPTY)
    assert set(AuditEntry.objects.values_list("through", flat=True)) == {"order_card", "undo"}
    assert "History of No. 1184" in ask(client, page, "/tab/history/").text


@pytest.mark.parametrize(
    "link",
    [
        f"https://other.bitrix24.com/crm/deal/details/{EMPTY}/",
        f"other.bitrix24.com/crm/deal/details/{EMPTY}",
    ],
)
def test_order_is_not_linked_to_a_deal_of_another_portal(
    client: Client, portal: DemoPortal, order: int, link: str
) -> None:
    page = card(client, portal, order)
    form = {"order": f"{order}|2:{WINTER}", "to": link}
    asked = ask(client, page, "/order/link/confirm/", form)
    assert "The link leads to another Bitrix24" in asked.text
    assert "Empty so far" not in asked.text
    forced = submit(client, page, "/order/link/", form)
    assert "The link leads to another Bitrix24" in forced.text
    assert forced.response["HX-Retarget"] == "#dialog-host"
    assert portal.link_of(order) == (2, WINTER)


def test_order_is_linked_to_the_invoice_a_link_names(
    client: Client, portal: DemoPortal, order: int
) -> None:
    page = card(client, portal, order)
    link = f"{portal.url}/crm/type/31/details/118/"
    asked = ask(client, page, "/order/link/confirm/", {"order": f"{order}|2:{WINTER}", "to": link})
    assert "Invoice 118" in asked.text
    assert f'name="to" value="31:{CHAIRS_INVOICE}"' in asked.text
    form = {"order": f"{order}|2:{WINTER}", "to": f"31:{CHAIRS_INVOICE}"}
    linked = submit(client, page, "/order/link/", form)
    assert portal.link_of(order) == (31, CHAIRS_INVOICE)
    assert linked.toast["text"] == "Order linked to invoice 118"


def test_open_order_card_notices_changes_of_its_order(
    client: Client, portal: DemoPortal, order: int
) -> None:
    def changed(page: Page) -> object:
        since = page.attribute("data-moment")
        return json.loads(ask(client, page, "/tab/news/", {"since": since}).text)["changed"]

    page, here = card(client, portal, order), Portal.objects.get()
    # Neither another order, nor a deal of the same number, nor another portal's order of that number.
    watching.record(here.pk, orders=[portal.order_id("1193")], owners=[Owner(DEAL, order)])
    watching.record(here.pk + 1, orders=[order])
    assert changed(page) is False
    deal = open_tab(client, portal, ILYA, WINTER)
    submit(client, deal, "/tab/unlink/", {"order": f"{order}|"})
    assert changed(page) is True
    own = ask(client, page, "/order/place/")
    assert own.state == "not-linked"
    own = submit(client, page, "/order/link/", {"order": f"{order}|", "to": str(EMPTY)})
    since = own.attribute("data-moment")
    assert json.loads(ask(client, page, "/tab/news/", {"since": since}).text)["changed"] is False


def test_conflicting_change_is_reported(client: Client, portal: DemoPortal, order: int) -> None:
    page = card(client, portal, order)
    portal.state.links[order] = (2, CHAIRS)
    answer = submit(
        client, page, "/order/link/", {"order": f"{order}|2:{WINTER}", "to": str(EMPTY)}
    )
    assert portal.link_of(order) == (2, CHAIRS)
    assert 'data-note="conflict"' in answer.text


def test_unreadable_target_card_is_rejected(client: Client, portal: DemoPortal, order: int) -> None:
    page = card(client, portal, order, TOM)
    form = {"order": f"{order}|2:{WINTER}", "to": str(CHAIRS)}
    assert 'role="alert"' in ask(client, page, "/order/link/confirm/", form).text
    submit(client, page, "/order/link/", form)
    assert portal.link_of(order) == (2, WINTER)


def test_order_card_follows_rights(client: Client, portal: DemoPortal, order: int) -> None:
    assert card(client, portal, order, PETRA).state == "no-read"
    page = card(client, portal, order, MARIA)
    form = {"order": f"{order}|2:{WINTER}", "to": str(EMPTY)}
    assert 'data-note="failed"' in submit(client, page, "/order/link/", form).text
    assert portal.link_of(order) == (2, WINTER)
    Portal.objects.update(named=[{"id": "U5", "name": "Maria Lopez"}])
    submit(client, page, "/order/link/", form)
    assert portal.link_of(order) == (2, EMPTY)
    assert AuditEntry.objects.get().right == "installer"


def test_order_card_changes_its_own_order_only(
    client: Client, portal: DemoPortal, order: int
) -> None:
    page, other = card(client, portal, order), portal.order_id("1193")
    deal = open_tab(client, portal, ILYA, EMPTY)
    portal.reset_counts()
    for path in ("/order/link/", "/order/unlink/"):
        for form in ({"order": f"{other}|2:{WINTER}", "to": str(EMPTY)}, {"to": str(EMPTY)}):
            assert submit(client, page, path, form).response.status_code == 400
        own = {"order": f"{order}|2:{WINTER}", "to": str(EMPTY)}
        assert submit(client, deal, path, own).response.status_code == 400
    unseen = {"order": f"{order}|"}
    assert submit(client, page, "/order/unlink/", unseen).response.status_code == 400
    assert "Link the order to which deal?" in submit(client, page, "/order/link/", unseen).text
    for path in ("/tab/link/", "/tab/unlink/", "/tab/move/", "/tab/amount/"):
        form = {"order": f"{other}|", "to": str(EMPTY), "seen": "1", "move": "on"}
        assert submit(client, page, path, form).response.status_code == 400
    assert portal.http_requests == 0


@pytest.mark.parametrize("order_id", [0, 999_999])
def test_missing_order_is_reported(
    client: Client, portal: DemoPortal, order: int, order_id: int
) -> None:
    assert card(client, portal, order_id).response.status_code in (400, 403)

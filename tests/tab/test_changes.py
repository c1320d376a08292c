"""Link, move, unlink, undo: the portal's state afterwards, and what people see."""

import pytest
from django.test import Client

from b24app.portals.models import PortalUser
from demo.server import DemoPortal
from testing.opening import (
    CHAIRS,
    EMPTY,
    ILYA,
    MARIA,
    MOCKUP,
    ONE,
    THREE,
    WINTER,
    Page,
    ask,
    install,
    open_tab,
    submit,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def tab(client: Client, portal: DemoPortal) -> Page:
    """The tab of a deal with no orders, as Ilya sees it: he may change orders."""
    install(client, portal)
    return open_tab(client, portal, user_id=ILYA, deal_id=EMPTY)


def order_id(portal: DemoPortal, number: str) -> int:
    return portal.order_id(number)


def test_unlinked_order_is_found_and_linked(client: Client, portal: DemoPortal, tab: Page) -> None:
    order = order_id(portal, "1193")
    found = ask(client, tab, "/tab/found/", {"q": "1193"})
    assert 'data-place="none"' in found.row(order)
    after = submit(client, tab, "/tab/link/", {"order": f"{order}|"})
    assert portal.link_of(order) == (2, EMPTY)
    assert after.order_ids == [order]
    assert after.toast["text"] == "1 order linked to this deal: 1193"


def test_move_requires_consent_and_names_its_source(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    order = order_id(portal, "1184")
    row = ask(client, tab, "/tab/found/", {"q": "1184"}).row(order)
    assert 'data-place="deal"' in row
    assert f'data-seen="2:{WINTER}"' in row
    assert "Winter catalogue" in row
    assert (
        submit(client, tab, "/tab/link/", {"order": f"{order}|2:{WINTER}"}).response.status_code
        == 400
    )
    assert portal.link_of(order) == (2, WINTER)
    moved = submit(client, tab, "/tab/link/", {"order": f"{order}|2:{WINTER}", "move": "on"})
    assert portal.link_of(order) == (2, EMPTY)
    assert moved.toast["text"] == "1 order linked to this deal, moved from elsewhere: 1184"


def test_the_toast_names_the_first_orders_and_counts_the_others(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    free = [pk for pk in portal.state.orders if portal.link_of(pk) is None][:7]
    numbers = [portal.state.orders[pk]["accountNumber"] for pk in free]
    page = submit(client, tab, "/tab/link/", {"order": [f"{pk}|" for pk in free]})
    assert page.toast["text"] == (
        f"7 orders linked to this deal: {', '.join(numbers[:5])} and 2 more"
    )


def test_order_moved_meanwhile_is_not_changed(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    order = order_id(portal, "1184")
    portal.state.links[order] = (2, CHAIRS)
    page = submit(client, tab, "/tab/link/", {"order": f"{order}|2:{WINTER}", "move": "on"})
    assert portal.link_of(order) == (2, CHAIRS)
    assert 'data-note="conflict"' in page.text
    assert str(CHAIRS) in page.text
    assert not page.toast


def test_unlink_asks_first_and_can_be_undone(client: Client, portal: DemoPortal, tab: Page) -> None:
    page = open_tab(client, portal, user_id=ILYA, deal_id=THREE)
    order = page.order_ids[0]
    assert (
        'data-dialog="confirm"'
        in submit(client, page, "/tab/unlink/confirm/", {"order": f"{order}|"}).text
    )
    assert portal.link_of(order) == (2, THREE)
    after = submit(client, page, "/tab/unlink/", {"order": f"{order}|"})
    assert portal.link_of(order) is None
    assert order not in after.order_ids
    undo = after.toast["undo"]
    assert isinstance(undo, dict)
    back = submit(client, page, undo["url"], undo["values"])
    assert portal.link_of(order) == (2, THREE)
    assert order in back.order_ids


def test_undo_returns_moved_order_unless_moved_again(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    order = order_id(portal, "1184")
    moved = submit(client, tab, "/tab/link/", {"order": f"{order}|2:{WINTER}", "move": "on"})
    undo = moved.toast["undo"]
    assert isinstance(undo, dict)
    portal.state.links[order] = (2, MOCKUP)
    page = submit(client, tab, undo["url"], undo["values"])
    assert portal.link_of(order) == (2, MOCKUP)
    assert 'data-note="conflict"' in page.text
    portal.state.links[order] = (2, EMPTY)
    submit(client, tab, undo["url"], undo["values"])
    assert portal.link_of(order) == (2, WINTER)


def test_undo_requires_right_and_card(client: Client, portal: DemoPortal, tab: Page) -> None:
    order = order_id(portal, "1193")
    undo = submit(client, tab, "/tab/link/", {"order": f"{order}|"}).toast["undo"]
    assert isinstance(undo, dict)
    other_card = open_tab(client, portal, deal_id=ONE)
    assert submit(client, other_card, undo["url"], undo["values"]).response.status_code == 400
    reader = open_tab(client, portal, user_id=MARIA, deal_id=EMPTY)
    assert 'data-note="failed"' in submit(client, reader, undo["url"], undo["values"]).text
    assert portal.link_of(order) == (2, EMPTY)
    colleague = open_tab(client, portal, deal_id=EMPTY)
    assert submit(client, colleague, undo["url"], undo["values"]).toast["text"] == "Undone"
    assert portal.link_of(order) is None
    assert submit(client, colleague, undo["url"], undo["values"]).response.status_code == 400


def test_read_only_manager_is_refused_and_remembered(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    order = order_id(portal, "1193")
    page = open_tab(client, portal, user_id=MARIA, deal_id=THREE)
    assert 'data-note="read-only"' not in page.text
    refused = submit(client, page, "/tab/link/", {"order": f"{order}|"})
    assert portal.link_of(order) is None
    assert 'data-note="failed"' in refused.text
    assert "administrator" in refused.text
    assert PortalUser.objects.get(user_id=MARIA).may_link is False
    assert 'data-note="read-only"' in open_tab(client, portal, user_id=MARIA, deal_id=THREE).text


@pytest.mark.parametrize("fault", ["cut", "reset", "html"])
def test_write_whose_answer_was_lost_is_read_back_and_not_repeated(
    client: Client, portal: DemoPortal, tab: Page, fault: str
) -> None:
    order = order_id(portal, "1193")
    portal.misbehave(fault, method="crm.orderentity.add", times=1, after=True)
    portal.reset_counts()
    page = submit(client, tab, "/tab/link/", {"order": f"{order}|"})
    assert portal.link_of(order) == (2, EMPTY)
    assert page.order_ids == [order]
    assert [call.method for call in portal.calls].count("crm.orderentity.add") == 1


def test_forty_orders_are_linked_at_once(client: Client, portal: DemoPortal, tab: Page) -> None:
    free = [pk for pk in portal.state.orders if portal.link_of(pk) is None][:40]
    portal.reset_counts()
    submit(client, tab, "/tab/link/", {"order": [f"{pk}|" for pk in free]})
    assert all(portal.link_of(pk) == (2, EMPTY) for pk in free)
    assert portal.http_requests <= 5


@pytest.mark.parametrize("path", ["/tab/link/", "/tab/unlink/", "/tab/undo/"])
def test_bad_forms_make_no_request(
    client: Client, portal: DemoPortal, tab: Page, path: str
) -> None:
    portal.reset_counts()
    for data in ({}, {"order": "x"}, {"order": "0|"}, {"order": [f"{n}|" for n in range(1, 52)]}):
        assert submit(client, tab, path, data).response.status_code == 400
    assert portal.http_requests == 0


def test_expired_token_is_renewed_once(client: Client, portal: DemoPortal, tab: Page) -> None:
    portal.expire_tokens()
    portal.reset_counts()
    page = submit(client, tab, "/tab/link/", {"order": f"{order_id(portal, '1193')}|"})
    assert page.response.status_code == 200
    assert portal.refreshes == 1

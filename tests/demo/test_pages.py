"""The portal in a browser: the app's places on its pages, and the buttons."""

import html
import re

import pytest
import requests

from demo.server import DemoPortal
from testing.waiting import HANG_SECONDS
from tests.demo.calls import ERIK, ILYA, MARIA, OFFICE, TOM, caller

PLACES = {
    "CRM_DEAL_DETAIL_TAB": f"/crm/deal/details/{OFFICE}/?tab=0",
    "CRM_SMART_INVOICE_DETAIL_TAB": "/crm/type/31/details/118/?tab=0",
    "CRM_ORDER_DETAIL_TAB": "/shop/orders/details/5001/?tab=0",
    "CRM_DEAL_LIST_MENU": f"/crm/deal/?open=CRM_DEAL_LIST_MENU&tab=0&id={OFFICE}",
    "CRM_DEAL_LIST_TOOLBAR": "/crm/deal/list/?open=CRM_DEAL_LIST_TOOLBAR&tab=0",
}


@pytest.fixture
def installed(portal: DemoPortal) -> DemoPortal:
    """An app that has bound a handler to every place."""
    ask = caller(portal)
    for placement in PLACES:
        handler = f"https://app.example.com/{placement}/"
        ask("placement.bind", {"PLACEMENT": placement, "HANDLER": handler, "TITLE": "Bound here"})
    portal.state.app.finished = True
    return portal


def page(portal: DemoPortal, path: str) -> requests.Response:
    return requests.get(f"{portal.url}{path}", timeout=HANG_SECONDS)


def press(portal: DemoPortal, action: str, **form: object) -> requests.Response:
    return requests.post(f"{portal.url}/demo/do/", {"action": action, **form}, timeout=HANG_SECONDS)


@pytest.mark.parametrize("placement", PLACES)
def test_app_appears_where_it_is_bound(installed: DemoPortal, placement: str) -> None:
    without_frame = re.sub(r"\?.*", "", PLACES[placement])
    shut = page(installed, without_frame).text
    assert "Bound here" in shut
    assert "app-frame" not in shut
    opened = html.unescape(page(installed, PLACES[placement]).text)
    assert f'action="https://app.example.com/{placement}/?DOMAIN=' in opened
    assert f'data-placement="{placement}"' in opened


@pytest.mark.parametrize("placement", PLACES)
def test_nothing_shows_before_the_installation_is_finished(
    installed: DemoPortal, placement: str
) -> None:
    installed.state.app.finished = False
    answer = page(installed, PLACES[placement])
    assert answer.status_code == 200
    assert "Bound here" not in answer.text
    assert "app-frame" not in answer.text


def test_second_tab_opens_its_own_handler(installed: DemoPortal) -> None:
    given = {"PLACEMENT": "CRM_DEAL_DETAIL_TAB", "HANDLER": "https://app.example.com/second/"}
    caller(installed)("placement.bind", {**given, "TITLE": "Second"})
    opened = page(installed, f"/crm/deal/details/{OFFICE}/?tab=1").text
    assert 'action="https://app.example.com/second/?DOMAIN=' in opened
    assert page(installed, f"/crm/deal/details/{OFFICE}/?tab=2").status_code == 200


def test_card_requires_read_right(portal: DemoPortal) -> None:
    portal.state.viewer = TOM
    for path in (f"/crm/deal/details/{OFFICE}/", "/crm/type/31/details/118/"):
        assert page(portal, path).status_code == 403
    assert "Office refit" not in page(portal, "/crm/deal/").text
    assert page(portal, "/crm/type/31/details/119/").status_code == 200


def test_comments_are_shown_as_text(portal: DemoPortal) -> None:
    fields = {"ENTITY_ID": OFFICE, "ENTITY_TYPE": "deal", "COMMENT": "<b>Order 1193</b> linked"}
    caller(portal)("crm.timeline.comment.add", {"fields": fields})
    assert (
        "&lt;b&gt;Order 1193&lt;/b&gt; linked" in page(portal, f"/crm/deal/details/{OFFICE}/").text
    )
    assert "Order 1193" not in page(portal, "/crm/deal/details/7000/").text


def test_buttons_work(portal: DemoPortal) -> None:
    pk = portal.order_id("1193")
    press(portal, "pay", id=pk)
    press(portal, "ship", id=pk)
    press(portal, "status", id=pk, status="F")
    press(portal, "link", id=pk, deal=7000)
    order = portal.state.orders[pk]
    assert (order["payed"], order["statusId"], portal.link_of(pk)) == ("Y", "F", (2, 7000))
    press(portal, "link", id=pk, deal="")
    assert portal.link_of(pk) is None
    press(portal, "delete-deal", id=6940)
    assert 6940 not in portal.state.deals
    press(portal, "subscription")
    assert portal.state.app.paid is False
    assert press(portal, "nonsense").status_code == 400


def choices(portal: DemoPortal, kind: str, search: str = "") -> list[dict[str, str]]:
    found = page(portal, f"/demo/frame/choices/{kind}/?q={search}")
    rows: list[dict[str, str]] = found.json()
    return rows


def test_dialogs_list_what_the_person_may_see(portal: DemoPortal) -> None:
    portal.state.viewer = TOM
    assert [choice["id"] for choice in choices(portal, "deal")] == ["D_6951", "D_6933"]
    assert choices(portal, "contact") == []
    portal.state.viewer = ERIK
    assert [choice["title"] for choice in choices(portal, "company", "harbour")] == [
        "Harbour & Pine Ltd"
    ]
    assert choices(portal, "lead") == []
    portal.dismiss(ILYA)
    assert str(ILYA) not in [choice["id"] for choice in choices(portal, "user")]
    codes = [choice["id"] for choice in choices(portal, "access")]
    assert {"U5", "D2", "DR1", "AU"} <= set(codes)
    for code in codes:
        names = caller(portal, MARIA)("access.name", {"ACCESS": [code]}).result
        assert isinstance(names, dict)
        assert set(names) == {code}
    assert page(portal, "/demo/frame/choices/secrets/").status_code == 404

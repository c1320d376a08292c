"""Every designed state of the tab, produced by a portal that misbehaves, read by axe, and left again."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from testing.opening import EMPTY, ILYA, MARIA, MOCKUP, PETRA, THREE
from testing.processes import ROOT
from tests.browser.conftest import Desk

pytestmark = pytest.mark.browser

AXE = Path(ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")


@pytest.fixture
def troubled(sit_down: Callable[..., Desk]) -> Desk:
    """A desk whose console may complain: the browser reports each answer that is an error."""
    desk = sit_down()
    desk.install()
    desk.sit(ILYA)
    return desk


def check_state(desk: Desk, state: str) -> None:
    """The state is on the screen, with a reference for support, and axe finds nothing in it."""
    place = desk.app.locator(f"[data-state={state}]")
    expect(place).to_be_visible()
    desk.page.wait_for_timeout(200)
    desk.picture(f"state-{state}")
    assert desk.violations(AXE) == []


TROUBLES = [
    ("no_read", "crm.orderentity.list", "no-read"),
    ("no_store", "crm.orderentity.list", "no-store"),
    ("no_scope", "crm.orderentity.list", "no-scope"),
    ("operating", "crm.orderentity.list", "busy"),
    ("html", None, "silent"),
    ("user_access", None, "app-closed"),
    ("payment_required", None, "payment"),
    ("portal_deleted", None, "portal-closed"),
]


@pytest.mark.parametrize(("fault", "method", "state"), TROUBLES)
def test_failure_states_when_the_tab_opens(
    troubled: Desk, fault: str, method: str | None, state: str
) -> None:
    desk = troubled
    desk.portal.misbehave(fault, method=method, times=30)
    desk.go(f"/crm/deal/details/{MOCKUP}/?tab=0")
    check_state(desk, state)
    expect(desk.app.locator(f"[data-state={state}]")).to_contain_text("LO-")
    desk.portal.calm()
    desk.app.locator(".state .btn.fill").first.click()
    expect(desk.app.locator("#grid tr[data-order-id]")).to_have_count(9)


def test_ended_plan_is_shown_until_it_is_renewed(troubled: Desk) -> None:
    desk = troubled
    desk.portal.enter("plan_ended")
    desk.go(f"/crm/deal/details/{MOCKUP}/?tab=0")
    check_state(desk, "plan")
    desk.portal.calm()
    desk.app.locator(".state .btn.fill").first.click()
    expect(desk.app.locator("#grid tr[data-order-id]")).to_have_count(9)


def test_portal_without_store_offers_nothing_until_one_exists(troubled: Desk) -> None:
    desk = troubled
    desk.portal.close_store()
    # The card itself is open: only the orders are missing.
    desk.go(f"/crm/deal/details/{MOCKUP}/?tab=0")
    check_state(desk, "no-store")
    for name in ("#open-picker", "#narrow"):
        expect(desk.app.locator(name)).to_be_hidden()
    desk.portal.reopen_store()
    desk.app.locator(".state .btn.fill").first.click()
    expect(desk.app.locator("#grid tr[data-order-id]")).to_have_count(9)
    for name in ("#open-picker", "#narrow"):
        expect(desk.app.locator(name)).to_be_visible()
    desk.portal.close_store()
    desk.app.locator("#open-picker").click()
    expect(desk.app.locator("#picker-results [data-state=no-store]")).to_be_visible()
    for name in (".dialog-find", "[data-picker-submit]"):
        expect(desk.app.locator(f"[data-dialog=picker] {name}")).to_be_hidden()
    desk.picture("state-no-store-picker")
    desk.portal.reopen_store()
    desk.app.locator("[data-picker-again]").click()
    expect(desk.app.locator("[data-dialog=picker] .dialog-find")).to_be_visible()
    expect(desk.app.locator("#picker-results tr[data-order-id]").first).to_be_visible()


@pytest.mark.parametrize(
    ("fault", "method", "state"),
    [trouble for trouble in TROUBLES if trouble[2] in ("no-read", "silent", "payment")],
)
def test_failure_states_while_the_tab_is_open(
    troubled: Desk, fault: str, method: str | None, state: str
) -> None:
    desk = troubled
    desk.open_deal(MOCKUP)
    desk.portal.misbehave(fault, method=method, times=30)
    desk.app.get_by_role("button", name="Date").click()
    expect(desk.app.locator(f"[data-state={state}]")).to_be_visible()
    desk.portal.calm()
    desk.app.locator(".state [data-again]").click()
    expect(desk.app.locator("#grid tr[data-order-id]")).to_have_count(9)


def test_page_retries_unresponsive_portal(troubled: Desk) -> None:
    desk = troubled
    desk.open_deal(MOCKUP)
    desk.portal.misbehave("html", times=30)
    desk.app.get_by_role("button", name="Date").click()
    expect(desk.app.locator("[data-retry-text]")).to_contain_text("s")
    desk.portal.calm()
    expect(desk.app.locator("#grid tr[data-order-id]")).to_have_count(9)


def test_missing_read_right_names_who_can_grant_it(troubled: Desk) -> None:
    desk = troubled
    desk.sit(PETRA)
    desk.open_deal(MOCKUP)
    check_state(desk, "no-read")
    expect(desk.app.locator(".people")).to_contain_text("Anna Schmidt")
    expect(desk.app.locator("#open-picker")).to_be_disabled()


def test_missing_link_right_is_shown_above_the_orders(troubled: Desk) -> None:
    desk = troubled
    desk.sit(MARIA)
    desk.open_deal(THREE)
    desk.app.locator("[data-check]").first.check()
    desk.app.locator("#panel-unlink").click()
    desk.app.locator("dialog[open] button[type=submit]").click()
    expect(desk.app.locator("[data-note=failed]")).to_contain_text(
        "you need permission to change them"
    )
    desk.open_deal(THREE)
    note = desk.app.locator("[data-note=read-only]")
    expect(note).to_contain_text("Anna Schmidt")
    button = desk.app.locator("#open-picker")
    expect(button).to_be_disabled()
    expect(button).to_have_attribute("title", "You can view orders but not link them")
    desk.picture("state-read-only")
    assert desk.violations(AXE) == []
    note.get_by_role("button", name="Check again").click()
    expect(note).to_have_count(0)
    expect(button).to_be_enabled()


def test_ended_session_that_cannot_be_renewed_is_shown(troubled: Desk) -> None:
    desk = troubled
    desk.open_deal(MOCKUP)
    desk.portal.kill_tokens()
    desk.page.route("**/demo/frame/auth/", lambda route: route.abort())
    desk.app.get_by_role("button", name="Date").click()
    check_state(desk, "session-ended")


def test_unreachable_server_is_shown_until_it_returns(troubled: Desk) -> None:
    desk = troubled
    desk.open_deal(MOCKUP)
    line = desk.app.locator(".toast", has_text="No connection to Linked Orders")
    desk.page.route("**/tab/news/**", lambda route: route.abort())
    expect(line).to_have_count(1)
    expect(line).to_contain_text(re.compile(r"you see the state of \d\d:\d\d"))
    expect(desk.app.locator("[data-fresh]")).to_be_hidden()
    desk.picture("state-cut-off")
    assert desk.violations(AXE) == []
    desk.page.unroute("**/tab/news/**")
    expect(line).to_have_count(0)
    expect(desk.app.locator("[data-fresh]")).to_be_visible()


def test_uninstalled_app_is_no_longer_polled(troubled: Desk) -> None:
    desk = troubled
    desk.open_deal(MOCKUP)
    desk.portal.lifecycle.uninstall(clean=False)
    check_state(desk, "session-ended")
    asked: list[str] = []
    desk.page.on("request", lambda request: asked.append(request.url))
    desk.page.wait_for_timeout(10_000)
    assert [text for text in asked if "/tab/news/" in text or "/session/" in text] == []


def test_incomplete_installation_is_shown(troubled: Desk) -> None:
    desk = troubled
    desk.portal.state.member_id = "c" * 32
    desk.go(f"/crm/deal/details/{MOCKUP}/?tab=0")
    check_state(desk, "not-installed")


def test_ended_subscription_is_shown_until_renewed(troubled: Desk) -> None:
    desk = troubled
    desk.portal.end_subscription()
    desk.go(f"/crm/deal/details/{MOCKUP}/?tab=0")
    expect(desk.app.locator("[data-state=payment], [data-note=unpaid]").first).to_be_visible()
    desk.picture("state-unpaid")
    desk.portal.renew_subscription()
    desk.open_deal(MOCKUP)
    expect(desk.app.locator("#grid tr[data-order-id]")).to_have_count(9)


def test_deal_without_orders_shows_empty_state(troubled: Desk) -> None:
    desk = troubled
    desk.open_deal(EMPTY)
    expect(desk.app.locator("[data-state=empty], [data-state=suggested]").first).to_be_visible()
    desk.page.wait_for_load_state("networkidle")
    desk.picture("state-empty")
    assert desk.violations(AXE) == []


def test_first_opening_after_a_rename_shows_the_tab(desk: Desk) -> None:
    desk.portal.rename()
    desk.page.goto(f"{desk.portal.current_url}/crm/deal/details/{MOCKUP}/?tab=0")
    expect(desk.app.locator("#grid tr[data-order-id]")).to_have_count(9)

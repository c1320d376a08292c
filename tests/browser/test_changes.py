"""What people change, in a browser: the portal's selector, the dialogs, the history, the order's own card."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from b24app.orders.types import DEAL
from testing.opening import EMPTY, ILYA, MANY, MOCKUP
from testing.processes import ROOT
from tests.browser.conftest import Desk

pytestmark = pytest.mark.browser

AXE = Path(ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")


def choose(desk: Desk, title: str) -> None:
    """Pick a deal in the portal's own selector."""
    desk.page.get_by_text(title).first.click()
    desk.page.get_by_text("Select", exact=True).click()
    desk.app.locator("dialog[open]").wait_for()


def confirm(desk: Desk) -> None:
    desk.app.locator("dialog[open] button[type=submit]").click()


@pytest.fixture
def office(desk: Desk) -> Desk:
    desk.sit(ILYA)
    desk.open_deal(MOCKUP)
    return desk


def test_move_with_portal_selector_and_undo_from_history(office: Desk) -> None:
    desk = office
    numbers = desk.numbers()
    desk.app.locator("[data-check]").nth(0).check()
    desk.app.locator("[data-check]").nth(1).check()
    desk.app.locator("#panel-move").click()
    choose(desk, "Empty so far")
    dialog = desk.app.locator("dialog[open]")
    expect(dialog).to_contain_text("Deal 7000 Empty so far")
    assert desk.violations(AXE) == []
    confirm(desk)
    assert desk.toast() == f"2 orders moved to deal {EMPTY}"
    expect(desk.app.locator("#grid tr[data-order-id]")).to_have_count(7)
    desk.app.get_by_role("button", name="History").click()
    latest = desk.app.locator(".history li").first
    expect(latest).to_contain_text("Deal 7000 Empty so far")
    desk.picture("history")
    assert desk.violations(AXE) == []
    latest.get_by_role("button", name="Undo").click()
    expect(desk.app.locator("#grid tr[data-order-id]")).to_have_count(9)
    assert desk.numbers() == numbers


def test_status_change_and_undo(office: Desk) -> None:
    desk = office
    row = desk.app.locator("tr[data-number='1201']")
    row.locator("[data-check]").check()
    desk.app.locator("#panel-status").click()
    desk.app.locator("dialog[open] select").select_option("AW")
    desk.picture("status")
    assert desk.violations(AXE) == []
    confirm(desk)
    expect(row.locator(".status")).to_have_text("In assembly")
    desk.app.locator(".toast").get_by_role("button", name="Undo").click()
    expect(row.locator(".status")).to_have_text("Waiting for payment")


def test_deal_amount_is_set_and_undone(office: Desk) -> None:
    desk = office
    desk.app.locator("#set-amount").click()
    expect(desk.app.locator("dialog[open]")).to_contain_text("€20,430.50")
    assert desk.violations(AXE) == []
    confirm(desk)
    expect(desk.app.locator("#set-amount")).to_have_count(0)
    desk.app.locator(".toast").get_by_role("button", name="Undo").click()
    expect(desk.app.locator("#set-amount")).to_be_visible()


def test_conflict_with_other_persons_change_is_shown(office: Desk) -> None:
    desk = office
    order = desk.portal.order_id("1201")
    desk.app.locator("tr[data-number='1201'] [data-check]").check()
    desk.app.locator("#panel-unlink").click()
    desk.app.locator("dialog[open]").wait_for()
    desk.portal.state.links[order] = (2, EMPTY)
    confirm(desk)
    note = desk.app.locator("[data-note=conflict]")
    expect(note).to_contain_text("No. 1201 was not changed")
    expect(note).to_contain_text("deal 7000")
    assert desk.portal.link_of(order) == (2, EMPTY)


def test_move_by_keyboard_from_the_row(office: Desk) -> None:
    desk = office
    desk.app.locator("tr[data-number='1201'] [data-menu]").focus()
    press = desk.page.keyboard.press
    press("Enter")
    for item in ("Comment", "Move"):
        press("ArrowDown")
        expect(desk.app.locator("[role=menuitem]:focus")).to_contain_text(item)
    press("Enter")
    choose(desk, "Empty so far")
    expect(desk.app.locator("dialog[open] button[type=submit]")).to_be_focused()
    press("Enter")
    expect(desk.app.locator("#grid tr[data-order-id]")).to_have_count(8)
    assert desk.portal.link_of(desk.portal.order_id("1201")) == (2, EMPTY)


def test_order_card_links_moves_and_unlinks(desk: Desk) -> None:
    desk.sit(ILYA)
    order = desk.portal.order_id("1201")
    desk.go(f"/shop/orders/details/{order}/?tab=0")
    expect(desk.app.locator("[data-state=linked]")).to_contain_text("Office refit")
    desk.picture("order-card")
    assert desk.violations(AXE) == []
    desk.app.locator("[data-move]").click()
    choose(desk, "Empty so far")
    confirm(desk)
    expect(desk.app.locator("[data-state=linked]")).to_contain_text("Empty so far")
    desk.app.get_by_role("button", name="Unlink").click()
    expect(desk.app.locator("[data-state=not-linked]")).to_be_visible()
    desk.app.locator(".toast").get_by_role("button", name="Undo").last.click()
    expect(desk.app.locator("[data-state=linked]")).to_contain_text("Empty so far")


def test_order_card_shows_changes_by_others(desk: Desk) -> None:
    desk.sit(ILYA)
    order = desk.portal.order_id("1201")
    desk.go(f"/shop/orders/details/{order}/?tab=0")
    expect(desk.app.locator("[data-state=linked]")).to_contain_text("Office refit")
    history = desk.app.locator("#open-history")
    history.focus()
    desk.portal.link(order, (DEAL, EMPTY))
    expect(desk.app.locator("[data-state=linked]")).to_contain_text("Empty so far")
    expect(history).to_be_focused()
    desk.portal.link(order, None)
    expect(desk.app.locator("[data-state=not-linked]")).to_be_visible()


def test_order_that_somebody_else_links_appears_in_the_open_tab(desk: Desk) -> None:
    desk.sit(ILYA)
    desk.open_deal(EMPTY)
    rows = desk.app.locator("#grid tr[data-order-id]")
    expect(rows).to_have_count(0)
    order = desk.portal.order_id("1201")
    desk.portal.link(order, (DEAL, EMPTY))
    expect(rows).to_have_count(1)
    assert desk.numbers() == ["1201"]
    desk.picture("linked-by-somebody-else")
    desk.portal.link(order, (DEAL, MOCKUP))
    expect(rows).to_have_count(0)


def test_selecting_all_400_orders_starts_a_job_below_the_grid(desk: Desk) -> None:
    desk.sit(ILYA)
    desk.open_deal(MANY)
    desk.app.locator("#panel-all").check()
    desk.app.locator("#panel-unlink").click()
    expect(desk.app.locator("dialog[open]")).to_contain_text("400 orders")
    confirm(desk)
    job = desk.app.locator("#job")
    expect(job).to_have_attribute("data-job-state", "planned")
    expect(desk.app.locator("dialog[open]")).to_have_count(0)
    desk.app.locator("#job-discard").click()
    expect(job).to_have_count(0)


def test_dialogs_fit_a_phone(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down(390, 800)
    desk.install()
    desk.sit(ILYA, "de")
    desk.open_deal(MOCKUP)
    for button in ("#panel-unlink", "#panel-status"):
        desk.app.locator("[data-check]").first.check()
        desk.app.locator(button).click()
        dialog = desk.app.locator("dialog[open]")
        dialog.wait_for()
        wide = dialog.evaluate("one => one.scrollWidth - one.clientWidth")
        assert wide <= 0
        desk.app.locator("dialog[open] [data-close]").last.click()
    assert desk.faults == []

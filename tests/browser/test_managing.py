"""Managing an order in its row, in a browser: two clicks each, and nothing hidden."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from testing.opening import ANNA, MOCKUP
from tests.browser.conftest import Desk
from tests.browser.test_changes import AXE, confirm
from tests.browser.test_console import enter

pytestmark = pytest.mark.browser


def allow_everything(desk: Desk) -> Desk:
    """The administrator in the deal, with everything allowed in the settings."""
    desk.sit(ANNA)
    enter(desk, "settings")
    for name in ("allow_cancel", "allow_pay", "allow_ship"):
        desk.app.locator(f"[name={name}]").check()
    desk.picture("settings-managers")
    desk.app.get_by_role("button", name="Save", exact=True).click()
    desk.toast()
    desk.open_deal(MOCKUP)
    return desk


@pytest.fixture
def office(desk: Desk) -> Desk:
    return allow_everything(desk)


def test_a_status_and_a_responsible_person_take_two_clicks(office: Desk) -> None:
    desk = office
    row = desk.app.locator("tr[data-number='1201']")
    row.locator(".status button").click()
    menu = desk.app.locator("#menu-status")
    expect(menu).to_contain_text("may notify the client")
    desk.picture("status-menu")
    assert desk.violations(AXE) == []
    menu.get_by_role("menuitem", name="In assembly").click()
    expect(row.locator(".status")).to_have_text("In assembly")
    row.locator(".resp button").click()
    desk.page.get_by_text("Tom Becker", exact=True).first.click()
    desk.page.get_by_text("Select", exact=True).click()
    expect(row.locator(".resp")).to_contain_text("Tom Becker")
    desk.app.locator(".toast").get_by_role("button", name="Undo").last.click()
    expect(row.locator(".resp")).not_to_contain_text("Tom Becker")


def test_an_order_is_paid_shipped_and_cancelled_by_its_dialogs(office: Desk) -> None:
    desk = office
    row = desk.app.locator("tr[data-number='1196']")
    row.locator(".pay button").click()
    expect(desk.app.locator("dialog[open] [data-of-part]")).to_have_text("Mark €2,000.00 as paid")
    desk.picture("pay")
    assert desk.violations(AXE) == []
    confirm(desk)
    expect(row.locator(".pay")).to_have_text("Paid")
    row.locator(".ship button").click()
    desk.app.locator("[data-tracking-field]").fill("4417 8891 07")
    desk.picture("ship")
    assert desk.violations(AXE) == []
    confirm(desk)
    expect(row.locator(".ship")).to_contain_text("Shipped")
    other = desk.app.locator("tr[data-number='1201']")
    other.locator(".status button").click()
    desk.app.locator("#menu-status [data-cancels]").click()
    desk.app.locator("dialog[open] [data-reason]").first.click()
    desk.picture("cancel")
    assert desk.violations(AXE) == []
    confirm(desk)
    expect(other).to_have_class("gone")
    other.locator(".status button").click()
    expect(desk.app.locator("dialog[open]")).to_contain_text("Client changed their mind")
    desk.picture("restore")


def test_nothing_sticks_out_on_a_phone(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down(width=390, height=844)
    desk.install()
    allow_everything(desk)
    desk.picture("row-390")
    row = desk.app.locator("tr[data-number='1196']")
    for name, button in (("pay", ".pay button"), ("ship", ".ship button")):
        row.locator(button).click()
        desk.app.locator("dialog[open]").wait_for()
        desk.picture(f"{name}-390")
        width = desk.app.locator(":root").evaluate("root => root.scrollWidth - root.clientWidth")
        assert width <= 0
        desk.app.locator("dialog[open] [data-close]").click()
    row.locator(".status button").click()
    desk.picture("status-390")
    assert desk.faults == []

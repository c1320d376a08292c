"""The administrator's console in a real browser inside the portal."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Frame, expect

from b24app.orders.types import DEAL
from testing.opening import ANNA, MANY, MARIA, MOCKUP, WINTER
from testing.processes import ROOT
from tests.browser.conftest import Desk

pytestmark = pytest.mark.browser

AXE = Path(ROOT / "node_modules" / "axe-core" / "axe.min.js")
ABORTED = ("htmx:afterRequest", "htmx:sendAbort")
SECTIONS = ["overview", "links", "rules", "audit", "settings", "support"]


def enter(desk: Desk, section: str = "overview") -> None:
    """The app's main page, at one of its sections."""
    desk.go("/marketplace/app/")
    desk.app.locator("[data-page=console] main").wait_for()
    if section != "overview":
        desk.app.locator(f"#menu-{section}").click()
    desk.app.locator(f"#menu-{section}[aria-current=page]").wait_for()


def frame_of(desk: Desk) -> Frame:
    frame = desk.page.frame(url=lambda url: "PROTOCOL=" in url)
    assert frame is not None
    return frame


def numbers(desk: Desk) -> list[str]:
    rows = desk.app.locator("#links tr[data-order-id]")
    return [str(row.get_attribute("data-order-id")) for row in rows.all()]


def test_people_chosen_in_portal_selector_are_saved(desk: Desk) -> None:
    enter(desk, "settings")
    desk.app.locator("[data-choose-names]").click()
    dialog = desk.page.locator("dialog.choose")
    dialog.get_by_label("Maria Lopez").check()
    dialog.get_by_label("Tom Becker").check()
    dialog.get_by_role("button", name="Select").click()
    names = desk.app.locator("#names .token")
    expect(names).to_have_text(["Maria Lopez", "Tom Becker"])
    expect(desk.app.locator("[name=who][value=named]")).to_be_checked()
    desk.app.get_by_role("button", name="Remove Tom Becker").click()
    expect(desk.app.locator("[data-choose-names]")).to_be_focused()
    desk.app.locator("[name=place][value=invoice]").uncheck()
    desk.app.get_by_role("button", name="Save").click()
    assert desk.toast() == "Settings saved"
    enter(desk, "settings")
    expect(desk.app.locator("#names .token")).to_have_text(["Maria Lopez"])
    expect(desk.app.locator("[name=place][value=invoice]")).not_to_be_checked()
    assert "CRM_SMART_INVOICE_DETAIL_TAB" not in [
        placement["placement"] for placement in desk.portal.state.placements
    ]


def test_number_out_of_range_is_reported_and_not_sent(desk: Desk) -> None:
    enter(desk, "settings")
    days = desk.app.locator("#suggestion-days")
    days.fill("4000")
    # The browser holds it back first; the server says the same where it does not.
    desk.app.locator("[data-section=settings]").evaluate("form => (form.noValidate = true)")
    desk.app.get_by_role("button", name="Save").click()
    expect(desk.app.locator("[data-note=invalid]")).to_be_visible()
    expect(days).to_have_attribute("aria-invalid", "true")
    expect(days).to_have_value("4000")
    desk.faults = [fault for fault in desk.faults if "422" not in fault]


def test_repair_button_fixes_the_problem(desk: Desk) -> None:
    desk.portal.state.placements.clear()
    enter(desk)
    fault = desk.app.locator("[data-fault=places]")
    expect(fault).to_contain_text("CRM_DEAL_DETAIL_TAB")
    fault.get_by_role("button").click()
    assert "Everything is connected" in desk.toast()
    expect(desk.app.locator("[data-check=places][data-grade=fine]")).to_be_visible()
    assert len(desk.portal.state.placements) == 5


def test_links_are_filtered_paged_and_selected_across_pages(desk: Desk) -> None:
    enter(desk, "links")
    first = numbers(desk)
    desk.app.locator("[data-mark]").first.check()
    desk.app.locator("#page-next").click()
    expect(desk.app.locator(f"#links tr[data-order-id='{first[0]}']")).to_have_count(0)
    desk.app.locator("[data-mark]").first.check()
    expect(desk.app.locator("[data-marked-count]")).to_have_text("2")
    desk.app.locator("#page-previous").click()
    expect(desk.app.locator(f"#links tr[data-order-id='{first[0]}'] [data-mark]")).to_be_checked()

    desk.app.locator("[name=field]").first.select_option("owner")
    desk.app.locator("[name=value]").first.fill(str(MOCKUP))
    desk.app.locator("[data-add-rule]").click()
    expect(desk.app.locator(".rule")).to_have_count(2)
    expect(desk.app.locator(".rule [name=field]").nth(1)).to_be_focused()
    desk.app.locator("[name=field]").nth(1).select_option("type")
    expect(desk.app.locator("[name=value]").nth(1)).to_be_hidden()
    desk.app.get_by_role("button", name="Apply").click()
    expect(desk.app.locator("#links tr[data-order-id]")).to_have_count(9)
    desk.app.locator("[data-drop-rule]").first.click()
    expect(desk.app.locator(".rule")).to_have_count(1)


def test_links_are_saved_as_a_file(desk: Desk) -> None:
    enter(desk, "links")
    desk.app.locator("[data-menu=menu-export]").click()
    with desk.page.expect_download() as started:
        desk.app.get_by_role("menuitem", name="CSV").click()
    assert started.value.suggested_filename == "links.csv"
    rows = Path(started.value.path()).read_text("utf-8-sig").splitlines()
    assert len(rows) == len(desk.portal.state.links) + 1


def test_report_runs_to_its_end(desk: Desk) -> None:
    enter(desk, "links")
    desk.app.locator("#report-without").click()
    expect(desk.app.locator("[data-progress]")).to_contain_text("Checked all")
    free = set(desk.portal.state.orders) - set(desk.portal.state.links)
    assert sorted(map(int, numbers(desk))) == sorted(free)
    expect(desk.app.locator("#report-on")).to_have_count(0)
    desk.app.locator("#report-without").click()
    expect(desk.app.locator("[data-rules]")).to_be_visible()


def test_report_is_stopped_and_resumed_with_keyboard(desk: Desk) -> None:
    desk.portal.many(orders=12_000, deals=10, link=True)
    linked = list(desk.portal.state.links)
    lost = [*linked[20:29], linked[-1]]
    for order_id in lost:
        desk.portal.state.links[order_id] = (DEAL, 990_000)
    enter(desk, "links")
    desk.portal.rest.latency = 0.3
    try:
        desk.app.locator("#report-gone").click()
        on = desk.app.locator("#report-on")
        expect(on).to_have_text("Stop")
        on.focus()
        expect(desk.app.locator("[data-progress='2000']")).to_be_visible()
        expect(on).to_be_focused()
        desk.page.keyboard.press("Enter")
        expect(on).to_have_text("Continue")
        expect(on).to_be_focused()
        expect(desk.app.locator("#not-to-the-end")).to_be_visible()
        desk.picture("report-stopped")
        stood = desk.app.locator("#report-line").get_attribute("data-progress")
        desk.page.wait_for_timeout(900)
        expect(desk.app.locator("#report-line")).to_have_attribute("data-progress", str(stood))
    finally:
        desk.portal.rest.latency = 0.0
    desk.page.keyboard.press("Enter")
    expect(desk.app.locator("#report-line")).to_contain_text("Checked all", timeout=60_000)
    assert sorted(map(int, numbers(desk))) == lost
    expect(desk.app.locator("#not-to-the-end")).to_have_count(0)
    desk.app.locator("#links-every").check()
    expect(desk.app.locator("[data-marked-count]")).to_have_text("10")
    desk.picture("report-at-its-end")
    desk.app.get_by_role("button", name="Unlink").click()
    carried_out(desk, 10)
    assert [desk.portal.link_of(order_id) for order_id in lost] == [None] * 10
    # htmx notes the request that Stop has broken off.
    desk.faults = [fault for fault in desk.faults if not fault.startswith(ABORTED)]


def carried_out(desk: Desk, orders: int) -> None:
    """The job whose preview is shown, over so many orders, is started and done."""
    start = desk.app.locator("#job-start")
    noun = "order" if orders == 1 else "orders"
    expect(start).to_contain_text(f" {orders} {noun}")
    start.click()
    expect(desk.app.locator("#job")).to_have_attribute("data-job-state", "done")


def choose_deal(desk: Desk, title: str) -> None:
    dialog = desk.page.locator("dialog.choose")
    dialog.get_by_label("Search").fill(title)
    dialog.get_by_label(title).check()
    dialog.get_by_role("button", name="Select").click()


def test_selected_links_are_moved_to_a_deal(desk: Desk) -> None:
    enter(desk, "links")
    chosen = [int(number) for number in numbers(desk)[10:13]]
    for order_id in chosen:
        desk.app.locator(f"#links tr[data-order-id='{order_id}'] [data-mark]").check()
    desk.app.locator("[data-move-marked]").click()
    choose_deal(desk, "Winter catalogue")
    carried_out(desk, 3)
    assert {desk.portal.link_of(order_id) for order_id in chosen} == {(DEAL, WINTER)}


def test_rows_menu_moves_unlinks_and_shows_the_history_of_one_order(desk: Desk) -> None:
    enter(desk, "links")
    elsewhere = [
        int(number)
        for number in numbers(desk)
        if desk.portal.link_of(int(number)) != (DEAL, WINTER)
    ]
    first, second, third = elsewhere[:3]
    desk.app.locator(f"#links tr[data-order-id='{third}'] [data-mark]").check()

    def choose(order_id: int, item: str) -> None:
        desk.app.locator(f"[data-menu='menu-{order_id}']").focus()
        desk.page.keyboard.press("Enter")
        desk.app.locator(f"#menu-{order_id}").get_by_role("menuitem", name=item).press("Enter")

    choose(first, "Unlink")
    carried_out(desk, 1)
    enter(desk, "links")
    choose(second, "Move")
    choose_deal(desk, "Winter catalogue")
    carried_out(desk, 1)
    assert desk.portal.link_of(first) is None
    assert desk.portal.link_of(second) == (DEAL, WINTER)
    assert desk.portal.link_of(third) is not None
    enter(desk, "links")
    choose(second, "History")
    expect(desk.app.locator("[data-section=audit] [name=order]")).to_have_value(str(second))


def test_all_links_that_match_are_moved(desk: Desk) -> None:
    matching = {number for number, at in desk.portal.state.links.items() if at == (DEAL, MANY)}
    enter(desk, "links")
    desk.app.locator("[name=field]").first.select_option("owner")
    desk.app.locator("[name=value]").first.fill(str(MANY))
    desk.app.get_by_role("button", name="Apply").click()
    expect(desk.app.locator(f".foot [data-total='{len(matching)}']")).to_be_visible()
    desk.app.locator("[data-every]").check()
    expect(desk.app.locator("[data-marked-count]")).to_have_text(str(len(matching)))
    desk.app.locator("[data-move-marked]").click()
    choose_deal(desk, "Winter catalogue")
    carried_out(desk, len(matching))
    assert {desk.portal.link_of(order_id) for order_id in matching} == {(DEAL, WINTER)}


def test_all_orders_of_the_report_are_linked_to_a_deal(desk: Desk) -> None:
    free = set(desk.portal.state.orders) - set(desk.portal.state.links)
    enter(desk, "links")
    desk.app.locator("#report-without").click()
    expect(desk.app.locator("#report-line")).to_contain_text("Checked all")
    desk.app.locator("[data-every]").check()
    expect(desk.app.locator("[data-marked-count]")).to_have_text("all")
    desk.app.locator("[data-move-marked]").click()
    choose_deal(desk, "Winter catalogue")
    carried_out(desk, len(free))
    assert {desk.portal.link_of(order_id) for order_id in free} == {(DEAL, WINTER)}


def test_link_appears_in_audit(desk: Desk) -> None:
    desk.open_deal(MOCKUP)
    desk.app.locator("#open-picker").click()
    desk.app.locator("#picker-search input").fill("1193")
    desk.app.locator("tr[data-number='1193'] [data-pick]").check()
    desk.app.locator("[data-picker-submit]").click()
    desk.toast()
    enter(desk, "audit")
    line = desk.app.locator("tr[data-what=linked]").first
    expect(line).to_contain_text("1193")
    expect(line).to_contain_text("Anna Schmidt")
    desk.app.locator("[name=kind]").select_option("responsible")
    desk.app.get_by_role("button", name="Apply").click()
    expect(desk.app.locator("[data-state=no-audit]")).to_be_visible()


def test_sections_work_with_keyboard(desk: Desk) -> None:
    enter(desk)
    desk.app.locator("#menu-overview").focus()
    names = desk.app.locator("[id^=menu-]").evaluate_all("all => all.map((one) => one.id.slice(5))")
    assert {*SECTIONS, "jobs"} == set(names)
    for section in names[1:]:
        desk.page.keyboard.press("Tab")
        desk.page.keyboard.press("Enter")
        desk.app.locator(f"#menu-{section}[aria-current=page]").wait_for()
        expect(desk.app.locator(f"#menu-{section}")).to_be_focused()


def test_keyboard_can_leave_section_once_loaded(desk: Desk) -> None:
    enter(desk)
    for _ in range(5):
        desk.app.locator("#menu-links").click()
        desk.app.locator("#menu-links[aria-current=page]").wait_for()
        desk.app.locator("#menu-links").focus()
        for section in ("rules", "jobs", "audit"):
            desk.page.keyboard.press("Tab")
            desk.page.keyboard.press("Enter")
            desk.app.locator(f"#menu-{section}[aria-current=page]").wait_for()
        expect(desk.app.locator("#menu-audit")).to_be_focused()
        expect(desk.app.locator("[data-section=audit]")).to_be_visible()


def test_error_is_shown_under_menu_and_can_be_retried(desk: Desk) -> None:
    enter(desk)
    desk.portal.misbehave("no_read", method="crm.orderentity.list")
    desk.app.locator("#menu-links").click()
    expect(desk.app.locator("[data-state=no-read]")).to_be_visible()
    desk.app.get_by_role("button", name="Check again").click()
    expect(desk.app.locator("#links")).to_be_visible()
    desk.faults = [fault for fault in desk.faults if "403" not in fault]


def test_ended_session_is_renewed_through_the_frame(desk: Desk) -> None:
    enter(desk)
    desk.portal.expire_tokens()
    desk.app.locator("#menu-links").click()
    expect(desk.app.locator("#links")).to_be_visible()


def test_employee_sees_where_to_find_the_app(desk: Desk) -> None:
    desk.sit(MARIA)
    desk.go("/marketplace/app/")
    expect(desk.app.locator("[data-state=main]")).to_be_visible()
    expect(desk.app.locator("#menu-overview")).to_have_count(0)


@pytest.mark.parametrize("width", [1280, 900, 390])
@pytest.mark.parametrize("language", ["en", "ru", "de"])
def test_every_section_fits_and_axe_finds_nothing(
    sit_down: Callable[..., Desk], width: int, language: str
) -> None:
    desk = sit_down(width, 900)
    desk.install()
    desk.sit(ANNA, language)
    desk.portal.state.events.clear()
    for section in SECTIONS:
        enter(desk, section)
        frame = frame_of(desk)
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert frame.evaluate(wide) == 0, section
        frame.evaluate(AXE.read_text("utf-8"))
        found = frame.evaluate(
            "() => axe.run(document, {iframes: false}).then(result => result.violations)"
        )
        assert [(item["id"], item["nodes"][0]["html"]) for item in found] == [], section
    assert desk.faults == []


def test_report_heading_gets_focus_and_empty_report_offers_no_action(desk: Desk) -> None:
    enter(desk, "links")
    desk.app.locator("#report-gone").press("Enter")
    expect(desk.app.locator("#report-line")).to_contain_text("Checked all")
    expect(desk.app.locator("#links-title")).to_be_focused()
    expect(desk.app.locator("[data-state=no-links]")).to_be_visible()
    expect(desk.app.locator("[data-marks]")).to_be_hidden()
    expect(desk.app.locator("[data-marked-count]")).to_be_hidden()


def test_select_all_checks_rows_and_unchecking_one_clears_it(desk: Desk) -> None:
    enter(desk, "links")
    rows = desk.app.locator("[data-mark]")
    shown = rows.count()
    desk.app.locator("[data-every]").check()
    expect(desk.app.locator("[data-mark]:checked")).to_have_count(shown)
    rows.first.uncheck()
    expect(desk.app.locator("[data-every]")).not_to_be_checked()
    expect(desk.app.locator("[data-marked-count]")).to_have_text(str(shown - 1))


def test_leaving_unsaved_settings_warns(desk: Desk) -> None:
    enter(desk, "settings")
    desk.app.get_by_role("button", name="Save").click()
    assert desk.toast() == "Settings saved"
    desk.app.locator("#menu-audit").click()
    desk.app.locator("[data-section=audit]").wait_for()
    expect(desk.app.locator(".toast")).to_have_count(0)
    desk.app.locator("#menu-settings").click()
    desk.app.locator("#suggestion-days").fill("33")
    desk.app.locator("#menu-audit").click()
    assert desk.toast() == "Your changes to the settings are not saved."
    expect(desk.app.locator("#suggestion-days")).to_have_value("33")
    assert desk.violations(AXE.read_text("utf-8")) == []
    desk.app.get_by_role("button", name="Leave without saving").click()
    desk.app.locator("[data-section=audit]").wait_for()


def test_unsaved_settings_warning_fits_a_phone(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down(390, 800)
    desk.install()
    desk.sit(ANNA, "de")
    enter(desk, "settings")
    desk.app.locator("#suggestion-days").fill("33")
    desk.app.locator("#menu-audit").click()
    desk.app.locator(".toast").wait_for()
    toast = desk.app.locator(".toast").bounding_box()
    words = desk.app.locator(".toast p").bounding_box()
    assert toast
    assert words
    assert words["width"] > toast["width"] / 2
    for button in desk.app.locator(".toast button").all():
        box = button.bounding_box()
        assert box
        assert toast["x"] <= box["x"]
        assert box["x"] + box["width"] <= toast["x"] + toast["width"]
    assert desk.faults == []

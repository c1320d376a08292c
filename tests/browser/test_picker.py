"""The picker and the suggestions in a real browser, inside the portal's frame."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Locator, expect

from demo.server import DemoPortal
from testing.opening import EMPTY, ILYA, MOCKUP
from testing.processes import ROOT
from tests.browser.conftest import Desk

pytestmark = pytest.mark.browser

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture
def store(desk: Desk) -> Desk:
    """The seeded orders as if the seed were of today: the real clock runs in the app."""
    seeded = max(row["dateInsert"] for row in desk.portal.state.orders.values())
    late = datetime.now(UTC) - datetime.fromisoformat(seeded) - timedelta(hours=1)
    for row in desk.portal.state.orders.values():
        row["dateInsert"] = (datetime.fromisoformat(row["dateInsert"]) + late).isoformat()
    for deal in desk.portal.state.deals.values():
        deal["DATE_CREATE"] = (datetime.fromisoformat(deal["DATE_CREATE"]) + late).isoformat()
    desk.sit(ILYA)
    return desk


def open_picker(desk: Desk, deal_id: int = EMPTY) -> None:
    desk.open_deal(deal_id)
    desk.app.locator("#open-picker").click()
    rows(desk).first.wait_for()


def rows(desk: Desk) -> Locator:
    return desk.app.locator("#picker-results tr[data-order-id]")


def row(desk: Desk, number: str) -> Locator:
    return desk.app.locator(f"#picker-results tr[data-number='{number}']")


def tick(desk: Desk, number: str) -> None:
    desk.app.locator("#picker-search input[name=q]").fill(number)
    row(desk, number).locator("[data-pick]").check()


def chip(desk: Desk, name: str) -> Locator:
    return desk.app.locator(f"[data-chip={name}]")


def searches(desk: Desk) -> list[str]:
    """Searches the page asks for from now on."""
    asked: list[str] = []
    desk.page.on(
        "request",
        lambda request: asked.append(request.url) if "/tab/found/" in request.url else None,
    )
    return asked


def axe(desk: Desk) -> list[tuple[str, str]]:
    frame = desk.page.frame(url=lambda url: "/placements/deal-tab/" in url)
    assert frame is not None
    frame.evaluate(AXE.read_text("utf-8"))
    found = frame.evaluate(
        "() => axe.run(document, {iframes: false}).then(result => result.violations)"
    )
    return [(item["id"], item["nodes"][0]["html"]) for item in found]


def test_chips_search_at_once_and_announce_pressed_state(store: Desk) -> None:
    open_picker(store)
    expect(store.app.locator("#pick-title + .sub")).to_have_text("to Deal 7000 Empty so far")
    chip(store, "mine").click()
    expect(chip(store, "mine")).to_have_attribute("aria-pressed", "true")
    expect(row(store, "1193")).to_be_visible()
    expect(store.app.locator("#picker-results")).not_to_contain_text("Priya Raman")
    chip(store, "unlinked").click()
    expect(row(store, "1201")).to_have_count(0)
    expect(row(store, "1193")).to_be_visible()
    chip(store, "mine").click()
    chip(store, "unlinked").click()
    expect(chip(store, "mine")).to_have_attribute("aria-pressed", "false")
    chip(store, "recent").click()
    expect(chip(store, "recent")).to_have_attribute("aria-pressed", "true")
    expect(row(store, "1140")).to_have_count(0)


def test_escape_in_period_closes_only_the_period(store: Desk) -> None:
    open_picker(store)
    chip(store, "recent").click()
    opener = store.app.locator("[data-period-open]")
    opener.focus()
    store.page.keyboard.press("Enter")
    since = store.app.locator("[name=since]")
    expect(since).to_be_focused()
    expect(opener).to_have_attribute("aria-expanded", "true")
    store.page.keyboard.press("Escape")
    expect(opener).to_be_focused()
    expect(store.app.locator("dialog[open]")).to_be_visible()
    opener.click()
    day = store.portal.state.orders[store.portal.order_id("1193")]["dateInsert"][:10]
    since.fill(day)
    store.app.locator("[name=until]").fill(day)
    store.page.keyboard.press("Enter")
    expect(row(store, "1193")).to_be_visible()
    expect(row(store, "1201")).to_have_count(0)
    expect(opener).to_contain_text(day[:4])
    expect(chip(store, "recent")).to_have_attribute("aria-pressed", "false")
    opener.click()
    store.app.locator("[data-period-clear]").click()
    expect(opener).to_contain_text("Choose a period")
    expect(rows(store)).to_have_count(50)


def test_same_search_is_not_sent_twice(store: Desk) -> None:
    open_picker(store)
    asked = searches(store)
    box = store.app.locator("#picker-search input[name=q]")
    box.press_sequentially("1193", delay=20)
    box.press("Enter")
    expect(rows(store)).to_have_count(1)
    box.press("Enter")
    box.fill(" 1193 ")
    store.page.wait_for_timeout(600)
    assert len(asked) == 1


def test_grid_filter_does_not_filter_the_picker(store: Desk) -> None:
    store.open_deal(MOCKUP)
    store.app.locator("#narrow [name=q]").fill("1201")
    expect(store.app.locator("#grid tr[data-order-id]")).to_have_count(1)
    asked = searches(store)
    store.app.locator("#open-picker").click()
    expect(rows(store)).to_have_count(50)
    tick(store, "1193")
    assert all("1201" not in text for text in asked)
    store.app.locator("[data-picker-submit]").click()
    assert "1 order linked" in store.toast()
    expect(store.app.locator("#grid tr[data-order-id]")).to_have_count(1)


def test_selection_survives_searches_and_move_asks_for_consent(store: Desk) -> None:
    open_picker(store)
    for number in ("1193", "1184", "1179"):
        tick(store, number)
    submit = store.app.locator("[data-picker-submit]")
    expect(submit).to_have_text("Link 3 orders")
    expect(store.app.locator("[data-picker-count]")).to_have_text("3")
    note = store.app.locator("[data-picker-moves]")
    expect(note).to_contain_text("2 will be moved from other deals")
    expect(note).to_contain_text("No. 1184 from Deal 6933 Winter catalogue, Tom Becker")
    expect(note).to_contain_text("No. 1179 from Deal 6940 Meeting room chairs, Ilya Sokolov")
    expect(note).to_contain_text("automation")
    expect(submit).to_be_disabled()
    tick(store, "1163")
    expect(note).to_contain_text("3 will be moved from where they are linked now")
    row(store, "1163").locator("[data-pick]").uncheck()
    store.app.locator("[data-picker-move]").check()
    submit.click()
    assert "3 orders linked to this deal" in store.toast()
    wanted = {store.portal.order_id(number) for number in ("1193", "1184", "1179")}
    assert {pk for pk, at in store.portal.state.links.items() if at == (2, EMPTY)} == wanted


def test_show_more_adds_rows_and_selection_ends_at_fifty(store: Desk) -> None:
    open_picker(store)
    expect(rows(store)).to_have_count(50)
    tick_all = store.app.locator("[data-pick-all]")
    tick_all.check()
    expect(store.app.locator("[data-picker-count]")).to_have_text("50")
    store.app.get_by_role("button", name="Show more").click()
    expect(rows(store)).to_have_count(100)
    expect(store.app.locator("#picker-found")).to_have_text("100 orders shown")
    expect(rows(store).nth(50).locator("[data-pick]")).to_be_focused()
    store.page.keyboard.press("Space")
    expect(rows(store).nth(50).locator("[data-pick]")).not_to_be_checked()
    expect(store.app.locator("[data-picker-full]")).to_contain_text("Up to 50 at once")
    expect(store.app.locator("[data-picker-count]")).to_have_text("50")
    assert tick_all.evaluate("one => one.indeterminate")
    rows(store).first.locator("[data-pick]").uncheck()
    expect(store.app.locator("[data-picker-full]")).to_be_hidden()
    rows(store).nth(50).locator("[data-pick]").check()
    expect(store.app.locator("[data-picker-submit]")).to_have_text("Link 50 orders")


def test_failed_search_keeps_dialog_open_and_can_be_retried(store: Desk) -> None:
    open_picker(store)
    tick(store, "1193")
    store.portal.misbehave("operating", method="sale.order.list", times=50)
    store.app.locator("#picker-search input[name=q]").fill("1170")
    state = store.app.locator("#picker-results [data-state=busy]")
    expect(state).to_be_visible()
    expect(state).to_contain_text("LO-")
    expect(store.app.locator("dialog[open]")).to_be_visible()
    store.portal.calm()
    store.app.locator("[data-picker-again]").click()
    expect(row(store, "1170")).to_be_visible()
    expect(store.app.locator("[data-picker-submit]")).to_have_text("Link 1 order")
    store.faults.clear()  # the browser reports the 503 itself


def tab_to(desk: Desk, wanted: Locator) -> None:
    for _ in range(12):
        if wanted.evaluate("one => one === document.activeElement"):
            return
        desk.page.keyboard.press("Tab")
    expect(wanted).to_be_focused()


def test_picker_works_with_keyboard(store: Desk) -> None:
    store.open_deal(EMPTY)
    store.app.locator("#open-picker").focus()
    press = store.page.keyboard.press
    press("Enter")
    expect(store.app.locator("#picker-search input[name=q]")).to_be_focused()
    rows(store).first.wait_for()
    press("Tab")
    expect(chip(store, "mine")).to_be_focused()
    press("Space")
    expect(chip(store, "mine")).to_have_attribute("aria-pressed", "true")
    press("Shift+Tab")
    store.page.keyboard.type("1193")
    expect(rows(store)).to_have_count(1)
    tab_to(store, row(store, "1193").locator("[data-pick]"))
    press("Space")
    submit = store.app.locator("[data-picker-submit]")
    expect(submit).to_have_text("Link 1 order")
    tab_to(store, submit)
    press("Enter")
    assert "1 order linked" in store.toast()
    assert store.portal.link_of(store.portal.order_id("1193")) == (2, EMPTY)


def suggested(desk: Desk) -> Locator:
    return desk.app.locator("[data-suggested]")


def test_suggestion_is_dismissed_restored_and_linked(store: Desk) -> None:
    store.open_deal(MOCKUP)
    expect(suggested(store)).to_have_count(2)
    hint = store.app.locator("#suggestions")
    expect(hint).to_contain_text("2 more orders of this client are not linked")
    hint.get_by_role("button", name="Do not suggest order 1193").click()
    expect(suggested(store)).to_have_count(1)
    expect(hint).to_contain_text("1 more order of this client is not linked")
    expect(hint.locator("[data-suggestions-all]")).to_be_hidden()
    expect(hint.get_by_role("button", name="Do not suggest order 1170")).to_be_focused()
    assert "no longer suggested to you here" in store.toast()
    store.app.locator(".toast").get_by_role("button", name="Undo").click()
    expect(suggested(store)).to_have_count(2)
    hint.get_by_role("button", name="Link order 1193").click()
    assert "1 order linked to this deal" in store.toast()
    assert store.portal.link_of(store.portal.order_id("1193")) == (2, MOCKUP)
    expect(suggested(store)).to_have_count(1)


def test_last_dismissed_suggestion_can_be_restored_and_both_linked(store: Desk) -> None:
    store.open_deal(MOCKUP)
    expect(suggested(store)).to_have_count(2)
    for number in ("1193", "1170"):
        store.app.get_by_role("button", name=f"Do not suggest order {number}").click()
    expect(store.app.locator("#suggestions")).to_be_hidden()
    for left in (1, 2):
        store.app.locator(".toast").get_by_role("button", name="Undo").first.click()
        expect(suggested(store)).to_have_count(left)
    store.app.get_by_role("button", name="Link both").click()
    assert "2 orders linked to this deal" in store.toast()
    expect(suggested(store)).to_have_count(0)


def test_empty_deal_shows_suggestions(store: Desk) -> None:
    store.open_deal(EMPTY)
    empty = store.app.locator("[data-state=empty]")
    expect(suggested(store)).to_have_count(1)
    expect(empty).to_have_count(1)
    expect(empty).to_contain_text("This order seems to belong here.")
    empty.get_by_role("button", name="Do not suggest order 1193").click()
    expect(empty).to_contain_text("Find the client’s orders")
    expect(empty.get_by_role("button", name="Find orders")).to_be_visible()
    store.app.locator(".toast").get_by_role("button", name="Undo").click()
    expect(suggested(store)).to_have_count(1)
    empty.get_by_role("button", name="Link order 1193").click()
    expect(store.app.locator("#grid tr[data-order-id]")).to_have_count(1)


@pytest.mark.parametrize("where", ["picker", "period", "moves", "failed", "suggestions", "empty"])
def test_axe_finds_nothing_in_the_picker(store: Desk, where: str) -> None:
    if where in ("suggestions", "empty"):
        store.open_deal(EMPTY if where == "empty" else MOCKUP)
        suggested(store).first.wait_for()
    else:
        open_picker(store, MOCKUP)
    if where == "period":
        store.app.locator("[data-period-open]").click()
    if where == "moves":
        tick(store, "1184")
    if where == "failed":
        store.portal.misbehave("no_store", method="sale.order.list", times=50)
        store.app.locator("#picker-search input[name=q]").fill("1170")
        store.app.locator("#picker-results [data-state=no-store]").wait_for()
        store.faults.clear()  # the browser reports the 409 itself
    assert axe(store) == []


@pytest.mark.parametrize("width", [1280, 900, 390])
def test_nothing_overflows(sit_down: Callable[..., Desk], live: DemoPortal, width: int) -> None:
    desk = sit_down(width, 900)
    desk.install()
    open_picker(desk, MOCKUP)
    for number in ("1193", "1184"):
        tick(desk, number)
    frame = desk.page.frame(url=lambda url: "/placements/deal-tab/" in url)
    assert frame is not None
    for element in ("document.querySelector('dialog')", "document.documentElement"):
        sizes = frame.evaluate(f"() => [{element}.scrollWidth, {element}.clientWidth]")
        assert sizes[0] <= sizes[1]
    assert desk.faults == []

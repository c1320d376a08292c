"""The picker in a real browser, inside the portal's frame."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Route, expect

from demo.server import DemoPortal
from testing.opening import ANNA, EMPTY, MOCKUP, ONE, THREE
from testing.processes import ROOT
from tests.browser.conftest import Desk

pytestmark = pytest.mark.browser

FOUND = re.compile(r"/tab/found/")
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"


def open_picker(desk: Desk, deal_id: int = EMPTY, *, everything: bool = False) -> None:
    """The dialog with the orders it opens on, or without any filter."""
    desk.open_deal(deal_id)
    desk.app.locator("#open-picker").click()
    rows(desk).first.wait_for()
    if everything:
        chip(desk, "mine").click()
        chip(desk, "unlinked").click()
        expect(rows(desk)).to_have_count(50)


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


def pressed(desk: Desk) -> list[str]:
    chips = desk.app.locator("[data-chip][aria-pressed=true]").all()
    return [str(one.get_attribute("data-chip")) for one in chips]


def test_the_dialog_opens_on_this_client_s_unlinked_orders(store: Desk) -> None:
    open_picker(store, MOCKUP)
    expect(store.app.locator("#pick-title + .sub")).to_have_text(
        "to Deal 7021 Office refit, second floor"
    )
    assert pressed(store) == ["mine", "unlinked"]
    expect(rows(store)).to_have_count(2)
    # Whoever types a number looks for it everywhere, and comes back to where they began.
    store.app.locator("#picker-search input[name=q]").fill("1184")
    expect(row(store, "1184")).to_be_visible()
    assert pressed(store) == []
    expect(row(store, "1184")).to_contain_text("Online store")
    store.app.locator("#picker-search input[name=q]").fill("")
    expect(rows(store)).to_have_count(2)
    assert pressed(store) == ["mine", "unlinked"]


def test_a_deal_without_a_client_says_so(store: Desk) -> None:
    store.portal.state.deals[EMPTY] |= {"CONTACT_ID": "0", "COMPANY_ID": "0"}
    open_picker(store)
    expect(store.app.locator("[data-no-client]")).to_have_text(
        "This deal has no client. The list starts with all unlinked orders."
    )
    assert pressed(store) == ["unlinked"]


def test_chips_search_at_once_and_announce_pressed_state(store: Desk) -> None:
    open_picker(store, everything=True)
    assert pressed(store) == []
    chip(store, "mine").click()
    expect(chip(store, "mine")).to_have_attribute("aria-pressed", "true")
    expect(row(store, "1201")).to_be_visible()
    expect(store.app.locator("#picker-results")).not_to_contain_text("Priya Raman")
    chip(store, "mine").click()
    chip(store, "recent").click()
    expect(chip(store, "recent")).to_have_attribute("aria-pressed", "true")
    expect(row(store, "1140")).to_have_count(0)


def test_escape_in_period_closes_only_the_period(store: Desk) -> None:
    open_picker(store, everything=True)
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
    box.press_sequentially("119", delay=20)
    box.press("Enter")
    expect(row(store, "1193")).to_be_visible()
    box.press("Enter")
    box.fill(" 119 ")
    store.page.wait_for_timeout(600)
    assert len(asked) == 1
    expect(store.app.locator("#picker-results")).not_to_have_attribute("inert", "")


def test_what_is_shown_is_locked_from_the_first_key_and_late_answers_never_win(
    store: Desk,
) -> None:
    open_picker(store)
    held: list[Route] = []

    def keep(route: Route) -> None:
        held.append(route)

    store.page.route(FOUND, keep)
    results, box = (
        store.app.locator("#picker-results"),
        store.app.locator("#picker-search [name=q]"),
    )
    with store.page.expect_request(FOUND):
        box.press("1")
        expect(results).to_have_attribute("inert", "")
    assert (
        row(store, "1193")
        .locator("[data-pick]")
        .evaluate("one => (one.focus(), one !== document.activeElement)")
    )
    box.fill("1170")
    with store.page.expect_request(FOUND):
        held[0].continue_()
    # The answer to the first search is dropped: the list from before stays, and stays locked.
    expect(results).to_have_attribute("inert", "")
    expect(rows(store)).to_have_count(1)
    held[1].continue_()
    expect(row(store, "1170")).to_be_visible()
    expect(results).not_to_have_attribute("inert", "")
    expect(store.app.locator("[data-picker-submit]")).to_be_disabled()


def test_enter_links_the_only_order_that_was_found(store: Desk) -> None:
    open_picker(store)
    box = store.app.locator("#picker-search [name=q]")
    box.fill("1184")
    expect(row(store, "1184")).to_be_visible()
    box.press("Enter")
    # It is linked elsewhere: the question comes first.
    expect(store.app.locator("[data-picker-move]")).to_be_focused()
    store.app.get_by_role("button", name="Remove order 1184 from the selection").click()
    expect(box).to_be_focused()
    box.fill("1170")
    expect(store.app.locator("#picker-found")).to_have_text("1 order found · Enter links it")
    box.press("Enter")
    assert store.toast() == "1 order linked to this deal: 1170"
    assert store.portal.link_of(store.portal.order_id("1170")) == (2, EMPTY)


class Clicks:
    """Clicks on the page since it was opened."""

    def __init__(self) -> None:
        self.count = 0

    def on(self, place: Locator) -> None:
        place.click()
        self.count += 1


def test_linking_takes_no_more_clicks_than_it_should(store: Desk) -> None:
    """Typing apart: a suggested order 1, one whose number is known 2, another of this client 3."""
    submit = store.app.locator("[data-picker-submit]")
    store.open_deal(MOCKUP)
    clicks = Clicks()
    clicks.on(store.app.get_by_role("button", name="Link order 1193"))
    assert store.toast() == "1 order linked to this deal: 1193"
    assert clicks.count == 1

    store.open_deal(MOCKUP)
    clicks = Clicks()
    clicks.on(store.app.locator("#open-picker"))
    clicks.on(row(store, "1170").locator("[data-pick]"))
    clicks.on(submit)
    assert store.toast() == "1 order linked to this deal: 1170"
    assert clicks.count == 3

    free = store.portal.order_id("A9000003")
    store.open_deal(MOCKUP)
    clicks = Clicks()
    clicks.on(store.app.locator("#open-picker"))
    expect(store.app.locator("#picker-search [name=q]")).to_be_focused()
    store.page.keyboard.type("A9000003")
    expect(rows(store)).to_have_count(1)
    store.page.keyboard.press("Enter")
    assert store.toast() == "1 order linked to this deal: A9000003"
    assert clicks.count <= 2
    assert store.portal.link_of(free) == (2, MOCKUP)


@pytest.mark.parametrize("frame", ["grows", "low"])
@pytest.mark.parametrize("deal_id", [EMPTY, ONE, THREE])
def test_the_buttons_stay_in_sight_however_low_the_frame_is(
    store: Desk, deal_id: int, frame: str
) -> None:
    store.open_deal(deal_id)
    if frame == "low":
        store.page.add_style_tag(content="#app-frame { height: 340px !important; }")
    store.app.locator("#open-picker").click()
    store.app.locator("#picker-results :is(table, .state)").wait_for()
    tick(store, "1184")
    for place in ("[data-picker-submit]", "[data-picker-move]"):
        found = store.app.locator(place)
        found.evaluate("one => one.scrollIntoView({block: 'nearest'})")
        expect(found).to_be_in_viewport(ratio=1)
    expect(store.app.locator("[data-picker-submit]")).to_be_in_viewport(ratio=1)
    inside = store.app.locator("dialog[open]").evaluate(
        """dialog => {
          const {top, bottom} = dialog.getBoundingClientRect();
          const foot = dialog.querySelector(".dialog-foot").getBoundingClientRect();
          return top >= 0 && bottom <= innerHeight && foot.bottom <= bottom + 1 && foot.top >= top;
        }"""
    )
    assert inside
    store.app.locator("[data-picker-move]").check()
    store.app.locator("[data-picker-submit]").click()
    assert "1184" in store.toast()


def test_grid_filter_does_not_filter_the_picker(store: Desk) -> None:
    store.open_deal(MOCKUP)
    store.app.locator("#narrow [name=q]").fill("1201")
    expect(store.app.locator("#grid tr[data-order-id]")).to_have_count(1)
    asked = searches(store)
    store.app.locator("#open-picker").click()
    expect(rows(store)).to_have_count(2)
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
    expect(store.app.locator("[data-picker-chosen] li")).to_have_text(
        ["No. 1193", "No. 1184", "No. 1179"]
    )
    note = store.app.locator("[data-picker-moves]")
    expect(note).to_contain_text("2 will be moved from other deals")
    expect(note).to_contain_text("No. 1184 from Deal 6933 Winter catalogue, Tom Becker")
    expect(note).to_contain_text("No. 1179 from Deal 6940 Meeting room chairs, Ilya Sokolov")
    expect(note).to_contain_text("automation")
    expect(submit).to_be_disabled()
    tick(store, "1163")
    expect(note).to_contain_text("3 will be moved from where they are linked now")
    store.app.get_by_role("button", name="Remove order 1163 from the selection").click()
    expect(row(store, "1163").locator("[data-pick]")).not_to_be_checked()
    store.app.locator("[data-picker-move]").check()
    submit.click()
    assert store.toast() == (
        "3 orders linked to this deal, 2 of them moved from elsewhere: 1193, 1184, 1179"
    )
    wanted = {store.portal.order_id(number) for number in ("1193", "1184", "1179")}
    assert {pk for pk, at in store.portal.state.links.items() if at == (2, EMPTY)} == wanted


def test_show_more_adds_rows_and_selection_ends_at_fifty(store: Desk) -> None:
    open_picker(store, everything=True)
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
    expect(chip(store, "mine")).to_have_attribute("aria-pressed", "false")
    press("Shift+Tab")
    store.page.keyboard.type("1193")
    expect(store.app.locator("#picker-results")).not_to_have_attribute("inert", "")
    tab_to(store, row(store, "1193").locator("[data-pick]"))
    press("Space")
    submit = store.app.locator("[data-picker-submit]")
    expect(submit).to_have_text("Link 1 order")
    tab_to(store, submit)
    press("Enter")
    assert "1 order linked" in store.toast()
    assert store.portal.link_of(store.portal.order_id("1193")) == (2, EMPTY)


@pytest.mark.parametrize("where", ["picker", "period", "moves", "failed"])
def test_axe_finds_nothing_in_the_picker(store: Desk, where: str) -> None:
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
    assert store.violations(AXE.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("width", "language"), [(1280, "en"), (900, "en"), (390, "en"), (1280, "de"), (390, "de")]
)
def test_nothing_overflows(
    sit_down: Callable[..., Desk], live: DemoPortal, width: int, language: str
) -> None:
    desk = sit_down(width, 900)
    desk.install()
    desk.sit(ANNA, language)
    desk.open_deal(MOCKUP)
    desk.app.locator("#suggestions[data-suggestions]").wait_for()
    desk.picture(f"tab-{language}-{width}")
    desk.app.locator("#open-picker").click()
    rows(desk).first.wait_for()
    desk.picture(f"picker-opens-{language}-{width}")
    for number in ("1193", "1184"):
        tick(desk, number)
    desk.picture(f"picker-{language}-{width}")
    for element in ("document.querySelector('dialog')", "document.documentElement"):
        sizes = desk.app.locator(":root").evaluate(
            f"() => [{element}.scrollWidth, {element}.clientWidth]"
        )
        assert sizes[0] <= sizes[1]
    assert desk.faults == []

"""Looking at orders as people do: sort, filter, page, tick, open, hide, wait, and all of it by keyboard."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Route, expect

from testing.opening import ILYA, MANY, MOCKUP, THREE
from testing.processes import ROOT
from tests.browser.conftest import Desk

pytestmark = pytest.mark.browser

AXE = Path(ROOT / "node_modules" / "axe-core" / "axe.min.js")


def row(desk: Desk, number: str) -> Locator:
    return desk.app.locator(f"#grid tr[data-number='{number}']")


def settled(desk: Desk) -> None:
    expect(desk.app.locator(".htmx-request")).to_have_count(0)


def filters(desk: Desk) -> Locator:
    panel = desk.app.locator("#filters")
    if not panel.is_visible():
        desk.app.locator("#open-filters").click()
    return panel


def test_click_before_the_script_arrives_is_not_lost(desk: Desk) -> None:
    """A busy network delivers the page before its script: nothing can be clicked until both are here."""

    def late(route: Route) -> None:
        desk.page.wait_for_timeout(2_000)
        route.continue_()

    desk.page.route("**/app*.js", late)
    desk.go(f"/crm/deal/details/{MOCKUP}/?tab=0")
    row(desk, "1196").locator("[data-turn]").click()
    expect(desk.app.locator("tr.more .lines").first).to_be_visible()


def test_sorting_from_the_header(desk: Desk) -> None:
    desk.open_deal(MOCKUP)
    amount = desk.app.locator("#sort-amount")
    amount.click()
    header = desk.app.locator("th.c-sum")
    expect(header).to_have_attribute("aria-sort", "descending")
    assert desk.numbers()[0] == "1174"  # dollars stand apart from euros
    expect(amount).to_be_focused()
    amount.click()
    expect(header).to_have_attribute("aria-sort", "ascending")
    assert desk.numbers()[0] == "1152"


def test_filters_are_shown_and_removed_as_chips(desk: Desk) -> None:
    desk.open_deal(MOCKUP)
    desk.app.get_by_role("button", name="Remove the filter: With cancelled").click()
    expect(desk.app.locator("#grid tr[data-order-id]")).to_have_count(8)
    filters(desk).get_by_label("Payment").select_option("paid")
    expect(desk.app.locator("#grid tr[data-order-id]")).to_have_count(4)
    chip = desk.app.locator("[data-preset=payment]")
    expect(chip).to_contain_text("Payment: Paid")
    desk.page.keyboard.press("Escape")
    expect(desk.app.locator("#filters")).to_be_hidden()
    desk.app.locator("#narrow [name=q]").fill("4417")
    expect(desk.app.locator("#grid tr[data-order-id]")).to_have_count(1)
    desk.app.locator("#narrow [name=q]").fill("nothing like this")
    expect(desk.app.locator("[data-state=nothing-matches]")).to_be_visible()
    desk.app.locator("#grid").get_by_role("button", name="Clear filters").click()
    expect(desk.app.locator("#grid tr[data-order-id]")).to_have_count(9)
    expect(chip).to_be_hidden()


def test_selection_is_kept_across_pages_and_summed(desk: Desk) -> None:
    desk.open_deal(MANY)
    first = desk.numbers()
    desk.app.locator("[data-check]").first.check()
    desk.app.locator("#page-next").click()
    expect(desk.app.locator("#grid")).to_have_attribute("data-page", "2")
    desk.app.locator("[data-check]").nth(1).check()
    orders = [
        desk.portal.state.orders[desk.portal.order_id(n)] for n in (first[0], desk.numbers()[1])
    ]
    sums: dict[str, float] = {}
    for order in orders:
        if order["canceled"] == "N":
            sums[order["currency"]] = sums.get(order["currency"], 0) + order["price"]
    shown = desk.app.locator("[data-selected-sums]").inner_text()
    expect(desk.app.locator("[data-selected-count]")).to_have_text("2")
    for currency, amount in sums.items():
        assert f"{'€' if currency == 'EUR' else '$'}{amount:,.2f}" in shown
    desk.app.locator("#sort-number").click()
    settled(desk)
    expect(desk.app.locator("[data-selected-count]")).to_have_text("2")
    desk.app.locator("#panel-all").check()
    expect(desk.app.locator("[data-panel-fields] input")).to_have_count(0)
    expect(desk.app.locator("#panel-export")).to_be_enabled()
    rows = desk.app.locator("[data-check]")
    expect(desk.app.locator("[data-check]:checked")).to_have_count(rows.count())
    rows.first.uncheck()
    expect(desk.app.locator("#panel-all")).not_to_be_checked()
    expect(desk.app.locator("[data-selected-count]")).to_have_text(str(rows.count() - 1))


def test_row_opens_closes_and_shows_errors(desk: Desk) -> None:
    desk.open_deal(MOCKUP)
    turn = row(desk, "1196").locator("[data-turn]")
    turn.click()
    more = desk.app.locator("tr.more")
    expect(more).to_contain_text("Bank transfer")
    expect(turn).to_have_attribute("aria-expanded", "true")
    assert more.get_attribute("id") == turn.get_attribute("aria-controls")
    desk.app.locator("#sort-amount").click()
    settled(desk)
    expect(more).to_contain_text("Bank transfer")
    expect(row(desk, "1196").locator("[data-turn]")).to_have_attribute("aria-expanded", "true")
    row(desk, "1196").locator("[data-turn]").click()
    expect(more).to_have_count(0)
    desk.portal.misbehave("operating", method="sale.order.list", times=1)
    row(desk, "1201").locator("[data-turn]").click()
    expect(more).to_contain_text("busy")
    desk.portal.calm()
    more.get_by_role("button", name="Retry").click()
    expect(more).to_contain_text("Not paid")
    desk.faults.clear()  # the browser reports the 503 that was shown


def test_columns_stay_hidden_after_a_reload(desk: Desk) -> None:
    desk.open_deal(MOCKUP)
    desk.app.locator("#set-columns").click()
    with desk.page.expect_response("**/tab/columns/"):
        desk.app.get_by_role("menuitemcheckbox", name="Responsible").click()
    expect(desk.app.locator("th.c-resp")).to_be_hidden()
    desk.page.keyboard.press("Escape")
    expect(desk.app.locator("#set-columns")).to_be_focused()
    desk.open_deal(MOCKUP)
    expect(desk.app.locator("th.c-resp")).to_be_hidden()
    expect(desk.app.locator("td.resp").first).to_be_hidden()
    row(desk, "1196").locator("[data-turn]").click()
    expect(desk.app.locator("tr.more td[data-span]")).to_have_attribute("colspan", "9")
    frame = desk.page.frame(url=lambda url: "/placements/deal-tab/" in url)
    assert frame is not None
    table, card = frame.evaluate(
        "() => ['.orders', '#grid'].map(one => document.querySelector(one).offsetWidth)"
    )
    assert table <= card


def test_change_by_another_person_appears_and_keeps_selection(desk: Desk) -> None:
    desk.open_deal(MOCKUP)
    row(desk, "1188").locator("[data-check]").check()
    row(desk, "1201").locator("[data-turn]").click()
    more = desk.app.locator("tr.more")
    expect(more).to_contain_text("Not paid")
    row(desk, "1166").locator("[data-turn]").focus()
    scrolled = desk.page.evaluate("() => (window.scrollTo(0, 120), window.scrollY)")
    desk.portal.pay(desk.portal.order_id("1201"))
    expect(row(desk, "1201").locator("[data-payment]")).to_have_attribute("data-payment", "paid")
    expect(more).to_contain_text("Paid")
    expect(more).not_to_contain_text("Not paid")
    expect(row(desk, "1188").locator("[data-check]")).to_be_checked()
    expect(row(desk, "1166").locator("[data-turn]")).to_be_focused()
    assert desk.page.evaluate("() => window.scrollY") == scrolled
    expect(desk.app.locator("[data-fresh]")).to_contain_text("Up to date, ")


def test_open_dialog_survives_a_change(desk: Desk) -> None:
    desk.open_deal(MOCKUP)
    desk.app.locator("#open-picker").click()
    desk.app.locator("#picker-results tr[data-order-id]").first.wait_for()
    desk.app.locator("#picker-search [name=q]").fill("119")
    desk.portal.pay(desk.portal.order_id("1201"))
    expect(row(desk, "1201").locator("[data-payment]")).to_have_attribute("data-payment", "paid")
    expect(desk.app.locator("dialog[open]")).to_be_visible()
    expect(desk.app.locator("#picker-search [name=q]")).to_have_value("119")


def test_suggestions_stay_while_the_same_orders_are_linked(desk: Desk) -> None:
    desk.open_deal(MOCKUP)
    link = desk.app.locator("#suggestions [data-suggested] .btn").first
    link.focus()
    desk.portal.reset_counts()
    desk.portal.pay(desk.portal.order_id("1201"))
    expect(row(desk, "1201").locator("[data-payment]")).to_have_attribute("data-payment", "paid")
    settled(desk)
    assert "crm.contact.get" not in [call.method for call in desk.portal.calls]
    expect(link).to_be_focused()
    link.click()
    assert "1 order linked" in desk.toast()
    expect(desk.app.locator("#suggestions [data-suggested]")).to_have_count(1)


def test_an_order_that_was_taken_away_is_not_ticked_any_more(desk: Desk) -> None:
    desk.open_deal(THREE)
    first = desk.numbers()[0]
    desk.app.locator("[data-check-all]").check()
    expect(desk.app.locator("[data-selected-count]")).to_have_text("3")
    desk.portal.link(desk.portal.order_id(first), None)
    expect(desk.app.locator("#grid tr[data-order-id]")).to_have_count(2)
    expect(desk.app.locator("[data-selected-count]")).to_have_text("2")


def test_idle_or_hidden_tab_sends_no_portal_requests(desk: Desk) -> None:
    desk.open_deal(MOCKUP)
    desk.app.locator("#suggestions li, #suggestions:empty").first.wait_for(state="attached")
    settled(desk)
    asked: list[str] = []
    desk.page.on("request", lambda request: asked.append(request.url))
    desk.portal.reset_counts()
    desk.page.wait_for_timeout(9_000)
    assert desk.portal.http_requests == 0
    assert any("/tab/news/" in url for url in asked)
    desk.page.locator("#app-frame").evaluate("one => (one.style.display = 'none', null)")
    desk.page.wait_for_timeout(4_500)
    asked.clear()
    desk.page.wait_for_timeout(5_000)
    assert not [url for url in asked if "/tab/news/" in url]


def test_export_saves_a_file(desk: Desk) -> None:
    desk.open_deal(MOCKUP)
    row(desk, "1188").locator("[data-check]").check()
    desk.app.locator("#panel-export").click()
    with desk.page.expect_download() as saved:
        desk.app.get_by_role("menuitem", name="CSV").click()
    content = Path(saved.value.path()).read_text("utf-8-sig")
    assert saved.value.suggested_filename == "orders-deal-7021.csv"
    assert "1188" in content
    assert "1201" not in content


def test_grid_works_with_keyboard(desk: Desk) -> None:
    desk.open_deal(MOCKUP)
    press = desk.page.keyboard.press
    desk.app.locator("#set-columns").focus()
    press("Enter")
    items = desk.app.locator("#menu-columns [role=menuitemcheckbox]")
    expect(items.first).to_be_focused()
    press("ArrowDown")
    expect(items.nth(1)).to_be_focused()
    press("Escape")
    desk.app.locator("#sort-amount").focus()
    press("Enter")
    expect(desk.app.locator("th.c-sum")).to_have_attribute("aria-sort", "descending")
    expect(desk.app.locator("#sort-amount")).to_be_focused()
    turn = desk.app.locator("[data-turn]").first
    turn.focus()
    press("Enter")
    expect(desk.app.locator("tr.more .inset .lines").first).to_be_visible()
    press("Enter")
    expect(desk.app.locator("tr.more")).to_have_count(0)
    desk.app.locator("#narrow [name=q]").focus()
    desk.page.keyboard.type("1196")
    expect(desk.app.locator("#grid tr[data-order-id]")).to_have_count(1)
    expect(desk.app.locator("#narrow [name=q]")).to_be_focused()
    press("Tab")
    press("Enter")
    expect(desk.app.locator("#filters select").first).to_be_focused()
    press("Escape")
    expect(desk.app.locator("#open-filters")).to_be_focused()


@pytest.mark.parametrize("where", ["open row", "filters", "columns", "export", "no match", "dark"])
def test_axe_finds_nothing_in_the_grid(desk: Desk, where: str) -> None:
    desk.open_deal(MOCKUP)
    if where == "open row":
        row(desk, "1196").locator("[data-turn]").click()
        desk.app.locator("tr.more .lines").first.wait_for()
    elif where == "filters":
        filters(desk).get_by_label("Payment").select_option("paid")
        settled(desk)
    elif where == "columns":
        desk.app.locator("#set-columns").click()
    elif where == "export":
        desk.app.locator("[data-check]").first.check()
        desk.app.locator("#panel-export").click()
    elif where == "no match":
        desk.app.locator("#narrow [name=q]").fill("nothing like this")
        desk.app.locator("[data-state=nothing-matches]").wait_for()
    frame = desk.page.frame(url=lambda url: "/placements/deal-tab/" in url)
    assert frame is not None
    if where == "dark":
        frame.evaluate("() => document.documentElement.classList.add('dark')")
        row(desk, "1196").locator("[data-turn]").click()
        desk.app.locator("tr.more .lines").first.wait_for()
    frame.evaluate(AXE.read_text())
    found = frame.evaluate(
        "async () => (await axe.run()).violations.map(v => v.id + ' ' + v.nodes[0].html)"
    )
    assert found == []


@pytest.mark.parametrize("width", [1280, 900, 390])
@pytest.mark.parametrize("language", ["en", "de", "ru"])
def test_open_row_and_filters_do_not_overflow(
    sit_down: Callable[..., Desk], width: int, language: str
) -> None:
    desk = sit_down(width, 900)
    desk.install()
    desk.sit(ILYA, language)
    desk.open_deal(MOCKUP)
    row(desk, "1196").locator("[data-turn]").click()
    desk.app.locator("tr.more .lines").first.wait_for()
    desk.app.locator("[data-check]").first.check()
    filters(desk)
    frame = desk.page.frame(url=lambda url: "/placements/deal-tab/" in url)
    assert frame is not None
    wide, room = frame.evaluate(
        "() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert wide <= room
    assert desk.faults == []

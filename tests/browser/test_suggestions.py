"""The bar with orders of this client: what it says, what it costs in place, and how it is used."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Route, expect

from testing.opening import EMPTY, MOCKUP, ONE
from testing.processes import ROOT
from tests.browser.conftest import Desk

pytestmark = pytest.mark.browser

AXE: Path = ROOT / "node_modules" / "axe-core" / "axe.min.js"
MAX_SHIFT = 0.01

SHIFTS = """() => new Promise(resolve => {
  let sum = 0;
  const watch = new PerformanceObserver(list => {
    for (const shift of list.getEntries()) if (!shift.hadRecentInput) sum += shift.value;
  });
  watch.observe({type: "layout-shift", buffered: true});
  requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => resolve(sum))));
})"""


def suggested(desk: Desk) -> Locator:
    return desk.app.locator("[data-suggested]")


def bar(desk: Desk) -> Locator:
    return desk.app.locator("#suggestions[data-suggestions]")


def opened(desk: Desk) -> Locator:
    """The bar of the deal with two suggestions, opened."""
    desk.open_deal(MOCKUP)
    bar(desk).get_by_role("button", name="Details of suggestions").click()
    expect(suggested(desk).last).to_be_visible()
    return bar(desk)


def height(place: Locator) -> float:
    box = place.bounding_box()
    assert box is not None
    return box["height"]


def test_the_closed_bar_shows_the_newest_and_the_open_one_all(store: Desk) -> None:
    store.open_deal(MOCKUP)
    expect(bar(store)).to_contain_text("2 more orders of this client are not linked")
    expect(suggested(store).first).to_be_visible()
    expect(suggested(store).last).to_be_hidden()
    store.picture("suggestions-closed")
    turn = bar(store).get_by_role("button", name="Details of suggestions")
    turn.click()
    expect(turn).to_have_attribute("aria-expanded", "true")
    expect(suggested(store).last).to_contain_text("same company")
    store.picture("suggestions-open")
    turn.click()
    expect(suggested(store).last).to_be_hidden()


def test_show_all_opens_the_picker_with_this_client_s_unlinked_orders(store: Desk) -> None:
    mine = [pk for pk in store.portal.state.orders if store.portal.link_of(pk) is None][-20:]
    for pk in mine:
        store.portal.state.orders[pk] |= {"canceled": "N"}
        for value in store.portal.state.properties.of_order(pk):
            value["value"] = "+1 202 555 0142" if value["code"] == "PHONE" else ""
        for client in store.portal.state.clients.of_order(pk):
            client |= {"entityTypeId": 3, "entityId": 1}
    store.open_deal(MOCKUP)
    bar(store).get_by_role("button", name="Details of suggestions").click()
    count = len({*mine, *map(store.portal.order_id, ("1193", "1170"))})
    expect(bar(store)).to_contain_text(f"{count} more orders of this client, the newest 5:")
    store.picture("suggestions-many")
    bar(store).get_by_role("button", name="Show all").click()
    rows = store.app.locator("#picker-results tr[data-order-id]")
    expect(rows).to_have_count(count)
    expect(store.app.locator("[data-period-open]")).to_have_class("chip on")


def test_a_suggestion_is_dismissed_taken_back_and_linked(store: Desk) -> None:
    hint = opened(store)
    expect(suggested(store)).to_have_count(2)
    hint.get_by_role("button", name="Do not suggest order 1193").click()
    expect(suggested(store)).to_have_count(1)
    expect(hint).to_contain_text("1 more order of this client is not linked")
    expect(hint.locator("[data-suggestions-all]")).to_be_hidden()
    expect(hint.get_by_role("button", name="Do not suggest order 1170")).to_be_focused()
    assert "no longer suggested to you here" in store.toast()
    store.app.locator(".toast").get_by_role("button", name="Undo").click()
    expect(suggested(store)).to_have_count(2)
    hint.get_by_role("button", name="Link order 1193").click()
    assert store.toast() == "1 order linked to this deal: 1193"
    assert store.portal.link_of(store.portal.order_id("1193")) == (2, MOCKUP)
    expect(suggested(store)).to_have_count(1)


def test_the_last_one_dismissed_can_be_taken_back_and_both_linked(store: Desk) -> None:
    hint = opened(store)
    for number in ("1193", "1170"):
        hint.get_by_role("button", name=f"Do not suggest order {number}").click()
    expect(hint).to_contain_text("No unlinked orders of this client")
    for left in (1, 2):
        store.app.locator(".toast").get_by_role("button", name="Undo").first.click()
        expect(suggested(store)).to_have_count(left)
    hint.get_by_role("button", name="Link both").click()
    assert "2 orders linked to this deal: 1193, 1170" in store.toast()
    expect(suggested(store)).to_have_count(0)


def test_an_empty_deal_shows_what_belongs_to_it(store: Desk) -> None:
    store.open_deal(EMPTY)
    empty = store.app.locator("[data-state=empty]")
    expect(suggested(store)).to_have_count(1)
    expect(empty).to_contain_text("1 order of this client is not linked")
    expect(empty.get_by_role("button", name="Find orders")).to_be_visible()
    store.picture("suggestions-empty")
    empty.get_by_role("button", name="Link order 1193").click()
    expect(store.app.locator("#grid tr[data-order-id]")).to_have_count(1)


def test_the_closed_bar_is_as_high_whatever_it_says(store: Desk) -> None:
    held: list[Route] = []

    def keep(route: Route) -> None:
        held.append(route)

    store.page.route("**/tab/suggestions/**", keep)
    with store.page.expect_request("**/tab/suggestions/**"):
        store.open_deal(MOCKUP)
    waiting = height(store.app.locator("#suggestions"))
    grid = store.app.locator("#grid").bounding_box()
    held[0].continue_()
    expect(suggested(store)).to_have_count(2)
    assert height(bar(store)) == waiting
    assert store.app.locator("#grid").bounding_box() == grid
    store.page.unroute("**/tab/suggestions/**")
    store.portal.misbehave("operating", method="sale.propertyvalue.list", times=50)
    store.open_deal(ONE)
    expect(bar(store)).to_contain_text("couldn’t be checked")
    assert height(bar(store)) == waiting


@pytest.mark.parametrize("size", [(1280, 900), (390, 844)])
def test_nothing_that_loads_later_pushes_what_is_there(
    sit_down: Callable[..., Desk], store: Desk, size: tuple[int, int]
) -> None:
    """Cumulative layout shift of every card."""
    desk = sit_down(*size)
    order = store.portal.order_id("1184")
    cards = {
        f"/crm/deal/details/{MOCKUP}/?tab=0": "#suggestions[data-suggestions]",
        f"/crm/deal/details/{EMPTY}/?tab=0": "#suggestions[data-suggestions]",
        "/crm/type/31/details/118/?tab=0": "#suggestions[data-suggestions]",
        f"/shop/orders/details/{order}/?tab=0": "[data-state=linked]",
    }
    shifts: dict[str, float] = {}
    for path, last in cards.items():
        desk.go(path)
        desk.app.locator(last).wait_for()
        desk.loaded()
        shifts[path] = desk.app.locator(":root").evaluate(SHIFTS)
    assert {path: shift for path, shift in shifts.items() if shift > MAX_SHIFT} == {}


@pytest.mark.parametrize("where", ["closed", "open", "empty"])
def test_axe_finds_nothing_in_the_suggestions(store: Desk, where: str) -> None:
    if where == "open":
        opened(store)
    else:
        store.open_deal(EMPTY if where == "empty" else MOCKUP)
        expect(suggested(store).first).to_be_visible()
    assert store.violations(AXE.read_text("utf-8")) == []

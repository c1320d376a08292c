"""A newcomer's day: install, open, link, move, unlink, reload, and the portal agrees."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from testing.opening import ANNA, EMPTY, ILYA, MANY, MARIA, MOCKUP, THREE
from testing.processes import ROOT
from tests.browser.conftest import Desk

pytestmark = pytest.mark.browser

AXE = Path(ROOT / "node_modules" / "axe-core" / "axe.min.js")


def linked(desk: Desk) -> list[str]:
    """What the portal itself shows as linked, in its own panel outside of the app."""
    desk.page.wait_for_load_state("networkidle")
    desk.page.reload()
    desk.app.locator("#orders").wait_for()
    return [element.inner_text() for element in desk.page.locator("[data-linked-order] a").all()]


@pytest.mark.parametrize(
    ("user_id", "language", "link", "linked_one", "moved_one", "unlinked"),
    [
        (
            ANNA,
            "en",
            "Link 1 order",
            "1 order linked to this deal",
            "1 order linked to this deal, moved from elsewhere",
            "1 order unlinked",
        ),
        (ILYA, "ru", "Привязать 1 заказ", "1 заказ привязан", "с переносом", "1 заказ отвязан"),
    ],
)
def test_install_open_link_move_unlink_reload(
    sit_down: Callable[..., Desk],
    user_id: int,
    language: str,
    link: str,
    linked_one: str,
    moved_one: str,
    unlinked: str,
) -> None:
    desk = sit_down()
    desk.install_in_browser()
    desk.sit(user_id, language)
    desk.open_deal(EMPTY)
    expect(desk.app.locator("[data-state=empty]")).to_be_visible()

    desk.app.locator("#open-picker").click()
    desk.app.locator("#picker-search input").fill("1193")
    desk.app.locator("tr[data-number='1193'] [data-pick]").check()
    submit = desk.app.locator("[data-picker-submit]")
    expect(submit).to_have_text(link)
    submit.click()
    assert linked_one in desk.toast()
    assert desk.numbers() == ["1193"]
    assert linked(desk) == ["1193"]

    desk.app.locator("#open-picker").click()
    desk.app.locator("#picker-search input").fill("1184")
    desk.app.locator("tr[data-number='1184'] [data-pick]").check()
    expect(desk.app.locator("[data-picker-moves]")).to_contain_text("Winter catalogue")
    expect(desk.app.locator("[data-picker-submit]")).to_be_disabled()
    desk.app.locator("[data-picker-move]").check()
    desk.app.locator("[data-picker-submit]").click()
    assert moved_one in desk.toast()
    assert sorted(linked(desk)) == ["1184", "1193"]

    desk.app.locator("tr[data-number='1193'] [data-check]").check()
    desk.app.locator("[data-panel] button[type=submit]").click()
    expect(desk.app.locator("dialog[open]")).to_contain_text("1193")
    desk.app.locator("dialog[open] button[type=submit]").click()
    assert unlinked in desk.toast()
    assert desk.numbers() == ["1184"]
    assert linked(desk) == ["1184"]
    assert desk.numbers() == ["1184"]
    assert desk.faults == []


def test_change_is_undone_from_the_toast(desk: Desk) -> None:
    desk.open_deal(THREE)
    first = desk.numbers()
    desk.app.locator(f"tr[data-number='{first[0]}'] [data-menu]").click()
    desk.app.locator("[role=menu]:not([hidden]) [hx-post*=unlink]").click()
    desk.app.locator("dialog[open] button[type=submit]").click()
    desk.toast()
    assert len(desk.numbers()) == 2
    desk.app.locator(".toast .btn.text").click()
    expect(desk.app.locator("#grid tr[data-order-id]")).to_have_count(3)
    assert desk.numbers() == first


def test_whole_pass_works_with_keyboard(desk: Desk) -> None:
    desk.open_deal(EMPTY)
    desk.app.locator("#open-picker").focus()
    desk.page.keyboard.press("Enter")
    box = desk.app.locator("#picker-search input")
    expect(box).to_be_focused()
    desk.page.keyboard.type("1193")
    pick = desk.app.locator("tr[data-number='1193'] [data-pick]")
    pick.wait_for()
    expect(desk.app.locator("#picker-results tr[data-order-id]")).to_have_count(1)
    desk.page.wait_for_load_state("networkidle")
    for _ in range(9):
        if pick.evaluate("one => one === document.activeElement"):
            break
        desk.page.keyboard.press("Tab")
    desk.page.keyboard.press("Space")
    expect(pick).to_be_checked()
    desk.page.keyboard.press("Enter")
    assert "1193" in desk.toast() or desk.numbers() == ["1193"]
    menu = desk.app.locator("tr[data-number='1193'] [data-menu]")
    menu.focus()
    desk.page.keyboard.press("Enter")
    expect(desk.app.locator("[role=menu]:not([hidden]) [role=menuitem]").first).to_be_focused()
    desk.page.keyboard.press("Escape")
    expect(menu).to_be_focused()


def test_manager_without_link_right_sees_why(desk: Desk) -> None:
    desk.sit(MARIA)
    desk.open_deal(THREE)
    desk.app.locator("#open-picker").click()
    desk.app.locator("#picker-search input").fill("1193")
    desk.app.locator("tr[data-number='1193'] [data-pick]").check()
    desk.app.locator("[data-picker-submit]").click()
    expect(desk.app.locator("[data-note=failed]")).to_contain_text("Anna Schmidt")
    desk.open_deal(THREE)
    expect(desk.app.locator("[data-note=read-only]")).to_be_visible()


def test_ended_session_is_renewed_silently(desk: Desk) -> None:
    desk.open_deal(MOCKUP)
    desk.portal.expire_tokens()
    desk.portal.forget_refresh_tokens()
    desk.app.locator("#open-picker").click()
    expect(desk.app.locator("#picker-results tr[data-order-id]").first).to_be_visible()
    desk.faults.clear()  # the browser reports the 401 that started the renewal


def test_pages_of_a_large_deal_keep_the_selection(desk: Desk) -> None:
    desk.open_deal(MANY)
    first = desk.numbers()
    desk.app.locator("[data-check-all]").check()
    desk.app.get_by_role("button", name="Next").click()
    expect(desk.app.locator(f"tr[data-number='{first[0]}']")).to_have_count(0)
    assert len(desk.numbers()) == 20
    expect(desk.app.locator("[data-selected-count]")).to_have_text("20")


@pytest.mark.parametrize("width", [1280, 900, 390])
@pytest.mark.parametrize("language", ["en", "de", "ru"])
def test_nothing_overflows_and_frame_follows_content_height(
    sit_down: Callable[..., Desk], width: int, language: str
) -> None:
    desk = sit_down(width, 900)
    desk.install()
    desk.sit(ILYA, language)
    desk.open_deal(MOCKUP)
    frame = desk.page.frame(url=lambda url: "/placements/deal-tab/" in url)
    assert frame is not None
    frame.wait_for_function(
        "() => document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    )
    frame.wait_for_function("() => document.documentElement.scrollHeight <= window.innerHeight + 2")
    desk.app.locator("#open-picker").click()
    desk.app.locator("#picker-results tr[data-order-id]").first.wait_for()
    sizes = frame.evaluate(
        "() => [document.querySelector('dialog').scrollWidth, document.querySelector('dialog').clientWidth]"
    )
    assert sizes[0] <= sizes[1]
    assert desk.faults == []


@pytest.mark.parametrize("where", ["grid", "picker", "unlink", "empty"])
def test_axe_finds_nothing(desk: Desk, where: str) -> None:
    desk.open_deal(EMPTY if where == "empty" else MOCKUP)
    if where == "picker":
        desk.app.locator("#open-picker").click()
        desk.app.locator("#picker-results tr[data-order-id]").first.wait_for()
    if where == "unlink":
        desk.app.locator("[data-check]").first.check()
        desk.app.locator("[data-panel] button[type=submit]").click()
        desk.app.locator("dialog[open]").wait_for()
    frame = desk.page.frame(url=lambda url: "/placements/deal-tab/" in url)
    assert frame is not None
    frame.evaluate(AXE.read_text("utf-8"))
    found = frame.evaluate(
        "() => axe.run(document, {iframes: false}).then(result => result.violations)"
    )
    assert [(item["id"], item["nodes"][0]["html"]) for item in found] == []


def test_uninstalling_the_app_removes_the_tab(desk: Desk) -> None:
    desk.portal.lifecycle.uninstall(clean=True)
    desk.go(f"/crm/deal/details/{MOCKUP}/")
    expect(desk.page.locator(".tabs a")).to_have_count(1)
    desk.install()
    desk.open_deal(MOCKUP)
    assert len(desk.numbers()) == 9

"""Bulk work in a real browser: a file, its preview, the work, its results and taking it all back."""

import csv
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import FilePayload, expect

from testing.opening import EMPTY, ILYA, MANY, MOCKUP, NINA
from tests.browser.conftest import Desk
from tests.browser.test_whole_pass import AXE

pytestmark = pytest.mark.browser

ADD = "crm.orderentity.add"


def come(desk: Desk, language: str = "en") -> None:
    """Ilya at the app's main page."""
    desk.sit(ILYA, language)
    desk.go("/marketplace/app/")
    desk.app.locator("#jobs h1").wait_for()


def upload(desk: Desk, content: str) -> None:
    desk.app.get_by_role("button", name="New job").click()
    file = FilePayload(name="orders.csv", mimeType="text/csv", buffer=content.encode())
    desk.app.locator("input[type=file]").set_input_files(file)
    desk.app.get_by_role("button", name="Preview").click()
    reached(desk, "planned")


def reached(desk: Desk, state: str) -> None:
    """The page comes to show this state by itself."""
    expect(desk.app.locator("#job")).to_have_attribute("data-job-state", state)


def check_sound(desk: Desk) -> None:
    """axe finds nothing, and nothing sticks out sideways."""
    frame = desk.page.frames[-1]
    frame.evaluate(AXE.read_text("utf-8"))
    found = frame.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert [item["id"] for item in found["violations"]] == []
    overhang = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert frame.evaluate(overhang) <= 0


def test_link_from_file_and_undo(desk: Desk) -> None:
    portal = desk.portal
    orders, (deal, other) = portal.many(orders=120, deals=2)
    portal.state.links[orders[0]] = (2, MOCKUP)
    rows = [f"{order},{deal if at % 2 else other}" for at, order in enumerate(orders)]
    come(desk)
    upload(desk, "\n".join(["Order ID,Deal", *rows, f"99999999,{deal}"]))
    check_sound(desk)
    expect(desk.app.locator("[data-filter=link] b")).to_have_text("119")
    desk.app.locator("[data-filter=no_order]").click()
    expect(desk.app.locator("#job-rows tr[data-row]")).to_have_count(1)
    expect(desk.app.locator("#job-rows")).to_contain_text("the store has no such order")
    desk.app.locator("[name=move]").check()
    desk.app.locator("#job-start").click()
    reached(desk, "done")
    assert portal.link_of(orders[0]) == (2, other)
    assert all(portal.link_of(order) for order in orders)
    check_sound(desk)

    with desk.page.expect_download() as saved:
        desk.app.get_by_role("button", name="CSV").click()
    with saved.value.path().open(encoding="utf-8-sig", newline="") as file:
        assert len(list(csv.DictReader(file))) == 1  # of the chip that is chosen

    desk.app.locator("#job-undo").click()
    reached(desk, "planned")
    expect(desk.app.locator("#job-title")).to_contain_text("Undo job")
    desk.app.locator("#job-start").click()
    reached(desk, "done")
    assert portal.link_of(orders[0]) == (2, MOCKUP)
    assert portal.link_of(orders[1]) is None

    desk.app.get_by_role("button", name="All jobs").click()
    expect(desk.app.locator("#jobs tr[data-job-id]").nth(1)).to_have_attribute(
        "data-job-state", "done"
    )
    check_sound(desk)


def slow_preview(desk: Desk, count: int) -> range:
    """The preview of a file of so many orders, in a portal where each link takes 20 ms."""
    orders, (deal,) = desk.portal.many(orders=count, deals=1)
    desk.portal.rest.limits.costs = {"crm.orderentity.add": 0.02}
    desk.portal.rest.limits.time_scale = 1.0
    come(desk)
    upload(desk, "\n".join(["Order ID,Deal", *(f"{order},{deal}" for order in orders)]))
    return orders


def test_stop_leave_come_back_and_resume(desk: Desk) -> None:
    portal, orders = desk.portal, slow_preview(desk, 300)
    desk.app.locator("#job-start").click()
    expect(desk.app.locator("#job .big")).to_contain_text(re.compile("[1-9][0-9]* of 300"))
    desk.app.locator("#job-stop").click()
    reached(desk, "stopped")
    done = sum(1 for order in orders if portal.link_of(order))
    assert 0 < done < 300
    come(desk)
    desk.app.locator("#jobs tr[data-job-id] button").first.click()
    reached(desk, "stopped")
    expect(desk.app.locator("#job .big b")).to_have_text(str(done))
    desk.app.locator("#job-resume").click()
    come(desk)  # left at once: the job goes on
    row = desk.app.locator("#jobs tr[data-job-id]").first
    expect(row).to_have_attribute("data-job-state", "done")
    assert all(portal.link_of(order) for order in orders)


def test_mistake_in_pasted_list_is_corrected(desk: Desk) -> None:
    come(desk)
    desk.app.get_by_role("button", name="New job").click()
    check_sound(desk)
    desk.app.get_by_label("Pasted list").check()
    desk.app.locator("textarea[name=text]").fill("1193\n1184")
    desk.app.locator("[data-for=link] input").fill("a deal")
    desk.app.get_by_role("button", name="Preview").click()
    expect(desk.app.locator("[data-mistake]")).to_contain_text("Enter the ID or link of a deal")
    expect(desk.app.locator("textarea[name=text]")).to_have_value("1193\n1184")
    desk.app.locator("[data-for=link] input").fill(f"{desk.portal.url}/crm/deal/details/{EMPTY}/")
    desk.app.get_by_role("button", name="Preview").click()
    reached(desk, "planned")
    expect(desk.app.locator("tr[data-row]")).to_have_count(2)
    job = desk.app.locator("#job").get_attribute("data-job-id")
    desk.app.locator("#job-discard").click()
    desk.app.locator("#jobs h1").wait_for()
    expect(desk.app.locator(f"[data-job-id='{job}']")).to_have_count(0)
    # The refused form is the one complaint of the console.
    desk.faults[:] = [fault for fault in desk.faults if "422" not in fault]


def test_job_works_with_keyboard_only(desk: Desk) -> None:
    portal = desk.portal
    free, elsewhere = portal.order_id("1193"), portal.order_id("1184")
    come(desk)
    press(desk, "#jobs header button")
    expect(desk.app.locator("#jobs-title")).to_be_focused()
    focus(desk, "#job-deal")
    desk.page.keyboard.type(str(EMPTY))
    focus(desk, "[data-job-from]")
    desk.page.keyboard.press("ArrowDown")
    focus(desk, "textarea[name=text]")
    desk.page.keyboard.type("1193\n1184")
    press(desk, "[data-job-form] [type=submit]")
    reached(desk, "planned")
    expect(desk.app.locator("#job-title")).to_be_focused()
    start = desk.app.locator("#job-start")
    expect(start).to_have_text("Link 1 order", use_inner_text=True)
    focus(desk, "[name=move]")
    desk.page.keyboard.press("Space")
    expect(start).to_have_text("Link and move 2 orders", use_inner_text=True)
    press(desk, "#job-start")
    reached(desk, "done")
    assert portal.link_of(free) == portal.link_of(elsewhere) == (2, EMPTY)
    expect(desk.app.locator("[data-filter=done] b")).to_have_text("2")
    press(desk, "#job-undo")
    reached(desk, "planned")
    expect(desk.app.locator("#job-title")).to_be_focused()
    expect(desk.app.locator("[data-before]")).to_contain_text("is not undone")


def focus(desk: Desk, selector: str) -> None:
    """Tab on until the element has the focus."""
    target = desk.app.locator(selector).first
    for _ in range(40):
        if target.evaluate("element => element === document.activeElement"):
            return
        desk.page.keyboard.press("Tab")
    raise AssertionError(f"{selector} is not reached by Tab")


def press(desk: Desk, selector: str) -> None:
    focus(desk, selector)
    desk.page.keyboard.press("Enter")


def test_job_of_a_card_works_with_keyboard(desk: Desk) -> None:
    desk.sit(ILYA)
    desk.open_deal(MANY)
    expect(desk.app.locator("#grid tr[data-order-id]").first).to_be_visible()
    desk.app.locator("#panel-all").check()
    desk.app.locator("#panel-unlink").focus()
    desk.page.keyboard.press("Enter")
    expect(desk.app.locator("dialog[open] [data-focus]")).to_be_focused()
    desk.page.keyboard.press("Enter")
    reached(desk, "planned")
    expect(desk.app.locator("#job-title")).to_be_focused()
    # Below fifty orders, where the portal has to scroll to.
    expect(desk.app.locator("#job-title")).to_be_in_viewport()
    expect(desk.app.locator("#job-start")).to_be_in_viewport()
    check_sound(desk)
    expect(desk.app.locator("#job-start")).to_have_text("Unlink 400 orders")


def test_counters_are_live_and_rows_in_use_stay(desk: Desk) -> None:
    portal = desk.portal
    orders, (deal,) = portal.many(orders=400, deals=1)
    portal.rest.limits.costs = {"crm.orderentity.add": 0.02}
    portal.rest.limits.time_scale = 1.0
    come(desk)
    upload(desk, "\n".join(["Order ID,Deal", *(f"{order},{deal}" for order in orders)]))
    desk.app.locator("#job-start").click()
    done = desk.app.locator("[data-filter=done] b")
    done.wait_for()
    before = int(done.inner_text())
    expect(done).not_to_have_text(str(before))
    link = desk.app.locator("#job-rows tbody a").first
    link.focus()
    big = desk.app.locator("#job .big b")
    handled = big.inner_text()
    expect(big).not_to_have_text(handled)
    expect(link).to_be_focused()
    link.blur()
    reached(desk, "done")
    expect(done).to_have_text("400")


@pytest.mark.parametrize(("width", "language"), [(900, "ru"), (390, "de")])
def test_job_pages_fit_other_widths_and_languages(
    sit_down: Callable[..., Desk], width: int, language: str
) -> None:
    desk = sit_down(width, 800)
    desk.install()
    come(desk, language)
    check_sound(desk)
    desk.app.locator("#jobs header button").click()
    desk.app.locator("[data-job-form]").wait_for()
    check_sound(desk)
    content = f"order id,deal\n{desk.portal.order_id('1193')},{EMPTY}".encode()
    file = FilePayload(name="orders.csv", mimeType="text/csv", buffer=content)
    desk.app.locator("input[type=file]").set_input_files(file)
    desk.app.locator("[data-job-form] [type=submit]").click()
    reached(desk, "planned")
    check_sound(desk)
    # What will happen to a row is in sight without scrolling sideways.
    box = desk.app.locator("#job-rows tbody tr .what").first.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= width


def test_unreachable_job_page_is_marked_as_stale(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down()
    desk.install()
    come(desk)
    desk.page.route("**/live/**", lambda route: route.abort())
    desk.app.get_by_role("button", name="New job").click()
    file = FilePayload(name="orders.csv", mimeType="text/csv", buffer=b"Order ID,Deal\n1,1")
    desk.app.locator("input[type=file]").set_input_files(file)
    desk.app.get_by_role("button", name="Preview").click()
    line = desk.app.locator(".toast", has_text="No connection to Linked Orders")
    expect(line).to_have_count(1)
    desk.page.unroute("**/live/**")
    reached(desk, "planned")
    expect(line).to_have_count(0)


def test_failed_automatic_refresh_is_silent_and_retried(
    sit_down: Callable[..., Desk],
) -> None:
    desk = sit_down()
    desk.install()
    slow_preview(desk, 400)
    with desk.page.expect_event("requestfailed"):
        desk.page.route("**/rows/**", lambda route: route.abort())
        desk.app.locator("#job-start").click()
    expect(desk.app.locator(".toast")).to_have_count(0)
    desk.page.unroute("**/rows/**")
    reached(desk, "done")
    expect(desk.app.locator("[data-filter=done] b")).to_have_text("400")
    expect(desk.app.locator(".toast")).to_have_count(0)


@pytest.mark.parametrize(
    ("language", "width", "words"),
    [("en", 1280, "Take over job"), ("ru", 390, "Взять на себя задание")],
)
def test_administrator_takes_over_a_job_that_waits(
    desk: Desk, language: str, width: int, words: str
) -> None:
    portal = desk.portal
    orders, (deal,) = portal.many(orders=120, deals=1)
    come(desk)
    upload(desk, "\n".join(["Order ID,Deal", *(f"{order},{deal}" for order in orders)]))
    portal.misbehave("unclear", method=ADD, times=1000)
    desk.app.locator("#job-start").click()
    reached(desk, "waiting_portal")
    expect(desk.app.locator("[data-job-again]")).to_be_visible()
    desk.page.set_viewport_size({"width": width, "height": 900})
    desk.sit(NINA, language)
    desk.go("/marketplace/app/")
    desk.app.locator("[data-page=console] main").wait_for()
    desk.app.locator("[hx-get='/console/jobs/']").click()
    desk.app.locator("[id^=open-job-]").first.click()
    reached(desk, "waiting_portal")
    desk.picture(f"waiting-{language}-{width}")
    desk.app.locator("#job-take-over").click()
    expect(desk.app.locator("#take-over-title")).to_contain_text(words)
    desk.picture(f"take-over-{language}-{width}")
    check_sound(desk)
    desk.app.locator("dialog [type=submit]").click()
    reached(desk, "planned")
    portal.calm()
    desk.picture(f"taken-over-{language}-{width}")
    check_sound(desk)
    desk.app.locator("#job-start").click()
    reached(desk, "done")
    assert {portal.link_of(order) for order in orders} == {(2, deal)}

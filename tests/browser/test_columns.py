"""The step *Check columns* in a real browser: by keyboard, on a phone, in both widths."""

from collections.abc import Callable

import pytest
from playwright.sync_api import FilePayload, expect

from testing.opening import EMPTY
from tests.browser.conftest import Desk
from tests.browser.test_console import ABORTED
from tests.browser.test_jobs import check_sound, come, focus, press, reached

pytestmark = pytest.mark.browser

CONTENT = f"""№;Order number;Deal;Client;Total
1;1.193;{EMPTY};Clara Whitfield;1250.00
2;1184;{EMPTY};Northgate Dental;410.00
3;7,00E+03;{EMPTY};Northgate Dental;96.50
4;1201;;Priya Raman;318.00
"""


@pytest.mark.parametrize(("width", "language"), [(1280, "en"), (390, "ru")])
def test_doubtful_file_is_resolved_with_keyboard(
    sit_down: Callable[..., Desk], width: int, language: str
) -> None:
    desk = sit_down(width, 900)
    desk.install()
    come(desk, language)
    press(desk, "#jobs header button")
    expect(desk.app.locator("#jobs-title")).to_be_focused()
    desk.picture(f"new-{language}-{width}")
    file = FilePayload(name="orders.csv", mimeType="text/csv", buffer=CONTENT.encode())
    desk.app.locator("input[type=file]").set_input_files(file)
    press(desk, "[data-job-form] [type=submit]")

    # What is doubtful opens on the step, without another upload.
    desk.app.locator("#jobs[data-step=columns]").wait_for()
    expect(desk.app.locator("#job-title")).to_be_focused()
    check_sound(desk)
    desk.picture(f"columns-{language}-{width}")
    check = desk.app.locator("#columns-check")
    focus(desk, "#column-1")
    desk.page.keyboard.press("End")  # ignored
    expect(check).to_be_disabled()
    expect(desk.app.locator("#column-1")).to_be_focused()
    desk.page.keyboard.press("Home")
    expect(check).to_be_enabled()

    focus(desk, "#readings-none")
    desk.page.keyboard.press("ArrowUp")
    expect(desk.app.locator("#readings-other")).to_be_focused()
    desk.page.keyboard.press("ArrowUp")
    expect(desk.app.locator("#readings-whole")).to_be_checked()
    expect(desk.app.locator("#readings-whole")).to_be_focused()
    press(desk, "#columns-check")
    reached(desk, "planned")
    expect(desk.app.locator("tr[data-row='2'] .order")).to_contain_text("1193")
    expect(desk.app.locator("tr[data-verdict=bad]")).to_have_count(1)
    check_sound(desk)
    desk.picture(f"preview-{language}-{width}")
    press(desk, "#job-columns")
    expect(desk.app.locator("#readings-whole")).to_be_checked()
    # htmx notes the request for a choice that the next choice has broken off.
    assert [fault for fault in desk.faults if not fault.startswith(ABORTED)] == []


@pytest.mark.parametrize(("width", "language"), [(1280, "en"), (390, "ru")])
def test_rows_in_doubt_are_answered_in_the_preview(
    sit_down: Callable[..., Desk], width: int, language: str
) -> None:
    desk = sit_down(width, 900)
    desk.install()
    come(desk, language)
    press(desk, "#jobs header button")
    content = CONTENT + f"5;I184;{EMPTY};Northgate Dental;410.00\n"
    file = FilePayload(name="orders.csv", mimeType="text/csv", buffer=content.encode())
    desk.app.locator("input[type=file]").set_input_files(file)
    press(desk, "[data-job-form] [type=submit]")
    press(desk, "#columns-back")

    row = desk.app.locator("tr[data-row='2']")
    expect(row).to_have_attribute("data-verdict", "doubt")
    expect(desk.app.locator("#order-of-3 .nowrap")).not_to_be_empty()
    desk.picture(f"doubts-{language}-{width}")
    press(desk, "#answer-2-1")
    expect(row.locator("[aria-pressed=true]")).to_have_text("1193")
    expect(row).to_have_attribute("data-verdict", "link")
    expect(desk.app.locator("#order-of-2 .nowrap")).not_to_be_empty()
    press(desk, "#use-suggested")
    expect(desk.app.locator("dialog[open] [data-focus]")).to_be_focused()
    expect(desk.app.locator("dialog li")).to_contain_text("1184")
    desk.picture(f"suggested-{language}-{width}")
    desk.page.keyboard.press("Enter")
    expect(desk.app.locator("tr[data-row='6']")).to_have_attribute("data-verdict", "twice")
    check_sound(desk)
    desk.app.locator(".outcomes .o-bad").first.click()
    expect(desk.app.locator("tr[data-row]")).to_have_count(1)
    press(desk, "#chip-all")
    desk.picture(f"answered-{language}-{width}")
    assert [fault for fault in desk.faults if not fault.startswith(ABORTED)] == []

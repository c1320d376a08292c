"""A file that cannot be downloaded: what the page says, and that it can be asked for again."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Route, expect

from testing.opening import MOCKUP
from tests.browser.conftest import Desk

pytestmark = pytest.mark.browser

WORDS = {
    "en": "The file couldn’t be downloaded. Check your connection and try again.",
    "ru": "Не удалось скачать файл. Проверьте подключение и попробуйте ещё раз.",
    "de": (
        "Die Datei konnte nicht heruntergeladen werden."
        " Prüfen Sie Ihre Verbindung und versuchen Sie es erneut."
    ),
}


def export(desk: Desk) -> None:
    """Ask for an order of the open deal as CSV."""
    desk.app.locator("[data-check]").first.check()
    desk.app.locator("#panel-export").click()
    desk.app.get_by_role("menuitem", name="CSV").click()


def complaints(desk: Desk, *expected: str) -> list[str]:
    """What the browser's console says beside what it has to say of a request that fails."""
    return [fault for fault in desk.faults if not any(word in fault for word in expected)]


@pytest.mark.parametrize("language", WORDS)
def test_a_download_without_an_answer_says_that_the_file_is_missing(
    desk: Desk, language: str
) -> None:
    desk.sit(1, language)
    desk.open_deal(MOCKUP)
    desk.page.route("**/tab/export/**", lambda route: route.abort())
    export(desk)
    assert desk.toast() == WORDS[language]
    desk.picture(f"download-cut-off-{language}")
    desk.page.unroute("**/tab/export/**")
    with desk.page.expect_download() as saved:
        desk.app.locator(".toast button").first.click()
    assert saved.value.suggested_filename == "orders-deal-7021.csv"
    desk.faults = complaints(desk, "ERR_FAILED")


def test_a_page_of_the_proxy_is_not_saved_as_a_file(desk: Desk) -> None:
    desk.open_deal(MOCKUP)

    def refuse(route: Route) -> None:
        route.fulfill(status=502, content_type="text/html", body="<h2>Bad gateway</h2>")

    desk.page.route("**/tab/export/**", refuse)
    export(desk)
    assert desk.toast() == WORDS["en"]
    desk.faults = complaints(desk, "502")


def test_a_download_the_portal_cannot_serve_says_why(desk: Desk) -> None:
    desk.open_deal(MOCKUP)
    desk.portal.enter("closed")
    export(desk)
    assert "LO-" in desk.toast()
    desk.picture("download-closed")
    desk.faults = complaints(desk, "502")


def test_a_download_after_the_session_has_ended_shows_that_and_no_toast(
    sit_down: Callable[..., Desk],
) -> None:
    desk = sit_down()
    desk.install()
    desk.open_deal(MOCKUP)
    desk.portal.kill_tokens()
    for address in ("**/demo/frame/auth/", "**/tab/news/**"):
        desk.page.route(address, lambda route: route.abort())
    desk.app.locator(":root").evaluate("() => (document.body.dataset.session = 'x')")
    export(desk)
    expect(desk.app.locator("[data-state=session-ended]")).to_be_visible()
    expect(desk.app.locator(".toast.error")).to_have_count(0)
    desk.picture("download-session-ended")

"""The demo portal's dialogs as the vendor's own kit asks for them, from an app of three lines."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FrameLocator, Page

from demo.server import DemoPortal
from testing.waiting import HANG_SECONDS

pytestmark = [pytest.mark.browser, pytest.mark.bare]

KIT = Path("node_modules/@bitrix24/b24jssdk/dist/umd/index.min.js")
APP = """<!doctype html><main><button disabled>Ask</button><pre></pre></main>
<script src="/kit.js"></script><script>
const started = B24Js.initializeB24Frame();
document.querySelector("button").onclick = async () => {
  const answer = await (await started)[window.part][window.method](...window.given);
  document.querySelector("pre").textContent = JSON.stringify(answer);
};
document.querySelector("button").disabled = false;
</script>"""


class App(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer("text/html", APP.encode())

    def do_GET(self) -> None:
        self._answer("text/javascript", KIT.read_bytes())

    def _answer(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), App)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with DemoPortal(f"http://127.0.0.1:{server.server_port}") as portal:
        portal.state.app.finished = True
        page = browser.new_page()
        page.set_default_timeout(HANG_SECONDS * 1000)
        page.goto(f"{portal.url}/marketplace/app/")
        yield page
        page.close()
    server.shutdown()
    server.server_close()


def asked(page: Page, part: str, method: str, given: str = "[]") -> FrameLocator:
    frame = page.frame_locator("#app-frame")
    setting = f"window.part = '{part}'; window.method = '{method}'; window.given = {given}"
    frame.locator("button").evaluate(f"() => {{ {setting} }}")
    frame.locator("button").click()
    return frame


def chosen(page: Page, *titles: str, search: str = "") -> None:
    dialog = page.locator("dialog")
    if search:
        dialog.get_by_label("Search").fill(search)
    for title in titles:
        dialog.get_by_label(title, exact=True).check()
    dialog.get_by_role("button", name="Select").click()


def answer(frame: FrameLocator) -> object:
    frame.locator("pre:not(:empty)").wait_for()
    return frame.locator("pre").evaluate("one => JSON.parse(one.textContent)")


def test_deals_are_selected_in_dialog(page: Page) -> None:
    frame = asked(page, "dialog", "selectCRM", '[{entityType: ["deal"], multiple: true}]')
    page.locator("dialog li").nth(9).wait_for()
    chosen(page, "Winter catalogue", "Spring stock")
    found = answer(frame)
    assert isinstance(found, dict)
    assert {item["id"]: item["url"] for item in found["deal"]} == {
        "D_6933": "/crm/deal/details/6933/",
        "D_6951": "/crm/deal/details/6951/",
    }


def test_contact_is_found_by_name(page: Page) -> None:
    given = '[{entityType: ["contact", "company"], multiple: false}]'
    frame = asked(page, "dialog", "selectCRM", given)
    chosen(page, "Priya Raman", search="raman")
    found = answer(frame)
    assert isinstance(found, dict)
    assert [item["id"] for item in found["contact"]] == ["C_3"]
    assert found["company"] == []


def test_people_and_departments_are_selected_by_access_codes(page: Page) -> None:
    frame = asked(page, "dialog", "selectAccess", '[["U7"]]')
    page.locator("dialog li").nth(9).wait_for()
    assert page.locator("dialog").get_by_label("Ilya Sokolov").is_disabled()
    chosen(page, "Maria Lopez", "Sales: all employees")
    assert answer(frame) == [
        {"id": "U5", "name": "Maria Lopez"},
        {"id": "D2", "name": "Sales: all employees"},
    ]


@pytest.mark.parametrize(("method", "many"), [("selectUser", False), ("selectUsers", True)])
def test_employees_are_selected_in_dialog(page: Page, method: str, many: bool) -> None:
    frame = asked(page, "dialog", method)
    chosen(page, "Maria Lopez")
    found = answer(frame)
    first = found[0] if many and isinstance(found, list) else found
    assert isinstance(first, dict)
    assert (first["id"], first["name"]) == ("5", "Maria Lopez")


def test_closed_slider_calls_back(page: Page) -> None:
    path = '[new URL("/crm/deal/details/7021/", location.origin)]'
    frame = asked(page, "slider", "openPath", path)
    slider = page.locator(".slider")
    slider.frame_locator("iframe").get_by_role("heading", name="Office refit").wait_for()
    slider.get_by_role("button", name="×").click()
    assert answer(frame) == {"isOpenAtNewWindow": False, "isClose": True}

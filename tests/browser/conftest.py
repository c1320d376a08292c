"""The app in processes of its own, a demo portal, and a real browser."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    FrameLocator,
    Page,
    expect,
    sync_playwright,
)

from demo.server import DemoPortal
from testing.live import FLAGS, running
from testing.opening import ILYA
from testing.waiting import HANG_SECONDS
from tests.browser import versions

expect.set_options(timeout=HANG_SECONDS * 1000)

LOADED = """() => document.readyState === "complete"
    || new Promise((resolve) => addEventListener("load", () => resolve(true)))"""


@dataclass
class Desk:
    """A person's browser at the portal; ``faults`` are the errors and warnings of its console."""

    page: Page
    portal: DemoPortal
    faults: list[str] = field(default_factory=list)

    @property
    def app(self) -> FrameLocator:
        return self.page.frame_locator("#app-frame")

    def sit(self, user_id: int, language: str = "en") -> None:
        self.portal.state.viewer = user_id
        self.portal.state.language = language

    def go(self, path: str) -> None:
        self.page.goto(f"{self.portal.url}{path}")

    def open_deal(self, deal_id: int) -> None:
        self.go(f"/crm/deal/details/{deal_id}/?tab=0")
        self.app.locator("#orders").wait_for()
        self.loaded()

    def loaded(self) -> None:
        """Wait for the styles and the script of the page in the frame."""
        self.app.locator(":root").evaluate(LOADED)

    def install(self) -> None:
        """Install the app as the portal does, without the browser."""
        opening = self.portal.open("INSTALL", user_id=self.portal.state.viewer)
        answer = requests.post(opening.url, data=dict(opening.form), timeout=HANG_SECONDS)
        assert 'data-install-state="done"' in answer.text
        self.portal.lifecycle.finish(self.portal.state.viewer)

    def install_in_browser(self) -> None:
        self.go("/marketplace/app/")
        self.app.locator("#steps[data-install-state=done]").wait_for()
        self.app.locator("[data-page=console] main").wait_for()

    def numbers(self) -> list[str]:
        rows = self.app.locator("#grid tr[data-order-id]")
        return [str(row.get_attribute("data-number")) for row in rows.all()]

    def picture(self, name: str) -> None:
        """Save a screenshot if PICTURES names a folder for them."""
        if folder := os.environ.get("PICTURES"):
            self.page.screenshot(path=f"{folder}/{name}.png", full_page=True)

    def violations(self, script: str) -> list[tuple[str, str]]:
        """What axe finds in the app's frame: rules and the first element of each."""
        frame = self.page.frames[-1]
        frame.evaluate(script)
        found = frame.evaluate(
            "() => axe.run(document, {iframes: false}).then(result => result.violations)"
        )
        return [(item["id"], item["nodes"][0]["html"]) for item in found]

    def toast(self) -> str:
        toast = self.app.locator(".toast p").last
        toast.wait_for()
        return toast.inner_text()


HOMES: dict[DemoPortal, Path] = {}


def _forget(home: Path) -> None:
    """Reset what a test changed in the app."""
    with closing(sqlite3.connect(home / "app.sqlite3", timeout=HANG_SECONDS)) as database, database:
        database.execute(
            "UPDATE portals_portal SET named = '[]', places_off = '[]', payment_expired = 0,"
            " allow_cancel = 0, allow_pay = 0, allow_ship = 0"
        )
        database.execute("UPDATE portals_portaluser SET may_link = NULL")
        database.execute("DELETE FROM tab_dismissal")
        database.execute("DELETE FROM tab_personaldismissal")
        # A write whose event the portal did not get to tell would answer for this test's first one.
        database.execute("UPDATE journal_auditentry SET at = '2026-01-01 00:00:00'")


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory, services: None) -> Iterator[DemoPortal]:
    """gunicorn and a Celery worker on a database of their own and the Redis server of the run."""
    home = tmp_path_factory.mktemp("live")
    with running(home) as portal:
        HOMES[portal] = home
        yield portal


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = versions.browser()
    if not chromium:
        pytest.exit("There is no chromium; tools/preflight.sh test says how to install it", 1)
    if told := versions.mismatch(versions.installed(chromium), versions.made_for()):
        pytest.exit(told, 1)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def sit_down(live: DemoPortal, browser: Browser) -> Iterator[Callable[[int, int], Desk]]:
    """A browser of a given size at the freshly seeded portal; fails on anything in its console."""
    live.reset()
    _forget(HOMES[live])
    desks: list[Desk] = []

    def start(width: int = 1280, height: int = 900) -> Desk:
        page = browser.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(HANG_SECONDS * 1000)
        desk = Desk(page, live)

        def heard(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                desk.faults.append(message.text)

        page.on("console", heard)
        page.on("pageerror", lambda error: desk.faults.append(str(error)))
        desks.append(desk)
        return desk

    yield start
    for desk in desks:
        desk.page.close()


@pytest.fixture
def desk(sit_down: Callable[..., Desk]) -> Iterator[Desk]:
    """A desk at 1280 px with the app installed; its console has to stay silent."""
    desk = sit_down()
    desk.install()
    yield desk
    assert desk.faults == []


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

"""The real app in processes of its own, a demo portal, and a real browser in front of them."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, ConsoleMessage, FrameLocator, Page, sync_playwright

from demo.server import DemoPortal
from tests.ports import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
BIN = Path(sys.executable).parent
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class Desk:
    """A person's browser at the portal; ``faults`` are what its console complained of."""

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

    def install(self) -> None:
        self.go("/marketplace/app/")
        self.app.locator("#steps[data-install-state=done]").wait_for()
        self.app.locator("[data-page=console] main").wait_for()

    def numbers(self) -> list[str]:
        rows = self.app.locator("#grid tr[data-order-id]")
        return [str(row.get_attribute("data-number")) for row in rows.all()]

    def picture(self, name: str) -> None:
        """Keep a picture of what is seen where the environment names a folder for them (PICTURES)."""
        if folder := os.environ.get("PICTURES"):
            self.page.screenshot(path=f"{folder}/{name}.png", full_page=True)

    def violations(self, script: str) -> list[tuple[str, str]]:
        """What axe finds in the app's frame: rules and the first element of each."""
        frame = self.page.frames[-1]
        frame.evaluate(script)
        found = frame.evaluate(
            "() => axe.run(document, {iframes: false}).then(result => result.violations)"
        )
        return [(one["id"], one["nodes"][0]["html"]) for one in found]

    def toast(self) -> str:
        toast = self.app.locator(".toast p").last
        toast.wait_for()
        return toast.inner_text()


def _wait(address: str) -> None:
    limit = time.monotonic() + 60
    while True:
        try:
            with urlopen(address, timeout=2):
                return
        except (URLError, OSError):
            if time.monotonic() > limit:
                raise
            time.sleep(0.2)


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoPortal]:
    """gunicorn and a Celery worker on a database and a Redis server of their own."""
    port, home = free_port(), tmp_path_factory.mktemp("live")
    app_url = f"http://127.0.0.1:{port}"
    with DemoPortal(app_url) as portal:
        environment = os.environ | {
            "APP_URL": app_url,
            "B24_OAUTH_URL": portal.oauth_url,
            "DATABASE_URL": f"sqlite:///{home}/app.sqlite3",
        }
        manage = [sys.executable, "manage.py", "migrate", "-v", "0"]
        subprocess.run(manage, cwd=ROOT, env=environment, check=True)
        commands = [
            [str(BIN / "gunicorn"), "b24app.wsgi", "-b", f"127.0.0.1:{port}", "--threads", "4"],
            [str(BIN / "celery"), "-A", "b24app", "worker", "-c", "1", "-Q", "interactive,bulk"],
        ]
        with (home / "log").open("wb") as log:
            children = [
                subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
                for command in commands
            ]
        try:
            _wait(f"{app_url}/readyz/")
            yield portal
        finally:
            for child in children:
                child.terminate()
            for child in children:
                child.wait(20)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def sit_down(live: DemoPortal, browser: Browser) -> Iterator[Callable[[int, int], Desk]]:
    """A browser of a given size at the freshly seeded portal; fails on anything in its console."""
    live.reset()
    desks: list[Desk] = []

    def start(width: int = 1280, height: int = 900) -> Desk:
        page = browser.new_page(viewport={"width": width, "height": height})
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

"""Pictures of the Market's card: ``tools/market.py icon`` and ``tools/market.py screenshots [en ru de]``.

The icon is drawn from docs/market/icon.svg. Screenshots show the real app in the demo portal with its
seeded orders: what a person does stands in :data:`SCENES`, once for all languages. CHROMIUM names the
browser, else the one that is found.
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Browser, FrameLocator, Page, sync_playwright  # noqa: E402

from demo.server import DemoPortal  # noqa: E402
from tests.opening import ANNA, EMPTY, MOCKUP  # noqa: E402
from tests.ops.running import running  # noqa: E402

MARKET = ROOT / "docs" / "market"
LANGUAGES = ("en", "ru", "de")
WIDTH, HEIGHT = 1280, 720
ICON = 512


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="tools/market.py", description=__doc__)
    parser.add_argument("what", choices=("icon", "screenshots"))
    parser.add_argument("languages", nargs="*", default=LANGUAGES)
    chosen = parser.parse_args(arguments)
    with _browser() as browser:
        if chosen.what == "icon":
            _icon(browser)
        else:
            _screenshots(browser, chosen.languages)
    return 0


@contextmanager
def _browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        path = os.environ.get("CHROMIUM") or shutil.which("chromium")
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


def _icon(browser: Browser) -> None:
    page = browser.new_page(viewport={"width": ICON, "height": ICON})
    drawing = (MARKET / "icon.svg").read_text("utf-8")
    page.set_content(f"<style>body{{margin:0}}svg{{display:block}}</style>{drawing}")
    page.screenshot(path=MARKET / "icon.png")


class Visit:
    """A person's browser at the portal; ``app`` is our frame in it."""

    def __init__(self, page: Page, portal: DemoPortal) -> None:
        self.page, self.portal = page, portal

    @property
    def app(self) -> FrameLocator:
        return self.page.frame_locator("#app-frame")

    def deal(self, deal_id: int) -> None:
        self.page.goto(f"{self.portal.url}/crm/deal/details/{deal_id}/?tab=0")
        self.app.locator("#orders").wait_for()
        self.settle()

    def settle(self) -> None:
        """Until nothing loads and nothing moves any more."""
        self.page.wait_for_load_state("networkidle")
        self.page.wait_for_timeout(500)


def _tab(visit: Visit) -> None:
    visit.deal(MOCKUP)


def _row(visit: Visit) -> None:
    visit.deal(MOCKUP)
    visit.app.locator("#grid tr[data-order-id] [data-turn]").first.click()
    visit.settle()


def _picker(visit: Visit) -> None:
    visit.deal(EMPTY)
    visit.app.locator("#open-picker").click()
    for number in ("1193", "1184"):
        visit.app.locator(f"tr[data-number='{number}'] [data-pick]").check()
    visit.settle()


def _suggestions(visit: Visit) -> None:
    visit.deal(EMPTY)
    visit.app.locator("#suggestions").scroll_into_view_if_needed()
    visit.settle()


def _history(visit: Visit) -> None:
    _picker(visit)
    visit.app.locator("[data-picker-move]").check()
    visit.app.locator("[data-picker-submit]").click()
    visit.app.locator(".toast p").last.wait_for()
    visit.deal(EMPTY)
    visit.app.locator("#open-history").click()
    visit.app.locator("dialog[open]").wait_for()
    visit.settle()


SCENES: dict[str, Callable[[Visit], None]] = {
    "1-orders-of-a-deal": _tab,
    "2-find-and-link": _picker,
    "3-suggestions": _suggestions,
    "4-order-in-detail": _row,
    "5-history": _history,
}


def _screenshots(browser: Browser, languages: list[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="lo-market-") as home, running(Path(home)) as app:
        portal = app.portal
        for language in languages:
            for name, scene in SCENES.items():
                portal.reset()
                portal.state.viewer, portal.state.language = ANNA, language
                page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
                page.goto(f"{portal.url}/marketplace/app/")
                visit = Visit(page, portal)
                visit.app.locator("[data-state=main]").wait_for()
                scene(visit)
                path = MARKET / "screenshots" / language / f"{name}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                page.screenshot(path=path)
                page.close()
                print(path.relative_to(ROOT))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Pictures of the Market's card: ``tools/market.py icon`` and ``tools/market.py screenshots [en ru de]``.

The icon is drawn from docs/market/icon.svg. Screenshots show the real app in the demo portal with its
seeded orders: what a person does is in :data:`SCENES`, once for all languages. CHROMIUM names the
browser, else the one that is found.
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Browser, FilePayload, FrameLocator, Page, sync_playwright  # noqa: E402

from demo.server import DemoPortal  # noqa: E402
from testing.opening import ANNA, MOCKUP  # noqa: E402
from testing.running import running  # noqa: E402

MARKET = ROOT / "docs" / "market"
LANGUAGES = ("en", "ru", "de")
WIDTH, HEIGHT = 1280, 720
ICON = 512

# The values of the demo portal's rows where a picture shows it: a card's pictures speak its language.
WORDS = {
    "ru": {
        "Office refit, second floor": "Ремонт офиса, второй этаж",
        "Winter catalogue": "Зимний каталог",
        "Online store": "Интернет-магазин",
        "By phone": "По телефону",
        "Marketplace": "Маркетплейс",
        "Bank transfer": "Банковский перевод",
        "Card": "Карта",
        "Desk “Fjord” 160 × 80, oak": "Стол «Фьорд» 160 × 80, дуб",
        "Chair “Lind”, grey": "Стул «Линд», серый",
        "Delivery and assembly": "Доставка и сборка",
        "Please deliver after 14:00, second entrance.": "Доставить после 14:00, второй вход.",
        "Chairs come from the second warehouse, five days later.": (
            "Стулья приедут со второго склада на пять дней позже."
        ),
        "General": "Общие",
        "orders.csv": "заказы.csv",
    },
    "de": {
        "Office refit, second floor": "Büroumbau, zweiter Stock",
        "Winter catalogue": "Winterkatalog",
        "Online store": "Onlineshop",
        "By phone": "Telefonisch",
        "Marketplace": "Marktplatz",
        "Bank transfer": "Überweisung",
        "Card": "Karte",
        "Desk “Fjord” 160 × 80, oak": "Tisch „Fjord“ 160 × 80, Eiche",
        "Chair “Lind”, grey": "Stuhl „Lind“, grau",
        "Delivery and assembly": "Lieferung und Aufbau",
        "Please deliver after 14:00, second entrance.": "Bitte nach 14 Uhr liefern, zweiter Eingang.",
        "Chairs come from the second warehouse, five days later.": (
            "Die Stühle kommen fünf Tage später aus dem zweiten Lager."
        ),
        "General": "Allgemein",
        "orders.csv": "Bestellungen.csv",
    },
}
# The demo portal's own switches are no part of the app.
CLEAN = "header.top, main > section.card:has([data-reload]), .timeline {display: none}"


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
        self._go(f"/crm/deal/details/{deal_id}/?tab=0", "#orders")

    def console(self) -> None:
        self._go("/marketplace/app/", "body[data-page=console]")

    def _go(self, path: str, until: str) -> None:
        self.page.goto(f"{self.portal.url}{path}")
        self.page.add_style_tag(content=CLEAN)
        words = WORDS.get(self.portal.state.language, {})
        self.page.evaluate(
            "words => document.querySelectorAll('.tabs a').forEach("
            "one => { one.textContent = words[one.textContent] || one.textContent })",
            words,
        )
        self.app.locator(until).wait_for()
        self.settle()

    def settle(self) -> None:
        """Until nothing loads and nothing moves any more."""
        self.page.wait_for_load_state("networkidle")
        self.page.wait_for_timeout(500)

    def down(self, pixels: int) -> None:
        self.page.evaluate("pixels => window.scrollTo(0, pixels)", pixels)
        self.settle()


def _tab(visit: Visit) -> None:
    visit.deal(MOCKUP)


def _row(visit: Visit) -> None:
    visit.deal(MOCKUP)
    visit.app.locator("tr[data-number='1196'] [data-turn]").click()
    visit.down(300)


def _picker(visit: Visit) -> None:
    visit.deal(MOCKUP)
    visit.app.locator("#open-picker").click()
    search = visit.app.locator("#picker-search input[name=q]")
    for number in ("1193", "1184"):
        search.fill(number)
        visit.app.locator(f"tr[data-number='{number}'] [data-pick]").check()
    search.fill("Whitfield")
    visit.down(120)


def _several(visit: Visit) -> None:
    visit.deal(MOCKUP)
    for number in ("1201", "1196", "1188"):
        visit.app.locator(f"tr[data-number='{number}'] [data-check]").check()
    visit.down(10_000)


def _history(visit: Visit) -> None:
    # High enough for the whole dialog while it is worked with.
    visit.page.set_viewport_size({"width": WIDTH, "height": 2 * HEIGHT})
    _picker(visit)
    visit.app.locator("[data-picker-move]").check()
    visit.app.locator("[data-picker-submit]").click()
    visit.app.locator(".toast p").last.wait_for()
    visit.page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    visit.deal(MOCKUP)
    visit.app.locator("#open-history").click()
    visit.app.locator("dialog[open]").wait_for()
    visit.settle()


def _job(visit: Visit) -> None:
    """The preview of a file: some rows linked already, elsewhere, or not found, among many that are free."""
    state = visit.portal.state
    visit.console()
    visit.app.locator("#menu-jobs").click()
    visit.app.locator("#jobs header button").click()
    free = [row["accountNumber"] for pk, row in state.orders.items() if pk not in state.links]
    free.sort(key=lambda number: not number.startswith("9000"))
    first = [("1193", MOCKUP), ("1184", MOCKUP), ("1170", MOCKUP), ("1201", MOCKUP), ("9999", 6933)]
    rows = [*first, *((number, 6933) for number in free if number not in ("1193", "1170"))]
    table = "\n".join(["Order,Deal", *(f"{number},{deal}" for number, deal in rows)])
    name = WORDS.get(state.language, {}).get("orders.csv", "orders.csv")
    file = FilePayload(name=name, mimeType="text/csv", buffer=table.encode())
    visit.app.locator("input[type=file]").set_input_files(file)
    visit.app.locator("[data-job-form] [type=submit]").click()
    visit.app.locator("#job[data-job-state=planned]").wait_for()
    visit.app.locator("[name=move]").check()
    visit.settle()


SCENES: dict[str, Callable[[Visit], None]] = {
    "1-orders-of-a-deal": _tab,
    "2-find-and-link": _picker,
    "3-several-at-once": _several,
    "4-order-in-detail": _row,
    "5-history": _history,
    "6-console": Visit.console,
    "7-bulk-job": _job,
}


def _translate(portal: DemoPortal, words: Mapping[str, str]) -> None:
    state = portal.state
    tables = (state.deals, state.platforms, state.baskets, state.payments, state.orders)
    for row in (row for table in tables for row in table.values()):
        for name, value in row.items():
            if isinstance(value, str) and value in words:
                row[name] = words[value]


def _screenshots(browser: Browser, languages: list[str]) -> None:
    for language in languages:
        # An app of its own for each: it keeps the names of sources and statuses for an hour.
        with tempfile.TemporaryDirectory(prefix="lo-market-") as home, running(Path(home)) as app:
            for name, scene in SCENES.items():
                path = MARKET / "screenshots" / language / f"{name}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                _screenshot(browser, app.portal, language, scene, path)
                print(path.relative_to(ROOT))


def _screenshot(
    browser: Browser,
    portal: DemoPortal,
    language: str,
    scene: Callable[[Visit], None],
    path: Path,
) -> None:
    portal.reset()
    portal.state.viewer, portal.state.language = ANNA, language
    _translate(portal, WORDS.get(language, {}))
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
    visit = Visit(page, portal)
    # A fresh portal: the app installs itself, and the portal takes over.
    visit.console()
    scene(visit)
    page.screenshot(path=path)
    page.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

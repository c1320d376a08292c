"""Time to the first rows of the tab in a slow browser: ``python -m bench.first_rows``.

Chromium slowed four times, 50 ms between app and portal, the tab in the portal's frame as people have
it. Beside it an empty page of the same server in the same frame: what the browser itself costs.
Medians of several openings in one run; the ratio travels, the milliseconds do not.
"""

import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from testing import environment  # isort: skip  (sets what the settings read)

from playwright.sync_api import Page, sync_playwright

from demo.server import DemoPortal
from testing.live import FLAGS, running
from testing.opening import FIFTY, MANY, MOCKUP

SLOWER, LATENCY, TIMES = 4, 0.05, 7

# From the portal's posting of its form to the first row that is laid out.
WATCH = """
(() => {
  const began = performance.now();
  const seen = () => {
    const row = document.querySelector("#grid tr[data-order-id]");
    if (row && row.getBoundingClientRect().height) window.firstRow = performance.now();
    else requestAnimationFrame(seen);
  };
  requestAnimationFrame(seen);
  window.began = began;
})()
"""


def main() -> None:
    try:
        with tempfile.TemporaryDirectory() as home, running(Path(home), latency=LATENCY) as portal:
            _measure(portal)
    finally:
        environment.pytest_unconfigure()


def _measure(portal: DemoPortal) -> None:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"{portal.url}/marketplace/app/")
        page.frame_locator("#app-frame").locator("[data-page=console] main").wait_for()
        page.context.add_init_script(WATCH)
        page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        empty = _median(_empty(page, portal) for _ in range(TIMES))
        rows = [("an empty page", empty)]
        for deal, count in ((MOCKUP, 9), (FIFTY, 50), (MANY, 400)):
            rows.append(
                (f"first rows of {count}", _median(_rows(page, portal, deal) for _ in range(TIMES)))
            )
        chromium.close()
    for name, milliseconds in rows:
        ratio = milliseconds / empty
        sys.stdout.write(f"{name:24}{milliseconds:8.0f} ms{ratio:8.1f} times an empty page\n")


def _median(times: Iterable[float]) -> float:
    return statistics.median(times)


def _empty(page: Page, portal: DemoPortal) -> float:
    page.goto(f"{portal.app_url}/healthz/")
    return float(page.evaluate("() => performance.getEntriesByType('navigation')[0].domComplete"))


def _rows(page: Page, portal: DemoPortal, deal: int) -> float:
    page.goto(f"{portal.url}/crm/deal/details/{deal}/?tab=0")
    page.frame_locator("#app-frame").locator("#grid tr[data-order-id]").first.wait_for()
    frame = page.frames[-1]
    frame.wait_for_function("() => window.firstRow")
    # The frame's own clock begins when the portal posts into it.
    return float(frame.evaluate("() => window.firstRow"))


if __name__ == "__main__":
    main()

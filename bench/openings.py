"""Openings while another portal does not answer, and while everybody comes at once.

``python -m bench.openings`` starts gunicorn with one process, a database and Redis. A portal that never
answers is opened by 36 people at once, who come back as the page's own retry does; meanwhile somebody
opens cards of another portal. Then 50 people of that other portal open cards at the same moment, and
come back in the same way. Times are compared within the run: portals, browsers and server share its
cores.
"""

import argparse
import html
import random
import re
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urljoin

from testing import environment  # isort: skip  (sets what the settings read)

import requests

from b24app.portals.placements import DEAL_TAB
from demo.server import DemoPortal
from testing import machine
from testing.machine import Machine
from testing.persons import Person

RETRIES = 4  # as retry.js
PAUSE = 0.05
_SEALED = re.compile(r'action="([^"]+)"><input type="hidden" name="sealed" value="([^"]+)"')
_RETRY = re.compile(r'data-retry-seconds="(\d+)" data-retried="(\d+)"')


@dataclass(frozen=True)
class Came:
    """How one person's opening ended, after how many tries and seconds."""

    rows: bool
    tries: int
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.openings")
    parser.add_argument("--silent", type=int, default=36, help="people at the silent portal")
    parser.add_argument("--crowd", type=int, default=50, help="people at the other one at once")
    parser.add_argument("--openings", type=int, default=40, help="openings measured in each phase")
    options = parser.parse_args()
    try:
        _run(options)
    finally:
        environment.pytest_unconfigure()


def _run(options: argparse.Namespace) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="lo-bench-") as home,
        machine.running(Path(home), postgres=False) as app,
        DemoPortal(app.url, member_id="f" * 32, oauth_of=app.portal, threads=40) as other,
    ):
        for name in ("worker", "beat"):
            app.kill(name)
        Person(app)
        Person(replace(app, portal=other))
        _measure(app, other, options)


def _measure(item: Machine, other: DemoPortal, options: argparse.Namespace) -> None:
    for _ in range(10):
        _opened(other)
    other.reset_counts()
    idle = _times(other, options.openings)
    item.portal.misbehave("hang", times=100_000, seconds=12)
    over = threading.Event()
    with ThreadPoolExecutor(options.silent) as pool:
        people = [pool.submit(_insist, item.portal, over) for _ in range(options.silent)]
        time.sleep(PAUSE)
        during = _times(other, options.openings)
        over.set()
        silent = sum((each.result() for each in people), Counter[str]())
    item.portal.calm()
    other.reset_counts()
    with ThreadPoolExecutor(options.crowd) as pool:
        came = list(pool.map(lambda _: _until_rows(other), range(options.crowd)))
    for what, times in (("idle", idle), ("beside the silent portal", during)):
        _say(what, f"p50 {_share(times, 0.5):.0f} ms, p95 {_share(times, 0.95):.0f} ms")
    ratio = statistics.median(during) / statistics.median(idle)
    _say("ratio", f"p50 {ratio:.2f}, p95 {_share(during, 0.95) / _share(idle, 0.95):.2f}")
    _say("answers at the silent portal", ", ".join(f"{n} {what}" for what, n in silent.items()))
    tries = Counter(each.tries for each in came)
    _say("rows at once and by retries", f"{sum(each.rows for each in came)}/{len(came)}")
    _say("tries", ", ".join(f"{count} with {n}" for n, count in sorted(tries.items())))
    _say("seconds", f"{max(each.seconds for each in came):.1f} the last one")


def _times(portal: DemoPortal, count: int) -> list[float]:
    """Milliseconds of so many openings, one after another."""
    found = []
    for _ in range(count):
        portal.reset_counts()
        began = time.perf_counter()
        text = _opened(portal)
        found.append((time.perf_counter() - began) * 1000)
        if "data-order-id" not in text:
            raise RuntimeError(f"no rows: {text[-2000:]}")
        time.sleep(PAUSE)
    return found


def _opened(portal: DemoPortal) -> str:
    opening = portal.open(DEAL_TAB)
    return requests.post(opening.url, data=opening.form, timeout=120).text


def _again(portal: DemoPortal, text: str) -> str:
    """What the page's retry brings, after the time the page waits; empty where it has given up."""
    retry, sealed = _RETRY.search(text), _SEALED.search(text)
    if retry is None or sealed is None or int(retry[2]) >= RETRIES:
        return ""
    spread = 1 + random.random() / 4  # noqa: S311
    time.sleep(int(retry[1]) * 2 ** int(retry[2]) * spread)
    action = urljoin(portal.app_url, html.unescape(sealed[1]))
    return requests.post(action, data={"sealed": html.unescape(sealed[2])}, timeout=120).text


def _insist(portal: DemoPortal, over: threading.Event) -> Counter[str]:
    """One person at the silent portal, who opens the card again once the page has given up."""
    seen: Counter[str] = Counter()
    text = ""
    while not over.is_set():
        text = (text and _again(portal, text)) or _opened(portal)
        found = re.search(r'class="state[^>]*data-state="([^"]+)"', text)
        seen[found[1] if found else "rows"] += 1
    return seen


def _until_rows(portal: DemoPortal) -> Came:
    began, text, tries = time.monotonic(), _opened(portal), 1
    while "data-order-id" not in text:
        text = _again(portal, text)
        if not text:
            return Came(False, tries, time.monotonic() - began)
        tries += 1
    return Came(True, tries, time.monotonic() - began)


def _share(times: list[float], share: float) -> float:
    return sorted(times)[min(len(times) - 1, int(share * len(times)))]


def _say(name: str, value: str) -> None:
    sys.stdout.write(f"{name:<32}{value}\n")


if __name__ == "__main__":
    main()

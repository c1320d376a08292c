"""``python -m bench.explorer``: what the console's explorer costs with a million links.

Counted for each step: requests to the portal, methods in them, SQL queries; the seconds are this machine's
and mostly the demo portal's. ``--links`` takes another number. The pages must say what is true of the links.
"""

import argparse
import html
import re
import resource
import sys
import time
from collections.abc import Callable
from functools import partial
from urllib.parse import urlencode

from bench import inside  # isort: skip  (sets what the settings read)

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from demo.server import DemoPortal
from testing.opening import ANNA, Page, ask, install, launch, submit

COLUMNS = ("requests", "methods", "queries", "rows", "seconds")
LINKS = "/console/links/"
DEALS = 50_000
FIELDS = ("field", "word", "value", "upto", "kind")
# Every word of the form, each with a value that a million links have some rows for.
CONDITIONS = (
    ("order", "is", "5010", ""),
    ("order", "is_not", "5010", ""),
    ("order", "one_of", "5010, 5011, 5012", ""),
    ("order", "none_of", "5010, 5011, 5012", ""),
    ("order", "between", "5010", "9000"),
    ("order", "contains", "77", ""),
    ("order", "lacks", "7", ""),
    ("order", "begins", "12", ""),
    ("order", "begins_not", "1", ""),
    ("order", "ends", "99", ""),
    ("order", "ends_not", "9", ""),
    ("owner", "is", "100500", ""),
    ("owner", "between", "100500", "100600"),
    ("type", "is", "", ""),
    ("type", "is_not", "", ""),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--links", type=int, default=1_000_000)
    links: int = parser.parse_args().links
    with inside.app() as portal:
        _table(portal, links)


def _table(portal: DemoPortal, links: int) -> None:
    client = Client()
    install(client, portal)
    # Orders that are free and cards that are gone are few and far behind, as they would.
    orders, _ = portal.many(orders=links, deals=DEALS, link=True, bill=False)
    for pk in orders[100:2100:100]:
        del portal.state.links[pk]
    for pk in orders[150:2150:100]:
        portal.state.links[pk] = (2, 990_000 + pk)
    page = launch(client, portal, "DEFAULT", ANNA, 0, "en", {})
    write = sys.stdout.write
    write(f"{len(portal.state.links):,} links, {len(portal.state.orders):,} orders\n\n")
    write(f"{'':30}" + "".join(f"{column:>10}" for column in COLUMNS) + "\n")

    def measured(name: str, step: Callable[[], Page]) -> Page:
        portal.reset_counts()
        began = time.monotonic()
        with CaptureQueriesContext(connection) as queries:
            shown = step()
        took = time.monotonic() - began
        figures = (portal.http_requests, len(portal.calls), len(queries), len(shown.order_ids))
        write(f"{name:30}" + "".join(f"{figure:>10}" for figure in figures) + f"{took:>10.2f}\n")
        return shown

    def opened(name: str, address: str) -> Page:
        return measured(name, partial(ask, client, page, address))

    for sort in ("order", "owner", "type"):
        first = opened(f"by {sort}", query(sort=sort))
        again = opened("  next", leads(first, "page-next"))
        far = opened("  last", leads(again, "page-last"))
        opened("  before that", leads(far, "page-previous"))
    opened("go to an order", query(jump=orders[links // 2]))
    for condition in CONDITIONS:
        shown = opened(" ".join(part for part in condition if part), query(condition))
        if following := leads(shown, "page-next"):
            opened("  next", following)
    for name, route in (("without a deal", "without-deal"), ("deals gone", "without-owner")):
        shown = opened(f"{name}, 500 checked", f"{LINKS}{route}/")
        opened("  1,500 more", leads(shown, "report-line"))
    form: dict[str, object] = {"format": "csv"} | {name: [] for name in FIELDS}
    measured("export, 2,000 rows", partial(submit, client, page, f"{LINKS}export/", form))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    write(f"\nmost memory, with the demo portal in the same process: {peak:,} MB\n")


def query(*lines: tuple[str, str, str, str], **more: object) -> str:
    pairs = [pair for line in lines for pair in zip(FIELDS, (*line, "2"), strict=True)]
    return f"{LINKS}?{urlencode([*pairs, *more.items()])}"


def leads(page: Page, name: str) -> str:
    """Where a button of the page, or a part that goes on by itself, leads."""
    found = re.search(rf'id="{name}"[^>]*hx-get="([^"]+)"', page.text)
    return html.unescape(found[1]) if found else ""


if __name__ == "__main__":
    main()

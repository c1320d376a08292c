"""``make bench``: what each screen costs, in counts: requests to the portal, methods in them, SQL queries.

Counts, not seconds: they are the same on every machine. The portal is the demo portal over real HTTP,
the dictionaries are warm, the database is SQLite.
"""

import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import cast

from bench import inside  # isort: skip  (sets what the settings read)

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from demo.server import DemoPortal
from testing.opening import (
    EMPTY,
    FIFTY,
    FIFTY_ONE,
    MANY,
    MOCKUP,
    ONE,
    ask,
    install,
    open_tab,
    submit,
)

COLUMNS = ("requests", "methods", "queries")


def main() -> None:
    with inside.app() as portal:
        _table(portal)


def _table(portal: DemoPortal) -> None:
    client = Client()
    rows: list[tuple[str, tuple[int, int, int]]] = []

    def measured(name: str, step: Callable[[], object]) -> None:
        rows.append((name, _count(portal, step)))

    measured("install", lambda: install(client, portal))
    measured("install again", lambda: install(client, portal))
    for deal, orders in ((EMPTY, 0), (MOCKUP, 9), (FIFTY, 50), (FIFTY_ONE, 51), (MANY, 400)):
        opening = partial(open_tab, client, portal, deal_id=deal)
        opening()
        measured(f"open, {orders} orders", opening)
    tab, large = open_tab(client, portal, deal_id=EMPTY), open_tab(client, portal, deal_id=MANY)
    free = [pk for pk in portal.state.orders if portal.link_of(pk) is None]
    single, forty = {"order": f"{free[0]}|"}, {"order": [f"{pk}|" for pk in free[1:41]]}
    done: list[Mapping[str, object]] = []

    def change(path: str, form: Mapping[str, object]) -> None:
        """Something that can be undone, and how to undo it."""
        undo = cast(
            Mapping[str, Mapping[str, object]], submit(client, tab, path, form).toast["undo"]
        )
        done.append(undo["values"])

    steps: list[tuple[str, Callable[[], object]]] = [
        ("another page of 400", lambda: ask(client, large, "/tab/grid/?page=2")),
        ("400 sorted", lambda: ask(client, large, "/tab/grid/?sort=amount")),
        ("400 searched", lambda: ask(client, large, "/tab/grid/?q=Clara")),
        ("row opened", lambda: ask(client, large, f"/tab/details/?order={large.order_ids[0]}")),
        ("any news", lambda: ask(client, large, "/tab/news/?since=")),
        ("picker, newest", lambda: ask(client, tab, "/tab/found/?q=")),
        ("picker, a number", lambda: ask(client, tab, "/tab/found/?q=1193")),
        ("picker, a name", lambda: ask(client, tab, "/tab/found/?q=Clara")),
        ("link 1", lambda: submit(client, tab, "/tab/link/", single)),
        ("link 40", lambda: change("/tab/link/", forty)),
        ("undo of 40", lambda: submit(client, tab, "/tab/undo/", done[-1])),
        ("link 40 again", lambda: change("/tab/link/", forty)),
        ("move 40", lambda: change("/tab/move/", {**forty, "to": str(ONE)})),
        ("undo of that", lambda: submit(client, tab, "/tab/undo/", done[-1])),
        ("history", lambda: ask(client, tab, "/tab/history/")),
        ("suggestions", lambda: ask(client, tab, "/tab/suggestions/")),
        ("unlink 1", lambda: submit(client, tab, "/tab/unlink/", single)),
        ("unlink 40", lambda: submit(client, tab, "/tab/unlink/", forty)),
    ]
    for name, step in steps:
        measured(name, step)
    write = sys.stdout.write
    write(f"{'':22}" + "".join(f"{column:>10}" for column in COLUMNS) + "\n")
    for name, figures in rows:
        write(f"{name:22}" + "".join(f"{figure:>10}" for figure in figures) + "\n")
    write(f"\nrefused by the portal's limits: {portal.rest.refused}\n")


def _count(portal: DemoPortal, step: Callable[[], object]) -> tuple[int, int, int]:
    portal.reset_counts()
    with CaptureQueriesContext(connection) as queries:
        step()
    return portal.http_requests, len(portal.calls), len(queries)


if __name__ == "__main__":
    main()

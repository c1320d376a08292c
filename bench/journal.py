"""``python -m bench.journal``: what the journal of calls and the log of requests add to an opening.

The same opening without the journal, with the journal alone and with the log of requests as well, in
turn, over real HTTP to the demo portal; the writing included, which in production nobody waits for.
Medians, and how many times as long as without; ``tools/postgres.py`` in front measures it on PostgreSQL.
"""

import statistics
import sys
import time

from bench import inside  # isort: skip  (sets what the settings read)

from django.conf import settings
from django.test import Client

from demo.server import DemoPortal
from testing.opening import FIFTY, install, open_tab

ROUNDS = 120


def main() -> None:
    with inside.app() as portal:
        _measure(portal)


def _measure(portal: DemoPortal) -> None:
    from b24app.journal import calls  # noqa: PLC0415 (models can be imported only after setup)
    from b24app.portals import call_listener  # noqa: PLC0415

    client = Client()
    portal.rest.limits.enforced = False
    # Openings come faster here than a portal takes them, and a full budget would be measured instead.
    settings.B24_RATE_CAPACITY, settings.B24_RATE_LEAK = 10_000, 1_000
    install(client, portal)
    contents = calls._store_contents
    kinds = ("without", "journal", "journal and log")
    opening: dict[str, list[float]] = {kind: [] for kind in kinds}
    for number in range(3 * ROUNDS + 9):
        kind = kinds[number % 3]
        call_listener._observers[:] = [] if kind == "without" else [calls.collect]
        calls._store_contents = contents if kind == "journal and log" else _nothing
        began = time.perf_counter()
        open_tab(client, portal, deal_id=FIFTY)
        if number >= 9:
            opening[kind].append(time.perf_counter() - began)
    without = statistics.median(opening["without"])
    for kind in kinds:
        seconds = statistics.median(opening[kind])
        sys.stdout.write(
            f"an opening, {kind}: {seconds * 1000:.2f} ms, {seconds / without:.3f} times\n"
        )


def _nothing(collected: object) -> None:
    """In place of the log of requests."""


if __name__ == "__main__":
    main()

"""``python -m bench.journal``: what the journal of calls adds to an opening of the tab, in seconds.

The same opening with and without the journal, turn about, over real HTTP to the demo portal; the
journal's writing included, which in production nobody waits for. Medians; seconds differ from machine to
machine, the share less so. ``tools/postgres.py`` in front measures it on PostgreSQL.
"""

import statistics
import sys
import time

from bench import inside  # isort: skip  (sets what the settings read)

from django.conf import settings
from django.test import Client

from demo.server import DemoPortal
from tests.opening import FIFTY, install, open_tab

ROUNDS = 200


def main() -> None:
    with inside.app() as portal:
        _measure(portal)


def _measure(portal: DemoPortal) -> None:
    from b24app.journal import calls  # noqa: PLC0415 (models can be imported only after setup)
    from b24app.portals import observing  # noqa: PLC0415

    client = Client()
    portal.rest.limits.enforced = False
    # Openings come faster here than a portal takes them, and a full budget would be measured instead.
    settings.B24_RATE_CAPACITY, settings.B24_RATE_LEAK = 10_000, 1_000
    install(client, portal)
    opening: dict[bool, list[float]] = {True: [], False: []}
    for number in range(2 * ROUNDS + 10):
        journal = bool(number % 2)
        observing._observers[:] = [calls.heard] if journal else []
        began = time.perf_counter()
        open_tab(client, portal, deal_id=FIFTY)
        if number >= 10:
            opening[journal].append(time.perf_counter() - began)
    without, with_ = statistics.median(opening[False]), statistics.median(opening[True])
    sys.stdout.write(
        f"an opening without the journal {without * 1000:.2f} ms, with it {with_ * 1000:.2f} ms, "
        f"writing included: {(with_ / without - 1) * 100:+.1f} %\n"
    )


if __name__ == "__main__":
    main()

"""A program in which several threads store, claim and process changes of one portal at the same time.

Run with TEST_DATABASE_URL, a migrated database. Prints one line of JSON: ``reported`` changes and how many of
them were ``processed``, statements that ``failed``, and changes of others that were ``hidden`` as echoes.
"""

import json
import random
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from testing import environment  # isort: skip  (sets what the settings read)

import django
from django.db import DatabaseError, connection

django.setup()

from b24app.events import echoes, group_commit, notice_queue  # noqa: E402 - Django has to be set up before
from b24app.events.models import ChangeNotice  # noqa: E402
from b24app.journal.models import AuditEntry  # noqa: E402
from b24app.portals.models import Portal  # noqa: E402

ORDERS, ROUNDS, WORKERS = 400, 6, 4

T = TypeVar("T")

chance = random.Random(1)  # noqa: S311 - the order of events is no secret
processed: list[int] = []
failures: list[str] = []


def main() -> None:
    try:
        portal = Portal.objects.create(member_id="b" * 32, endpoint="https://p.example.com/rest/")
        store_all(portal)
        hidden = sum(one_round(portal, number) for number in range(1, ROUNDS + 1))
        while ChangeNotice.objects.filter(claim="").exists():
            claim_all(portal)
        result = {
            "reported": ORDERS * 2 * (ROUNDS + 1),
            "processed": sum(processed),
            "failed": len(failures),
            "hidden": hidden,
        }
        sys.stdout.write(json.dumps(result) + "\n")
    finally:
        environment.pytest_unconfigure()


def one_round(portal: Portal, number: int) -> int:
    """Claim while more changes are stored. Returns how many events were wrongly taken for echoes."""
    with ThreadPoolExecutor(WORKERS + 1) as pool:
        # Changes stored meanwhile wait for the next round.
        running = [pool.submit(with_own_connection, lambda: store_all(portal))]
        running += [
            pool.submit(with_own_connection, lambda: claim_all(portal)) for _ in range(WORKERS)
        ]
        for task in running:
            task.result()
    orders = range(number * 1_000, number * 1_000 + ORDERS)
    AuditEntry.objects.bulk_create(
        AuditEntry(portal=portal, order_id=order, user_id=1, through="tab") for order in orders
    )
    together = threading.Barrier(WORKERS)

    def count_foreign() -> int:
        together.wait()
        return len(echoes.changed_by_others(portal, dict.fromkeys(orders, 1)))

    with ThreadPoolExecutor(WORKERS) as pool:
        foreign = sum(
            future.result()
            for future in [pool.submit(with_own_connection, count_foreign) for _ in range(WORKERS)]
        )
    return ORDERS * (WORKERS - 1) - foreign


def store_all(portal: Portal) -> None:
    """Store two changes of each order, one by one and in random order."""
    for order in chance.sample(range(1, ORDERS + 1), ORDERS) * 2:
        change = {group_commit.Change(portal.pk, "ONSALEORDERSAVED", order): 1}
        count_failures(lambda change=change: group_commit.upsert(change))  # type: ignore[misc]


def claim_all(portal: Portal) -> None:
    for _ in range(3):
        count_failures(lambda: claim_once(portal))


def claim_once(portal: Portal) -> None:
    if claim := notice_queue.claim(portal.pk):
        rows = list(ChangeNotice.objects.filter(claim=claim))
        notice_queue.delete(rows)
        processed.extend(row.told for row in rows)


def with_own_connection(work: Callable[[], T]) -> T:
    """Call ``work`` in a thread with its own database connection."""
    try:
        return work()
    finally:
        connection.close()


def count_failures(work: Callable[[], object]) -> None:
    try:
        work()
    except DatabaseError as error:
        failures.append(str(error))


if __name__ == "__main__":
    main()

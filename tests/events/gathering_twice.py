"""Several processes take and work the same portal's changes at once: a program of its own.

Run with TEST_DATABASE_URL, an empty database. Prints one line of JSON: how often changes were told and how
often that was found in claimed rows, how many statements failed, and how many events were taken for the
echo of a write that had its echo already.
"""

import json
import random
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from tests import environment  # isort: skip  (sets what the settings read)

import django
from django.core.management import call_command
from django.db import DatabaseError, connection

django.setup()

from b24app.events import echoes, group_commit, notice_queue  # noqa: E402 - Django has to be set up before
from b24app.events.models import ChangeNotice  # noqa: E402
from b24app.journal.models import AuditEntry  # noqa: E402
from b24app.portals.models import Portal  # noqa: E402

ORDERS, ROUNDS, GATHERINGS = 400, 6, 4

T = TypeVar("T")

chance = random.Random(1)  # noqa: S311 - an order of events, no secret
worked: list[int] = []
failures: list[str] = []


def main() -> None:
    call_command("migrate", verbosity=0)
    try:
        portal = Portal.objects.create(member_id="b" * 32, endpoint="https://p.example.com/rest/")
        stores(portal)
        hidden = sum(one_round(portal, number) for number in range(1, ROUNDS + 1))
        while ChangeNotice.objects.filter(claim="").exists():
            claims(portal)
        told = ORDERS * 2 * (ROUNDS + 1)
        found = {"told": told, "worked": sum(worked), "failures": len(failures), "hidden": hidden}
        sys.stdout.write(json.dumps(found) + "\n")
    finally:
        environment.pytest_unconfigure()


def one_round(portal: Portal, number: int) -> int:
    """Gatherings side by side, while more is told. How many events were wrongly taken for echoes."""
    with ThreadPoolExecutor(GATHERINGS + 1) as pool:
        # What comes while they are at it waits for the next round.
        doing = [pool.submit(apart, lambda: stores(portal))]
        doing += [pool.submit(apart, lambda: claims(portal)) for _ in range(GATHERINGS)]
        for one in doing:
            one.result()
    orders = range(number * 1_000, number * 1_000 + ORDERS)
    AuditEntry.objects.bulk_create(
        AuditEntry(portal=portal, order_id=order, user_id=1, through="tab") for order in orders
    )
    together = threading.Barrier(GATHERINGS)

    def hears() -> int:
        together.wait()
        return len(echoes.changed_by_others(portal, dict.fromkeys(orders, 1)))

    with ThreadPoolExecutor(GATHERINGS) as pool:
        foreign = sum(
            one.result() for one in [pool.submit(apart, hears) for _ in range(GATHERINGS)]
        )
    return ORDERS * (GATHERINGS - 1) - foreign


def stores(portal: Portal) -> None:
    """Each order is told twice, one by one and in no order."""
    for order in chance.sample(range(1, ORDERS + 1), ORDERS) * 2:
        told = {group_commit.Change(portal.pk, "ONSALEORDERSAVED", order): 1}
        counted(lambda told=told: group_commit.upsert(told))  # type: ignore[misc]


def claims(portal: Portal) -> None:
    for _ in range(3):
        counted(lambda: claims_once(portal))


def claims_once(portal: Portal) -> None:
    if mine := notice_queue.claim(portal.pk):
        rows = list(ChangeNotice.objects.filter(claim=mine))
        notice_queue.delete(rows)
        worked.extend(one.told for one in rows)


def apart(work: Callable[[], T]) -> T:
    """In a thread, with a connection of its own."""
    try:
        return work()
    finally:
        connection.close()


def counted(work: Callable[[], object]) -> None:
    try:
        work()
    except DatabaseError as error:
        failures.append(str(error))


if __name__ == "__main__":
    main()

"""Events that arrive together are stored together, and each is answered after its commit."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from b24app.events import group_commit
from b24app.events.group_commit import Change
from b24app.events.models import ChangeNotice
from b24app.portals.models import Portal
from testing.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)

REQUESTS = 16


@pytest.fixture
def stored() -> Portal:
    return Portal.objects.create(member_id="b" * 32, endpoint="https://portal.example.com/rest/")


def store_while_locked(
    changes: list[Change], meanwhile: Callable[[], object]
) -> tuple[list[bool], list[str]]:
    """Store changes at once while the table is locked. Returns each result, and all INSERT statements."""
    inserts: list[str] = []

    def record(execute, sql, params, many, context):  # type: ignore[no-untyped-def]
        inserts.extend([sql] if "INSERT" in sql else [])
        return execute(sql, params, many, context)

    def store(change: Change) -> bool:
        try:
            with connection.execute_wrapper(record):
                return group_commit.store(change)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(changes)) as pool:
        with transaction.atomic():
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute("LOCK TABLE events_changenotice IN EXCLUSIVE MODE")
            running = [pool.submit(store, change) for change in changes]
            until(
                lambda: len(group_commit._group_commit._waiting) >= len(changes) - 1,
                "the requests wait for each other",
            )
            # No request is answered before its commit.
            assert not any(task.done() for task in running)
            meanwhile()
        return [task.result() for task in running], inserts


def test_burst_of_events_takes_two_statements(stored: Portal) -> None:
    changes = [Change(stored.pk, "ONSALEORDERSAVED", at // 2 + 1) for at in range(REQUESTS)]
    answers, inserts = store_while_locked(changes, lambda: None)
    assert answers == [True] * REQUESTS
    assert len(inserts) == 2
    told = dict(ChangeNotice.objects.values_list("entity", "told"))
    assert told == dict.fromkeys(range(1, REQUESTS // 2 + 1), 2)


def test_events_of_an_erased_portal_do_not_lose_others(stored: Portal) -> None:
    other = Portal.objects.create(member_id="c" * 32, endpoint="https://other.example.com/rest/")
    changes = [Change(at, "ONCRMDEALUPDATE", 7) for at in [stored.pk, other.pk] * 4]
    answers, _ = store_while_locked(changes, other.delete)
    assert answers == [True, False] * 4
    assert ChangeNotice.objects.get().told == 4

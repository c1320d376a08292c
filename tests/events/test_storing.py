"""Events that come together are stored together, and each is answered after the commit that holds it."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from b24app.events import group_commit
from b24app.events.group_commit import Change
from b24app.events.models import ChangeNotice
from b24app.portals.models import Portal

pytestmark = pytest.mark.django_db(transaction=True)

TOGETHER, SECONDS = 16, 15


@pytest.fixture
def stored() -> Portal:
    return Portal.objects.create(member_id="b" * 32, endpoint="https://portal.example.com/rest/")


def held_up(changes: list[Change], meanwhile: Callable[[], object]) -> tuple[list[bool], list[str]]:
    """Store these at once while the table is locked; what each was told, and the inserts it took."""
    inserts: list[str] = []

    def heard(execute, sql, params, many, context):  # type: ignore[no-untyped-def]
        inserts.extend([sql] if "INSERT" in sql else [])
        return execute(sql, params, many, context)

    def one(change: Change) -> bool:
        try:
            with connection.execute_wrapper(heard):
                return group_commit.store(change)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(changes)) as pool:
        with transaction.atomic():
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute("LOCK TABLE events_changenotice IN EXCLUSIVE MODE")
            doing = [pool.submit(one, change) for change in changes]
            limit = time.monotonic() + SECONDS
            while len(group_commit._group_commit._waiting) < len(changes) - 1:
                assert time.monotonic() < limit, "they do not wait for each other"
                time.sleep(0.01)
            # None is answered before its commit.
            assert not any(each.done() for each in doing)
            meanwhile()
        return [each.result() for each in doing], inserts


def test_a_burst_of_events_takes_two_statements(stored: Portal) -> None:
    changes = [Change(stored.pk, "ONSALEORDERSAVED", at // 2 + 1) for at in range(TOGETHER)]
    answers, inserts = held_up(changes, lambda: None)
    assert answers == [True] * TOGETHER
    assert len(inserts) == 2
    told = dict(ChangeNotice.objects.values_list("entity", "told"))
    assert told == dict.fromkeys(range(1, TOGETHER // 2 + 1), 2)


def test_the_event_of_a_portal_that_goes_takes_no_other_with_it(stored: Portal) -> None:
    other = Portal.objects.create(member_id="c" * 32, endpoint="https://other.example.com/rest/")
    changes = [Change(at, "ONCRMDEALUPDATE", 7) for at in [stored.pk, other.pk] * 4]
    answers, _ = held_up(changes, other.delete)
    assert answers == [True, False] * 4
    assert ChangeNotice.objects.get().told == 4

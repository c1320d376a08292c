"""A portal that does not answer keeps one worker of the events busy at most, whatever it reports."""

import json
import threading
from collections.abc import Callable

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from redis import Redis

from b24app.events import notice_queue, tasks
from b24app.events.models import ChangeNotice, InboxEvent
from b24app.portals.models import Portal
from demo.server import DemoPortal
from testing.waiting import HANG_SECONDS, until
from tests.events.posting import post, report
from tests.events.tabs import CARD, Tab

pytestmark = pytest.mark.django_db(transaction=True)


def started(known: DemoPortal, work: Callable[[], object]) -> threading.Thread:
    """A worker that waits for the portal, which hangs."""

    def run() -> None:
        work()
        connection.close()

    known.misbehave("hang", seconds=HANG_SECONDS)
    worker = threading.Thread(target=run)
    worker.start()
    until(lambda: known.http_requests, "the worker asks the portal")
    return worker


def queued() -> list[str]:
    """The tasks that wait in the queue of the events, oldest first."""
    messages = Redis.from_url(settings.REDIS_URL).lrange("events", 0, -1)
    return [json.loads(message)["headers"]["task"] for message in reversed(messages)]


def payments(known: DemoPortal, count: int) -> list[int]:
    return [int(row["id"]) for row in known.state.payments.values()][:count]


def test_changes_of_a_portal_that_does_not_answer_keep_one_worker_busy(
    client: Client, known: DemoPortal, stored: Portal
) -> None:
    Tab(stored, CARD, [])
    first, *others = payments(known, 4)
    report(client, known, "ONPAYMENTENTITYSAVED", first)
    worker = started(known, lambda: tasks.process_changes(stored.pk))
    for payment in others:
        report(client, known, "ONPAYMENTENTITYSAVED", payment)
    before = len(queued())
    for _ in range(20):
        tasks.process_changes(stored.pk)
    assert known.http_requests == 1
    # One of the twenty comes back, and the changes wait for it.
    assert queued()[before:] == ["events.gather"]
    assert ChangeNotice.objects.filter(claim="").count() == len(others)
    known.calm()
    worker.join()
    tasks.process_changes(stored.pk)
    assert not ChangeNotice.objects.filter(claim="").exists()


def test_changes_that_were_claimed_before_wait_for_their_turn(
    client: Client, known: DemoPortal, stored: Portal
) -> None:
    Tab(stored, CARD, [])
    first, second = payments(known, 2)
    report(client, known, "ONPAYMENTENTITYSAVED", first)
    claim = notice_queue.claim(stored.pk)
    notice_queue.postpone(ChangeNotice.objects.filter(claim=claim), tasks.LEASE * 0)
    report(client, known, "ONPAYMENTENTITYSAVED", second)
    worker = started(known, lambda: tasks.process_changes(stored.pk))
    before = len(queued())
    tasks.retry_changes(claim)
    assert known.http_requests == 1
    assert queued()[before:] == ["events.gather_again"]
    known.calm()
    worker.join()
    tasks.retry_changes(claim)
    assert not ChangeNotice.objects.filter(claim=claim).exists()


def test_proven_events_about_the_app_keep_one_worker_busy(
    client: Client, known: DemoPortal
) -> None:
    """Employees know the token that proves them."""
    for name in ("ONAPPUPDATE", "ONAPPUNINSTALL"):
        assert post(client, known, name) == 204
    first, second = InboxEvent.objects.order_by("pk").values_list("pk", flat=True)
    worker = started(known, lambda: tasks.process_event(first))
    tasks.process_event(second)
    assert known.http_requests == 1
    known.calm()
    worker.join()
    assert InboxEvent.objects.get(pk=second).attempts == 0


@pytest.mark.parametrize("name", ["ONAPPINSTALL", "ONAPPUPDATE", "ONAPPUNINSTALL"])
def test_proven_events_with_the_same_effect_are_stored_once_until_one_is_begun(
    client: Client, known: DemoPortal, name: str
) -> None:
    for _ in range(30):
        assert post(client, known, name) == 204
    assert InboxEvent.objects.count() == 1
    # What is in progress may have read the portal before the next event.
    InboxEvent.objects.update(attempts=1)
    for _ in range(30):
        assert post(client, known, name) == 204
    assert InboxEvent.objects.count() == 2


def test_an_uninstall_with_its_data_is_not_lost_behind_one_without(
    client: Client, known: DemoPortal
) -> None:
    for clean in ("0", "0", "0", "1", "x", "1", "1"):
        assert post(client, known, "ONAPPUNINSTALL", {"[CLEAN]": clean}) == 204
    found = InboxEvent.objects.order_by("pk").values_list("data", flat=True)
    assert list(found) == [{}, {"CLEAN": "1"}]

"""What is stored of an event, and the limits of events without a valid application token."""

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.conf import settings
from django.db import connection
from django.test import Client
from redis import Redis

from b24app.events import inbox, tasks
from b24app.events.models import ChangeNotice, InboxEvent
from b24app.portals.models import Portal
from demo.server import DemoPortal
from testing.opening import ANNA, MOCKUP, install
from testing.waiting import HANG_SECONDS, until
from tests.events.posting import form, post, report, work

pytestmark = pytest.mark.django_db

VENDOR, ATTACKER = "8.8.8.8", "9.9.9.9"
FORGED = {"application_token": "0" * 32, "access_token": "f" * 32}
LARGE = {f"[FIELDS][UF_{number}]": "x" * 1_000 for number in range(50)}


def forge(client: Client, known: DemoPortal, name: str, source: str = ATTACKER) -> int:
    return post(client, known, name, {"[VERSION]": "2"}, FORGED, source)


def test_only_used_fields_of_an_event_are_stored(client: Client, known: DemoPortal) -> None:
    data = {"[CLEAN]": "1", **LARGE}
    auth = {"access_token": "a" * 32, "scope": "x" * 9_000, "status": "y" * 9_000}
    assert post(client, known, "ONAPPUNINSTALL", data, auth) == 204
    assert post(client, known, "ONCRMDEALUPDATE", {"[FIELDS][ID]": "1", **LARGE}) == 204
    event = InboxEvent.objects.get()
    assert event.data == {"CLEAN": "1"}
    assert len(event.sealed) < 200
    assert ChangeNotice.objects.get().data == {}


@pytest.mark.parametrize(
    ("data", "auth"),
    [({"[CLEAN]": "1" * 2_000}, {}), ({}, {"access_token": "a" * 2_000})],
)
def test_value_that_is_too_long_is_refused(
    client: Client, known: DemoPortal, data: dict[str, str], auth: dict[str, str]
) -> None:
    assert post(client, known, "ONAPPUNINSTALL", data, auth) == 403
    assert not InboxEvent.objects.exists()


def test_body_larger_than_any_event_is_not_read(client: Client, known: DemoPortal) -> None:
    body = form(known, "ONCRMDEALUPDATE", {"[FIELDS][ID]": "1", "[X]": "x" * 9_000})
    body |= {f"data[X{number}]": "x" * 9_000 for number in range(12)}
    assert client.post("/events/", body).status_code == 413
    assert not ChangeNotice.objects.exists()


def test_forged_events_do_not_block_real_event_of_same_kind(
    client: Client, known: DemoPortal, stored: Portal
) -> None:
    statuses = Counter(forge(client, known, "ONAPPUPDATE") for _ in range(30))
    assert statuses == {204: inbox.MAX_UNPROVEN_WAITING, 403: 30 - inbox.MAX_UNPROVEN_WAITING}
    # An update brings a new token, which only the access token of the event proves.
    known.state.app.application_token = "n" * 32
    access, _ = known.state.tokens_for(ANNA)
    assert post(client, known, "ONAPPUPDATE", {}, {"access_token": access}, VENDOR) == 204
    work()
    stored.refresh_from_db()
    assert stored.application_token == "n" * 32


def test_forged_events_do_not_use_quota_of_proven_events(client: Client, known: DemoPortal) -> None:
    for _ in range(30):
        forge(client, known, "ONAPPINSTALL")
    for name in ("ONAPPINSTALL", "ONAPPUPDATE", "ONAPPPAYMENT"):
        assert post(client, known, name, source=ATTACKER) == 204
    assert report(client, known, "ONCRMDEALUPDATE", MOCKUP) == 204
    assert InboxEvent.objects.filter(source="").count() == 3


def test_forged_events_are_limited_per_portal(client: Client, known: DemoPortal) -> None:
    for number in range(40):
        for _ in range(3):
            forge(client, known, "ONAPPINSTALL", f"9.9.9.{number}")
    assert InboxEvent.objects.count() == inbox.MAX_UNPROVEN_WAITING_OF_PORTAL
    with DemoPortal(app_url=known.app_url, member_id="b" * 32, oauth_of=known) as other:
        install(client, other)
        assert forge(client, other, "ONAPPINSTALL") == 204


def test_payment_event_after_forged_events_is_checked_with_portal(
    client: Client, known: DemoPortal, stored: Portal
) -> None:
    bare = {"application_token": "", "access_token": ""}
    for _ in range(20):
        assert post(client, known, "ONAPPPAYMENT", {}, bare, ATTACKER) == 204
    assert InboxEvent.objects.count() == inbox.MAX_PAYMENTS_WAITING
    work()
    known.end_subscription()
    assert post(client, known, "ONAPPPAYMENT", {}, bare, VENDOR) == 204
    work()
    stored.refresh_from_db()
    assert not stored.payment_expired
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=11)):
        # The pause has passed in Redis as well.
        Redis.from_url(settings.REDIS_URL).flushdb()
        work()
    stored.refresh_from_db()
    assert stored.payment_expired
    assert known.http_requests == 2


def test_forged_updates_do_not_bind_everything_again(client: Client, known: DemoPortal) -> None:
    for _ in range(5):
        assert forge(client, known, "ONAPPUPDATE") == 204
    work()
    assert sum(call.method == "placement.get" for call in known.calls) <= 1


@pytest.mark.django_db(transaction=True)
def test_forged_events_of_one_portal_occupy_at_most_one_worker(
    client: Client, known: DemoPortal
) -> None:
    for _ in range(2):
        assert forge(client, known, "ONAPPINSTALL") == 204
    first, second = InboxEvent.objects.order_by("pk").values_list("pk", flat=True)
    known.misbehave("hang", seconds=HANG_SECONDS)
    queue = Redis.from_url(settings.REDIS_URL)
    before = queue.llen("events")

    def process_first() -> None:
        tasks.process_event(first)
        connection.close()

    worker = threading.Thread(target=process_first)
    worker.start()
    until(lambda: known.http_requests, "the worker asks the portal")
    tasks.process_event(second)
    assert known.http_requests == 1
    assert queue.llen("events") == before + 1
    known.calm()
    worker.join()
    assert InboxEvent.objects.get(pk=second).attempts == 0

"""Changes reported by the portal: proven, stored once for each entity, processed in groups, never lost."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.conf import settings as django_settings
from django.test import Client
from redis import Redis

from b24app import embedded
from b24app.events import group_commit, notice_queue, tasks
from b24app.events.group_commit import Change
from b24app.events.models import ChangeNotice, InboxEvent
from b24app.portals.bindings import APP_EVENTS, EVENTS
from b24app.portals.models import Portal
from demo.server import DemoPortal
from testing import environment
from testing.opening import MOCKUP, install
from tests.events.posting import form, post, report
from tests.events.tabs import CARD, OTHER, Tab

pytestmark = pytest.mark.django_db

CHANGES = sorted(set(EVENTS) - set(APP_EVENTS))


@pytest.mark.parametrize("name", CHANGES)
def test_each_bound_change_event_is_stored_until_it_is_processed(
    client: Client, known: DemoPortal, stored: Portal, name: str
) -> None:
    assert report(client, known, name, 42) == 204
    row = ChangeNotice.objects.get()
    assert (row.name, row.entity, row.data) == (name, 42, {})
    assert known.http_requests == 0
    tasks.process_changes(stored.pk)
    assert not ChangeNotice.objects.exists()


@pytest.mark.parametrize("entity", ["", "0x1", "-1", "1; drop table", "9" * 16, "١"])
def test_invalid_id_is_refused(client: Client, known: DemoPortal, entity: str) -> None:
    assert report(client, known, "ONCRMDEALUPDATE", entity) == 403
    assert not ChangeNotice.objects.exists()


def test_unproven_change_is_refused(client: Client, known: DemoPortal) -> None:
    data = {"[FIELDS][ID]": "1"}
    assert report(client, known, "ONCRMDEALUPDATE", 1) == 204
    for auth in ({"application_token": ""}, {"application_token": "0" * 32}, {"member_id": "x"}):
        assert post(client, known, "ONCRMDEALUPDATE", data, auth) == 403
    assert ChangeNotice.objects.get().told == 1


def test_change_is_stored_for_a_portal_that_was_erased_and_installed_again(
    client: Client, known: DemoPortal
) -> None:
    """Its proven token is remembered for seconds, together with the portal that is gone."""
    assert report(client, known, "ONCRMDEALUPDATE", 1) == 204
    before = Portal.objects.get()
    token = before.application_token
    before.delete()
    install(client, known)
    Portal.objects.update(application_token=token)
    assert report(client, known, "ONCRMDEALUPDATE", 1) == 204


def test_token_of_another_tenant_is_refused(client: Client, known: DemoPortal) -> None:
    with DemoPortal(app_url=known.app_url, member_id="b" * 32, oauth_of=known) as other:
        other.state.app.application_token = "o" * 32
        install(client, other)
        crossed = {"application_token": other.state.app.application_token}
        assert post(client, known, "ONCRMDEALUPDATE", {"[FIELDS][ID]": "1"}, crossed) == 403
        assert report(client, other, "ONCRMDEALUPDATE", 1) == 204
        assert ChangeNotice.objects.get().portal.member_id == other.member_id


def test_unbound_event_is_not_stored(client: Client, known: DemoPortal) -> None:
    assert report(client, known, "ONTASKADD", 1) == 403
    assert not ChangeNotice.objects.exists()
    assert not InboxEvent.objects.exists()


def test_no_change_is_stored_after_the_app_was_removed(client: Client, known: DemoPortal) -> None:
    assert report(client, known, "ONCRMDEALUPDATE", 1) == 204
    Portal.objects.update(uninstalled_at=datetime.now(UTC))
    assert report(client, known, "ONCRMDEALUPDATE", 2) == 403
    tasks.process_changes(Portal.objects.get().pk)
    assert not ChangeNotice.objects.exists()


def test_no_app_event_is_stored_after_the_app_was_removed(
    client: Client, known: DemoPortal
) -> None:
    assert post(client, known, "ONAPPPAYMENT") == 204
    Portal.objects.update(uninstalled_at=datetime.now(UTC))
    assert post(client, known, "ONAPPUNINSTALL", {"[CLEAN]": "1"}) == 403
    assert InboxEvent.objects.count() == 1


def test_secrets_of_a_change_event_are_not_stored(client: Client, known: DemoPortal) -> None:
    data = {"[FIELDS][ID]": "1", "[FIELDS][access_token]": "very-secret-token"}
    assert post(client, known, "ONCRMDEALUPDATE", data, {"access_token": "other-secret"}) == 204
    assert "secret" not in str(ChangeNotice.objects.values_list())


def test_open_tab_notices_changes_of_its_deal_and_orders(
    client: Client, known: DemoPortal, stored: Portal, order: int
) -> None:
    tab, elsewhere = Tab(stored, CARD, [order]), Tab(stored, OTHER, [1])
    assert not tab.stale()
    for name, entity in (
        ("ONCRMDEALUPDATE", MOCKUP),
        ("ONCRMDEALDELETE", MOCKUP),
        ("ONSALEORDERSAVED", order),
        ("ONORDERDELETED", order),
    ):
        report(client, known, name, entity)
        tasks.process_changes(stored.pk)
        assert (tab.stale(), elsewhere.stale()) == (True, False), name
    # One request: to which card the saved order is linked now.
    assert known.http_requests == 1


@pytest.mark.parametrize("kind", ["payment", "shipment"])
def test_changed_payment_or_shipment_is_noticed_at_its_order(
    client: Client, known: DemoPortal, stored: Portal, kind: str
) -> None:
    rows = known.state.payments if kind == "payment" else known.state.shipments
    one = next(iter(rows.values()))
    tab, elsewhere = Tab(stored, CARD, [int(one["orderId"])]), Tab(stored, OTHER, [1])
    report(client, known, f"ON{kind.upper()}ENTITYSAVED", one["id"])
    report(client, known, f"ON{kind.upper()}DELETED", 999_999)
    tasks.process_changes(stored.pk)
    assert (tab.stale(), elsewhere.stale()) == (True, False)
    assert known.http_requests == 1


@pytest.mark.parametrize("condition", ["closed", "plan_ended", "market_ended"])
def test_change_reported_while_the_portal_is_closed_is_processed_later(
    client: Client, known: DemoPortal, stored: Portal, condition: str
) -> None:
    one = next(iter(known.state.payments.values()))
    tab = Tab(stored, CARD, [int(one["orderId"])])
    known.enter(condition)
    report(client, known, "ONPAYMENTENTITYSAVED", one["id"])
    tasks.process_changes(stored.pk)
    assert not tab.stale()
    known.calm()
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=3)):
        tab = Tab(stored, CARD, [int(one["orderId"])])
        for claim in notice_queue.expired_claims():
            tasks.retry_changes(claim)
        assert tab.stale()


def test_portal_is_not_asked_while_no_tab_is_open(
    client: Client, known: DemoPortal, stored: Portal
) -> None:
    report(client, known, "ONPAYMENTENTITYSAVED", next(iter(known.state.payments)))
    tasks.process_changes(stored.pk)
    assert known.http_requests == 0


def test_thousands_of_updates_become_few_rows_and_no_call(
    client: Client, known: DemoPortal, stored: Portal
) -> None:
    for _ in range(200):
        report(client, known, "ONCRMDEALUPDATE", MOCKUP)
    assert ChangeNotice.objects.get().told == 200
    for number in range(1, 2_401):
        group_commit.store(Change(stored.pk, "ONCRMDEALUPDATE", 100_000 + number % 1_200))
    assert ChangeNotice.objects.count() == 1_201
    tab = Tab(stored, CARD, [])
    slices = 0
    while ChangeNotice.objects.exists():
        tasks.process_changes(stored.pk)
        slices += 1
    assert slices == 3
    assert tab.stale()
    assert known.http_requests == 0


def test_hundreds_of_payments_take_one_request(
    client: Client, known: DemoPortal, stored: Portal
) -> None:
    Tab(stored, CARD, [])
    for pk in [*known.state.payments][:300]:
        report(client, known, "ONPAYMENTENTITYSAVED", pk)
    tasks.process_changes(stored.pk)
    assert known.http_requests == 1


def test_change_reported_during_processing_waits_for_the_next_claim(
    client: Client, known: DemoPortal, stored: Portal
) -> None:
    report(client, known, "ONCRMDEALUPDATE", MOCKUP)
    first = notice_queue.claim(stored.pk)
    assert report(client, known, "ONCRMDEALUPDATE", MOCKUP) == 204
    assert sorted(ChangeNotice.objects.values_list("claim", flat=True)) == ["", first]
    assert notice_queue.claim(stored.pk) not in ("", first)
    assert notice_queue.claim(stored.pk) == ""


def test_changes_of_an_unreachable_portal_are_retried_and_finally_dropped(
    client: Client, known: DemoPortal, stored: Portal
) -> None:
    payment = next(iter(known.state.payments.values()))
    report(client, known, "ONPAYMENTENTITYSAVED", payment["id"])
    known.misbehave("redirect", times=1000)
    moment = datetime.now(UTC)
    for attempt in range(notice_queue.MAX_ATTEMPTS):
        with time_machine.travel(moment + attempt * timedelta(minutes=3)):
            tab = Tab(stored, CARD, [int(payment["orderId"])])
            if attempt == 0:
                tasks.process_changes(stored.pk)
            for claim in notice_queue.expired_claims():
                tasks.retry_changes(claim)
            assert ChangeNotice.objects.get().attempts == attempt + 1
            assert not notice_queue.expired_claims()
    known.calm()
    with time_machine.travel(moment + timedelta(minutes=30)):
        for claim in notice_queue.expired_claims():
            tasks.retry_changes(claim)
    assert not ChangeNotice.objects.exists()
    assert not tab.stale()


def test_killed_worker_loses_no_change(client: Client, known: DemoPortal, stored: Portal) -> None:
    tab = Tab(stored, CARD, [])
    report(client, known, "ONCRMDEALUPDATE", MOCKUP)
    assert notice_queue.claim(stored.pk)
    assert notice_queue.expired_claims() == []
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=3)):
        (expired,) = notice_queue.expired_claims()
        tasks.retry_changes(expired)
        tasks.retry_changes(expired)
    assert not ChangeNotice.objects.exists()
    assert tab.stale()


def test_changes_are_processed_without_access_of_the_installer(
    client: Client, known: DemoPortal, stored: Portal
) -> None:
    tab = Tab(stored, CARD, [])
    known.kill_tokens()
    report(client, known, "ONPAYMENTENTITYSAVED", 1)
    report(client, known, "ONCRMDEALUPDATE", MOCKUP)
    tasks.process_changes(stored.pk)
    assert tab.stale()
    assert not ChangeNotice.objects.exists()


def test_changes_within_a_second_start_one_task(
    client: Client, known: DemoPortal, stored: Portal
) -> None:
    queue = Redis.from_url(django_settings.REDIS_URL)
    before = queue.llen("events")
    for deal in range(1, 21):
        report(client, known, "ONCRMDEALUPDATE", deal)
    assert queue.llen("events") == before + 1
    (message,) = queue.lrange("events", 0, 0)
    assert json.loads(message)["headers"]["task"] == "events.gather"


@pytest.fixture
def broker_away() -> Iterator[None]:
    embedded.stop(environment.DIRECTORY)
    yield
    embedded.ensure(environment.DIRECTORY)


def test_no_event_is_lost_while_broker_is_unreachable(
    client: Client, known: DemoPortal, stored: Portal, broker_away: None
) -> None:
    assert report(client, known, "ONCRMDEALUPDATE", MOCKUP) == 204
    assert post(client, known, "ONAPPINSTALL", {"[VERSION]": "1"}) == 204
    assert (ChangeNotice.objects.count(), InboxEvent.objects.count()) == (1, 1)
    # The broker is back, and the sweep finds them.
    embedded.ensure(environment.DIRECTORY)
    assert notice_queue.waiting_portals() == [stored.pk]
    tasks.process_changes(stored.pk)
    tasks.process_event(InboxEvent.objects.get().pk)
    assert not ChangeNotice.objects.exists()
    assert InboxEvent.objects.get().state == "done"


def test_processed_events_are_deleted_after_a_week(client: Client, known: DemoPortal) -> None:
    with time_machine.travel(datetime.now(UTC) - timedelta(days=8)):
        post(client, known, "ONAPPINSTALL")
        tasks.process_event(InboxEvent.objects.get().pk)
        post(client, known, "ONAPPPAYMENT")
        InboxEvent.objects.filter(state="waiting").update(state="failed")
    tasks.sweep()
    assert InboxEvent.objects.get().state == "failed"
    with time_machine.travel(datetime.now(UTC) + timedelta(days=25)):
        tasks.sweep()
    assert not InboxEvent.objects.exists()


def test_get_is_not_allowed(client: Client) -> None:
    assert client.get("/events/").status_code == 405


def test_form_has_the_member_id_of_the_portal(known: DemoPortal) -> None:
    assert form(known, "ONAPPINSTALL", {})["auth[member_id]"] == known.member_id

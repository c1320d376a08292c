"""The journal of calls: what is recorded, found and deleted, its cost, and its failures."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from b24app import tracing
from b24app.bitrix24.client import CallRecord
from b24app.celery import app as celery
from b24app.connect import client_of
from b24app.journal import calls, tasks
from b24app.journal.models import RestCall
from b24app.portals import call_listener
from b24app.portals.models import Portal, PortalUser
from demo.server import DemoPortal
from testing.opening import ANNA, MARIA, MOCKUP, TOM, Page, install, open_tab

pytestmark = pytest.mark.django_db


@pytest.fixture
def known(client: Client, portal: DemoPortal) -> Portal:
    """The demo portal after its installation, with an empty journal."""
    install(client, portal)
    open_tab(client, portal)
    RestCall.objects.all().delete()
    portal.reset_counts()
    return Portal.objects.get()


@pytest.fixture
def stranger() -> Portal:
    return Portal.objects.create(member_id="other", endpoint="https://other.example/rest/")


def reference_of(page: Page) -> str:
    found = re.search(r"LO-\w{5}", page.text)
    assert found, page.text
    return found[0]


def record(outcome: str = "ok", **changed: object) -> CallRecord:
    fields: dict[str, object] = {
        "method": "profile", "started": timezone.now(), "duration": 0.1, "outcome": outcome,
        "kind": "ok", "http_status": 200, "request_id": tracing.call_id(), "retries": 0,
        "operating": 0.5, "methods": {"profile": 1}, "failures": {},
    }  # fmt: skip
    return CallRecord(**{**fields, **changed})  # type: ignore[arg-type]  # a test's own mixture


def test_install_calls_are_recorded_with_new_portal(client: Client, portal: DemoPortal) -> None:
    install(client, portal)
    rows = RestCall.objects.order_by("pk")
    assert {row.portal for row in rows} == {Portal.objects.get()}
    assert [row.user_id for row in rows] == [ANNA] * portal.http_requests
    assert rows[0].methods == {"profile": 1, "app.info": 1, "scope": 1}


def test_refused_install_records_no_calls(client: Client, portal: DemoPortal) -> None:
    assert install(client, portal, user_id=TOM).state == "not-admin"
    assert portal.http_requests == 1
    assert not RestCall.objects.exists()


def test_opening_is_recorded_as_one_row(client: Client, portal: DemoPortal, known: Portal) -> None:
    page = open_tab(client, portal)
    row = RestCall.objects.get()
    assert (row.portal, row.user_id, row.origin) == (known, ANNA, "deal-tab")
    assert (row.method, row.outcome, row.http_status, row.retries) == ("batch", "ok", 200, 0)
    assert row.methods["crm.deal.get"] == 1
    assert sum(row.methods.values()) == len(portal.calls)
    assert row.operating
    assert 0 < row.duration < 30
    assert row.ok
    assert page.response["X-Request-Id"] == row.request_id
    assert portal.request_ids == [f"{row.request_id}-{row.call_id}"]


def test_recording_costs_one_statement(client: Client, portal: DemoPortal, known: Portal) -> None:
    with CaptureQueriesContext(connection) as queries:
        open_tab(client, portal)
    own = [query["sql"] for query in queries if "journal_restcall" in query["sql"]]
    assert len(own) == 1
    assert own[0].startswith("INSERT")


def test_reference_leads_to_its_calls(
    client: Client, portal: DemoPortal, known: Portal, stranger: Portal
) -> None:
    open_tab(client, portal)
    portal.misbehave("no_read", method="crm.orderentity.list", times=5)
    refused = open_tab(client, portal, user_id=MARIA)
    row = RestCall.objects.latest("pk")
    found = calls.search(known, reference=f" {reference_of(refused).lower()} ")
    assert list(found) == [row]
    assert (row.user_id, row.failures) == (MARIA, {"200040300010": 1})
    assert not row.ok
    assert list(calls.search(known, request_id=refused.response["X-Request-Id"])) == [row]
    assert list(calls.search(known, request_id=portal.request_ids[-1].upper())) == [row]
    assert list(calls.search(known, outcome="200040300010")) == [row]
    assert list(calls.search(known, failed=True)) == [row]
    assert list(calls.search(known, user_id=MARIA)) == [row]
    assert list(calls.search(stranger, reference=reference_of(refused))) == []
    assert list(calls.search(stranger)) == []


def test_failed_request_is_recorded_with_its_retries(
    client: Client, portal: DemoPortal, known: Portal
) -> None:
    portal.misbehave("payment_required", times=5)
    page = open_tab(client, portal)
    row = RestCall.objects.get()
    assert (row.outcome, row.http_status, row.failures) == ("PAYMENT_REQUIRED", 402, {})
    assert row.reference == reference_of(page)
    portal.calm()
    portal.misbehave("cut", times=1)
    open_tab(client, portal)
    first, second = calls.search(known)[:2][::-1]
    assert (first.outcome, first.retries, second.outcome, second.retries) == (
        "HTTP_200", 0, "ok", 1,
    )  # fmt: skip
    assert first.request_id == second.request_id
    assert first.call_id != second.call_id


def test_calls_are_found_by_batched_method_and_time(
    client: Client, portal: DemoPortal, known: Portal
) -> None:
    open_tab(client, portal)
    client_of(PortalUser.objects.select_related("portal").get(user_id=ANNA)).call("profile")
    alone, batch = calls.search(known)
    assert list(calls.search(known, method="crm.deal.get")) == [batch]
    assert list(calls.search(known, method="profile")) == [alone, batch]
    assert list(calls.search(known, method="batch")) == [batch]
    assert list(calls.search(known, since=alone.started)) == [alone]
    assert list(calls.search(known, until=alone.started)) == [batch]


def test_call_outside_a_request_is_recorded_at_once(known: Portal, portal: DemoPortal) -> None:
    client_of(PortalUser.objects.select_related("portal").get(user_id=ANNA)).call("profile")
    row = RestCall.objects.get()
    assert (row.user_id, row.origin, row.reference) == (ANNA, "", "")
    assert portal.request_ids == [f"{row.request_id}-{row.call_id}"]


def test_no_secret_and_no_parameters_are_recorded(
    client: Client, portal: DemoPortal, known: Portal
) -> None:
    open_tab(client, portal)
    kept = str(list(RestCall.objects.values()))
    assert str(MOCKUP) not in kept
    for secret in (*portal.state.access, portal.client_secret, portal.state.app.application_token):
        assert secret not in kept


@pytest.mark.parametrize("code", ["a\x00b", "\ud800", "x" * 500, "<b>", "\n"])
def test_any_error_code_can_be_recorded(known: Portal, code: str) -> None:
    call_listener.listener(known)(record(code, failures={code: 2}, operating=float("nan")))
    row = RestCall.objects.get()
    assert row.outcome
    assert len(row.outcome) <= 64
    assert row.outcome.isprintable()
    assert row.failures == {row.outcome: 2}
    assert row.operating is None


def test_failed_journal_write_does_not_fail_the_request(
    client: Client, portal: DemoPortal, known: Portal
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE journal_restcall RENAME TO away")
        page = open_tab(client, portal)
        cursor.execute("ALTER TABLE away RENAME TO journal_restcall")
    assert page.response.status_code == 200
    assert len(page.order_ids) == 9
    assert not RestCall.objects.exists()


def test_erasing_a_portal_erases_its_calls(
    client: Client, portal: DemoPortal, known: Portal, stranger: Portal
) -> None:
    call_listener.listener(stranger)(record())
    tracing.begin("any")
    calls.hold()
    user = PortalUser.objects.select_related("portal").get(user_id=ANNA)
    client_of(user).call("profile")
    call_listener.listener(stranger)(record())
    known.delete()
    trace = tracing.current()
    assert trace
    calls.write(trace)
    tracing.end()
    assert [row.portal for row in RestCall.objects.all()] == [stranger] * 2


def test_calls_are_kept_a_week_or_as_configured(known: Portal, stranger: Portal) -> None:
    now = timezone.now()
    for portal in (known, stranger):
        for days in (0, 6, 8, 30):
            call_listener.listener(portal)(record(started=now - timedelta(days=days)))
    assert calls.purge(known, most=1) == 1
    assert [row.started for row in calls.search(known)] == [
        now - timedelta(days=days) for days in (0, 6, 8)
    ]
    assert "journal.purge" in celery.tasks
    tasks.purge(after=known.pk - 1)
    assert calls.search(known).count() == 2
    assert calls.search(stranger).count() == 4
    Portal.objects.filter(pk=stranger.pk).update(journal_days=14)
    tasks.purge(after=known.pk)
    assert calls.search(stranger).count() == 3


def test_calls_refused_by_budget_are_recorded(
    client: Client, portal: DemoPortal, known: Portal
) -> None:
    portal.misbehave("overload")
    assert open_tab(client, portal).state == "overload"
    page = open_tab(client, portal)
    assert page.state == "overload"
    row = calls.search(known, reference=reference_of(page)).get()
    assert (row.outcome, row.http_status) == ("BUDGET", None)
    assert len(portal.request_ids) == RestCall.objects.count() - 1

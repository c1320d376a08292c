"""Events of the app's own writes are recognized, and never hide changes by others."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from b24app.events import notice_queue, tasks
from b24app.events.models import ChangeNotice
from b24app.jobs.models import Job, JobItem
from b24app.journal import audit
from b24app.journal.audit import Entry
from b24app.journal.models import AuditEntry
from b24app.portals.models import Portal, PortalUser
from demo.server import DemoPortal
from testing.opening import ANNA
from tests.events.posting import report
from tests.events.tabs import CARD, Tab

pytestmark = pytest.mark.django_db


def record_write(order: int) -> None:
    """Record a write of the app in the audit trail."""
    user = PortalUser.objects.select_related("portal").get(user_id=ANNA)
    audit.record(user, AuditEntry.Through.TAB, [Entry(AuditEntry.Kind.LINK, order, target=CARD)])


def test_echo_of_an_own_write_is_recognized(
    client: Client, known: DemoPortal, stored: Portal, order: int
) -> None:
    record_write(order)
    tab = Tab(stored, CARD, [order])
    report(client, known, "ONSALEORDERSAVED", order)
    tasks.process_changes(stored.pk)
    assert not tab.stale()
    # The echo was used up, so this event was caused by somebody else.
    report(client, known, "ONSALEORDERSAVED", order)
    tasks.process_changes(stored.pk)
    assert tab.stale()


def test_change_by_another_person_is_not_an_echo(
    client: Client, known: DemoPortal, stored: Portal, order: int
) -> None:
    record_write(order)
    tab = Tab(stored, CARD, [order])
    for _ in range(2):
        report(client, known, "ONSALEORDERSAVED", order)
    tasks.process_changes(stored.pk)
    assert tab.stale()


def test_write_older_than_ten_seconds_has_no_echo(
    client: Client, known: DemoPortal, stored: Portal, order: int
) -> None:
    with time_machine.travel(datetime.now(UTC) - timedelta(seconds=15)):
        record_write(order)
    tab = Tab(stored, CARD, [order])
    report(client, known, "ONSALEORDERSAVED", order)
    tasks.process_changes(stored.pk)
    assert tab.stale()


def test_event_before_its_audit_entry_does_not_hide_a_colleagues_change(
    client: Client, known: DemoPortal, stored: Portal, order: int
) -> None:
    report(client, known, "ONSALEORDERSAVED", order)
    tasks.process_changes(stored.pk)
    # The write that caused the event is recorded only now.
    record_write(order)
    tab = Tab(stored, CARD, [order])
    report(client, known, "ONSALEORDERSAVED", order)
    tasks.process_changes(stored.pk)
    assert tab.stale()


def test_hundreds_of_echoes_are_recognized_in_few_statements(
    client: Client,
    known: DemoPortal,
    stored: Portal,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    orders = list(known.state.orders)[:300]
    # The window for echoes does not close, however long the machine takes for the requests.
    with time_machine.travel(datetime.now(UTC), tick=False):
        for order in orders:
            record_write(order)
        tab = Tab(stored, CARD, orders)
        for order in orders:
            report(client, known, "ONSALEORDERSAVED", order)
        with django_assert_max_num_queries(15):
            tasks.process_changes(stored.pk)
        assert not tab.stale()
    assert known.http_requests == 0


@pytest.fixture
def writing(stored: Portal, order: int) -> JobItem:
    """A job item whose write is in progress."""
    job = Job.objects.create(portal=stored, kind=Job.Kind.LINK, **owner(stored))
    return JobItem.objects.create(job=job, row=1, order_id=order, state=JobItem.State.WRITING)


def owner(stored: Portal) -> dict[str, PortalUser]:
    user = PortalUser.objects.get(portal=stored, user_id=ANNA)
    return {"user": user, "acting": user}


def finish_write(item: JobItem) -> None:
    record_write(item.order_id)
    JobItem.objects.filter(pk=item.pk).update(state=JobItem.State.DONE)


def retry_after(seconds: float) -> None:
    """Process expired claims so many seconds later, as a worker does."""
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=seconds)):
        for claim in notice_queue.expired_claims():
            tasks.retry_changes(claim)


def test_event_of_a_write_in_progress_waits_until_its_outcome_is_recorded(
    client: Client, known: DemoPortal, stored: Portal, writing: JobItem
) -> None:
    tab = Tab(stored, CARD, [writing.order_id])
    report(client, known, "ONSALEORDERSAVED", writing.order_id)
    tasks.process_changes(stored.pk)
    retry_after(2)
    assert not tab.stale()
    assert ChangeNotice.objects.get().attempts == 0
    finish_write(writing)
    retry_after(4)
    assert not tab.stale()
    assert not ChangeNotice.objects.exists()


def test_colleagues_change_during_a_write_is_noticed(
    client: Client, known: DemoPortal, stored: Portal, writing: JobItem
) -> None:
    tab = Tab(stored, CARD, [writing.order_id])
    for _ in range(2):
        report(client, known, "ONSALEORDERSAVED", writing.order_id)
    tasks.process_changes(stored.pk)
    finish_write(writing)
    retry_after(2)
    assert tab.stale()


def test_event_waits_at_most_twenty_seconds_for_a_hanging_write(
    client: Client, known: DemoPortal, stored: Portal, writing: JobItem
) -> None:
    tab = Tab(stored, CARD, [writing.order_id])
    report(client, known, "ONSALEORDERSAVED", writing.order_id)
    tasks.process_changes(stored.pk)
    retry_after(25)
    assert tab.stale()
    assert not ChangeNotice.objects.exists()

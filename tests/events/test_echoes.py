"""Events of our own writes are known as such, and hide nobody else's."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from b24app.events import folding, tasks
from b24app.events.models import ChangeNotice
from b24app.jobs.models import Job, JobItem
from b24app.journal import audit
from b24app.journal.audit import Entry
from b24app.journal.models import AuditEntry
from b24app.portals.models import Portal, PortalUser
from demo.server import DemoPortal
from tests.events.posting import tell
from tests.events.tabs import CARD, Tab
from tests.opening import ANNA

pytestmark = pytest.mark.django_db


def wrote(order: int) -> None:
    """The app's own change of an order, as its audit trail holds it."""
    user = PortalUser.objects.select_related("portal").get(user_id=ANNA)
    audit.record(user, AuditEntry.Through.TAB, [Entry(AuditEntry.Kind.LINK, order, target=CARD)])


def test_an_echo_of_our_own_write_is_known(
    client: Client, known: DemoPortal, stored: Portal, order: int
) -> None:
    wrote(order)
    tab = Tab(stored, CARD, [order])
    tell(client, known, "ONSALEORDERSAVED", order)
    tasks.gather(stored.pk)
    assert not tab.stale()
    # Heard once; what comes now is somebody else's.
    tell(client, known, "ONSALEORDERSAVED", order)
    tasks.gather(stored.pk)
    assert tab.stale()


def test_somebody_elses_change_is_not_taken_for_an_echo(
    client: Client, known: DemoPortal, stored: Portal, order: int
) -> None:
    wrote(order)
    tab = Tab(stored, CARD, [order])
    for _ in range(2):
        tell(client, known, "ONSALEORDERSAVED", order)
    tasks.gather(stored.pk)
    assert tab.stale()


def test_an_old_write_has_no_echo_any_more(
    client: Client, known: DemoPortal, stored: Portal, order: int
) -> None:
    with time_machine.travel(datetime.now(UTC) - timedelta(seconds=15)):
        wrote(order)
    tab = Tab(stored, CARD, [order])
    tell(client, known, "ONSALEORDERSAVED", order)
    tasks.gather(stored.pk)
    assert tab.stale()


def test_an_event_that_came_before_its_entry_does_not_hide_a_colleagues_change(
    client: Client, known: DemoPortal, stored: Portal, order: int
) -> None:
    tell(client, known, "ONSALEORDERSAVED", order)
    tasks.gather(stored.pk)
    # The write whose event that was is recorded only now.
    wrote(order)
    tab = Tab(stored, CARD, [order])
    tell(client, known, "ONSALEORDERSAVED", order)
    tasks.gather(stored.pk)
    assert tab.stale()


def test_hundreds_of_echoes_are_recognised_together(
    client: Client,
    known: DemoPortal,
    stored: Portal,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    orders = list(known.state.orders)[:300]
    # However long the 300 take here, all of it happens at one moment.
    with time_machine.travel(datetime.now(UTC), tick=False):
        for order in orders:
            wrote(order)
        tab = Tab(stored, CARD, orders)
        for order in orders:
            tell(client, known, "ONSALEORDERSAVED", order)
        with django_assert_max_num_queries(15):
            tasks.gather(stored.pk)
    assert not tab.stale()
    assert known.http_requests == 0


@pytest.fixture
def writing(stored: Portal, order: int) -> JobItem:
    """A job's row whose write is under way."""
    job = Job.objects.create(portal=stored, kind=Job.Kind.LINK, **owner(stored))
    return JobItem.objects.create(job=job, row=1, order_id=order, state=JobItem.State.WRITING)


def owner(stored: Portal) -> dict[str, PortalUser]:
    user = PortalUser.objects.get(portal=stored, user_id=ANNA)
    return {"user": user, "acting": user}


def recorded(item: JobItem) -> None:
    wrote(item.order_id)
    JobItem.objects.filter(pk=item.pk).update(state=JobItem.State.DONE)


def again(seconds: float) -> None:
    """What a worker does when the time of a claim is over."""
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=seconds)):
        for claim in folding.lost():
            tasks.gather_again(claim)


def test_the_event_of_a_write_under_way_waits_until_its_outcome_is_recorded(
    client: Client, known: DemoPortal, stored: Portal, writing: JobItem
) -> None:
    tab = Tab(stored, CARD, [writing.order_id])
    tell(client, known, "ONSALEORDERSAVED", writing.order_id)
    tasks.gather(stored.pk)
    again(2)
    assert not tab.stale()
    assert ChangeNotice.objects.get().attempts == 0
    recorded(writing)
    again(4)
    assert not tab.stale()
    assert not ChangeNotice.objects.exists()


def test_a_colleagues_change_beside_a_write_under_way_is_told(
    client: Client, known: DemoPortal, stored: Portal, writing: JobItem
) -> None:
    tab = Tab(stored, CARD, [writing.order_id])
    for _ in range(2):
        tell(client, known, "ONSALEORDERSAVED", writing.order_id)
    tasks.gather(stored.pk)
    recorded(writing)
    again(2)
    assert tab.stale()


def test_an_event_waits_for_a_hanging_write_only_so_long(
    client: Client, known: DemoPortal, stored: Portal, writing: JobItem
) -> None:
    tab = Tab(stored, CARD, [writing.order_id])
    tell(client, known, "ONSALEORDERSAVED", writing.order_id)
    tasks.gather(stored.pk)
    again(25)
    assert tab.stale()
    assert not ChangeNotice.objects.exists()

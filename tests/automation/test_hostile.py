"""Rules in a portal whose answers no portal should give, and forms that no page of ours sends."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from b24app.automation import tasks, trials, watches
from b24app.automation.models import Cursor, Entry, Trial, WatchedDeal
from b24app.journal.models import AuditEntry
from b24app.portals.models import PortalUser
from demo.server import DemoPortal
from demo.trade import Purchase
from testing.opening import ask, submit
from tests.automation import desk
from tests.automation.desk import CLARA, catch_up_now, deal_of, entry, rule_on
from tests.console.desk import open_main

pytestmark = pytest.mark.django_db

ADD = "crm.orderentity.add"


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", "1899-12-31", "2026-02-30", ""])
def test_day_that_no_feed_has_is_refused(
    client: Client, portal: DemoPortal, anna: PortalUser, day: str
) -> None:
    page = open_main(client, portal)
    answer = submit(client, page, reverse("console-feed-undo"), {"day": day})
    assert answer.response.status_code == 400


def test_search_of_the_feed_is_a_plain_text(
    client: Client, portal: DemoPortal, anna: PortalUser
) -> None:
    page = open_main(client, portal)
    rule_on(anna)
    deal_of(portal, CLARA)
    order = portal.order_comes(Purchase(CLARA, number="X-77"))
    catch_up_now(anna)
    found = ask(client, page, reverse("console-feed"), {"q": "x-\x0077"})
    assert found.order_ids == [order]


def test_order_changed_in_the_far_future_does_not_end_the_scan(
    anna: PortalUser, portal: DemoPortal
) -> None:
    rule_on(anna)
    deal = deal_of(portal, CLARA)
    strange, early, late = (portal.order_comes(Purchase(CLARA), told=False) for _ in range(3))
    portal.state.orders[strange]["dateUpdate"] = "2100-01-01T00:00:00+03:00"
    hidden = portal.state.orders.pop(early)
    catch_up_now(anna)
    assert portal.link_of(late) == (2, deal)
    portal.state.orders[early] = hidden
    catch_up_now(anna)
    assert portal.link_of(early) == (2, deal)


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00+00:00"])
def test_order_with_an_impossible_date_holds_up_no_other(
    anna: PortalUser, portal: DemoPortal, moment: str
) -> None:
    rule_on(anna, wait_minutes=5, own_deal=True)
    deal = deal_of(portal, CLARA)
    strange = portal.order_comes(Purchase(CLARA))
    came = datetime.now(UTC) - timedelta(minutes=6)
    order = portal.order_comes(Purchase(CLARA, at=came))
    portal.state.orders[strange]["dateInsert"] = moment
    catch_up_now(anna)
    assert portal.link_of(order) == (2, deal)
    assert desk.states()[strange] == "done"


@pytest.mark.parametrize("fault", ["cut", "operating"])
def test_link_that_cannot_be_given_back_is_in_the_feed_and_the_audit(
    anna: PortalUser, portal: DemoPortal, fault: str
) -> None:
    rule_on(anna)
    deal = deal_of(portal, CLARA)
    other = deal_of(portal, desk.PRIYA)
    order = portal.order_comes(Purchase(CLARA))
    portal.meanwhile(ADD, lambda: portal.link(order, (2, other)))
    portal.misbehave(fault, ADD, 20, skip=1)
    catch_up_now(anna)
    assert portal.link_of(order) == (2, deal)
    assert (entry(order).state, entry(order).from_deal) == (Entry.State.LINKED, other)
    trail = AuditEntry.objects.get(order_id=order)
    assert (trail.through, trail.from_id, trail.to_id) == ("rule", other, deal)


def test_what_is_past_its_time_is_dropped(anna: PortalUser, portal: DemoPortal) -> None:
    rule = rule_on(anna)
    kept = Trial.objects.get()
    trials.stop(trials.start(rule, 30))
    watches.watch(anna.portal, [7021])
    with time_machine.travel(datetime.now(UTC) + timedelta(days=29)):
        tasks.forget()
    assert (WatchedDeal.objects.count(), list(Trial.objects.all())) == (1, [kept])
    with time_machine.travel(datetime.now(UTC) + timedelta(days=31)):
        tasks.forget()
    assert WatchedDeal.objects.count() == 0
    assert Cursor.objects.count() == 1


def test_feed_forgets_clients_and_the_audit_keeps_links(
    anna: PortalUser, portal: DemoPortal
) -> None:
    rule_on(anna)
    deal_of(portal, CLARA)
    order = portal.order_comes(Purchase(CLARA))
    catch_up_now(anna)
    with time_machine.travel(datetime.now(UTC) + timedelta(days=189)):
        tasks.forget()
    assert entry(order).state == Entry.State.LINKED
    with time_machine.travel(datetime.now(UTC) + timedelta(days=191)):
        tasks.forget()
    assert not Entry.objects.exists()
    assert AuditEntry.objects.filter(order_id=order).exists()

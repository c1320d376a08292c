"""The catch-up scan: what events have not reported is found all the same."""

import random
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client

from b24app.automation import catch_up, watches
from b24app.automation.models import Arrival, Cursor, Entry, RefusedPair, WatchedDeal
from b24app.events import tasks
from b24app.portals.models import Portal, PortalUser
from demo.server import DemoPortal
from demo.trade import Purchase
from tests.automation import desk
from tests.automation.desk import CLARA, catch_up_now, deal_of, entry, rule_on
from tests.events.posting import report

pytestmark = pytest.mark.django_db


def scan_now(user: PortalUser) -> None:
    Cursor.objects.update(due_at=datetime.now(UTC))
    assert catch_up.scan(user.portal)


def test_one_request_where_nothing_is_new(anna: PortalUser, portal: DemoPortal) -> None:
    rule_on(anna)
    deal_of(portal, CLARA)
    portal.order_comes(Purchase(CLARA))
    catch_up_now(anna)
    portal.reset_counts()
    scan_now(anna)
    assert portal.http_requests == 1
    assert {call.method for call in portal.calls} == {"sale.order.list", "crm.orderentity.list"}


def test_portal_without_rules_is_not_scanned(anna: PortalUser, portal: DemoPortal) -> None:
    portal.order_comes(Purchase(CLARA))
    assert catch_up.due() == []
    assert portal.http_requests == 0


def test_half_of_all_events_are_lost(anna: PortalUser, portal: DemoPortal, client: Client) -> None:
    rule_on(anna, links_an_hour=1000)
    deal = deal_of(portal, CLARA)
    chance = random.Random(7)  # noqa: S311
    orders = []
    for number in range(60):
        orders.append(portal.order_comes(Purchase(CLARA), told=False))
        if chance.random() < 0.5:
            for _ in range(chance.choice([1, 2])):
                report(client, portal, "ONSALEORDERSAVED", chance.choice(orders))
        if number % 20 == 19:
            tasks.process_changes(anna.portal.pk)
            for pk in catch_up.due():
                catch_up.scan(Portal.objects.get(pk=pk))
    catch_up_now(anna)
    assert {portal.link_of(order) for order in orders} == {(2, deal)}
    added = [call for call in portal.calls if call.method == "crm.orderentity.add"]
    assert len(added) == len(orders)
    assert sorted(desk.states()) == orders


def test_event_of_a_new_order_starts_the_scan(
    anna: PortalUser, portal: DemoPortal, client: Client
) -> None:
    rule_on(anna)
    assert catch_up.due() == []
    order = portal.order_comes(Purchase(CLARA), told=False)
    report(client, portal, "ONSALEORDERSAVED", order)
    tasks.process_changes(anna.portal.pk)
    assert catch_up.due() == [anna.portal.pk]


def test_event_of_a_known_order_does_not(
    anna: PortalUser, portal: DemoPortal, client: Client
) -> None:
    rule_on(anna)
    report(client, portal, "ONSALEORDERSAVED", portal.order_id("1193"))
    tasks.process_changes(anna.portal.pk)
    assert catch_up.due() == []


def test_outage_of_hours_is_caught_up_in_order(anna: PortalUser, portal: DemoPortal) -> None:
    rule_on(anna)
    orders = [portal.order_comes(Purchase(CLARA), told=False) for _ in range(1100)]
    scan_now(anna)
    assert sorted(desk.states()) == orders[:500]
    assert catch_up.due() == [anna.portal.pk]
    while catch_up.due():
        catch_up.scan(anna.portal)
    assert sorted(desk.states()) == orders


def test_order_that_was_saved_late_is_new_all_the_same(
    anna: PortalUser, portal: DemoPortal
) -> None:
    """Its ID is lower than that of an order that was seen before it."""
    rule_on(anna)
    early, late = (portal.order_comes(Purchase(CLARA), told=False) for _ in range(2))
    hidden = portal.state.orders.pop(early)
    scan_now(anna)
    assert sorted(desk.states()) == [late]
    portal.state.orders[early] = hidden
    scan_now(anna)
    assert sorted(desk.states()) == [early, late]


def test_deal_that_is_read_anew_shows_orders_taken_out(
    anna: PortalUser, portal: DemoPortal
) -> None:
    rule_on(anna)
    deal = deal_of(portal, CLARA)
    order = portal.order_comes(Purchase(CLARA))
    catch_up_now(anna)
    portal.link(order, None)
    scan_now(anna)
    assert entry(order).state == Entry.State.LINKED, "read too soon after the write to be sure"
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=10)):
        scan_now(anna)
    assert entry(order).state == Entry.State.MOVED
    assert RefusedPair.objects.filter(order_id=order, deal_id=deal).exists()


def test_deals_with_many_orders_are_read_to_the_end(anna: PortalUser, portal: DemoPortal) -> None:
    rule_on(anna)
    watches.watch(anna.portal, [7400, 7050])
    scan_now(anna)
    oldest = watches.oldest_reading(anna.portal)
    assert oldest is not None
    assert sum(call.method == "crm.orderentity.list" for call in portal.calls) >= 9


def test_round_ends_within_its_hours(anna: PortalUser, portal: DemoPortal) -> None:
    rule_on(anna)
    now = datetime.now(UTC)
    watches.watch(anna.portal, range(1, 2401))
    WatchedDeal.objects.update(read_at=now)
    assert len(watches.next_of_round(anna.portal, now)) == 2400 / 24
    assert len(watches.next_of_round(anna.portal, now + timedelta(hours=5))) == watches.MAX_DEALS


def test_refusal_is_not_taken_for_nothing_new(anna: PortalUser, portal: DemoPortal) -> None:
    rule_on(anna)
    deal = deal_of(portal, CLARA)
    order = portal.order_comes(Purchase(CLARA), told=False)
    portal.misbehave("too_many", None, 9)
    scan_now(anna)
    portal.calm()
    cursor = Cursor.objects.get()
    assert (cursor.trouble, Arrival.objects.count()) == ("silent", 0)
    assert cursor.due_at > datetime.now(UTC)
    catch_up_now(anna)
    assert portal.link_of(order) == (2, deal)
    assert Cursor.objects.get().trouble == ""


def test_portals_never_meet(anna: PortalUser, portal: DemoPortal) -> None:
    rule_on(anna)
    other = Portal.objects.create(member_id="other", endpoint="http://other.example/rest/")
    catch_up.nudge(other, [10**9])
    assert catch_up.due() == []
    assert Cursor.objects.of(other).count() == 0

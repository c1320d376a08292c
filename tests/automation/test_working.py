"""Rules at work: which orders they link, and which they leave alone."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from b24app.automation import conditions, switching, trials, working
from b24app.automation.models import Arrival, Cursor, Entry, Rule, Trial
from b24app.automation.switching import Refused
from b24app.events import uninstall
from b24app.journal.models import AuditEntry
from b24app.portals.models import PortalUser
from demo.server import DemoPortal
from demo.trade import NewDeal, Purchase
from testing.opening import ANNA
from tests.automation import desk
from tests.automation.desk import (
    CLARA,
    DANIEL,
    HARBOUR,
    PRIYA,
    catch_up_now,
    deal_of,
    entry,
    rule_on,
)

pytestmark = pytest.mark.django_db


def adds(portal: DemoPortal) -> int:
    return sum(call.method == "crm.orderentity.add" for call in portal.calls)


def test_new_order_is_linked_to_the_open_deal_of_its_client(
    anna: PortalUser, portal: DemoPortal
) -> None:
    rule = rule_on(anna)
    deal = deal_of(portal, DANIEL, CLARA)
    order = portal.order_comes(Purchase(CLARA, 642))
    catch_up_now(anna)
    assert portal.link_of(order) == (2, deal)
    found = entry(order)
    assert (found.state, found.rule, found.deal_id) == (Entry.State.LINKED, rule, deal)
    assert (found.reasons, found.deal_days, str(found.amount)) == (["contact"], 5, "642.0000")
    assert desk.states() == {order: "done"}
    trail = AuditEntry.objects.get(order_id=order)
    assert (trail.through, trail.right, trail.to_id) == ("rule", "installer", deal)
    assert trail.details == {"rule": rule.name}


def test_orders_of_before_are_left_alone(anna: PortalUser, portal: DemoPortal) -> None:
    deal_of(portal, CLARA)
    before = portal.order_comes(Purchase(CLARA))
    rule_on(anna)
    catch_up_now(anna)
    assert portal.link_of(before) is None
    assert desk.states() == {}


def test_second_rule_begins_with_its_own_first_order(anna: PortalUser, portal: DemoPortal) -> None:
    rule_on(anna, "Projects", funnels=[7])
    deal = deal_of(portal, CLARA)
    early = portal.order_comes(Purchase(CLARA))
    rule_on(anna, "All")
    late = portal.order_comes(Purchase(CLARA))
    catch_up_now(anna)
    assert (portal.link_of(early), portal.link_of(late)) == (None, (2, deal))


def test_first_rule_that_fits_takes_the_order(anna: PortalUser, portal: DemoPortal) -> None:
    first = rule_on(anna, "Projects", funnels=[7])
    second = rule_on(anna, "Sales", funnels=[0])
    sales, project = deal_of(portal, CLARA), deal_of(portal, CLARA, funnel=7)
    deal_of(portal, PRIYA)
    orders = [portal.order_comes(Purchase(client)) for client in (CLARA, PRIYA)]
    catch_up_now(anna)
    assert portal.link_of(orders[0]) == (2, project)
    assert [entry(order).rule for order in orders] == [first, second]
    assert sales not in {link[1] for link in portal.state.links.values()}


def test_order_that_a_person_has_linked_stays(anna: PortalUser, portal: DemoPortal) -> None:
    rule_on(anna)
    deal_of(portal, CLARA)
    other = deal_of(portal, PRIYA)
    order = portal.order_comes(Purchase(CLARA))
    portal.link(order, (2, other))
    catch_up_now(anna)
    assert portal.link_of(order) == (2, other)
    assert adds(portal) == 0
    assert not Entry.objects.exists()


def test_order_linked_in_the_moment_of_writing_is_given_back(
    anna: PortalUser, portal: DemoPortal
) -> None:
    rule_on(anna)
    deal_of(portal, CLARA)
    other = deal_of(portal, PRIYA)
    order = portal.order_comes(Purchase(CLARA))
    portal.meanwhile("crm.orderentity.add", lambda: portal.link(order, (2, other)))
    catch_up_now(anna)
    assert portal.link_of(order) == (2, other)
    assert not Entry.objects.filter(state=Entry.State.LINKED).exists()


def test_several_deals_are_only_suggested(anna: PortalUser, portal: DemoPortal) -> None:
    rule_on(anna)
    older, newer = deal_of(portal, CLARA), deal_of(portal, CLARA, days_ago=1)
    order = portal.order_comes(Purchase(CLARA))
    catch_up_now(anna)
    assert portal.link_of(order) is None
    found = entry(order)
    assert found.state == Entry.State.OPEN
    assert [deal["id"] for deal in found.deals] == [newer, older]


def test_rule_waits_before_it_links(anna: PortalUser, portal: DemoPortal) -> None:
    rule_on(anna, wait_minutes=15)
    deal = deal_of(portal, CLARA)
    order = portal.order_comes(Purchase(CLARA))
    catch_up_now(anna)
    assert portal.link_of(order) is None
    assert desk.states() == {order: "waiting"}
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=16)):
        portal.state.tokens_for(ANNA)
        catch_up_now(anna)
    assert portal.link_of(order) == (2, deal)


def test_deal_that_the_portal_made_is_left_for_the_clients_open_deal(
    anna: PortalUser, portal: DemoPortal
) -> None:
    rule_on(anna, wait_minutes=5, own_deal=True)
    deal = deal_of(portal, CLARA)
    came = datetime.now(UTC) - timedelta(minutes=6)
    order = portal.order_comes(Purchase(CLARA, at=came))
    own = portal.open_deal(NewDeal("Order", contacts=(CLARA,), at=came + timedelta(seconds=20)))
    portal.link(order, (2, own))
    catch_up_now(anna)
    assert portal.link_of(order) == (2, deal)
    assert entry(order).from_deal == own
    assert own in portal.state.deals


def test_deal_with_another_order_is_not_the_portals_own(
    anna: PortalUser, portal: DemoPortal
) -> None:
    rule_on(anna, wait_minutes=5, own_deal=True)
    deal_of(portal, CLARA)
    came = datetime.now(UTC) - timedelta(minutes=6)
    orders = [portal.order_comes(Purchase(CLARA, at=came)) for _ in range(2)]
    own = portal.open_deal(NewDeal("Order", contacts=(CLARA,), at=came + timedelta(seconds=20)))
    for order in orders:
        portal.link(order, (2, own))
    catch_up_now(anna)
    assert {portal.link_of(order) for order in orders} == {(2, own)}


@pytest.mark.parametrize("company", [True, False])
def test_company_counts_for_orders_of_companies(
    anna: PortalUser, portal: DemoPortal, company: bool
) -> None:
    rule_on(anna)
    deal = deal_of(portal, DANIEL, company=HARBOUR)
    order = portal.order_comes(Purchase(CLARA, company=company))
    catch_up_now(anna)
    assert portal.link_of(order) == ((2, deal) if company else None)


def test_client_by_telephone(anna: PortalUser, portal: DemoPortal) -> None:
    rule_on(anna, who=["phone", "email"])
    deal = deal_of(portal, CLARA)
    order = portal.order_comes(Purchase(CLARA, named=False, email="elsewhere@example.net"))
    stranger = portal.order_comes(
        Purchase(CLARA, named=False, name="John Smith", email="x@example.net")
    )
    catch_up_now(anna)
    assert portal.link_of(order) == (2, deal)
    assert portal.link_of(stranger) is None


@pytest.mark.parametrize("permission", ["denied", "read"])
def test_refused_permission_pauses_the_rules(
    anna: PortalUser, portal: DemoPortal, permission: str
) -> None:
    rule_on(anna)
    deal = deal_of(portal, CLARA)
    order = portal.order_comes(Purchase(CLARA))
    portal.state.users[ANNA].sale = permission
    catch_up_now(anna)
    catch_up_now(anna)
    assert switching.waits_for_administrator(desk.portal_row())
    assert portal.link_of(order) is None
    portal.state.users[ANNA].sale = "write"
    Arrival.objects.update(due_at=datetime.now(UTC))
    catch_up_now(anna)
    assert portal.link_of(order) == (2, deal)
    assert not switching.waits_for_administrator(desk.portal_row())


def test_forty_orders_cost_three_reading_requests(anna: PortalUser, portal: DemoPortal) -> None:
    rule_on(anna)
    deal = deal_of(portal, CLARA)
    portal.order_comes(Purchase(PRIYA))
    catch_up_now(anna)
    orders = [portal.order_comes(Purchase(CLARA)) for _ in range(40)]
    portal.reset_counts()
    catch_up_now(anna)
    assert {portal.link_of(order) for order in orders} == {(2, deal)}
    # The scan, orders with their links, deals of clients; and the one that writes.
    assert portal.http_requests == 4


def test_lost_answer_of_a_write_is_found_by_reading(anna: PortalUser, portal: DemoPortal) -> None:
    rule_on(anna)
    deal = deal_of(portal, CLARA)
    order = portal.order_comes(Purchase(CLARA))
    portal.misbehave("cut", "crm.orderentity.add", 3, after=True)
    catch_up_now(anna)
    portal.calm()
    Arrival.objects.update(due_at=datetime.now(UTC))
    desk.work(anna)
    assert portal.link_of(order) == (2, deal)
    assert entry(order).state == Entry.State.LINKED
    assert AuditEntry.objects.filter(order_id=order).count() == 1


def test_announced_link_of_a_dead_worker_is_settled_once(
    anna: PortalUser, portal: DemoPortal
) -> None:
    rule = rule_on(anna)
    deal = deal_of(portal, CLARA)
    written, unwritten = (portal.order_comes(Purchase(CLARA)) for _ in range(2))
    for order in (written, unwritten):
        Arrival.objects.create(portal=anna.portal, order_id=order)
        Entry.objects.create(
            portal=anna.portal,
            rule=rule,
            rule_name=rule.name,
            state=Entry.State.WRITING,
            order_id=order,
            deal_id=deal,
        )
    portal.link(written, (2, deal))
    desk.work(anna)
    assert [entry(order).state for order in (written, unwritten)] == [Entry.State.LINKED] * 2
    assert adds(portal) == 1
    assert AuditEntry.objects.filter(order_id__in=[written, unwritten]).count() == 2


def test_one_worker_at_a_time_judges(anna: PortalUser, portal: DemoPortal) -> None:
    rule_on(anna)
    deal_of(portal, CLARA)
    order = portal.order_comes(Purchase(CLARA))
    Arrival.objects.create(portal=anna.portal, order_id=order)
    Cursor.objects.update(work_until=datetime.now(UTC) + timedelta(minutes=1))
    assert not working.work(anna.portal)
    assert portal.link_of(order) is None


def test_untried_rule_cannot_be_switched_on(anna: PortalUser, portal: DemoPortal) -> None:
    rule = rule_on(anna)
    switching.switch_off(anna, rule)
    changed = conditions.read({"max_days": 7})
    switching.change(anna, rule, rule.name, changed)
    assert switching.switch_on(anna, rule, insists=True) is Refused.NOT_TRIED
    trials.start(rule, 30)
    assert switching.switch_on(anna, rule, insists=True) is Refused.NOT_TRIED
    desk.tried(rule)
    assert switching.switch_on(anna, rule, insists=False) is None


def test_changed_rule_is_off_until_it_was_tried(anna: PortalUser, portal: DemoPortal) -> None:
    rule = rule_on(anna)
    assert switching.change(anna, rule, "New name", conditions.read({"max_days": 7}))
    rule.refresh_from_db()
    assert (rule.name, rule.state) == ("New name", Rule.State.OFF)


def test_rule_that_stops_earlier_needs_no_new_trial(anna: PortalUser, portal: DemoPortal) -> None:
    rule = rule_on(anna)
    limits = conditions.read({**desk.AT_ONCE, "links_an_hour": 5})
    assert not switching.change(anna, rule, rule.name, limits)
    rule.refresh_from_db()
    assert (rule.state, rule.read.links_an_hour) == (Rule.State.ON, 5)


def test_rules_are_erased_with_their_portal(anna: PortalUser, portal: DemoPortal) -> None:
    rule_on(anna)
    deal_of(portal, CLARA)
    portal.order_comes(Purchase(CLARA))
    catch_up_now(anna)
    anna.portal.delete()
    assert not any(model.objects.exists() for model in (Rule, Entry, Arrival, Cursor, Trial))


def test_uninstalled_app_links_nothing_and_forgets_where_it_was(
    anna: PortalUser, portal: DemoPortal
) -> None:
    rule = rule_on(anna)
    deal_of(portal, CLARA)
    assert uninstall.leave(anna.portal, clean=False)
    order = portal.order_comes(Purchase(CLARA))
    desk.work(anna)
    rule.refresh_from_db()
    assert (rule.state, Cursor.objects.count()) == (Rule.State.OFF, 0)
    assert portal.link_of(order) is None

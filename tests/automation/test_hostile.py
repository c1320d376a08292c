"""Rules in a portal whose answers no portal should give, and forms that no page of ours sends."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from b24app.automation import tasks, trials, watches
from b24app.automation.models import Cursor, Entry, Rule, Trial, WatchedDeal
from b24app.journal.models import AuditEntry
from b24app.portals.models import PortalUser
from demo.server import DemoPortal
from demo.trade import Purchase
from testing.opening import ask, submit
from tests.automation import desk
from tests.automation.desk import CLARA, catch_up_now, deal_of, entry, rule_on
from tests.automation.test_pages import FORM
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


@pytest.mark.parametrize("price", ["999999999999999999.9999", "1e18", "1e30", "-1e18", "NaN"])
def test_order_of_an_impossible_amount_holds_up_no_other(
    anna: PortalUser, portal: DemoPortal, price: str
) -> None:
    rule = rule_on(anna)
    deal = deal_of(portal, CLARA)
    strange, order = (portal.order_comes(Purchase(CLARA)) for _ in range(2))
    portal.state.orders[strange]["price"] = price
    catch_up_now(anna)
    assert {portal.link_of(pk) for pk in (strange, order)} == {(2, deal)}
    assert set(desk.states().values()) == {"done"}
    assert desk.tried(rule, 1).looked >= 2


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


def test_rule_of_another_version_can_be_seen_switched_off_and_saved_again(
    client: Client, portal: DemoPortal, anna: PortalUser
) -> None:
    rule = rule_on(anna)
    deal_of(portal, CLARA)
    order = portal.order_comes(Purchase(CLARA))
    catch_up_now(anna)
    Rule.objects.update(conditions={"weather": "fine"})
    page, chosen = open_main(client, portal), {"rule": rule.pk}
    assert "another version" in ask(client, page, reverse("console-rules")).text
    assert ask(client, page, reverse("console-rule"), chosen).response.status_code == 200
    for name in ("console-rule-try", "console-rule-switch"):
        form = chosen | {"on": "on"}
        assert submit(client, page, reverse(name), form).response.status_code in (200, 400)
    undone = submit(client, page, reverse("console-feed-undo"), {"entry": entry(order).pk})
    assert undone.response.status_code == 200
    assert portal.link_of(order) is None
    assert submit(client, page, reverse("console-rule-save"), {**FORM, **chosen}).text
    rule.refresh_from_db()
    assert (rule.state, rule.read.max_days) == (Rule.State.OFF, 60)


def test_names_with_characters_that_no_database_stores(
    anna: PortalUser, portal: DemoPortal
) -> None:
    rule = rule_on(anna)
    deals = [deal_of(portal, CLARA), deal_of(portal, CLARA, days_ago=1)]
    for deal in deals:
        portal.state.deals[deal]["TITLE"] = "Re\x00fit <b>" + "x" * 300
    order = portal.order_comes(Purchase(CLARA, number="X-\x0077"))
    catch_up_now(anna)
    found = entry(order)
    assert (found.state, found.order_number) == (Entry.State.OPEN, "X-77")
    assert found.deals[0]["title"].startswith("Refit <b>x")
    assert desk.tried(rule, 1).looked >= 1

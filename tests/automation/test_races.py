"""Two people, or a person and a worker, at the same moment: nothing is lost and nothing slips through."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from b24app.automation import conditions, looks, switching, undoing
from b24app.automation.models import Entry, Rule
from b24app.journal.models import AuditEntry
from b24app.portals.models import PortalUser
from demo.server import DemoPortal
from demo.trade import Purchase
from testing.markup import select
from testing.opening import submit
from tests.automation import desk
from tests.automation.desk import CLARA, catch_up_now, deal_of, entry, rule_on
from tests.console.desk import open_main

pytestmark = pytest.mark.django_db(transaction=True)

ADD, DELETE, LIST = "crm.orderentity.add", "crm.orderentity.deleteByFilter", "crm.orderentity.list"


def after_the_write(portal: DemoPortal, method: str, act: Callable[[], object]) -> None:
    """``act`` when ``method`` has been carried out and its request is not answered yet."""

    def acts() -> None:
        act()
        connection.close()

    portal.meanwhile(method, lambda: portal.meanwhile(LIST, acts, inside=True), inside=True)


def test_rule_that_is_changed_while_it_is_switched_on_stays_off(
    client: Client, portal: DemoPortal, anna: PortalUser
) -> None:
    rule = rule_on(anna)
    switching.switch_off(anna, rule)
    page = open_main(client, portal)

    def changes() -> None:
        stored = Rule.objects.get(pk=rule.pk)
        switching.change(anna, stored, rule.name, conditions.read({"max_days": 7}))
        connection.close()

    portal.meanwhile("sale.order.list", changes)
    answer = submit(client, page, reverse("console-rule-switch"), {"rule": rule.pk, "on": "on"})
    assert select(answer.text, "[data-note=refused-not_tried]")
    assert Rule.objects.get().state == Rule.State.OFF


def test_choice_made_twice_at_once_is_kept_once(anna: PortalUser, portal: DemoPortal) -> None:
    rule_on(anna)
    deals = [deal_of(portal, CLARA), deal_of(portal, CLARA, days_ago=1)]
    order = portal.order_comes(Purchase(CLARA))
    catch_up_now(anna)
    pk = entry(order).pk
    after_the_write(portal, ADD, lambda: looks.choose(anna, pk, deals[0]))
    looks.choose(anna, pk, deals[0])
    assert portal.link_of(order) == (2, deals[0])
    assert (entry(order).state, entry(order).deal_id) == (Entry.State.CHOSEN, deals[0])
    assert AuditEntry.objects.filter(order_id=order).count() == 1


def test_undo_by_a_person_and_a_worker_is_recorded_once(
    anna: PortalUser, portal: DemoPortal
) -> None:
    rule_on(anna)
    deal_of(portal, CLARA)
    order = portal.order_comes(Purchase(CLARA))
    catch_up_now(anna)
    after_the_write(portal, DELETE, lambda: undoing.carry_on(desk.portal_row()))
    undoing.undo(anna, entry(order).pk)
    assert portal.link_of(order) is None
    assert entry(order).state == Entry.State.UNDONE
    assert AuditEntry.objects.filter(order_id=order, through="undo").count() == 1


def test_rule_that_is_switched_off_while_it_is_renamed_stays_off(
    client: Client, portal: DemoPortal, anna: PortalUser
) -> None:
    rule = rule_on(anna)
    page = open_main(client, portal)

    def switches_off() -> None:
        switching.switch_off(anna, Rule.objects.get(pk=rule.pk))
        connection.close()

    portal.meanwhile("crm.category.list", switches_off)
    form = {
        "rule": rule.pk, "name": "Renamed", "payer": "any", "who": ["contact", "company"],
        "max_days": "60", "since": "created", "wait_minutes": "0", "several": "suggest",
        "links_an_hour": "50", "undone_percent": "20",
    }  # fmt: skip
    submit(client, page, reverse("console-rule-save"), form)
    stored = Rule.objects.get()
    assert (stored.name, stored.state) == ("Renamed", Rule.State.OFF)

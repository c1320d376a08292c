"""Undo of what rules have linked, and rules that stop themselves."""

import pytest

from b24app.automation import conditions, switching, undoing
from b24app.automation.models import Arrival, Entry, RefusedPair, Rule
from b24app.journal.models import AuditEntry
from b24app.portals.models import PortalUser
from demo.server import DemoPortal
from demo.trade import Purchase
from testing.opening import ANNA
from tests.automation import desk
from tests.automation.desk import CLARA, catch_up_now, deal_of, entry, rule_on

pytestmark = pytest.mark.django_db


@pytest.fixture
def linked(anna: PortalUser, portal: DemoPortal) -> tuple[int, int]:
    """An order that a rule has linked, and the deal."""
    rule_on(anna)
    deal = deal_of(portal, CLARA)
    order = portal.order_comes(Purchase(CLARA))
    catch_up_now(anna)
    return order, deal


def test_undo_takes_the_order_out_and_teaches(
    anna: PortalUser, portal: DemoPortal, linked: tuple[int, int]
) -> None:
    order, deal = linked
    found = undoing.undo(anna, entry(order).pk)
    assert found is not None
    assert (found.state, found.ended_by) == (Entry.State.UNDONE, anna)
    assert portal.link_of(order) is None
    made, undone = AuditEntry.objects.filter(order_id=order).order_by("pk")
    assert (undone.undoes, undone.through, undone.user_id) == (made, "undo", ANNA)
    Arrival.objects.update(state=Arrival.State.WAITING)
    desk.work(anna)
    assert portal.link_of(order) is None, f"linked to {deal} again"


def test_undo_does_nothing_twice(
    anna: PortalUser, portal: DemoPortal, linked: tuple[int, int]
) -> None:
    pk = entry(linked[0]).pk
    undoing.undo(anna, pk)
    portal.reset_counts()
    assert undoing.undo(anna, pk) is None
    assert portal.http_requests == 0


def test_undo_does_not_override_a_later_move(
    anna: PortalUser, portal: DemoPortal, linked: tuple[int, int]
) -> None:
    order, _ = linked
    other = deal_of(portal, desk.PRIYA)
    portal.link(order, (2, other))
    found = undoing.undo(anna, entry(order).pk)
    assert found is not None
    assert found.state == Entry.State.MOVED
    assert portal.link_of(order) == (2, other)


def test_undo_of_a_refused_person_changes_nothing(
    anna: PortalUser, portal: DemoPortal, linked: tuple[int, int]
) -> None:
    order, deal = linked
    portal.state.users[ANNA].sale = "read"
    undoing.undo(anna, entry(order).pk)
    assert entry(order).state == Entry.State.LINKED
    assert portal.link_of(order) == (2, deal)


def test_all_of_a_rule_are_undone_in_the_background(anna: PortalUser, portal: DemoPortal) -> None:
    rule_on(anna)
    deal_of(portal, CLARA)
    orders = [portal.order_comes(Purchase(CLARA)) for _ in range(30)]
    catch_up_now(anna)
    entries = list(Entry.objects.values_list("pk", flat=True))
    assert undoing.ask_for(anna, entries) == 30
    assert undoing.waiting() == [anna.portal.pk]
    desk.undo_marked(anna)
    assert {portal.link_of(order) for order in orders} == {None}
    assert undoing.waiting() == []
    assert RefusedPair.objects.count() == 30


def test_links_of_another_portal_cannot_be_undone(
    anna: PortalUser, portal: DemoPortal, linked: tuple[int, int]
) -> None:
    order, deal = linked
    stranger = PortalUser.objects.get(pk=anna.pk)
    stranger.portal = type(anna.portal).objects.create(member_id="x", endpoint="http://x/rest/")
    assert undoing.ask_for(stranger, [entry(order).pk]) == 0
    assert portal.link_of(order) == (2, deal)


def test_rule_stops_itself_after_too_many_links(anna: PortalUser, portal: DemoPortal) -> None:
    rule = rule_on(anna, links_an_hour=3)
    deal_of(portal, CLARA)
    orders = [portal.order_comes(Purchase(CLARA)) for _ in range(5)]
    catch_up_now(anna)
    assert [portal.link_of(order) is not None for order in orders] == [True] * 3 + [False] * 2
    rule.refresh_from_db()
    assert (rule.state, rule.stopped_why) == (Rule.State.STOPPED, "too_many")
    assert Entry.objects.filter(state=Entry.State.STOPPED).count() == 1
    assert switching.switch_on(anna, rule, insists=False) is None


def test_rule_stops_itself_when_people_undo_it(anna: PortalUser, portal: DemoPortal) -> None:
    rule = rule_on(anna, undone_percent=20)
    deal_of(portal, CLARA)
    for _ in range(10):
        portal.order_comes(Purchase(CLARA))
    catch_up_now(anna)
    pks = list(Entry.objects.values_list("pk", flat=True))
    for pk in pks[:2]:
        undoing.undo(anna, pk)
    rule.refresh_from_db()
    assert rule.state == Rule.State.ON, "two of ten are 20 %, not more"
    undoing.undo(anna, pks[2])
    rule.refresh_from_db()
    assert (rule.state, rule.stopped_why) == (Rule.State.STOPPED, "undone")


def test_deleted_rule_leaves_links_that_can_be_undone(
    anna: PortalUser, portal: DemoPortal, linked: tuple[int, int]
) -> None:
    switching.delete(anna, Rule.objects.get())
    undoing.undo(anna, entry(linked[0]).pk)
    assert portal.link_of(linked[0]) is None


def test_order_of_rules_can_be_changed(anna: PortalUser, portal: DemoPortal) -> None:
    rules = [switching.create(anna, name, conditions.Conditions()) for name in "abc"]
    switching.move(anna, rules[2], up=True)
    switching.move(anna, rules[0], up=True)
    names = Rule.objects.order_by("position").values_list("name", flat=True)
    assert list(names) == ["a", "c", "b"]

"""Dry runs: what a rule would have done, and what people did."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from b24app.automation import conditions, switching, trials
from b24app.automation.models import Rule, Trial, TrialRow
from b24app.automation.switching import Refused
from b24app.portals.models import PortalUser
from demo.server import DemoPortal
from demo.trade import NewDeal, Purchase
from testing.opening import ANNA
from tests.automation import desk
from tests.automation.desk import CLARA, DANIEL, PRIYA, deal_of, tried

pytestmark = pytest.mark.django_db

NOW = datetime.now(UTC)


def days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def bought(portal: DemoPortal, client: int, days: float) -> int:
    return portal.order_comes(Purchase(client, at=days_ago(days)))


@pytest.fixture
def rule(anna: PortalUser, portal: DemoPortal) -> Rule:
    """A rule on a portal without orders of the last weeks."""
    for order in list(portal.state.orders):
        portal.delete_order(order)
    return switching.create(anna, "To the open deal", conditions.Conditions())


def found(trial_rule: Rule) -> dict[int, tuple[str, str, str]]:
    """Orders with what the rule would have done, why, and how that agrees with people."""
    tried(trial_rule)
    rows = TrialRow.objects.values_list("order_id", "outcome", "why", "agreement")
    return {pk: (outcome, why, agreement) for pk, outcome, why, agreement in rows}


def test_trial_writes_nothing(portal: DemoPortal, rule: Rule) -> None:
    deal_of(portal, CLARA)
    order = bought(portal, CLARA, 2)
    portal.reset_counts()
    assert found(rule) == {order: ("link", "only_one", "nobody")}
    assert portal.link_of(order) is None
    assert not any(call.method.endswith((".add", ".update")) for call in portal.calls)


def test_agreement_with_people(portal: DemoPortal, rule: Rule) -> None:
    deal, other = deal_of(portal, CLARA), deal_of(portal, PRIYA)
    same, differs, missed = (bought(portal, who, 2) for who in (CLARA, CLARA, DANIEL))
    for order, place in ((same, deal), (differs, other), (missed, other)):
        portal.link(order, (2, place))
    assert found(rule) == {
        same: ("link", "only_one", "same"),
        differs: ("link", "only_one", "differs"),
        missed: ("nothing", "no_deal", "missed"),
    }
    result = trials.result_of(Trial.objects.get())
    assert (result.looked, result.linked, result.same, result.differs, result.missed) == (
        3, 2, 1, 1, 1,
    )  # fmt: skip


def test_deal_closed_since_was_open_then(portal: DemoPortal, rule: Rule) -> None:
    deal = deal_of(portal, CLARA, days_ago=20)
    before, after = bought(portal, CLARA, 10), bought(portal, CLARA, 2)
    portal.move_deal(deal, "WON", days_ago(5))
    assert found(rule) == {
        before: ("link", "only_one", "nobody"),
        after: ("nothing", "no_deal", "none"),
    }


def test_deal_of_later_does_not_count(portal: DemoPortal, rule: Rule) -> None:
    order = bought(portal, CLARA, 10)
    deal_of(portal, CLARA, days_ago=5)
    assert found(rule)[order][1] == "no_deal"


def test_lost_history_counts_as_cannot_tell(portal: DemoPortal, rule: Rule) -> None:
    deal = deal_of(portal, CLARA, days_ago=20)
    order = bought(portal, CLARA, 10)
    portal.move_deal(deal, "WON", days_ago(5))
    portal.state.stage_history.clear()
    assert found(rule) == {order: ("nothing", "cannot_tell", "none")}


def test_stage_of_then_decides(portal: DemoPortal, anna: PortalUser, rule: Rule) -> None:
    switching.change(anna, rule, rule.name, conditions.read({"stages": ["NEW"]}))
    deal = deal_of(portal, CLARA, days_ago=20)
    before, after = bought(portal, CLARA, 10), bought(portal, CLARA, 2)
    portal.move_deal(deal, "EXECUTING", days_ago(5))
    assert [found(rule)[order][0] for order in (before, after)] == ["link", "nothing"]


def test_link_to_a_deal_the_portal_made_is_nobodys(portal: DemoPortal, rule: Rule) -> None:
    deal_of(portal, CLARA)
    order = bought(portal, CLARA, 2)
    at = days_ago(2) + timedelta(seconds=30)
    own = portal.open_deal(NewDeal("Order", contacts=(CLARA,), at=at))
    portal.link(order, (2, own))
    assert found(rule) == {order: ("nothing", "linked", "none")}


def test_portal_that_makes_deals_needs_an_administrator_who_insists(
    portal: DemoPortal, anna: PortalUser, rule: Rule
) -> None:
    for number in range(12):
        order = bought(portal, CLARA, 2 + number / 10)
        at = days_ago(2 + number / 10) + timedelta(seconds=30)
        own = portal.open_deal(NewDeal("Order", contacts=(CLARA,), at=at))
        portal.link(order, (2, own))
    tried(rule)
    assert switching.switch_on(anna, rule, insists=False) is Refused.MAKES_DEALS
    assert switching.switch_on(anna, rule, insists=True) is None
    assert rule.insisted


def test_links_of_rules_are_not_peoples(portal: DemoPortal, anna: PortalUser, rule: Rule) -> None:
    tried(rule, 1)
    on = desk.rule_on(anna, "At once")
    deal_of(portal, CLARA)
    order = portal.order_comes(Purchase(CLARA))
    desk.catch_up_now(anna)
    assert found(rule)[order] == ("link", "only_one", "nobody")
    switching.delete(anna, on)


@pytest.mark.parametrize("orders", [0, 39, 40, 41, 85])
def test_all_orders_of_the_period_are_tried(portal: DemoPortal, rule: Rule, orders: int) -> None:
    deal_of(portal, CLARA, days_ago=29)
    bought(portal, CLARA, 31)
    ids: Sequence[int] = [bought(portal, CLARA, 5) for _ in range(orders)]
    assert sorted(found(rule)) == ids
    trial = Trial.objects.get()
    assert (trial.state, trial.looked) == (Trial.State.DONE, orders)


def test_trial_goes_on_after_an_outage(portal: DemoPortal, rule: Rule) -> None:
    deal_of(portal, CLARA)
    order = bought(portal, CLARA, 2)
    trial = trials.start(rule, 30)
    portal.misbehave("too_many", None, 9)
    assert not trials.run(trial.pk)
    portal.calm()
    Trial.objects.update(due_at=NOW - timedelta(minutes=1))
    while trials.run(trial.pk):
        pass
    assert list(TrialRow.objects.values_list("order_id", flat=True)) == [order]


def test_trial_without_permission_fails_and_says_so(portal: DemoPortal, rule: Rule) -> None:
    bought(portal, CLARA, 2)
    portal.state.users[ANNA].sale = "denied"
    tried(rule)
    trial = Trial.objects.get()
    assert (trial.state, trial.trouble) == (Trial.State.FAILED, "no_access")
    assert not trials.was_tried(rule)


def test_new_trial_ends_the_one_before(portal: DemoPortal, rule: Rule) -> None:
    first = trials.start(rule, 30)
    trials.start(rule, 180)
    assert not trials.run(first.pk)
    assert Trial.objects.filter(state=Trial.State.RUNNING).count() == 1

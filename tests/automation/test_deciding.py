"""What a rule decides, as a table: an order, the deals of its client, the rule, and the verdict."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from b24app.automation.conditions import Conditions, Payer, Several, Since
from b24app.automation.deciding import Outcome, Why, decide
from b24app.automation.facts import Deal, IncomingOrder, Stage
from b24app.orders.matching import Buyer, Candidate, Reason
from b24app.orders.types import INVOICE, Customer, Order, Owner

CAME = datetime(2026, 11, 18, 12, tzinfo=UTC)
CLARA, DANIEL, PRIYA, HARBOUR = 1, 2, 3, 20
BY_DATA = (Reason.PHONE, Reason.EMAIL)
LINK, SUGGEST, NOTHING = Outcome


def order(
    *contacts: int,
    company: int = 0,
    price: str = "100",
    currency: str = "EUR",
    canceled: bool = False,
    customer: Customer = Customer(),  # noqa: B008
    link: Owner | None = None,
    source: int = 1,
) -> IncomingOrder:
    facts = Order(
        id=900,
        number="900",
        status_id="N",
        price=Decimal(price),
        currency=currency,
        payed=False,
        canceled=canceled,
        created=CAME,
        responsible_id=5,
        customer=customer,
    )
    companies = frozenset({company} - {0})
    return IncomingOrder(
        Candidate(facts, frozenset(contacts), companies), frozenset({source}), link
    )


def deal(
    pk: int = 1,
    *contacts: int,
    company: int = 0,
    days: float = 5,
    funnel: int = 0,
    stage: str = "NEW",
    is_open: bool = True,
    moved: float | None = None,
    changed: float | None = None,
    history: Sequence[Stage] = (),
    touched: bool = True,
    data: Buyer | None = None,
) -> Deal:
    """A deal made ``days`` before the order; ``moved`` and ``changed`` are days before it too."""
    made = CAME - timedelta(days=days)
    since = made if moved is None else CAME - timedelta(days=moved)
    buyers = tuple(Buyer(contact_id=contact, company_id=company) for contact in contacts)
    return Deal(
        id=pk,
        title=f"Deal {pk}",
        created=made,
        changed=made if changed is None else CAME - timedelta(days=changed),
        stage=Stage(since, funnel, stage, is_open),
        buyers=(data,) if data else buyers or (Buyer(company_id=company),),
        touched=touched,
        history=tuple(history),
    )


def was(days: float, stage: str = "NEW", *, is_open: bool = True) -> Stage:
    return Stage(CAME - timedelta(days=days), 0, stage, is_open)


RULE = Conditions()
TYPED = Customer(name="Clara Whitfield", phone="+1 202 555 0142", email="clara@example.com")
CLARAS = Buyer(contact_id=CLARA, name="Clara Whitfield", phones=("(202) 555-0142",))
NAMESAKE = Buyer(contact_id=9, name="Clara Whitfield", phones=("+1 202 555 0999",))
SHARED = Buyer(contact_id=DANIEL, name="Daniel Okafor", phones=("+1 202 555 0142",))

TABLE = {
    "the only open deal": (order(CLARA), [deal(1, CLARA)], RULE, LINK, Why.ONLY_ONE, 1),
    "second contact of the deal": (
        order(DANIEL), [deal(1, CLARA, DANIEL)], RULE, LINK, Why.ONLY_ONE, 1,
    ),
    "same company, another contact": (
        order(CLARA, company=HARBOUR), [deal(1, DANIEL, company=HARBOUR)], RULE, LINK,
        Why.ONLY_ONE, 1,
    ),
    "same company, but only contacts count": (
        order(CLARA, company=HARBOUR), [deal(1, DANIEL, company=HARBOUR)],
        replace(RULE, who=(Reason.CONTACT,)), NOTHING, Why.NO_DEAL, 0,
    ),
    "own deal beside a colleague's": (
        order(CLARA, company=HARBOUR),
        [deal(1, CLARA, company=HARBOUR), deal(2, DANIEL, company=HARBOUR, days=2)],
        RULE,
        LINK,
        Why.ONLY_ONE,
        1,
    ),
    "deals of two colleagues": (
        order(CLARA, company=HARBOUR),
        [deal(1, DANIEL, company=HARBOUR), deal(2, PRIYA, company=HARBOUR, days=2)],
        RULE,
        SUGGEST,
        Why.SEVERAL,
        0,
    ),
    "another client": (order(CLARA), [deal(1, PRIYA)], RULE, NOTHING, Why.NO_DEAL, 0),
    "no client": (order(), [], RULE, NOTHING, Why.NO_CLIENT, 0),
    "cancelled": (order(CLARA, canceled=True), [deal(1, CLARA)], RULE, NOTHING, Why.CANCELED, 0),
    "two open deals": (
        order(CLARA), [deal(1, CLARA), deal(2, CLARA, days=3)], RULE, SUGGEST, Why.SEVERAL, 0,
    ),
    "two open deals, newest": (
        order(CLARA), [deal(1, CLARA), deal(2, CLARA, days=3)],
        replace(RULE, several=Several.NEWEST), LINK, Why.NEWEST, 2,
    ),
    "two of the same moment are no newest": (
        order(CLARA), [deal(1, CLARA), deal(2, CLARA)], replace(RULE, several=Several.NEWEST),
        SUGGEST, Why.SEVERAL, 0,
    ),
    "two open deals, do nothing": (
        order(CLARA), [deal(1, CLARA), deal(2, CLARA)], replace(RULE, several=Several.NOTHING),
        NOTHING, Why.SEVERAL, 0,
    ),
    "deal made after the order": (
        order(CLARA), [deal(1, CLARA, days=-0.5)], RULE, NOTHING, Why.NO_DEAL, 0,
    ),
    "deal of last year": (order(CLARA), [deal(1, CLARA, days=61)], RULE, NOTHING, Why.NO_DEAL, 0),
    "old deal, changed lately": (
        order(CLARA), [deal(1, CLARA, days=300, changed=3)], replace(RULE, since=Since.CHANGED),
        LINK, Why.ONLY_ONE, 1,
    ),
    "change after the order says nothing": (
        order(CLARA), [deal(1, CLARA, days=300, changed=-1)], replace(RULE, since=Since.CHANGED),
        NOTHING, Why.NO_DEAL, 0,
    ),
    "closed before the order came": (
        order(CLARA), [deal(1, CLARA, days=9, is_open=False, moved=2)], RULE, NOTHING,
        Why.NO_DEAL, 0,
    ),
    "closed since, open then": (
        order(CLARA),
        [deal(1, CLARA, is_open=False, moved=-2, history=[was(5), was(-2, "WON", is_open=False)])],
        RULE, LINK, Why.ONLY_ONE, 1,
    ),
    "moved since, and no history": (
        order(CLARA), [deal(1, CLARA, moved=-2)], RULE, NOTHING, Why.CANNOT_TELL, 0,
    ),
    "history begins later": (
        order(CLARA), [deal(1, CLARA, moved=-2, history=[was(-1)])], RULE, NOTHING,
        Why.CANNOT_TELL, 0,
    ),
    "another client's deal is no riddle": (
        order(CLARA), [deal(1, CLARA), deal(2, PRIYA, moved=-2)], RULE, LINK, Why.ONLY_ONE, 1,
    ),
    "another funnel": (
        order(CLARA), [deal(1, CLARA, funnel=7)], replace(RULE, funnels=(0,)), NOTHING,
        Why.NO_DEAL, 0,
    ),
    "another stage": (
        order(CLARA), [deal(1, CLARA, stage="FINAL")], replace(RULE, stages=("NEW",)), NOTHING,
        Why.NO_DEAL, 0,
    ),
    "too small": (
        order(CLARA, price="49.99"), [deal(1, CLARA)],
        replace(RULE, least=Decimal(50), currency="EUR"), NOTHING, Why.TOO_SMALL, 0,
    ),
    "large in another currency": (
        order(CLARA, price="5000", currency="RUB"), [deal(1, CLARA)],
        replace(RULE, least=Decimal(50), currency="EUR"), NOTHING, Why.TOO_SMALL, 0,
    ),
    "just enough": (
        order(CLARA, price="50"), [deal(1, CLARA)],
        replace(RULE, least=Decimal(50), currency="EUR"), LINK, Why.ONLY_ONE, 1,
    ),
    "another source": (
        order(CLARA, source=5), [deal(1, CLARA)], replace(RULE, sources=(1,)), NOTHING,
        Why.SOURCE, 0,
    ),
    "a person, but companies are wanted": (
        order(CLARA), [deal(1, CLARA)], replace(RULE, payer=Payer.COMPANY), NOTHING, Why.PAYER, 0,
    ),
    "another responsible person": (
        order(CLARA), [deal(1, CLARA)], replace(RULE, responsibles=(7,)), NOTHING,
        Why.RESPONSIBLE, 0,
    ),
    "linked by a person": (
        order(CLARA, link=Owner(2, 5)), [deal(1, CLARA)], RULE, NOTHING, Why.LINKED, 0,
    ),
    "linked to an invoice": (
        order(CLARA, link=Owner(INVOICE, 5)), [deal(1, CLARA)], replace(RULE, own_deal=True),
        NOTHING, Why.LINKED, 0,
    ),
    "in a deal the portal made": (
        order(CLARA, link=Owner(2, 5)),
        [deal(1, CLARA), deal(5, CLARA, days=-0.001, touched=False)],
        replace(RULE, own_deal=True), LINK, Why.ONLY_ONE, 1,
    ),
    "in a deal the portal made, not to be moved": (
        order(CLARA, link=Owner(2, 5)),
        [deal(1, CLARA), deal(5, CLARA, days=-0.001, touched=False)], RULE, NOTHING, Why.LINKED, 0,
    ),
    "in a deal that somebody worked on": (
        order(CLARA, link=Owner(2, 5)), [deal(1, CLARA), deal(5, CLARA, days=-0.001)],
        replace(RULE, own_deal=True), NOTHING, Why.LINKED, 0,
    ),
    "in a deal made long after": (
        order(CLARA, link=Owner(2, 5)), [deal(1, CLARA), deal(5, CLARA, days=-1, touched=False)],
        replace(RULE, own_deal=True), NOTHING, Why.LINKED, 0,
    ),
    "same telephone": (
        order(customer=TYPED), [deal(1, data=CLARAS)], replace(RULE, who=BY_DATA), LINK,
        Why.ONLY_ONE, 1,
    ),
    "same telephone, but only contacts count": (
        order(customer=TYPED), [deal(1, data=CLARAS)], RULE, NOTHING, Why.NO_CLIENT, 0,
    ),
    "namesake": (
        order(customer=TYPED), [deal(1, data=NAMESAKE)], replace(RULE, who=BY_DATA), NOTHING,
        Why.NO_DEAL, 0,
    ),
    "telephone of a colleague": (
        order(customer=TYPED), [deal(1, data=SHARED)], replace(RULE, who=BY_DATA), NOTHING,
        Why.NO_DEAL, 0,
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("incoming", "deals", "rule", "outcome", "why", "chosen"), TABLE.values(), ids=[*TABLE]
)
def test_verdict(
    incoming: IncomingOrder,
    deals: Sequence[Deal],
    rule: Conditions,
    outcome: Outcome,
    why: Why,
    chosen: int,
) -> None:
    verdict = decide(incoming, deals, rule)
    found = verdict.chosen.deal.id if verdict.chosen else 0
    assert (verdict.outcome, verdict.why, found) == (outcome, why, chosen)


def test_deals_come_newest_first_with_their_reasons() -> None:
    fits = decide(
        order(CLARA, company=HARBOUR),
        [deal(1, CLARA, company=HARBOUR), deal(2, CLARA, days=2)],
        RULE,
    ).fits
    assert [(fit.deal.id, fit.days) for fit in fits] == [(2, 2), (1, 5)]
    assert fits[1].reasons == (Reason.CONTACT, Reason.COMPANY)


def test_undone_pair_is_not_linked_again() -> None:
    verdict = decide(order(CLARA), [deal(1, CLARA)], RULE, undone={1})
    assert (verdict.outcome, verdict.why) == (Outcome.NOTHING, Why.UNDONE)


def test_another_deal_is_only_suggested_after_an_undo() -> None:
    deals = [deal(1, CLARA), deal(2, CLARA, days=1)]
    verdict = decide(order(CLARA), deals, replace(RULE, several=Several.NEWEST), undone={2})
    assert (verdict.outcome, [fit.deal.id for fit in verdict.fits]) == (Outcome.SUGGEST, [1])


def test_client_with_more_deals_than_are_read_is_no_guess() -> None:
    verdict = decide(order(CLARA), [deal(1, CLARA)], RULE, complete=False)
    assert (verdict.outcome, verdict.why) == (Outcome.NOTHING, Why.CANNOT_TELL)


def test_next_rule_may_take_an_order_that_found_no_deal() -> None:
    assert not decide(order(CLARA), [], RULE).takes_order
    assert not decide(order(CLARA, canceled=True), [], RULE).takes_order
    assert decide(order(CLARA), [deal(1, CLARA), deal(2, CLARA)], RULE).takes_order

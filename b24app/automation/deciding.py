"""What a rule does with an order, and why: values in, values out.

Precision first. Whose order it is, is decided by :mod:`b24app.orders.matching`, as for suggestions.
Deals are judged as they stood when the order came, so a dry run on the past and the rule at work
decide alike: a deal counts if it was there already and was not closed yet.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from b24app.automation.conditions import Conditions, Payer, Several, Since
from b24app.automation.facts import Deal, IncomingOrder
from b24app.orders import matching
from b24app.orders.matching import Reason

SAME_MOMENT = timedelta(seconds=60)
"""How much earlier than its order a deal may be that the portal made for it: clocks and rounding."""


class Outcome(StrEnum):
    LINK = "link"
    SUGGEST = "suggest"
    NOTHING = "nothing"


class Why(StrEnum):
    """The reason for an outcome."""

    CANCELED = "canceled"
    LINKED = "linked"
    PAYER = "payer"
    SOURCE = "source"
    TOO_SMALL = "too_small"
    RESPONSIBLE = "responsible"
    NO_DATE = "no_date"
    NO_CLIENT = "no_client"
    NO_DEAL = "no_deal"
    SEVERAL = "several"
    NEWEST = "newest"
    ONLY_ONE = "only_one"
    UNDONE = "undone"
    CANNOT_TELL = "cannot_tell"


OTHER_ORDERS = frozenset(
    {Why.CANCELED, Why.LINKED, Why.PAYER, Why.SOURCE, Why.TOO_SMALL, Why.RESPONSIBLE, Why.NO_DATE}
)
"""Reasons for which a rule is not about the order at all."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A deal that fits, with the facts that make the order its client's. ``days`` is its age."""

    deal: Deal
    reasons: tuple[Reason, ...]
    days: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do. ``fits`` are the deals that fit, newest first; ``chosen`` the one to link to."""

    outcome: Outcome
    why: Why
    fits: tuple[Fit, ...] = ()
    chosen: Fit | None = None

    @property
    def takes_order(self) -> bool:
        """Whether the rule fits the order, so that no further rule looks at it."""
        return self.why not in OTHER_ORDERS and self.why not in (Why.NO_DEAL, Why.NO_CLIENT)


def decide(
    order: IncomingOrder,
    deals: Iterable[Deal],
    rule: Conditions,
    *,
    undone: Collection[int] = (),
    complete: bool = True,
) -> Verdict:
    """What ``rule`` does with ``order``, given the ``deals`` of the order's client.

    ``undone`` are deals a person has taken this order out of: it is never linked to them again.
    ``complete`` is False where not all deals of the client could be read.
    """
    refused = _other_order(order, rule)
    if refused is not None:
        return Verdict(Outcome.NOTHING, refused)
    created = order.created
    if created is None:
        return Verdict(Outcome.NOTHING, Why.NO_DATE)
    known = list(deals)
    if order.link is not None and not _may_leave(order, created, known, rule):
        return Verdict(Outcome.NOTHING, Why.LINKED)
    fits, unknown = _fitting(order, created, known, rule)
    if unknown or not complete:
        return Verdict(Outcome.NOTHING, Why.CANNOT_TELL, fits)
    return _chosen(order, _closest(fits), rule, undone)


def _closest(fits: tuple[Fit, ...]) -> tuple[Fit, ...]:
    """Without deals of colleagues, where the client has a deal of their own."""
    return tuple(fit for fit in fits if Reason.CONTACT in fit.reasons) or fits


def _other_order(order: IncomingOrder, rule: Conditions) -> Why | None:
    """Why the rule is not about this order; None if it is."""
    facts = order.candidate.order
    tests = (
        (Why.CANCELED, not facts.canceled),
        (Why.PAYER, rule.payer is Payer.ANY or _payer(order) is rule.payer),
        (Why.SOURCE, not rule.sources or bool(order.sources & set(rule.sources))),
        (Why.TOO_SMALL, not rule.least or _is_worth(facts.price, facts.currency, rule)),
        (Why.RESPONSIBLE, not rule.responsibles or facts.responsible_id in rule.responsibles),
    )
    return next((why for why, holds in tests if not holds), None)


def _payer(order: IncomingOrder) -> Payer:
    return Payer.COMPANY if order.is_from_company else Payer.PERSON


def _is_worth(price: Decimal, currency: str, rule: Conditions) -> bool:
    # Nothing is converted: a sum in another currency is not known to be enough.
    return currency == rule.currency and price >= rule.least


def is_made_for(deal: Deal, created: datetime, wait: timedelta) -> bool:
    """Whether the deal was made when an order of ``created`` came, so that the portal may have made it."""
    return created - SAME_MOMENT <= deal.created <= created + wait


def _may_leave(
    order: IncomingOrder, created: datetime, deals: Iterable[Deal], rule: Conditions
) -> bool:
    """Whether the order is in a deal that the portal made for it, and the rule may move it."""
    link = order.link
    if not rule.own_deal or link is None or not link.is_deal:
        return False
    wait = timedelta(minutes=rule.wait_minutes)
    return any(
        deal.id == link.id and not deal.touched and is_made_for(deal, created, wait)
        for deal in deals
    )


def _fitting(
    order: IncomingOrder, created: datetime, deals: Iterable[Deal], rule: Conditions
) -> tuple[tuple[Fit, ...], bool]:
    """Deals that fit, newest first, and whether one of the client's cannot be told."""
    found: list[Fit] = []
    unknown = False
    wait = timedelta(minutes=rule.wait_minutes)
    for deal in deals:
        reasons = _reasons(order, deal, rule)
        if not reasons or deal.created > created or is_made_for(deal, created, wait):
            continue
        age = created - _counted_from(deal, created, rule)
        if rule.max_days and age > timedelta(days=rule.max_days):
            continue
        stage = deal.stage_at(created)
        if stage is None:
            unknown = True
        elif (
            stage.is_open
            and (not rule.funnels or stage.funnel in rule.funnels)
            and (not rule.stages or stage.id in rule.stages)
        ):
            found.append(Fit(deal, reasons, max(0, age.days)))
    found.sort(key=lambda fit: (fit.deal.created, fit.deal.id), reverse=True)
    return tuple(found), unknown


def _counted_from(deal: Deal, created: datetime, rule: Conditions) -> datetime:
    """The date a deal's age is counted from; a change after the order came says nothing of before."""
    if rule.since is Since.CREATED or deal.changed > created:
        return deal.created
    return deal.changed


def _reasons(order: IncomingOrder, deal: Deal, rule: Conditions) -> tuple[Reason, ...]:
    """Why the order is the deal's client's, as far as the rule goes by it; the best of its buyers."""
    found = (
        tuple(
            reason for reason in matching.reasons_for(buyer, order.candidate) if reason in rule.who
        )
        for buyer in deal.buyers
    )
    return max(found, key=len, default=())


def _chosen(
    order: IncomingOrder, fits: tuple[Fit, ...], rule: Conditions, undone: Collection[int]
) -> Verdict:
    if not fits:
        known = order.candidate.contacts or order.candidate.companies
        named = order.candidate.order.customer
        nobody = not known and not (rule.reads_contacts and (named.phone or named.email))
        return Verdict(Outcome.NOTHING, Why.NO_CLIENT if nobody else Why.NO_DEAL)
    left = tuple(fit for fit in fits if fit.deal.id not in undone)
    if not left:
        return Verdict(Outcome.NOTHING, Why.UNDONE, fits)
    if len(left) < len(fits):
        # A person has said no to one of them: what they would say to the others is theirs to say.
        return Verdict(Outcome.SUGGEST, Why.SEVERAL, left)
    if len(fits) == 1:
        return Verdict(Outcome.LINK, Why.ONLY_ONE, fits, fits[0])
    return _of_several(fits, rule)


def _of_several(fits: tuple[Fit, ...], rule: Conditions) -> Verdict:
    if rule.several is Several.NOTHING:
        return Verdict(Outcome.NOTHING, Why.SEVERAL, fits)
    newest, second = fits[0], fits[1]
    if rule.several is Several.NEWEST and newest.deal.created > second.deal.created:
        return Verdict(Outcome.LINK, Why.NEWEST, fits, newest)
    return Verdict(Outcome.SUGGEST, Why.SEVERAL, fits)

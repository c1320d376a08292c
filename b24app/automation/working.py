"""Rules at work: new orders are judged, and those that fit are linked.

Each link is announced by a row before it is written, so a killed worker leaves no question: whoever
comes next reads where the order is. An order that somebody has linked is never touched, and one that
somebody links in the very moment of writing is given back.
"""

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from b24app.automation import arrivals, breaker, installer, leases, reading, watches
from b24app.automation.conditions import BadConditions, Conditions
from b24app.automation.deciding import Outcome, Verdict, Why, decide
from b24app.automation.facts import IncomingOrder
from b24app.automation.models import NO_WRITE, Cursor, Entry, RefusedPair, Rule
from b24app.bitrix24 import errors
from b24app.bitrix24.client import Client
from b24app.changes import applying
from b24app.changes.outcomes import Result, concerns_everything
from b24app.changes.properties import LINK, LinkChange, LinkChanged
from b24app.connect import answer_in_background
from b24app.journal import audit
from b24app.journal.models import AuditEntry
from b24app.orders import links
from b24app.orders.types import DEAL, Owner
from b24app.portals.models import Portal

logger = logging.getLogger(__name__)

RESERVE_SECONDS: Final = 20
"""Nothing is sent in the last seconds of a lease: the answer must come before it ends."""

RETRY: Final = timedelta(minutes=1)
PAUSE: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Decided:
    """What the first rule that fits does with an order."""

    order: IncomingOrder
    rule: Rule
    verdict: Verdict


def work(portal: Portal) -> bool:
    """Judge the orders whose wait is over, one slice; True if more may be waiting."""
    until = leases.take(portal.pk, leases.WORK)
    if until is None:
        return False
    try:
        return _slice(portal, until - RESERVE_SECONDS)
    except errors.Wait as wait:
        _pause(portal, timedelta(seconds=wait.seconds))
    except errors.BitrixError as error:
        _refused(portal, error)
    finally:
        leases.release(portal.pk, leases.WORK)
    return False


def _slice(portal: Portal, send_before: float) -> bool:
    rules = _rules(portal)
    waiting = arrivals.next_of(portal)
    unfinished = Entry.objects.of(portal).filter(state=Entry.State.WRITING)
    if not waiting and not unfinished.exists():
        return False
    client = installer.client_of_rules(portal)
    _resolve(portal, client, list(unfinished))
    ids = [arrival.order_id for arrival in waiting]
    if not rules:
        arrivals.finish(portal, ids)
        return bool(ids)
    orders = answer_in_background(client, reading.orders_of(ids))
    arrivals.finish(portal, [pk for pk in ids if pk not in orders])
    found = _deals(client, list(orders.values()), [rule for rule, _ in rules])
    undone = _refused_pairs(portal, ids)
    decided = [
        decision
        for order in orders.values()
        if (decision := _first(portal, order, rules, found, undone.get(order.id, frozenset())))
    ]
    _carry_out(portal, client, decided, send_before)
    return len(waiting) == arrivals.MAX_ORDERS


def _rules(portal: Portal) -> list[tuple[Rule, Conditions]]:
    """Rules that are on, in their order. One that cannot be read any more is left out."""
    found: list[tuple[Rule, Conditions]] = []
    for rule in Rule.objects.of(portal).filter(state=Rule.State.ON).order_by("position", "pk"):
        try:
            found.append((rule, rule.read))
        except BadConditions as error:
            logger.warning("rule %s cannot be read: %s", rule.pk, error.field)
    return found


def _deals(
    client: Client, orders: Sequence[IncomingOrder], rules: Sequence[Rule]
) -> reading.ClientDeals:
    """Open deals of the orders' clients. A deal that holds more than its own order was touched."""
    by_contact_data = any(rule.read.reads_contacts for rule in rules)
    found = answer_in_background(
        client, reading.deals_of(orders, by_contact_data=by_contact_data, created_since=None)
    )
    linked = {order.link.id for order in orders if order.link is not None and order.link.is_deal}
    untouched = [pk for pk in linked & set(found.deals) if not found.deals[pk].touched]
    if not untouched or not any(rule.read.own_deal for rule in rules):
        return found
    held = answer_in_background(client, reading.links_of_deals(untouched))
    deals = {
        pk: replace(deal, touched=deal.touched or len(held.get(pk, ())) > 1)
        for pk, deal in found.deals.items()
    }
    return replace(found, deals=deals)


def _refused_pairs(portal: Portal, ids: Iterable[int]) -> dict[int, frozenset[int]]:
    found: dict[int, set[int]] = {}
    rows = RefusedPair.objects.of(portal).filter(order_id__in=list(ids))
    for order_id, deal_id in rows.values_list("order_id", "deal_id"):
        found.setdefault(order_id, set()).add(deal_id)
    return {pk: frozenset(deals) for pk, deals in found.items()}


def _first(
    portal: Portal,
    order: IncomingOrder,
    rules: Sequence[tuple[Rule, Conditions]],
    found: reading.ClientDeals,
    undone: frozenset[int],
) -> Decided | None:
    """What the first rule that fits does. None if the order has to wait, or no rule fits it."""
    for rule, conditions in rules:
        if order.id <= rule.floor_id or order.created is None:
            continue
        ready = order.created + timedelta(minutes=conditions.wait_minutes)
        if ready > timezone.now():
            arrivals.wait_until(portal, order.id, ready)
            return None
        verdict = decide(
            order,
            found.deals.values(),
            conditions,
            undone=undone,
            complete=found.are_complete_for(order),
        )
        if verdict.takes_order:
            return Decided(order, rule, verdict)
    arrivals.finish(portal, [order.id])
    return None


def _carry_out(
    portal: Portal, client: Client, decided: Sequence[Decided], send_before: float
) -> None:
    """Link what is to be linked, and keep what a person has to look at."""
    to_link: list[tuple[Decided, Entry]] = []
    for decision in decided:
        if decision.verdict.outcome is not Outcome.LINK:
            if (
                decision.verdict.outcome is Outcome.SUGGEST
                or decision.verdict.why is Why.CANNOT_TELL
            ):
                _announced(portal, decision, Entry.State.OPEN)
            arrivals.finish(portal, [decision.order.id])
        elif breaker.allows(
            portal, decision.rule, len([1 for other, _ in to_link if other.rule == decision.rule])
        ):
            entry = _announced(portal, decision, Entry.State.WRITING)
            if entry is None:
                arrivals.finish(portal, [decision.order.id])
            else:
                to_link.append((decision, entry))
        else:
            arrivals.finish(portal, [decision.order.id])
    if to_link:
        _link(portal, client, to_link, send_before)


def _announced(portal: Portal, decision: Decided, state: str) -> Entry | None:
    """The order's line in the feed; None if it has an open one already."""
    entry = entry_of(portal, decision, state)
    try:
        with transaction.atomic():
            entry.save()
    except IntegrityError:
        return None
    return entry


def entry_of(portal: Portal, decision: Decided, state: str) -> Entry:
    """A line of the feed, not stored yet."""
    order, chosen = decision.order.candidate.order, decision.verdict.chosen
    return Entry(
        portal=portal,
        rule=decision.rule,
        rule_name=decision.rule.name,
        state=state,
        why=decision.verdict.why,
        order_id=order.id,
        order_number=order.number[:64],
        client=order.customer.title[:255],
        amount=order.price,
        currency=order.currency[:3],
        deal_id=chosen.deal.id if chosen else 0,
        deal_title=chosen.deal.title[:255] if chosen else "",
        deal_days=chosen.days if chosen else 0,
        reasons=list(chosen.reasons) if chosen else [],
        deals=[
            {
                "id": fit.deal.id,
                "title": fit.deal.title[:255],
                "days": fit.days,
                "reasons": list(fit.reasons),
            }
            for fit in decision.verdict.fits[:20]
        ],
        from_deal=decision.order.link.id if decision.order.link is not None else 0,
    )


def _change(entry: Entry) -> LinkChange:
    seen = Owner(DEAL, entry.from_deal) if entry.from_deal else None
    return LinkChange(entry.order_id, seen, Owner(DEAL, entry.deal_id))


def _link(
    portal: Portal,
    client: Client,
    to_link: Sequence[tuple[Decided, Entry]],
    send_before: float,
) -> None:
    entries = {entry.order_id: entry for _, entry in to_link}
    changes = [_change(entry) for entry in entries.values()]
    before = {change.key: change.seen for change in changes}
    done = applying.apply(client, LINK, changes, before, send_before=send_before)
    for changed in done:
        _finish(portal, client, entries[changed.change.key], changed)


def _finish(portal: Portal, client: Client, entry: Entry, changed: LinkChanged) -> None:
    """Store what became of an announced link."""
    if changed.result is Result.UNKNOWN:
        # The row stays: the next slice reads where the order is.
        arrivals.wait_until(portal, entry.order_id, timezone.now() + RETRY)
        return
    if changed.overrode:
        if not _give_back(portal, client, entry, changed.before):
            arrivals.wait_until(portal, entry.order_id, timezone.now() + RETRY)
            return
    elif changed.result is Result.DONE:
        settle(portal, entry, seen=changed.before)
    else:
        entry.delete()
    error = changed.error if changed.result is Result.FAILED else None
    if isinstance(error, errors.WriteDenied):
        Cursor.objects.of(portal).update(trouble=NO_WRITE)
        arrivals.wait_until(portal, entry.order_id, timezone.now() + PAUSE)
    elif error is not None and concerns_everything(error):
        arrivals.wait_until(portal, entry.order_id, timezone.now() + RETRY)
    elif error is not None and not isinstance(error, errors.OrderNotFound):
        arrivals.try_later(portal, [entry.order_id])
    else:
        arrivals.finish(portal, [entry.order_id])


def settle(portal: Portal, entry: Entry, *, seen: Owner | None) -> None:
    """The link is written: keep it in the feed and in the audit trail, and watch its deal."""
    with transaction.atomic():
        rows = Entry.objects.filter(pk=entry.pk, state=Entry.State.WRITING)
        if not rows.update(state=Entry.State.LINKED):
            return
        if portal.installer is not None:
            change = LinkChange(entry.order_id, seen, Owner(DEAL, entry.deal_id))
            record = replace(
                audit.of_change(
                    LINK,
                    change,
                    number=entry.order_number,
                    right=AuditEntry.Right.INSTALLER,
                ),
                details={"rule": entry.rule_name},
            )
            audit.record(portal.installer, AuditEntry.Through.RULE, [record], entry.change)
        watches.watch(portal, [entry.deal_id])
        Cursor.objects.of(portal).filter(trouble=NO_WRITE).update(trouble="")


def _give_back(portal: Portal, client: Client, entry: Entry, place: Owner | None) -> bool:
    """Somebody linked the order in the moment of writing: back to where they put it.

    False if nobody knows whether it is there again: the row stays, and the next slice reads it. A link
    that stands although it should not is kept in the feed and the audit trail, to be undone there.
    """
    ours = Owner(DEAL, entry.deal_id)
    back = LinkChange(entry.order_id, ours, place)
    (changed,) = applying.apply(
        client, LINK, [back], {entry.order_id: ours}, send_before=time.time() + RESERVE_SECONDS
    )
    if changed.result in (Result.FAILED, Result.UNKNOWN):
        logger.warning("order %s at %s was not given back", entry.order_id, portal.host)
        entry.from_deal = place.id if place is not None and place.is_deal else 0
        entry.save(update_fields=["from_deal"])
        if changed.result is Result.FAILED:
            settle(portal, entry, seen=place)
        return changed.result is Result.FAILED
    logger.info("order %s at %s given back", entry.order_id, portal.host)
    entry.delete()
    return True


def _resolve(portal: Portal, client: Client, entries: Sequence[Entry]) -> None:
    """What became of links that a worker has announced and not finished."""
    if not entries:
        return
    places = answer_in_background(client, links.owners_of(entry.order_id for entry in entries))
    for entry in entries:
        if places[entry.order_id] == Owner(DEAL, entry.deal_id):
            settle(portal, entry, seen=_change(entry).seen)
            arrivals.finish(portal, [entry.order_id])
        else:
            entry.delete()


def _pause(portal: Portal, delay: timedelta) -> None:
    """Every order that is due waits for ``delay``."""
    due = arrivals.next_of(portal)
    for arrival in due:
        arrivals.wait_until(portal, arrival.order_id, timezone.now() + delay)


def _refused(portal: Portal, error: errors.BitrixError) -> None:
    """Rules wait: for an administrator, or until the portal answers again."""
    lasting = isinstance(error, installer.NO_ACCESS)
    logger.warning("rules of %s wait: %s", portal.host, error.code)
    Cursor.objects.of(portal).update(trouble="no_access" if lasting else "silent")
    _pause(portal, PAUSE if lasting else RETRY)

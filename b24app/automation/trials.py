"""Dry runs: what a rule would have done with the orders of the last weeks. Nothing is written.

Each order is judged by what was there when it came: deals that were made before and not closed yet
(crm/crm-stage-history-list.md). What cannot be rebuilt counts as "cannot tell". It is compared with
what people did: a link the app has not written counts as made by a person, except to a deal that was
made within the rule's wait. Runs in slices at bulk priority.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Count, F, Q
from django.utils import timezone

from b24app.automation import conditions, installer, reading
from b24app.automation.conditions import Conditions, Since
from b24app.automation.deciding import (
    OTHER_ORDERS,
    Outcome,
    Verdict,
    Why,
    decide,
    is_made_for,
)
from b24app.automation.facts import Deal, IncomingOrder
from b24app.automation.models import RefusedPair, Rule, Trial, TrialRow
from b24app.bitrix24 import ask, errors
from b24app.bitrix24.ask import Ask
from b24app.bitrix24.client import Client, Command
from b24app.connect import answer_in_background
from b24app.journal.models import AuditEntry
from b24app.orders import parsing
from b24app.orders.types import DEAL, Owner
from b24app.portals.models import Portal

logger = logging.getLogger(__name__)

DEFAULT_DAYS: Final = 30
MAX_DAYS: Final = 180
MAX_ORDERS: Final = 40
MAX_FAILURES: Final = 8
LEASE: Final = timedelta(seconds=90)
KEPT: Final = timedelta(days=90)
LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)

MIN_EVIDENCE: Final = 10
"""Fewer orders do not show whether the portal makes a deal for each."""

A = TrialRow.Agreement


@dataclass(frozen=True, slots=True)
class Result:
    """Counts of a dry run. ``whys`` are orders by reason; the other numbers are orders."""

    looked: int
    linked: int
    same: int
    differs: int
    missed: int
    nobody: int
    whys: Mapping[str, int]
    makes_deals: bool


def start(rule: Rule, days: int) -> Trial:
    """Try a rule as it reads now on the orders of the last ``days``; a running trial of it is stopped."""
    now = timezone.now()
    days = min(max(days, 1), MAX_DAYS)
    with transaction.atomic():
        Trial.objects.filter(rule=rule, state=Trial.State.RUNNING).update(
            state=Trial.State.STOPPED, ended_at=now
        )
        return Trial.objects.create(
            portal=rule.portal,
            rule=rule,
            fingerprint=rule.fingerprint,
            conditions=rule.conditions,
            since=now - timedelta(days=days),
            until=now,
        )


def stop(trial: Trial) -> None:
    rows = Trial.objects.filter(pk=trial.pk, state=Trial.State.RUNNING)
    rows.update(state=Trial.State.STOPPED, ended_at=timezone.now())


def latest(rule: Rule) -> Trial | None:
    """The last trial of the rule as it reads now."""
    rows = Trial.objects.filter(rule=rule, fingerprint=rule.fingerprint)
    return rows.exclude(state=Trial.State.STOPPED).order_by("-started_at").first()


def was_tried(rule: Rule) -> bool:
    """Whether a dry run of the rule as it reads now has come to its end."""
    done = Trial.objects.filter(rule=rule, fingerprint=rule.fingerprint, state=Trial.State.DONE)
    return done.exists()


def result_of(trial: Trial) -> Result:
    """The counts of a trial so far."""
    rows = TrialRow.objects.filter(trial=trial)
    counts = rows.aggregate(
        looked=Count("pk"),
        linked=Count("pk", filter=Q(outcome=Outcome.LINK)),
        own=Count("pk", filter=Q(own_deal=True)),
        **{
            agreement: Count("pk", filter=Q(agreement=agreement))
            for agreement in (A.SAME, A.DIFFERS, A.MISSED, A.NOBODY)
        },
    )
    whys = dict(rows.values_list("why").annotate(count=Count("pk")).order_by("-count"))
    makes_deals = counts["looked"] >= MIN_EVIDENCE and counts["own"] * 2 >= counts["looked"]
    return Result(
        looked=counts["looked"],
        linked=counts["linked"],
        same=counts["same"],
        differs=counts["differs"],
        missed=counts["missed"],
        nobody=counts["nobody"],
        whys=whys,
        makes_deals=makes_deals,
    )


def due() -> list[int]:
    """Trials that are to go on."""
    rows = Trial.objects.filter(
        state=Trial.State.RUNNING, due_at__lte=timezone.now(), portal__uninstalled_at=None
    )
    return list(rows.order_by("due_at").values_list("pk", flat=True)[:500])


def run(trial_id: int) -> bool:
    """One slice of a trial; True if it goes on at once."""
    now = timezone.now()
    mine = Trial.objects.filter(pk=trial_id, state=Trial.State.RUNNING, due_at__lte=now)
    if not mine.update(due_at=now + LEASE):
        return False
    trial = Trial.objects.select_related("portal__installer__portal", "rule").get(pk=trial_id)
    try:
        return _slice(trial, now + LEASE)
    except errors.Wait as wait:
        _put_off(trial, timedelta(seconds=wait.seconds))
    except (errors.BitrixError, conditions.BadConditions) as error:
        _failed(trial, error)
    return False


def _slice(trial: Trial, lease: datetime) -> bool:
    client = installer.client_of_rules(trial.portal)
    rule = conditions.read(trial.conditions)
    ids = answer_in_background(client, _ids(trial))
    orders = answer_in_background(client, reading.orders_of(ids[:MAX_ORDERS]))
    rows = _rows(trial, client, rule, list(orders.values())) if orders else []
    ended = len(ids) <= MAX_ORDERS
    last = max(ids[:MAX_ORDERS], default=trial.last_order_id)
    with transaction.atomic():
        # Another worker goes on with the trial if this one was too slow, and stores its own rows.
        going = Trial.objects.filter(pk=trial.pk, state=Trial.State.RUNNING, due_at=lease)
        if not going.update(
            last_order_id=last,
            looked=F("looked") + len(rows),
            reached=max((row.created for row in rows), default=trial.reached),
            failures=0,
            trouble="",
            due_at=timezone.now(),
            **({"state": Trial.State.DONE, "ended_at": timezone.now()} if ended else {}),
        ):
            return False
        TrialRow.objects.bulk_create(rows)
    return not ended


def _ids(trial: Trial) -> Ask[list[int]]:
    """The next orders of the period, upwards, at most a page."""
    params = {
        "select": ["id"],
        "filter": {
            ">id": trial.last_order_id,
            ">=dateInsert": trial.since.isoformat(),
            "<=dateInsert": trial.until.isoformat(),
        },
        "order": {"id": "asc"},
        "start": -1,
    }
    return ask.of(
        Command("sale.order.list", params),
        lambda answer: sorted(
            pk
            for row in parsing.rows(answer.result, "orders")
            if (pk := parsing.identifier(row.get("id"))) > trial.last_order_id
        ),
    )


def _rows(
    trial: Trial, client: Client, rule: Conditions, orders: Sequence[IncomingOrder]
) -> list[TrialRow]:
    found = _past_deals(trial, client, rule, orders)
    ids = [order.id for order in orders]
    people = _links_by_people(trial.portal, orders)
    refused = set(
        RefusedPair.objects.of(trial.portal)
        .filter(order_id__in=ids)
        .values_list("order_id", "deal_id")
    )
    rows = []
    for order in orders:
        if order.created is None:
            continue
        own = _own_deal(order, found.deals, rule)
        chosen, name = people.get(order.id, (None, "")) if own is None else (None, "")
        verdict = decide(
            order if own is not None and not rule.own_deal else replace(order, link=None),
            found.deals.values(),
            rule,
            complete=found.are_complete_for(order),
        )
        agreement = agreement_of(order, verdict, chosen, refused)
        rows.append(_row(trial, order, verdict, chosen, name, agreement, own is not None))
    return rows


def _past_deals(
    trial: Trial, client: Client, rule: Conditions, orders: Sequence[IncomingOrder]
) -> reading.ClientDeals:
    """All deals of the orders' clients that a rule might have met, with where they stood since."""
    bounded = rule.max_days and rule.since is Since.CREATED
    since = trial.since - timedelta(days=rule.max_days + 1) if bounded else LONG_AGO
    question = reading.deals_of(orders, by_contact_data=rule.reads_contacts, created_since=since)
    found = answer_in_background(client, question)
    first = min((order.created for order in orders if order.created), default=trial.since)
    moved = [deal.id for deal in found.deals.values() if deal.stage.since > first]
    histories = answer_in_background(client, reading.histories_of(moved))
    deals = {
        pk: deal.with_history(histories[pk]) if pk in histories else deal
        for pk, deal in found.deals.items()
    }
    return replace(found, deals=deals)


def _own_deal(order: IncomingOrder, deals: Mapping[int, Deal], rule: Conditions) -> Deal | None:
    """The deal that the portal made for the order, if that is where it is."""
    deal = deals.get(order.link.id) if order.link is not None and order.link.is_deal else None
    if deal is None or order.created is None:
        return None
    wait = timedelta(minutes=rule.wait_minutes)
    return deal if is_made_for(deal, order.created, wait) else None


def _links_by_people(
    portal: Portal, orders: Iterable[IncomingOrder]
) -> dict[int, tuple[Owner | None, str]]:
    """Where people have linked the orders, and who, as far as the audit trail knows."""
    linked = {order.id: order.link for order in orders if order.link is not None}
    trail = AuditEntry.objects.of(portal).filter(
        kind=AuditEntry.Kind.LINK, order_id__in=list(linked)
    )
    latest = {entry.order_id: entry for entry in trail.order_by("pk")}
    found: dict[int, tuple[Owner | None, str]] = {}
    for pk, place in linked.items():
        entry = latest.get(pk)
        ours = entry is not None and entry.target == place
        if ours and entry is not None and entry.through == AuditEntry.Through.RULE:
            continue
        found[pk] = (place, entry.user_name if ours and entry is not None else "")
    return found


def agreement_of(
    order: IncomingOrder,
    verdict: Verdict,
    chosen: Owner | None,
    refused: Iterable[tuple[int, int]] = (),
) -> TrialRow.Agreement:
    """How the rule agrees with people. ``chosen`` is where a person has linked the order.

    ``refused`` are orders and deals that a person has taken apart.
    """
    if verdict.outcome is Outcome.LINK and verdict.chosen is not None:
        deal = Owner(DEAL, verdict.chosen.deal.id)
        if chosen is not None:
            return A.SAME if chosen == deal else A.DIFFERS
        return A.DIFFERS if (order.id, deal.id) in set(refused) else A.NOBODY
    about_others = verdict.why in OTHER_ORDERS or verdict.why is Why.CANNOT_TELL
    if chosen is None or not chosen.is_deal or about_others:
        return A.NONE
    suggested = verdict.outcome is Outcome.SUGGEST and chosen.id in {
        fit.deal.id for fit in verdict.fits
    }
    return A.NONE if suggested else A.MISSED


def _row(
    trial: Trial,
    order: IncomingOrder,
    verdict: Verdict,
    chosen: Owner | None,
    name: str,
    agreement: TrialRow.Agreement,
    own_deal: bool,
) -> TrialRow:
    facts, fit = order.candidate.order, verdict.chosen
    return TrialRow(
        trial=trial,
        order_id=order.id,
        order_number=facts.number[:64],
        created=facts.created or trial.since,
        client=facts.customer.title[:255],
        amount=facts.price,
        currency=facts.currency[:3],
        outcome=verdict.outcome,
        why=verdict.why,
        deal_id=fit.deal.id if fit else 0,
        deal_title=fit.deal.title[:255] if fit else "",
        deal_days=fit.days if fit else 0,
        reasons=list(fit.reasons) if fit else [],
        chosen_type=chosen.type_id if chosen else 0,
        chosen_id=chosen.id if chosen else 0,
        chosen_by=name,
        agreement=agreement,
        own_deal=own_deal,
    )


def _put_off(trial: Trial, delay: timedelta) -> None:
    Trial.objects.filter(pk=trial.pk).update(due_at=timezone.now() + delay)


def _failed(trial: Trial, error: Exception) -> None:
    lasting = isinstance(error, (*installer.NO_ACCESS, conditions.BadConditions))
    logger.warning("trial %s: %s", trial.pk, type(error).__name__)
    failures = trial.failures + 1
    over = lasting or failures >= MAX_FAILURES
    Trial.objects.filter(pk=trial.pk, state=Trial.State.RUNNING).update(
        failures=failures,
        trouble="no_access" if lasting else "silent",
        due_at=timezone.now() + timedelta(seconds=10 * 2**failures),
        **({"state": Trial.State.FAILED, "ended_at": timezone.now()} if over else {}),
    )


def forget_old() -> None:
    """Drop trials that ended long ago, other than of rules that are on, and those that were stopped."""
    yesterday = timezone.now() - timedelta(days=1)
    Trial.objects.filter(state=Trial.State.STOPPED, ended_at__lt=yesterday).delete()
    old = Trial.objects.filter(started_at__lt=timezone.now() - KEPT)
    old.exclude(rule__state=Rule.State.ON).delete()

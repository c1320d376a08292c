"""Deals whose links are read anew in a round: links have neither event nor date.

A deal with an order that a rule has linked is watched for a month. A round ends within
``ROUND_HOURS``, however many deals are watched.
"""

import math
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.db.models import Count, Min, Q
from django.utils import timezone

from b24app.automation import leases
from b24app.automation.models import Cursor, Entry, RefusedPair, WatchedDeal
from b24app.portals.models import Portal

if TYPE_CHECKING:
    from b24app.automation.catch_up import Findings

ROUND_HOURS: Final = 4
SCANS_AN_HOUR: Final = 6
MIN_DEALS: Final = 50
MAX_DEALS: Final = 1000
WATCHED: Final = timedelta(days=30)


def watch(portal: Portal, deal_ids: Iterable[int]) -> None:
    """Watch these deals from now on, for a month."""
    until = timezone.now() + WATCHED
    WatchedDeal.objects.bulk_create(
        [WatchedDeal(portal=portal, deal_id=pk, until=until) for pk in sorted(set(deal_ids))],
        update_conflicts=True,
        unique_fields=["portal", "deal_id"],
        update_fields=["until"],
    )


def forget_old() -> None:
    """Drop deals that are not watched any more."""
    WatchedDeal.objects.filter(until__lt=timezone.now()).delete()


def next_of_round(portal: Portal, now: datetime) -> list[int]:
    """The deals to be read with the next scan: those read longest ago."""
    rows = WatchedDeal.objects.of(portal).filter(until__gt=now)
    old = now - timedelta(hours=ROUND_HOURS)
    counted = rows.aggregate(all=Count("pk"), late=Count("pk", filter=Q(read_at__lt=old)))
    share = math.ceil(counted["all"] / (ROUND_HOURS * SCANS_AN_HOUR))
    size = min(max(MIN_DEALS, share, counted["late"]), MAX_DEALS)
    return list(rows.order_by("read_at").values_list("deal_id", flat=True)[:size])


def oldest_reading(portal: Portal) -> datetime | None:
    """When the deal was read that was read longest ago; None if none is watched."""
    found = WatchedDeal.objects.of(portal).filter(until__gt=timezone.now())
    oldest: datetime | None = found.aggregate(oldest=Min("read_at"))["oldest"]
    return oldest


def take_in(portal: Portal, cursor: Cursor, findings: "Findings") -> None:
    """Note orders that are no longer in the deal a rule has linked them to.

    Somebody has taken them out, so they are never linked there again.
    """
    if not findings.links:
        return
    now = timezone.now()
    # A link that is being written now is not missing from what was read before.
    settled = (cursor.scanned_at or now) - timedelta(seconds=2 * leases.LEASE_SECONDS)
    rows = Entry.objects.of(portal).filter(
        state=Entry.State.LINKED, deal_id__in=list(findings.links), at__lt=settled
    )
    moved = [entry for entry in rows if entry.order_id not in findings.links[entry.deal_id]]
    if moved:
        Entry.objects.filter(pk__in=[entry.pk for entry in moved]).update(
            state=Entry.State.MOVED, ended_at=now
        )
        refuse(portal, [(entry.order_id, entry.deal_id) for entry in moved])
    read = WatchedDeal.objects.of(portal).filter(deal_id__in=list(findings.links))
    read.update(read_at=now)


def refuse(portal: Portal, pairs: Iterable[tuple[int, int]]) -> None:
    """Never link these orders to these deals again."""
    RefusedPair.objects.bulk_create(
        [RefusedPair(portal=portal, order_id=order, deal_id=deal) for order, deal in pairs],
        ignore_conflicts=True,
    )

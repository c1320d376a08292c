"""New orders on their way to the rules: stored once each, judged when their wait is over.

An order is new if it is above the newest one of the time the scan began, and no row stands for it
yet. Whether an event or the scan has reported it, and how often, makes no difference.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.utils import timezone

from b24app.automation.models import Arrival, Cursor, Entry, Rule
from b24app.portals.models import Portal

if TYPE_CHECKING:
    from b24app.automation.catch_up import Findings

logger = logging.getLogger(__name__)

MAX_ORDERS: Final = 40
"""Orders of one slice: with their links they fit into one request."""

MAX_ATTEMPTS: Final = 10
KEPT: Final = timedelta(days=190)
"""Longer than any dry run looks back. Rows that are dropped raise the floor of the scan."""


def take_in(portal: Portal, cursor: Cursor, findings: "Findings") -> None:
    """Store the orders that are new. Those found among the changed ones were saved late.

    Portals give IDs before they save, so an order may become visible after a later one.
    """
    ids = [pk for pk in sorted({*findings.new, *findings.changed}) if pk > cursor.floor_id]
    if ids and Rule.objects.of(portal).filter(state=Rule.State.ON).exists():
        Arrival.objects.bulk_create(
            [Arrival(portal=portal, order_id=pk) for pk in ids], ignore_conflicts=True
        )
    elif findings.new:
        # Nobody waits for these: a rule switched on later begins with later ones.
        cursor.floor_id = max(cursor.floor_id, *findings.new)
        cursor.save(update_fields=["floor_id"])


def due() -> list[int]:
    """Portals with orders whose wait is over."""
    now = timezone.now()
    rows = Arrival.objects.filter(
        state=Arrival.State.WAITING,
        due_at__lte=now,
        portal__uninstalled_at=None,
        portal__scan_cursor__work_until__lte=now,
    )
    return list(rows.order_by().values_list("portal", flat=True).distinct()[:500])


def next_of(portal: Portal) -> list[Arrival]:
    """Orders whose wait is over, oldest first, at most ``MAX_ORDERS``."""
    rows = Arrival.objects.of(portal).filter(
        state=Arrival.State.WAITING, due_at__lte=timezone.now()
    )
    return list(rows.order_by("order_id")[:MAX_ORDERS])


def finish(portal: Portal, order_ids: Sequence[int]) -> None:
    """These orders are decided."""
    Arrival.objects.of(portal).filter(order_id__in=order_ids).update(state=Arrival.State.DONE)


def wait_until(portal: Portal, order_id: int, moment: datetime) -> None:
    """Look at the order again at ``moment``."""
    Arrival.objects.of(portal).filter(order_id=order_id).update(due_at=moment)


def try_later(portal: Portal, order_ids: Sequence[int]) -> None:
    """Look at these orders again after 1, 2, 4 … minutes, and give up after ``MAX_ATTEMPTS``."""
    for arrival in Arrival.objects.of(portal).filter(order_id__in=order_ids):
        arrival.attempts += 1
        arrival.due_at = timezone.now() + timedelta(minutes=2 ** (arrival.attempts - 1))
        if arrival.attempts >= MAX_ATTEMPTS:
            logger.warning("order %s at %s is given up", arrival.order_id, portal.host)
            arrival.state = Arrival.State.DONE
        arrival.save(update_fields=["attempts", "due_at", "state"])


def forget_old() -> None:
    """Drop decided orders that are older than ``KEPT``, below a floor that keeps them from being new.

    Lines of the feed go with them: they name clients. The audit trail stays.
    """
    old = timezone.now() - KEPT
    pending = (Entry.State.WRITING, Entry.State.UNDOING)
    Entry.objects.filter(at__lt=old).exclude(state__in=pending).delete()
    for cursor in Cursor.objects.all().iterator():
        rows = Arrival.objects.of(cursor.portal_id).filter(
            state=Arrival.State.DONE, seen_at__lt=old
        )
        highest = rows.order_by("-order_id").values_list("order_id", flat=True).first()
        if highest is None:
            continue
        Cursor.objects.filter(pk=cursor.pk, floor_id__lt=highest).update(floor_id=highest)
        rows.filter(order_id__lte=highest).delete()

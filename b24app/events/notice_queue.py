"""The queue of changed entities that portals have reported: one row for each, however often it was reported.

Ten thousand updates of one deal are one row. A worker claims rows before it processes them, so an update
that arrives meanwhile gets a row of its own. A processed row is deleted. The portal never repeats an event
(events/index.md), so rows outlive a worker that was killed and a broker that is away: the sweep finds
them.

Rows are locked in the order of their keys and locked rows are skipped, so two workers that process the
same portal share its rows and never wait for each other.
"""

import uuid
from collections.abc import Collection
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from b24app.events.models import ChangeNotice, ChangeNoticeQuerySet

MAX_ROWS = 500
"""Rows of one claim, and claims or portals of one sweep."""
MAX_ATTEMPTS = 5
LEASE = timedelta(minutes=2)


def claim(portal: int) -> str:
    """Claim the oldest waiting rows of a portal, at most 500. Returns the claim, "" if no row waits."""
    return _claim(ChangeNotice.objects.of(portal).filter(claim=""))


def reclaim(expired_claim: str) -> str:
    """Claim the rows of an expired claim; delete those that failed too often. Returns the new claim."""
    rows = ChangeNotice.objects.filter(claim=expired_claim, try_at__lte=timezone.now())
    with transaction.atomic():
        failed = _lock(rows.filter(attempts__gte=MAX_ATTEMPTS))
        ChangeNotice.objects.filter(pk__in=failed).delete()
    return _claim(rows)


def _claim(rows: ChangeNoticeQuerySet) -> str:
    new_claim = uuid.uuid4().hex
    with transaction.atomic():
        claimed = ChangeNotice.objects.filter(pk__in=_lock(rows)).update(
            claim=new_claim, try_at=timezone.now() + LEASE, attempts=F("attempts") + 1
        )
    return new_claim if claimed else ""


def _lock(rows: ChangeNoticeQuerySet) -> list[int]:
    """Lock the first rows that are not locked until the transaction ends; returns their keys."""
    unlocked = rows.order_by("pk").select_for_update(skip_locked=True)
    return list(unlocked.values_list("pk", flat=True)[:MAX_ROWS])


def postpone(rows: Collection[ChangeNotice], delay: timedelta) -> None:
    """Let claimed rows be reclaimed after ``delay``. This is not counted as an attempt."""
    ChangeNotice.objects.filter(pk__in=[row.pk for row in rows]).update(
        try_at=timezone.now() + delay, attempts=F("attempts") - 1
    )


def delete(rows: Collection[ChangeNotice]) -> None:
    """Delete rows that were processed."""
    ChangeNotice.objects.filter(pk__in=[row.pk for row in rows]).delete()


def expired_claims() -> list[str]:
    """Claims whose lease has expired or whose rows were postponed until now."""
    rows = ChangeNotice.objects.exclude(claim="").filter(try_at__lte=timezone.now())
    return list(rows.order_by().values_list("claim", flat=True).distinct()[:MAX_ROWS])


def portal_of(claim: str) -> int | None:
    """The portal whose rows were claimed; None if they are all processed."""
    return ChangeNotice.objects.filter(claim=claim).values_list("portal", flat=True).first()


def waiting_portals() -> list[int]:
    """Portals with unclaimed rows."""
    rows = ChangeNotice.objects.filter(claim="")
    return list(rows.order_by().values_list("portal", flat=True).distinct()[:MAX_ROWS])

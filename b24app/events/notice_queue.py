"""Changes the portal tells of, folded together before anything is done about them.

Ten thousand updates of one deal are one row, and of ten thousand deals twenty tasks. A row is
claimed before it is worked, so that what is told meanwhile waits in a row of its own; it goes when
it is done. The portal never repeats an event (events/index.md), so a row outlives a worker that is
killed and a broker that is away: the sweep finds it.

Rows are locked in the order of their keys, and one that somebody else holds is left to them: two
gatherings of the same portal share the work and never wait for each other.
"""

import uuid
from collections.abc import Collection
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from b24app.events.models import ChangeNotice, ChangeNoticeQuerySet

MOST = 500
MOST_ATTEMPTS = 5
LEASE = timedelta(minutes=2)


def claim(portal: int) -> str:
    """Take the oldest waiting rows of a portal, 500 at most; empty when there are none."""
    return _taken(ChangeNotice.objects.of(portal).filter(claim=""))


def claim_again(lost: str) -> str:
    """Take over rows whose worker has not finished them in time; drop what failed too often."""
    rows = ChangeNotice.objects.filter(claim=lost, try_at__lte=timezone.now())
    with transaction.atomic():
        spent = _locked(rows.filter(attempts__gte=MOST_ATTEMPTS))
        ChangeNotice.objects.filter(pk__in=spent).delete()
    return _taken(rows)


def _taken(rows: ChangeNoticeQuerySet) -> str:
    mine = uuid.uuid4().hex
    with transaction.atomic():
        taken = ChangeNotice.objects.filter(pk__in=_locked(rows)).update(
            claim=mine, try_at=timezone.now() + LEASE, attempts=F("attempts") + 1
        )
    return mine if taken else ""


def _locked(rows: ChangeNoticeQuerySet) -> list[int]:
    """The keys of the first rows that nobody else holds, locked until the transaction ends."""
    free = rows.order_by("pk").select_for_update(skip_locked=True)
    return list(free.values_list("pk", flat=True)[:MOST])


def look_again(rows: Collection[ChangeNotice], after: timedelta) -> None:
    """Keep claimed rows for :func:`claim_again`, which may take them ``after`` that time."""
    ChangeNotice.objects.filter(pk__in=[one.pk for one in rows]).update(
        try_at=timezone.now() + after, attempts=F("attempts") - 1
    )


def done(rows: Collection[ChangeNotice]) -> None:
    """Forget claimed rows that were worked."""
    ChangeNotice.objects.filter(pk__in=[one.pk for one in rows]).delete()


def lost() -> list[str]:
    """Claims whose time is over."""
    rows = ChangeNotice.objects.exclude(claim="").filter(try_at__lte=timezone.now())
    return list(rows.order_by().values_list("claim", flat=True).distinct()[:MOST])


def waiting() -> list[int]:
    """Portals with rows nobody has taken."""
    rows = ChangeNotice.objects.filter(claim="")
    return list(rows.order_by().values_list("portal", flat=True).distinct()[:MOST])

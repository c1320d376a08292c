"""Changes the portal tells of, folded together before anything is done about them.

Ten thousand updates of one deal are one row, and of ten thousand deals twenty tasks. A row is
claimed before it is worked, so that what is told meanwhile waits in a row of its own; it goes when
it is done. The portal never repeats an event (events/index.md), so a row outlives a worker that is
killed and a broker that is away: the sweep finds it.
"""

import json
import uuid
from datetime import timedelta

from django.db import connection
from django.db.models import F
from django.utils import timezone

from b24app.events.models import ChangeNotice, ChangeNoticeQuerySet

MOST = 500
MOST_ATTEMPTS = 5
LEASE = timedelta(minutes=2)

_NOTE = """
    INSERT INTO events_changenotice
        (portal_id, name, entity, data, claim, told, attempts, received_at, try_at)
    SELECT id, %s, %s, %s, '', 1, 0, %s, %s
    FROM portals_portal WHERE member_id = %s AND uninstalled_at IS NULL
    ON CONFLICT (portal_id, name, entity, claim) DO UPDATE SET told = events_changenotice.told + 1
    RETURNING portal_id
"""


def note(member_id: str, name: str, entity: int, data: object) -> int | None:
    """Keep that ``entity`` was told of: one statement, whether it is the first time or not.

    The portal's key, or None where no such portal has the app.
    """
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, [name, entity, json.dumps(data), now, now, member_id])
        row = cursor.fetchone()
    return int(row[0]) if row else None


def claim(portal: int) -> str:
    """Take the oldest waiting rows of a portal, 500 at most; empty when there are none."""
    waiting = ChangeNotice.objects.of(portal).filter(claim="").order_by("pk")[:MOST]
    return _taken(ChangeNotice.objects.filter(claim="", pk__in=waiting.values("pk")))


def claim_again(lost: str) -> str:
    """Take over rows whose worker has not finished them in time; drop what failed too often."""
    rows = ChangeNotice.objects.filter(claim=lost, try_at__lte=timezone.now())
    rows.filter(attempts__gte=MOST_ATTEMPTS).delete()
    return _taken(rows)


def _taken(rows: ChangeNoticeQuerySet) -> str:
    mine = uuid.uuid4().hex
    taken = rows.update(claim=mine, try_at=timezone.now() + LEASE, attempts=F("attempts") + 1)
    return mine if taken else ""


def lost() -> list[str]:
    """Claims whose time is over."""
    rows = ChangeNotice.objects.exclude(claim="").filter(try_at__lte=timezone.now())
    return list(rows.order_by().values_list("claim", flat=True).distinct()[:MOST])


def waiting() -> list[int]:
    """Portals with rows nobody has taken."""
    rows = ChangeNotice.objects.filter(claim="")
    return list(rows.order_by().values_list("portal", flat=True).distinct()[:MOST])

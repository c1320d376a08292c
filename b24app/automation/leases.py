"""Leases: one worker at a time scans a portal, and one judges its new orders.

A lease is taken by a conditional update and ends by itself, so a killed worker holds nothing up for
longer than that. Nothing is written past the end of a lease: the one who takes it next reads first.
"""

from datetime import timedelta
from typing import Final

from django.utils import timezone

from b24app.automation.models import Cursor

LEASE_SECONDS: Final = 90
SCAN: Final = "scan_until"
WORK: Final = "work_until"


def take(portal: int, lease: str) -> float | None:
    """When the lease ends (seconds since 1970); None if another worker has it."""
    now = timezone.now()
    until = now + timedelta(seconds=LEASE_SECONDS)
    free = Cursor.objects.of(portal).filter(**{f"{lease}__lte": now})
    return until.timestamp() if free.update(**{lease: until}) else None


def release(portal: int, lease: str) -> None:
    """Let the next worker take the lease at once."""
    Cursor.objects.of(portal).update(**{lease: timezone.now()})

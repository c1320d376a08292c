"""Checks a reported uninstall until it is confirmed, refuted or cancelled.

A report that cannot be decided at once is stored with the portal, once however often it comes, and
checked with growing pauses (see :mod:`b24app.install.removal`). A proven opening cancels it
(:func:`b24app.portals.launch.opened`).
"""

import logging
from datetime import datetime, timedelta
from typing import Final

from django.db.models import F
from django.db.models.functions import Least
from django.utils import timezone

from b24app.events import uninstall
from b24app.install import removal
from b24app.install.removal import Verdict
from b24app.portals.models import Portal

logger = logging.getLogger(__name__)

FIRST_PAUSE: Final = timedelta(minutes=1)
MAX_PAUSE: Final = timedelta(hours=4)
MAX_DUE: Final = 500


def report(portal: Portal, *, clean: bool) -> Verdict:
    """Handle a reported uninstall: decide at once if possible, otherwise check again later.

    Returns the verdict; ``OPEN`` if it is not decided. A further report while one waits is not another
    one. It may ask for the data to be deleted as well, and it moves the next check up to a minute from
    now.
    """
    now = timezone.now()
    waiting = Portal.objects.installed().filter(pk=portal.pk, removal_told_at__isnull=False)
    sooner = Least(F("removal_look_at"), now + FIRST_PAUSE)
    if waiting.update(removal_look_at=sooner):
        if clean:
            waiting.update(removal_clean=True)
        return Verdict.OPEN
    verdict = _check(portal, reported_at=now, clean=clean)
    if verdict is Verdict.OPEN:
        Portal.objects.installed().filter(pk=portal.pk, removal_told_at=None).update(
            removal_told_at=now, removal_look_at=now + FIRST_PAUSE, removal_clean=clean
        )
        logger.warning("uninstall at %s reported and not confirmed", portal.host)
    return verdict


def due() -> list[int]:
    """Portals whose reported uninstall has to be checked now, at most :data:`MAX_DUE`."""
    rows = Portal.objects.installed().filter(removal_look_at__lte=timezone.now())
    return list(rows.order_by("removal_look_at").values_list("pk", flat=True)[:MAX_DUE])


def check_again(pk: int) -> None:
    """Check the reported uninstall of a portal, unless it is not due, cancelled, or already claimed."""
    now = timezone.now()
    portal = Portal.objects.installed().filter(pk=pk, removal_look_at__lte=now).first()
    if portal is None or portal.removal_told_at is None:
        return
    reported_at = portal.removal_told_at
    pause = min(max(now - reported_at, FIRST_PAUSE), MAX_PAUSE)
    claimed = Portal.objects.filter(pk=pk, removal_look_at=portal.removal_look_at)
    if not claimed.update(removal_look_at=now + pause):
        return
    verdict = _check(portal, reported_at=reported_at, clean=portal.removal_clean)
    if verdict is Verdict.INSTALLED:
        Portal.objects.filter(pk=pk, removal_told_at=reported_at).update(
            removal_told_at=None, removal_look_at=None, removal_clean=False
        )
        logger.warning("reported uninstall at %s refuted: the app has access", portal.host)


def _check(portal: Portal, *, reported_at: datetime, clean: bool) -> Verdict:
    """The verdict now. A portal whose app is gone is left, and erased if ``clean``."""
    proved = timezone.now()
    verdict = removal.look(portal, waited=proved - reported_at)
    if verdict is not Verdict.REMOVED:
        return verdict
    if _cancelled(portal, reported_at) or not uninstall.leave(portal, clean=clean, proved=proved):
        return Verdict.OPEN
    return verdict


def _cancelled(portal: Portal, reported_at: datetime) -> bool:
    """Whether somebody has opened the app during the check of a report that waited."""
    if portal.removal_told_at is None:
        return False
    return not Portal.objects.filter(pk=portal.pk, removal_told_at=reported_at).exists()

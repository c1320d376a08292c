"""A reported removal of the app: looked at until it is confirmed, refuted or cancelled.

What cannot be decided at once is kept with the portal, one report however often it is told, and looked
at with growing pauses (see :mod:`b24app.install.removal`). A proven opening cancels it
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
LONGEST_PAUSE: Final = timedelta(hours=4)
MAX_DUE: Final = 500


def told(portal: Portal, *, clean: bool) -> Verdict:
    """A removal is reported. Decided at once where it can be, and otherwise looked at again later.

    A report that comes while another one waits is the same one: it may ask for erasing as well, and
    brings the next look forward to a minute from now.
    """
    now = timezone.now()
    waiting = Portal.objects.installed().filter(pk=portal.pk, removal_told_at__isnull=False)
    sooner = Least(F("removal_look_at"), now + FIRST_PAUSE)
    if waiting.update(removal_look_at=sooner):
        if clean:
            waiting.update(removal_clean=True)
        return Verdict.OPEN
    verdict = _looked(portal, told_at=now, clean=clean)
    if verdict is Verdict.OPEN:
        Portal.objects.installed().filter(pk=portal.pk, removal_told_at=None).update(
            removal_told_at=now, removal_look_at=now + FIRST_PAUSE, removal_clean=clean
        )
        logger.warning("removal of the app at %s reported and not confirmed", portal.host)
    return verdict


def due() -> list[int]:
    """Portals whose reported removal is to be looked at now."""
    rows = Portal.objects.installed().filter(removal_look_at__lte=timezone.now())
    return list(rows.order_by("removal_look_at").values_list("pk", flat=True)[:MAX_DUE])


def look_again(pk: int) -> None:
    """Look at the reported removal of one portal, unless it is not due, cancelled or somebody else's."""
    now = timezone.now()
    portal = Portal.objects.installed().filter(pk=pk, removal_look_at__lte=now).first()
    if portal is None or portal.removal_told_at is None:
        return
    told_at = portal.removal_told_at
    pause = min(max(now - told_at, FIRST_PAUSE), LONGEST_PAUSE)
    claimed = Portal.objects.filter(pk=pk, removal_look_at=portal.removal_look_at)
    if not claimed.update(removal_look_at=now + pause):
        return
    verdict = _looked(portal, told_at=told_at, clean=portal.removal_clean)
    if verdict is Verdict.INSTALLED:
        Portal.objects.filter(pk=pk, removal_told_at=told_at).update(
            removal_told_at=None, removal_look_at=None, removal_clean=False
        )
        logger.warning("reported removal of the app at %s not believed: it works", portal.host)


def _looked(portal: Portal, *, told_at: datetime, clean: bool) -> Verdict:
    """The verdict now; a portal whose app is gone is left, or erased where that was asked for."""
    proved = timezone.now()
    verdict = removal.look(portal, waited=proved - told_at)
    if verdict is not Verdict.REMOVED:
        return verdict
    if _cancelled(portal, told_at, proved) or not uninstall.leave(
        portal, clean=clean, proved=proved
    ):
        return Verdict.OPEN
    return verdict


def _cancelled(portal: Portal, told_at: datetime, proved: datetime) -> bool:
    """Whether somebody has opened the app while a report that waited was looked at."""
    if portal.removal_told_at is None:
        return False
    return not Portal.objects.filter(pk=portal.pk, removal_told_at=told_at).exists()

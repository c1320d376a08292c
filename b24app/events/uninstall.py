"""Leaves a portal that has removed the app: stops its jobs and rules and deletes its data."""

import logging
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from b24app.automation import switching
from b24app.install import lifecycle
from b24app.jobs import control
from b24app.portals.models import Portal

logger = logging.getLogger(__name__)


def leave(portal: Portal, *, clean: bool, proved: datetime | None = None) -> bool:
    """Delete everything about a portal if ``clean``, otherwise only what gives access to it.

    ``proved`` is the time when it was proven that the app is gone; the default is now. Returns False, and
    deletes nothing, if the app was installed again since then.

    May be run again after it was interrupted. Each step commits before the next one: nobody can open the
    app when jobs and rules are stopped, and none of them writes anything when the rows are deleted.
    """
    if not lifecycle.close(portal, proved or timezone.now()):
        return False
    switching.halt(portal)
    if not clean:
        control.halt(portal)
        return True
    control.abandon(portal)
    with transaction.atomic():
        if Portal.objects.select_for_update().filter(pk=portal.pk, uninstalled_at=None).exists():
            return False
        portal.delete()
    logger.info("portal %s erased", portal.host)
    return True

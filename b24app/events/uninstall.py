"""A portal has removed the app: what is at work for it ends, and what is to be forgotten goes."""

import logging
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from b24app.install import lifecycle
from b24app.jobs import control
from b24app.portals.models import Portal

logger = logging.getLogger(__name__)


def leave(portal: Portal, *, clean: bool, proved: datetime | None = None) -> bool:
    """Forget a portal: everything for ``clean``, otherwise only what gives access.

    ``proved`` is when it was seen that the app is gone, now by default. False, and nothing lost, where it
    has been installed again since.

    May be run again after it was broken off. Each step has committed before the next one: nobody comes
    in any more when the jobs are ended, and no slice writes anything down when the rows go.
    """
    if not lifecycle.close(portal, proved or timezone.now()):
        return False
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

"""Keeping sleeping portals' tokens alive."""

import logging
import time
from datetime import timedelta

from celery import shared_task
from django.db.models.functions import Coalesce
from django.utils import timezone

from b24app.bitrix24 import errors
from b24app.portals.models import PortalUser
from b24app.portals.renewal import StoredTokens

logger = logging.getLogger(__name__)

# A refresh token lives 180 days (settings/oauth/auto-renewal.md); ten days are left for trouble.
LIFETIME = timedelta(days=180)
SLEEP = timedelta(days=170)
SLICE, SLICE_SECONDS = 200, 60


@shared_task(name="portals.keep_alive")
def keep_alive(after: int = 0) -> None:
    """Renew, once, the tokens of people whose refresh token would end within ten days.

    ``after`` is the last row a former slice has come to. What could not be renewed today is tried
    again tomorrow; what is past its end is not tried any more.
    """
    began, now = time.monotonic(), timezone.now()
    live = PortalUser.objects.filter(
        tokens=PortalUser.Tokens.LIVE, portal__uninstalled_at=None, pk__gt=after
    )
    live.filter(renewed_at__lt=now - LIFETIME).update(tokens=PortalUser.Tokens.DEAD)
    # An opening proves an access token alone: what has to be kept alive is the refresh token.
    aged = live.annotate(issued_at=Coalesce("refreshed_at", "renewed_at"))
    sleeping = aged.filter(issued_at__lt=now - SLEEP).select_related("portal").order_by("pk")
    rows = list(sleeping[:SLICE])
    for user in rows:
        if time.monotonic() - began > SLICE_SECONDS:
            break
        after = user.pk
        _renew(user)
    if rows and (after != rows[-1].pk or len(rows) == SLICE):
        keep_alive.delay(after)


def _renew(user: PortalUser) -> None:
    try:
        StoredTokens(user).renewed(user.access_token)
    except errors.BitrixError as error:
        logger.warning(
            "tokens of user %s at %s not renewed: %s", user.user_id, user.portal.host, error.code
        )

"""Keeping sleeping portals' tokens alive."""

import logging
from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from b24app.bitrix24.errors import BitrixError
from b24app.portals.models import PortalUser
from b24app.portals.tokens import StoredTokens

logger = logging.getLogger(__name__)

# A refresh token lives 180 days (settings/oauth/auto-renewal.md); ten days are left for trouble.
SLEEP = timedelta(days=170)


@shared_task(name="portals.keep_alive")
def keep_alive() -> None:
    """Renew, once, the tokens of people whose refresh token would end within ten days."""
    sleeping = PortalUser.objects.select_related("portal").filter(
        tokens=PortalUser.Tokens.LIVE,
        renewed_at__lt=timezone.now() - SLEEP,
        portal__uninstalled_at=None,
    )
    for user in sleeping.order_by("renewed_at")[:500]:
        try:
            StoredTokens(user).renewed(user.access_token)
        except BitrixError as error:
            logger.warning(
                "tokens of user %s at %s not renewed: %s",
                user.user_id,
                user.portal.host,
                error.code,
            )

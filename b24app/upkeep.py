"""Keeping an installation going: bindings repaired, the app run by another administrator,
the subscription asked about.
"""

import logging

from django.core.cache import cache
from django.db import transaction

from b24app.bitrix24 import errors
from b24app.bitrix24.ask import Refusal
from b24app.bitrix24.client import Client
from b24app.connect import background_client, client_of, installer_client
from b24app.journal import audit
from b24app.journal.models import AuditEntry
from b24app.portals import bindings, launch, renewal
from b24app.portals.bindings import Present
from b24app.portals.models import Portal, PortalUser
from b24app.portals.tokens import bury, settle

logger = logging.getLogger(__name__)

# Seconds between two questions about a portal's subscription, or two repairs of bindings, that nobody has
# proved a reason for.
PAYMENT_PAUSE = 600


def take_over(portal: Portal, user: PortalUser) -> bool:
    """Make an administrator who opens the app its installer if the installer's access has ended.

    Their dismissal, for example: background work then stops until somebody does. What was bound in the
    portal is looked through with the new access. True if ``user`` is the installer now.
    """
    before = portal.installer
    if not user.is_admin or before == user or (before is not None and works(before)):
        return False
    if not hand_over(portal, before, user, AuditEntry.Through.OPENING):
        return False
    renewal.prove(user)
    client = client_of(user)
    try:
        failed = mend(client, portal, client.answer(bindings.present(), strict=True))
    except errors.BitrixError as error:
        failed = [error]
    if failed:
        logger.warning("not complete at %s after that: %s", portal.host, failed[0].code)
    return True


def works(user: PortalUser) -> bool:
    """Whether the portal still takes ``user``'s tokens; one that is silent or busy is given time."""
    if user.tokens == PortalUser.Tokens.DEAD:
        return False
    try:
        background_client(user).call("app.info")
    except errors.DeadToken:
        bury(user)
        return False
    except errors.AppClosedToUser:
        return False
    except errors.BitrixError:
        return True
    return True


def hand_over(portal: Portal, before: PortalUser | None, user: PortalUser, through: str) -> bool:
    """Make ``user`` the one whose access works in the background, unless that changed meanwhile."""
    with transaction.atomic():
        if not Portal.objects.filter(pk=portal.pk, installer=before).update(installer=user):
            return False
        if before != user:
            audit.record_access(user, through, before)
    portal.installer = user
    logger.info("installer changed to user %s, portal %s", user.user_id, portal.host)
    return True


def mend(client: Client, portal: Portal, present: Present) -> list[errors.BitrixError]:
    """Bind what is missing and unbind what is too much.

    Returns what went wrong, also where the request failed as a whole: it may have changed something.
    Raises ``errors.AuthError`` if the token is refused.
    """
    made = bindings.failures_of(bindings.mending(portal, present))
    try:
        failed = [failure.error for failure in client.answer(made, strict=True)]
    except errors.AuthError:
        raise
    except errors.BitrixError as error:
        failed = [error]
    return [*present.refusals, *failed]


def may_ask_about_payment(portal_pk: int) -> bool:
    """True once in :data:`PAYMENT_PAUSE`, whoever asks. Raises ``RedisError`` if Redis is away."""
    return bool(cache.add(f"payment:{portal_pk}", 1, PAYMENT_PAUSE))


def may_bind_unproven(portal_pk: int) -> bool:
    """True once in :data:`PAYMENT_PAUSE`, whoever asks. Raises ``RedisError`` if Redis is away."""
    return bool(cache.add(f"bind:{portal_pk}", 1, PAYMENT_PAUSE))


def check_payment(portal: Portal) -> None:
    """Ask the portal, with the installer's access, whether the subscription has ended.

    Raises ``errors.BitrixError`` where it cannot be asked.
    """
    client = installer_client(portal)
    if client is None:
        return
    try:
        expired = launch.payment_expired(client.call("app.info"))
    except (errors.PaymentRequired, errors.MethodNotFound) as refusal:
        expired = launch.payment_expired(Refusal(refusal))
    if expired is not None:
        settle(portal, payment_expired=expired)

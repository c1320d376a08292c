"""Mending what the overview finds: bindings made anew, the app carried on by another administrator."""

import logging

from b24app.bitrix24 import errors
from b24app.bitrix24.client import Client, Command
from b24app.connect import client_of
from b24app.portals import bindings
from b24app.portals.models import Portal, PortalUser
from b24app.portals.tokens import bury

logger = logging.getLogger(__name__)


def take_over(portal: Portal, user: PortalUser) -> bool:
    """Let an administrator who opens the app carry it on where the installer's access has ended.

    Their dismissal, for one: background work then stops until somebody does. What was bound in the
    portal is looked through with the new access. True if ``user`` is the installer now.
    """
    before = portal.installer
    if before == user or (before is not None and works(before)):
        return False
    unchanged = Portal.objects.filter(pk=portal.pk, installer=before)
    if not unchanged.update(installer=user):
        return False
    portal.installer = user
    logger.info("user %s carries the app on at %s", user.user_id, portal.host)
    try:
        failed = rebind(client_of(user), portal)
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
        client_of(user).call("app.info")
    except errors.DeadToken:
        bury(user)
        return False
    except errors.AppClosedToUser:
        return False
    except errors.BitrixError:
        return True
    return True


def rebind(client: Client, portal: Portal) -> list[errors.BitrixError]:
    """Make what is bound what is wanted: one request to look, one to change what differs.

    Returns what the portal refused; raises ``errors.BitrixError`` where it cannot be asked.
    """
    present = client.batch(bindings.looking())
    wanted: dict[str, Command] = bindings.mending(portal, present)
    outcomes = client.batch(wanted) if wanted else {}
    refused = [
        one
        for key, one in outcomes.items()
        if isinstance(one, errors.BitrixError) and not bindings.dispensable(wanted[key], one)
    ]
    return [*(one for one in present.values() if isinstance(one, errors.BitrixError)), *refused]

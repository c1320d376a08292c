"""Mending what the overview finds: bindings made anew, the app carried on by another administrator."""

import logging

from b24app.bitrix24 import errors
from b24app.bitrix24.client import Client
from b24app.connect import client_of
from b24app.console import pages
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
    if not _hand_over(portal, before, user):
        return False
    client = client_of(user)
    try:
        failed = _mend(client, portal, client.batch(bindings.looking()))
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


def carry_on(user: PortalUser, client: Client) -> list[errors.BitrixError]:
    """Make an administrator who asks for it the one whose access the background work uses.

    Returns and raises as :func:`rebind`.
    """
    present = pages.recheck(user, client, bindings.looking())
    _hand_over(user.portal, user.portal.installer, user)
    return _mend(client, user.portal, present)


def rebind(user: PortalUser, client: Client) -> list[errors.BitrixError]:
    """Make what is bound what is wanted: one request to look, one to change what differs.

    Returns what the portal refused. Raises :class:`Refused` for somebody who is no administrator any
    more and ``errors.BitrixError`` where the portal cannot be asked.
    """
    return _mend(client, user.portal, pages.recheck(user, client, bindings.looking()))


def _hand_over(portal: Portal, before: PortalUser | None, user: PortalUser) -> bool:
    if not Portal.objects.filter(pk=portal.pk, installer=before).update(installer=user):
        return False
    portal.installer = user
    logger.info("user %s carries the app on at %s", user.user_id, portal.host)
    return True


def _mend(client: Client, portal: Portal, present: pages.Outcomes) -> list[errors.BitrixError]:
    unread = [present[name] for name in bindings.looking()]
    wanted = bindings.mending(portal, present)
    outcomes = client.batch(wanted) if wanted else {}
    return [one for one in [*unread, *outcomes.values()] if isinstance(one, errors.BitrixError)]

"""The overview's buttons. Each asks first whether who pressed is still an administrator."""

from b24app import upkeep
from b24app.bitrix24.client import Client
from b24app.bitrix24.errors import BitrixError
from b24app.console import pages
from b24app.journal.models import AuditEntry
from b24app.portals import bindings
from b24app.portals.models import PortalUser


def carry_on(user: PortalUser, client: Client) -> list[BitrixError]:
    """Make an administrator who asks for it the one whose access the background work uses.

    Returns and raises as :func:`rebind`.
    """
    present = pages.recheck(user, client, bindings.present())
    upkeep.hand_over(user.portal, user.portal.installer, user, AuditEntry.Through.CONSOLE)
    return upkeep.mend(client, user.portal, present)


def rebind(user: PortalUser, client: Client) -> list[BitrixError]:
    """Make what is bound what is wanted: one request to look, one to change what differs.

    Returns what went wrong with the changes. Raises :class:`Refused` for somebody who is not an
    administrator now, and ``BitrixError`` if the portal could not be asked; nothing was changed then.
    """
    return upkeep.mend(client, user.portal, pages.recheck(user, client, bindings.present()))

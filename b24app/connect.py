"""Composition root: a person, or a portal's installer, becomes a ready client."""

from b24app.bitrix24.client import Client
from b24app.portals.models import Portal, PortalUser
from b24app.portals.tokens import StoredTokens


def client_of(user: PortalUser) -> Client:
    """A client that acts with this person's own token and rights."""
    return Client(StoredTokens(user))


def installer_client(portal: Portal) -> Client | None:
    """A client on the installer's stored token; None when the portal has no installer any more."""
    return client_of(portal.installer) if portal.installer is not None else None

"""A user's stored tokens as the client's token source.

A refresh token serves once (settings/oauth/auto-renewal.md): two processes that refresh with the
same one lose the pair. So the refresh happens under a lock on the user's row, and whoever waited
for the lock finds the new pair and uses it. The client secret goes to the authorization server
and to nobody else.
"""

import logging
import re
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from b24app import tracing
from b24app.bitrix24 import errors
from b24app.bitrix24.oauth import AuthorizationServer, Grant
from b24app.portals.models import Portal, PortalUser

logger = logging.getLogger(__name__)

_NETLOC = re.compile(r"[\w.-]+(:\d{1,5})?|\[[0-9a-fA-F:.]+\](:\d{1,5})?")


def authorization_server() -> AuthorizationServer:
    return AuthorizationServer(
        settings.B24_OAUTH_URL, settings.B24_CLIENT_ID, settings.B24_CLIENT_SECRET
    )


def checked_endpoint(endpoint: str) -> str:
    """A REST base fit to be called and to be named in a header, ending with a slash.

    Raises ``errors.PortalClosed`` for plain http unless it is allowed, and for an odd address.
    """
    parts = urlsplit(endpoint)
    secure = parts.scheme == "https" or (parts.scheme == "http" and settings.B24_ALLOW_HTTP)
    if not secure or not _NETLOC.fullmatch(parts.netloc) or parts.query or parts.fragment:
        raise errors.PortalClosed("INVALID_REQUEST", "https required")
    return endpoint if endpoint.endswith("/") else f"{endpoint}/"


class StoredTokens:
    """Token source of one portal user; safe to use from any number of processes at once."""

    def __init__(self, user: PortalUser) -> None:
        self._user = user

    def endpoint(self) -> str:
        return self._user.portal.endpoint

    def access_token(self) -> str:
        if self._user.tokens == PortalUser.Tokens.DEAD:
            raise dead()
        if self._user.expires_soon:
            return self.renewed(self._user.access_token)
        return self._user.access_token

    def renewed(self, rejected: str) -> str:
        """An access token other than ``rejected``; at most one process asks for it.

        Raises ``errors.DeadToken`` or ``errors.PaymentRequired`` when there is none to be had, and
        what the authorization server's silence raises.
        """
        self._refresh(rejected)
        return self._user.access_token

    def relocated(self, location: str) -> str:
        """The REST base after a redirect, if the authorization server confirms that host for this portal.

        Raises ``errors.UnexpectedRedirect`` for any other host.
        """
        self._refresh(self._user.access_token)
        confirmed = self._user.portal.endpoint
        if urlsplit(confirmed).netloc != urlsplit(location).netloc:
            raise errors.UnexpectedRedirect(
                "REDIRECT", f"to {urlsplit(location).netloc}, not confirmed"
            )
        return confirmed

    def _refresh(self, rejected: str) -> None:
        refusal: errors.BitrixError | None = None
        with transaction.atomic():
            rows = PortalUser.objects.select_for_update(of=("self",)).select_related("portal")
            row = rows.get(pk=self._user.pk)
            if row.tokens == PortalUser.Tokens.DEAD:
                refusal = dead()
            elif row.access_token == rejected or row.expires_soon:
                try:
                    keep(row, _refreshed(row))
                except errors.DeadToken as error:
                    # Only this refusal speaks of the token; any other may pass by itself.
                    row.tokens = PortalUser.Tokens.DEAD
                    row.save(update_fields=["tokens"])
                    refusal = error
        self._user = row
        if refusal is not None:
            logger.warning("tokens of user %s at %s are dead", row.user_id, row.portal.host)
            raise refusal


def _refreshed(user: PortalUser) -> Grant:
    try:
        grant = authorization_server().refresh(user.refresh_token)
    except errors.BitrixError as error:
        tracing.count("token_refreshes", type(error).__name__)
        raise
    tracing.count("token_refreshes", "ok")
    return grant


def dead() -> errors.DeadToken:
    return errors.DeadToken("invalid_grant", "the stored token is dead")


def keep(user: PortalUser, grant: Grant) -> None:
    """Store a new pair of tokens and the address the authorization server gives with it.

    Raises ``errors.DeadToken`` when the answer is for another portal or user: such a pair is not ours.
    """
    stranger = grant.user_id is not None and grant.user_id != user.user_id
    if grant.member_id != user.portal.member_id or stranger:
        raise errors.DeadToken("invalid_grant", "the new tokens belong to somebody else")
    user.access_token, user.refresh_token = grant.access_token, grant.refresh_token
    user.expires_at, user.renewed_at = grant.expires_at, timezone.now()
    user.save(update_fields=["access_token", "refresh_token", "expires_at", "renewed_at"])
    endpoint = checked_endpoint(grant.client_endpoint)
    if endpoint != user.portal.endpoint:
        Portal.objects.filter(pk=user.portal_id).update(endpoint=endpoint)
        user.portal.endpoint = endpoint

"""A user's stored tokens as the client's token source.

A refresh token serves once (settings/oauth/auto-renewal.md): two processes that refresh with the
same one lose the pair. So the refresh happens under a lock on the user's row, and whoever waited
for the lock finds the new pair and uses it. The client secret goes to the authorization server
and to nobody else.
"""

import logging
import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from b24app import tracing
from b24app.bitrix24 import errors
from b24app.bitrix24.oauth import AuthorizationServer, Grant
from b24app.portals.models import Portal, PortalUser

logger = logging.getLogger(__name__)

_NETLOC = re.compile(r"[\w.-]+(:\d{1,5})?|\[[0-9a-fA-F:.]+\](:\d{1,5})?", re.ASCII)
# 127.1, 0x7f.1 and 2130706433 are addresses too, to whoever resolves them.
_NUMERIC = re.compile(r"(?:.*\.)?(?:\d+|0x[0-9a-f]*)", re.IGNORECASE)


def authorization_server() -> AuthorizationServer:
    return AuthorizationServer(
        settings.B24_OAUTH_URL, settings.B24_CLIENT_ID, settings.B24_CLIENT_SECRET
    )


def checked_endpoint(endpoint: str) -> str:
    """A REST base fit to be called and to be named in a header, ending with a slash.

    Raises ``errors.PortalClosed`` for plain http unless it is allowed, and for an odd address: whoever
    has a portal of their own says where it is.
    """
    if not _may_be_called(endpoint):
        raise errors.PortalClosed("INVALID_REQUEST", "https required")
    return endpoint if endpoint.endswith("/") else f"{endpoint}/"


def _may_be_called(endpoint: str) -> bool:
    try:
        parts = urlsplit(endpoint)
        plain = _NETLOC.fullmatch(parts.netloc) and parts.port != 0
    except ValueError:
        return False
    if not plain or parts.query or parts.fragment:
        return False
    if settings.B24_ALLOW_HTTP:
        return parts.scheme in ("http", "https")
    return parts.scheme == "https" and not _this_machine(parts.hostname or "")


def _this_machine(host: str) -> bool:
    """Whether a host is this machine or its neighbourhood, or hides that it is.

    An office's network is none of these: a portal of its own may stand there, beside this app.
    """
    name = host.rstrip(".").lower()
    try:
        address = ip_address(name)
    except ValueError:
        return name == "localhost" or name.endswith(".localhost") or bool(_NUMERIC.fullmatch(name))
    address = getattr(address, "ipv4_mapped", None) or address
    return (
        address.is_loopback
        or address.is_link_local
        or address.is_unspecified
        or address.is_multicast
        or address.is_reserved
    )


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
            row = rows.filter(pk=self._user.pk).first()
            if row is None:
                # Erased with the portal meanwhile.
                raise dead()
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
                except errors.PaymentRequired as error:
                    settle(row.portal, payment_expired=True)
                    refusal = error
        self._user = row
        if refusal is not None:
            logger.warning(
                "no token for user %s at %s: %s", row.user_id, row.portal.host, refusal.code
            )
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


def bury(user: PortalUser) -> None:
    """Note that the portal takes ``user``'s tokens no more, unless newer ones have come meanwhile."""
    PortalUser.objects.filter(pk=user.pk, renewed_at=user.renewed_at).update(
        tokens=PortalUser.Tokens.DEAD
    )


def keep(user: PortalUser, grant: Grant) -> None:
    """Store a new pair of tokens, and what the authorization server says of the portal with it.

    Raises ``errors.DeadToken`` when the answer is for another portal or user: such a pair is not
    ``user``'s to act with.
    """
    if grant.member_id != user.portal.member_id:
        raise errors.DeadToken("invalid_grant", "the new tokens belong to another portal")
    if grant.user_id is not None and grant.user_id != user.user_id:
        _pass_on(user, grant.user_id, grant)
        raise errors.DeadToken("invalid_grant", "the new tokens belong to somebody else")
    pair = _pair(grant)
    for name, value in pair.items():
        setattr(user, name, value)
    user.save(update_fields=[*pair])
    known = {"endpoint": checked_endpoint(grant.client_endpoint)}
    if grant.scope and grant.scope != user.portal.scopes():
        known["scope"] = ",".join(sorted(grant.scope))
    settle(user.portal, **known)


def _pair(grant: Grant) -> dict[str, object]:
    return {
        "access_token": grant.access_token,
        "refresh_token": grant.refresh_token,
        "expires_at": grant.expires_at,
        "renewed_at": timezone.now(),
        "tokens": PortalUser.Tokens.LIVE,
    }


def _pass_on(user: PortalUser, heir_id: int, grant: Grant) -> None:
    """Keep the installer's access when the portal has handed it to another user.

    A portal may pass the integrations of a dismissed employee to a system user that user.get does
    not show. Only the installer's: what a person did in a page must never go on as somebody else.
    """
    if user.portal.installer_id != user.pk:
        return
    pair = _pair(grant)
    heir, _ = PortalUser.objects.update_or_create(
        portal=user.portal,
        user_id=heir_id,
        defaults=pair,
        create_defaults=pair | {"is_admin": user.is_admin},
    )
    settle(user.portal, installer_id=heir.pk)
    logger.warning("the access of user %s at %s has passed on", user.user_id, user.portal.host)


def settle(portal: Portal, **known: object) -> None:
    """Keep what was learnt about a portal; nothing is written where it is no news."""
    news = {name: value for name, value in known.items() if getattr(portal, name) != value}
    if not news:
        return
    Portal.objects.filter(pk=portal.pk).update(**news)
    for name, value in news.items():
        setattr(portal, name, value)

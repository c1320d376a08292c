"""The authorization server, the addresses that may be called, and the end of a person's access.

The client secret goes to the authorization server and to nobody else. How tokens are renewed is in
:mod:`renewal`.
"""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from django.conf import settings

from b24app.bitrix24 import errors
from b24app.bitrix24.oauth import AuthorizationServer
from b24app.portals.models import Portal, PortalUser

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


def dead() -> errors.DeadToken:
    return errors.DeadToken("invalid_grant", "the stored token is dead")


def bury(user: PortalUser) -> None:
    """Note that the portal takes ``user``'s tokens no more, unless newer ones have come meanwhile."""
    PortalUser.objects.filter(pk=user.pk, renewed_at=user.renewed_at).update(
        tokens=PortalUser.Tokens.DEAD
    )


def settle(portal: Portal, **known: object) -> None:
    """Keep what was learnt about a portal; nothing is written where it is no news."""
    news = {name: value for name, value in known.items() if getattr(portal, name) != value}
    if not news:
        return
    Portal.objects.filter(pk=portal.pk).update(**news)
    for name, value in news.items():
        setattr(portal, name, value)

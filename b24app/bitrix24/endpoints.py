"""Addresses of portals: the one rule for what is stored, called and named in a header.

Followed page: settings/oauth/index.md (``client_endpoint``, ``server_endpoint``). The authorization
server repeats what a portal says about itself, and whoever runs a portal of their own says where it is.
"""

import re
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

_HOST: Final = re.compile(r"[\w.-]+(:\d{1,5})?|\[[0-9a-fA-F:.]+\](:\d{1,5})?", re.ASCII)
# 127.1, 0x7f.1 and 2130706433 are addresses too, to whoever resolves them.
_NUMERIC: Final = re.compile(r"(?:.*\.)?(?:\d+|0x[0-9a-f]*)", re.IGNORECASE)


class BadEndpoint(ValueError):
    """Not the REST base of a portal or of the authorization server."""


def is_host(text: str) -> bool:
    """Whether the text is a bare host: a name or an IP address, with a port or without one.

    Credentials, a path and a backslash are refused: browsers and ``urllib`` disagree about the host of
    an address with a backslash.
    """
    try:
        port = urlsplit(f"//{text}").port
    except ValueError:
        return False
    return bool(_HOST.fullmatch(text)) and port != 0


def rest_base(address: object) -> str:
    """The address as a REST base: http or https, a bare host, a path that ends with ``/rest/``.

    Adds the final slash. Raises :class:`BadEndpoint` for anything else.
    """
    if not isinstance(address, str) or not address.isascii() or not address.isprintable():
        raise BadEndpoint("not printable ASCII text")
    try:
        parts = urlsplit(address)
    except ValueError as error:
        raise BadEndpoint("not an address") from error
    base = address if address.endswith("/") else f"{address}/"
    if parts.scheme not in ("http", "https") or not is_host(parts.netloc) or "\\" in base:
        raise BadEndpoint("not the address of a portal")
    if parts.query or parts.fragment or not base.endswith("/rest/"):
        raise BadEndpoint("not a REST base")
    return base


def may_be_called(base: str, *, allow_http: bool) -> bool:
    """Whether the app may send requests to a REST base of :func:`rest_base`.

    ``allow_http`` is for the demo portal and tests: plain http, and this machine.
    """
    parts = urlsplit(base)
    return allow_http or (parts.scheme == "https" and not _this_machine(parts.hostname or ""))


def same_host(text: str, other: str) -> bool:
    """Whether two addresses have the same host and port."""
    return urlsplit(text).netloc == urlsplit(other).netloc


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

"""The full OAuth protocol: connecting from outside, and again where a portal's tokens have died.

Followed page: settings/oauth/index.md. The person goes to their portal and comes back with a code,
in a window of their own, never in the portal's frame. The state they bring back is signed by us,
good for ten minutes, once, and in the browser that set out only: it holds the digest of a cookie.
Whose tokens the code gives, the authorization server says, and nothing else in the address.
"""

import re
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import compare_digest

from django.conf import settings
from django.core import signing
from django.core.cache import cache
from django.utils import timezone
from redis.exceptions import RedisError

from b24app import upkeep
from b24app.bitrix24 import endpoints, errors
from b24app.bitrix24.oauth import Grant
from b24app.portals import launch
from b24app.portals.launch import Posted
from b24app.portals.models import Portal, PortalUser
from b24app.portals.placements import DEFAULT
from b24app.portals.tokens import authorization_server, checked_endpoint, settle

STATE_SECONDS = 10 * 60

_SALT = "b24app.install.oauth_connect"
# A name on the open internet: what an unknown portal must have.
_NAME = re.compile(
    r"(?=.{4,253}(?::\d+)?\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:[a-z]{2,63}|xn--[a-z0-9-]{2,59})"
    r"(?::[1-9]\d{0,4})?"
)
_CODE = re.compile(r"[A-Za-z0-9._~-]{8,512}")
_BROWSER = re.compile(r"[A-Za-z0-9_-]{43}")


class NotConnected(Exception):
    """Nothing was connected. ``reason`` names what the page says."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Departure:
    """Where a person may go on to, and the secret their browser has to bring back as a cookie.

    They go by their own decision: nobody knows whose address the link they followed has named.
    """

    address: str
    host: str
    browser: str = field(repr=False)


def depart(host: str, browser: str) -> Departure:
    """The authorization page of the portal at ``host``, for a browser whose cookie is ``browser``.

    Several departures of one browser share its cookie. Raises :class:`NotConnected` for anything
    that is not the bare host of a portal.
    """
    written = _ascii(host)
    address = _known_origin(written) or _other_origin(written)
    same = browser if _BROWSER.fullmatch(browser) else secrets.token_urlsafe(32)
    state = signing.dumps([secrets.token_urlsafe(12), _digest(same)], salt=_SALT)
    page = authorization_server().authorize_url(address, state)
    return Departure(page, written, same)


def arrive(code: str, state: str, browser: str) -> PortalUser:
    """The person who came back, with live tokens stored.

    Raises :class:`NotConnected`, :class:`launch.Refused` for tokens that are not this app's, and
    ``errors.BitrixError`` where the authorization server or the portal did not answer.
    """
    _claim(state, browser)
    if not _CODE.fullmatch(code):
        raise NotConnected("refused")
    try:
        grant = authorization_server().exchange(code)
    except (errors.DeadToken, errors.BadRequest):
        raise NotConnected("late") from None
    portal = Portal.objects.installed().named(grant.member_id).first()
    if portal is None:
        raise NotConnected("unknown")
    return _stored(portal, grant)


def _ascii(host: str) -> str:
    """The host as an address writes it; empty for text that cannot be one."""
    try:
        written = host.strip().lower().encode("idna").decode()
    except ValueError:
        return ""
    return written if endpoints.is_host(written) else ""


def _known_origin(host: str) -> str:
    """Where the installed portal at ``host`` is, as we know it; empty for any other host."""
    if not host:
        return ""
    schemes = ("https", "http") if settings.B24_ALLOW_HTTP else ("https",)
    for scheme in schemes:
        origin = f"{scheme}://{host}"
        if Portal.objects.installed().filter(endpoint__startswith=f"{origin}/").exists():
            return origin
    return ""


def _other_origin(host: str) -> str:
    """An ordinary name of the internet: a portal may have been renamed without our hearing of it."""
    if not _NAME.fullmatch(host):
        raise NotConnected("address")
    return f"https://{host}"


def _digest(browser: str) -> str:
    return sha256(browser.encode()).hexdigest()[:32]


def _claim(state: str, browser: str) -> None:
    """Use a state up. Another browser's attempt does not: the rightful one may still come."""
    try:
        nonce, digest = signing.loads(state, salt=_SALT, max_age=STATE_SECONDS)
    except signing.SignatureExpired:
        raise NotConnected("late") from None
    except (signing.BadSignature, ValueError):
        raise NotConnected("elsewhere") from None
    if not compare_digest(digest, _digest(browser)):
        raise NotConnected("elsewhere")
    try:
        first = cache.add(f"connect:{nonce}", 1, STATE_SECONDS)
    except RedisError:
        # A replay could not be recognized.
        raise NotConnected("later") from None
    if not first:
        raise NotConnected("late")


def _stored(portal: Portal, grant: Grant) -> PortalUser:
    settle(portal, endpoint=checked_endpoint(grant.client_endpoint))
    brought = Posted(
        member_id=grant.member_id,
        access_token=grant.access_token,
        refresh_token="",
        application_token="",
        placement=DEFAULT,
        entity_id=0,
        language="",
    )
    identity = launch.client_for(brought, portal).answer(launch.identity())
    person = launch.person_of(brought, portal, identity)
    if grant.user_id not in (None, person.user_id):
        raise launch.Refused("foreign", portal)
    with timezone.override(None):
        user = launch.opened(brought, portal, person, grant)
    upkeep.take_over(portal, user)
    return user

"""The placement POST becomes a verified portal and user, or a refusal.

Everything in the POST is hostile until proven (widgets/_includes/widget_data.md): the member_id may
be another tenant's, the DOMAIN anybody's host, the token a stranger's, the ID any deal. So the
DOMAIN is never called. A known portal's token is checked by that portal itself, at the address we
already hold; a first sight goes to the authorization server. Which app the token was issued for is
checked too, or another app's server could log in here as any of its users.
"""

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hmac import compare_digest

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.utils import timezone

from b24app import tracing
from b24app.bitrix24 import answers, ask, endpoints, errors
from b24app.bitrix24.ask import Ask, Refusal
from b24app.bitrix24.client import Answer, Client, Command, Timeouts
from b24app.bitrix24.oauth import Grant, TokenInfo
from b24app.bitrix24.portal_limits import Priority
from b24app.portals import call_listener
from b24app.portals.budgets import budget_of
from b24app.portals.fields import Secret, fernet
from b24app.portals.models import MEMBER_ID, Portal, PortalUser
from b24app.portals.tokens import authorization_server, checked_endpoint, settle

logger = logging.getLogger(__name__)

_TOKEN = re.compile(r"[\x21-\x7e]{8,2000}")
_PLACEMENT = re.compile(r"[A-Z0-9_]{1,64}")
MAX_OPTIONS_CHARACTERS = 10_000
RETRY_SECONDS = 15 * 60
ACCESS_LIFETIME = timedelta(hours=1)
"""How long an access token lives (settings/oauth/auto-renewal.md). What an opening says of it is a
claim; of one that ends earlier the portal says ``expired_token``."""

OPENING = Timeouts(reading=10.0)
"""An opening is a blank frame until it is answered: what it reads is not waited for any longer."""


class Refused(Exception):
    """The request is not proven. ``reason`` names the page to show; nothing was stored."""

    def __init__(self, reason: str, portal: Portal | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.portal = portal


@dataclass(frozen=True, slots=True)
class Posted:
    """What an opening of the app claims. Only its form has been checked.

    ``AUTH_EXPIRES`` is not read: nothing proves it.
    """

    member_id: str
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    application_token: str = field(repr=False)
    placement: str
    entity_id: int
    language: str
    tries: int = 0
    """How often this opening has failed and was tried again."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who the portal says the token belongs to."""

    user_id: int
    name: str
    is_admin: bool
    payment_expired: bool | None = None
    """Whether the app's subscription has ended; None where the portal does not say."""
    utc_offset: int | None = None
    """Minutes that the portal's clock is ahead of UTC; None where the portal does not say."""


def read(query: Mapping[str, str], form: Mapping[str, str]) -> Posted:
    """The placement POST's fields in their documented form; raises :class:`Refused` for anything else."""
    member_id, access = form.get("member_id", ""), form.get("AUTH_ID", "")
    refresh, placement = form.get("REFRESH_ID", ""), form.get("PLACEMENT", "DEFAULT")
    if not (
        MEMBER_ID.fullmatch(member_id)
        and _TOKEN.fullmatch(access)
        and _PLACEMENT.fullmatch(placement)
    ):
        raise Refused("malformed")
    if refresh and not _TOKEN.fullmatch(refresh):
        raise Refused("malformed")
    return Posted(
        member_id=member_id,
        access_token=access,
        refresh_token=refresh,
        application_token=form.get("APPLICATION_TOKEN", "")[:200],
        placement=placement,
        entity_id=_entity(form.get("PLACEMENT_OPTIONS", "")),
        language=query.get("LANG", "")[:8].lower(),
    )


def sealed(posted: Posted) -> str:
    """An opening to be tried again in a moment, readable by us alone, for the page's Retry button."""
    return fernet().encrypt(json.dumps(asdict(posted)).encode()).decode()


def unsealed(text: str) -> Posted:
    """The opening kept by :func:`sealed`; raises :class:`Refused` for a forged or an old one."""
    try:
        content = json.loads(fernet().decrypt(text.encode(), ttl=RETRY_SECONDS))
        return Posted(**content)
    except (InvalidToken, TypeError):
        # TypeError: sealed by another version, whose openings have other fields.
        raise Refused("malformed") from None


def _entity(options: str) -> int:
    """The card's id from PLACEMENT_OPTIONS, a JSON object; 0 where there is no card."""
    if not options:
        return 0
    if len(options) > MAX_OPTIONS_CHARACTERS:
        raise Refused("malformed")
    try:
        parsed = json.loads(options)
    except (ValueError, RecursionError):
        raise Refused("malformed") from None
    if parsed == []:
        return 0
    if not isinstance(parsed, dict):
        raise Refused("malformed")
    raw = parsed.get("ID", 0)
    number = str(raw) if isinstance(raw, int | str) and not isinstance(raw, bool) else "-"
    if not (number.isascii() and number.isdecimal() and len(number) <= 15):
        raise Refused("malformed")
    return int(number)


def known_portal(posted: Posted) -> Portal:
    """The installed portal a POST claims to come from; raises :class:`Refused`.

    The application token proves "from this portal" where it is sent; older portals leave it out.
    """
    portal = Portal.objects.installed().filter(member_id=posted.member_id).first()
    if portal is None:
        raise Refused("not-installed")
    known, claimed = portal.application_token, posted.application_token
    if known and claimed and not compare_digest(known.encode(), claimed.encode()):
        raise Refused("foreign", portal)
    return portal


class PresentedToken:
    """Token source of an opening: the token that came with it, at an address we already trust."""

    def __init__(self, posted: Posted, portal: Portal) -> None:
        self._posted = posted
        self._portal = portal

    def endpoint(self) -> str:
        return self._portal.endpoint

    def access_token(self) -> str:
        return self._posted.access_token

    def renewed(self, rejected: str) -> str:
        """A token that has just come from the portal and is expired already is not renewed: raises."""
        raise errors.DeadToken("expired_token", "the token presented is not accepted")

    def relocated(self, location: str) -> str:
        """The address the authorization server gives for this token, if that is where we are sent.

        The portal is known at that address from then on, so this very answer names it.
        """
        info = verified_by_server(self._posted)
        if not endpoints.same_host(info.client_endpoint, location):
            raise errors.UnexpectedRedirect("REDIRECT", "to an unconfirmed host")
        settle(self._portal, endpoint=checked_endpoint(info.client_endpoint))
        return self._portal.endpoint


def verified_by_server(posted: Posted) -> TokenInfo:
    """What the authorization server knows of the token; raises :class:`Refused` when it is not ours.

    ``errors.BitrixError`` passes through where the server cannot be asked.
    """
    try:
        info = authorization_server().app_info(posted.access_token)
    except (errors.DeadToken, errors.ExpiredToken):
        raise Refused("foreign") from None
    if info.member_id != posted.member_id or info.client_id not in ("", settings.B24_CLIENT_ID):
        raise Refused("foreign")
    return info


@dataclass(frozen=True, slots=True)
class Proof:
    """A first sight proven by the authorization server: the opening, and where its portal lives.

    ``grant`` is the pair the proof itself has brought, None where none was needed.
    """

    posted: Posted
    endpoint: str
    scope: frozenset[str]
    grant: Grant | None = None


def proved(posted: Posted) -> Proof:
    """Prove an opening with the authorization server; raises as :func:`verified_by_server`.

    app.info says whose token it is. A server that leaves the portal out of that answer is asked by
    a refresh, whose answer is documented whole; the opening then goes on with the new pair.
    """
    try:
        info = verified_by_server(posted)
    except (errors.IncompleteAnswer, errors.MethodNotFound):
        if not posted.refresh_token:
            raise
        grant = authorization_server().refresh(posted.refresh_token)
        if grant.member_id != posted.member_id:
            raise Refused("foreign") from None
        fresh = replace(posted, access_token=grant.access_token, refresh_token="")
        return Proof(fresh, checked_endpoint(grant.client_endpoint), grant.scope, grant)
    return Proof(posted, checked_endpoint(info.client_endpoint), info.scope)


@dataclass(frozen=True, slots=True)
class Identity:
    """What the portal says about a token: whose it is, and for which app it was issued.

    ``user_id`` is 0, texts are empty where it does not say. ``payment_expired`` is True once the trial or
    the subscription is over, None if unsaid. ``app_status`` and ``licence`` are STATUS and
    LICENSE_FAMILY of ``app.info``. ``utc_offset``: minutes that the portal's clock is ahead of UTC.
    """

    user_id: int
    name: str
    is_admin: bool
    app_code: str
    app_status: str
    licence: str
    payment_expired: bool | None
    utc_offset: int | None


def identity() -> Ask[Identity]:
    """Whose token it is and for which app; part of each page's first request.

    Raises what ``profile`` is refused with (common/system/profile.md, common/system/app-info.md).
    """
    profile = ask.of(Command("profile"), lambda answer: answer)
    app = ask.of(Command("app.info"), lambda answer: answer).attempt()
    return ask.together(profile, app).map(lambda found: _identity(*found))


def _identity(profile: Answer, app: Answer | Refusal) -> Identity:
    row = profile.result if isinstance(profile.result, Mapping) else {}
    result = None if isinstance(app, Refusal) else app.result
    about = result if isinstance(result, Mapping) else {}
    return Identity(
        user_id=answers.whole(row.get("ID")) or 0,
        name=" ".join(str(row.get(key) or "") for key in ("NAME", "LAST_NAME")).strip()[:255],
        is_admin=row.get("ADMIN") is True,
        app_code=_app_code(app),
        app_status=str(about.get("STATUS") or "")[:8],
        licence=str(about.get("LICENSE_FAMILY") or "")[:64],
        payment_expired=payment_expired(app),
        utc_offset=profile.time.utc_offset if profile.time is not None else None,
    )


def person_of(posted: Posted, portal: Portal, identity: Identity) -> Person:
    """The person behind the token.

    Raises :class:`Refused` where the token is not this app's, or the portal does not say whose it is.
    """
    if identity.user_id <= 0:
        raise Refused("foreign", portal)
    if not portal.app_code or identity.app_code != portal.app_code:
        # Older kernels and renamed app codes land here; the authorization server knows for certain.
        verified_by_server(posted)
    tracing.note_user(identity.user_id)
    return Person(
        identity.user_id,
        identity.name,
        identity.is_admin,
        identity.payment_expired,
        identity.utc_offset,
    )


def _app_code(app: Answer | Refusal) -> str:
    """CODE of ``app.info`` (common/system/app-info.md): the app a token was issued for; "" if unsaid."""
    if isinstance(app, Refusal) or not isinstance(app.result, Mapping):
        return ""
    return str(app.result.get("CODE") or "")[:255]


def payment_expired(app: Answer | Refusal) -> bool | None:
    """PAYMENT_EXPIRED of ``app.info``: whether the trial or the subscription is over; None if unsaid.

    A kernel without that method refuses all calls once it is over, so whatever it answers says "no".
    """
    if isinstance(app, Refusal):
        is_said = isinstance(app.error, errors.PaymentRequired | errors.MethodNotFound)
        return isinstance(app.error, errors.PaymentRequired) if is_said else None
    row = app.result if isinstance(app.result, Mapping) else {}
    return {"Y": True, "N": False}.get(str(row.get("PAYMENT_EXPIRED")))


def opened(
    posted: Posted, portal: Portal, person: Person, grant: Grant | None = None
) -> PortalUser:
    """Keep a proven person with the access token that has just proven them, in one statement.

    The refresh token of an opening is kept beside the one that has served already, until it has served
    itself (:mod:`renewal`). ``grant`` is the pair that the authorization server has given in exchange
    for what came in: it is proven, and takes the place of both.

    What the portal said on the way about the subscription and its clock is kept with it, where it is
    news; times in this answer are shown by that clock. The opening also
    ends the waiting for a removal of the app that was reported and never confirmed. An
    administrator's opening also brings the application token of a portal that had not sent it before.
    """
    if person.payment_expired is not None:
        settle(portal, payment_expired=person.payment_expired)
    if person.utc_offset is not None:
        settle(portal, utc_offset=person.utc_offset)
    timezone.activate(portal.zone)
    if portal.removal_told_at is not None:
        # The portal has just answered this person's token: the app is there.
        settle(portal, removal_told_at=None, removal_look_at=None, removal_clean=False)
        logger.info("reported removal of the app at %s cancelled by an opening", portal.host)
    if person.is_admin and posted.application_token and not portal.application_token:
        settle(portal, application_token=Secret(posted.application_token))
    known = _proven(posted, person) | (_granted(grant) if grant else _offered(posted))
    PortalUser.objects.bulk_create(
        [PortalUser(portal=portal, user_id=person.user_id, **known)],
        update_conflicts=True,
        unique_fields=["portal", "user_id"],
        update_fields=list(known),
    )
    return PortalUser.objects.of(portal).select_related("portal").get(user_id=person.user_id)


def _proven(posted: Posted, person: Person) -> dict[str, object]:
    now = datetime.now(UTC)
    return {
        "name": person.name,
        "is_admin": person.is_admin,
        "access_token": Secret(posted.access_token),
        "expires_at": now + ACCESS_LIFETIME,
        "renewed_at": now,
        "confirmed_at": now,
        "tokens": PortalUser.Tokens.LIVE,
    }


def _offered(posted: Posted) -> dict[str, object]:
    """A refresh token that was brought; one that is missing replaces nothing."""
    return {"offered_token": Secret(posted.refresh_token)} if posted.refresh_token else {}


def _granted(grant: Grant) -> dict[str, object]:
    return {
        "refresh_token": Secret(grant.refresh_token),
        "offered_token": Secret(""),
        "refreshed_at": datetime.now(UTC),
        "expires_at": grant.expires_at,
        "renewing_since": None,
        "renewing_until": None,
    }


def client_for(posted: Posted, portal: Portal) -> Client:
    """A client that speaks with the token just presented, to the portal's own address.

    It soon gives up on what it reads: see :data:`OPENING`.
    """
    budget = budget_of(portal, Priority.INTERACTIVE)
    tokens = PresentedToken(posted, portal)
    return Client(tokens, budget=budget, listener=call_listener.listener(portal), timeouts=OPENING)

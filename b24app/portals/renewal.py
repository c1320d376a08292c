"""Renewing a person's stored tokens, without holding up anybody who does not need the new pair.

A refresh token serves once (settings/oauth/auto-renewal.md): two processes that refresh with the
same one lose the pair. So a process claims the renewal with one conditional update, asks the
authorization server outside of any transaction, and stores the pair if the row still holds the
refresh token it used. Others wait a moment for the pair and then raise ``errors.RenewalPending``.

A process that was suspended or killed in between leaves a claim whose end nobody knows. Others may
try after :data:`LEASE`, but a refused refresh token then proves nothing for :data:`DOUBT`: the pair
may still be on its way.

A row holds up to two refresh tokens. ``refresh_token`` came from the authorization server.
``offered_token`` is what an opening of the app brought: a claim, tried first because it is newer,
and dropped where it is refused. Only when every token is refused has the person's access ended.
"""

import logging
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from b24app import tracing
from b24app.bitrix24 import endpoints, errors
from b24app.bitrix24.oauth import Grant
from b24app.portals.models import PortalUser
from b24app.portals.tokens import authorization_server, checked_endpoint, dead, settle

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=30)
"""How long a process has a renewal to itself; longer than the authorization server takes to answer."""

DOUBT = timedelta(minutes=10)
"""How long an unfinished renewal of another process may still bring its pair."""

WAIT_SECONDS = 5.0
FIRST_PAUSE_SECONDS = 0.05
MAX_PAUSE_SECONDS = 0.5


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
        """An access token other than ``rejected``. Raises as :func:`renewed`."""
        self._user = renewed(self._user, rejected)
        return self._user.access_token

    def relocated(self, location: str) -> str:
        """The REST base after a redirect, if the authorization server confirms that host for this portal.

        Raises ``errors.UnexpectedRedirect`` for any other host, and as :func:`renewed`.
        """
        self._user = renewed(self._user, self._user.access_token)
        confirmed = self._user.portal.endpoint
        if not endpoints.same_host(confirmed, location):
            raise errors.UnexpectedRedirect(
                "REDIRECT", f"to {urlsplit(location).netloc}, not confirmed"
            )
        return confirmed


@dataclass(frozen=True, slots=True)
class _Claim:
    """The row as it was when this process claimed its renewal, and until when the claim lasts."""

    row: PortalUser
    until: datetime


def renewed(user: PortalUser, rejected: str, *, buried: bool = False) -> PortalUser:
    """The person with an access token other than ``rejected``, stored, and their portal as now known.

    However many callers ask at once, in however many processes, the refresh token is used once.
    ``buried``: the authorization server is asked even where the access counts as ended, and a pair it
    gives makes the access live again.

    Raises ``errors.DeadToken`` once the authorization server has refused every refresh token there
    is, ``errors.RenewalPending`` while another process has the renewal, ``errors.PaymentRequired``,
    and what the authorization server's silence raises.
    """
    give_up, pause = time.monotonic() + WAIT_SECONDS, FIRST_PAUSE_SECONDS
    while True:
        row = PortalUser.objects.select_related("portal").filter(pk=user.pk).first()
        if row is None:
            # Erased with the portal meanwhile.
            raise dead()
        live = row.tokens == PortalUser.Tokens.LIVE
        if not (live or buried):
            raise dead()
        if live and row.access_token != rejected and not row.expires_soon:
            return row
        claim = _claimed(row)
        if claim is not None and (fresh := _carried_out(claim)) is not None:
            return fresh
        if time.monotonic() > give_up:
            raise errors.RenewalPending("RENEWING", "another process renews this token")
        if claim is None:
            time.sleep(pause)
            pause = min(pause * 2, MAX_PAUSE_SECONDS)


def prove(user: PortalUser) -> None:
    """Use the refresh token an opening has just brought, so that background work can rely on it.

    Nothing is raised: where this fails, the access lasts as long as its access token, or as the pair
    that was proven before.
    """
    if not user.offered_token:
        return
    try:
        renewed(user, user.access_token)
    except errors.BitrixError as error:
        logger.warning(
            "the refresh token of user %s at %s is not proven: %s",
            user.user_id,
            user.portal.host,
            error.code,
        )


def _claimed(row: PortalUser) -> _Claim | None:
    """Claim the renewal of a row that nobody has changed since it was read; None where that fails."""
    now = timezone.now()
    free = Q(renewing_until=None) | Q(renewing_until__lte=now)
    unchanged = PortalUser.objects.filter(
        free, pk=row.pk, renewed_at=row.renewed_at, renewing_since=row.renewing_since
    )
    until = now + LEASE
    if not unchanged.update(renewing_until=until, renewing_since=row.renewing_since or now):
        return None
    return _Claim(row, until)


def _carried_out(claim: _Claim) -> PortalUser | None:
    """The person with the pair this claim has brought; None where the row has changed meanwhile."""
    row = claim.row
    refusal: errors.BitrixError = dead()
    unpaid: errors.PaymentRequired | None = None
    # Equal tokens are one: what the authorization server issued stays proven when it is brought again.
    for token in dict.fromkeys(filter(None, (row.offered_token, row.refresh_token))):
        proven = token == row.refresh_token
        try:
            grant = _asked(token)
            _check_owner(row, grant, proven=proven)
        except errors.DeadToken as error:
            refusal = error
        except errors.PaymentRequired as error:
            # An unproven token may be another portal's: it says nothing of this one's subscription.
            unpaid = error
            if proven:
                settle(row.portal, payment_expired=True)
        except errors.BitrixError:
            _release(claim)
            raise
        else:
            return _stored(claim, grant)
    if unpaid is not None:
        _release(claim)
        raise _logged(row, unpaid)
    _end(claim, refusal)
    return None


def _asked(token: str) -> Grant:
    try:
        grant = authorization_server().refresh(token)
    except errors.BitrixError as error:
        tracing.count("token_refreshes", type(error).__name__)
        raise
    tracing.count("token_refreshes", "ok")
    return grant


def _check_owner(row: PortalUser, grant: Grant, *, proven: bool) -> None:
    """Raises ``errors.DeadToken`` when the new pair is not ``row``'s to act with.

    Of an unproven token the answer has to name the person.
    """
    if grant.member_id != row.portal.member_id:
        raise errors.DeadToken("invalid_grant", "the new tokens belong to another portal")
    if grant.user_id == row.user_id or (proven and grant.user_id is None):
        return
    if proven and grant.user_id is not None:
        _pass_on(row, grant.user_id, grant)
    raise errors.DeadToken("invalid_grant", "the new tokens belong to somebody else")


def _stored(claim: _Claim, grant: Grant) -> PortalUser | None:
    """Store a pair, unless a newer one is there or the portal was closed meanwhile (then None)."""
    row = _written(claim.row, grant)
    if row is None:
        _release(claim)
        return None
    known: dict[str, object] = {"endpoint": checked_endpoint(grant.client_endpoint)}
    if grant.scope and grant.scope != row.portal.scopes():
        known["scope"] = ",".join(sorted(grant.scope))
    settle(row.portal, **known)
    return row


def _written(before: PortalUser, grant: Grant) -> PortalUser | None:
    """The row with the pair in it; None where it no longer holds the refresh token it had before."""
    with transaction.atomic():
        rows = PortalUser.objects.select_for_update(of=("self",)).select_related("portal")
        row = rows.filter(pk=before.pk).first()
        if row is None:
            raise dead()
        token = row.refresh_token or row.offered_token
        if not token or row.refresh_token != before.refresh_token:
            return None
        pair = _pair(grant)
        if row.offered_token == before.offered_token:
            pair["offered_token"] = ""
        for name, value in pair.items():
            setattr(row, name, value)
        row.save(update_fields=[*pair])
    return row


def _pair(grant: Grant) -> dict[str, object]:
    now = timezone.now()
    return {
        "access_token": grant.access_token,
        "refresh_token": grant.refresh_token,
        "expires_at": grant.expires_at,
        "renewed_at": now,
        "refreshed_at": now,
        "renewing_since": None,
        "renewing_until": None,
        "tokens": PortalUser.Tokens.LIVE,
    }


def _end(claim: _Claim, refusal: errors.BitrixError) -> None:
    """Every refresh token was refused: the access has ended, unless another process may have the pair.

    Raises what that means for the caller; returns where the row has changed meanwhile, so that it is to be
    read again.
    """
    row, now = claim.row, timezone.now()
    if row.renewing_since is not None and now - row.renewing_since < DOUBT:
        _release(claim)
        raise errors.RenewalPending("RENEWING", "another process may have the new tokens")
    same = PortalUser.objects.filter(
        pk=row.pk, renewed_at=row.renewed_at, renewing_until=claim.until
    )
    ended = {"tokens": PortalUser.Tokens.DEAD, "renewing_since": None, "renewing_until": None}
    if same.update(**ended):
        raise _logged(row, refusal)


def _release(claim: _Claim) -> None:
    """Let others try; what another process has left unfinished stays in doubt."""
    claimed = PortalUser.objects.filter(pk=claim.row.pk, renewing_until=claim.until)
    claimed.update(renewing_until=None, renewing_since=claim.row.renewing_since)


def _logged(row: PortalUser, error: errors.BitrixError) -> errors.BitrixError:
    logger.warning("no token for user %s at %s: %s", row.user_id, row.portal.host, error.code)
    return error


def _pass_on(user: PortalUser, heir_id: int, grant: Grant) -> None:
    """Keep the installer's access when the portal has given it to another user.

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

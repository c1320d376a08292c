"""Whether a portal has really removed the app: ONAPPUNINSTALL alone proves nothing.

The event's application token is known to every employee (common/events/on-app-uninstall.md brings no
other proof), so two others are asked before anything is erased: the portal, with the access we hold,
and the authorization server, which refuses a refresh token once the app is gone
(settings/oauth/auto-renewal.md). What each answer means is decided in one table, :func:`decide`.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Final

from django.db.models import Case, IntegerField, Value, When

from b24app.bitrix24 import errors
from b24app.bitrix24.client import Client, Timeouts
from b24app.bitrix24.portal_limits import Priority
from b24app.portals import call_listener, renewal
from b24app.portals.budgets import budget_of
from b24app.portals.models import REMOVAL_WAIT, Portal, PortalUser

logger = logging.getLogger(__name__)

MAX_WITNESSES: Final = 20
"""People whose access is tried at the portal."""

REFRESHES: Final = 2
"""People whose refresh token is tried at the authorization server: the installer and one other."""

_TIMEOUTS: Final = Timeouts(reading=10.0)

# What every access of the portal would be answered: one answer speaks for all.
_OF_THE_PORTAL: Final = (
    errors.TransportError,
    errors.IncompleteAnswer,
    errors.ServerFault,
    errors.PortalClosed,
    errors.PlanEnded,
    errors.PaymentRequired,
    errors.LimitError,
)

# The portal does not know the token, or knows that the app is not installed. Any other refusal of a
# token, such as a dismissed person's, comes from an app that is there, or says nothing about it.
_UNKNOWN_CODES: Final = frozenset(
    {"NO_AUTH_FOUND", "invalid_token", "invalid_grant", "APPLICATION_NOT_FOUND"}
)


class Word(StrEnum):
    """What the portal says about the app."""

    WORKS = "works"  # some access of ours works
    UNKNOWN = "unknown"  # every access is refused as unknown, or the app as not installed
    NONE = "none"  # closed, plan ended, silent, or not clear


class Refresh(StrEnum):
    """What the authorization server says to our refresh tokens."""

    GRANTED = "granted"
    REFUSED = "refused"
    SILENT = "silent"  # no answer, or one that says nothing about the token
    NOBODY = "nobody"  # no refresh token is stored
    NOT_ASKED = "not asked"


class Verdict(StrEnum):
    INSTALLED = "installed"
    REMOVED = "removed"
    OPEN = "open"


def decide(word: Word, refresh: Refresh, *, waited: timedelta) -> Verdict:
    """The verdict for what was answered, ``waited`` after the removal was reported.

    As long as one refresh succeeds, or the authorization server does not answer, nothing is erased.
    """
    if word is Word.WORKS:
        return Verdict.INSTALLED
    if word is Word.UNKNOWN and refresh in (Refresh.REFUSED, Refresh.NOBODY):
        return Verdict.REMOVED
    if word is Word.NONE and waited >= REMOVAL_WAIT and refresh is Refresh.REFUSED:
        return Verdict.REMOVED
    return Verdict.OPEN


def look(portal: Portal, *, waited: timedelta) -> Verdict:
    """Ask the portal, and the authorization server where its word counts. Raises nothing of theirs.

    A refresh token serves once: what a successful refresh brings is stored.
    """
    people = _witnesses(portal)
    word = _word_of(people)
    refresh = Refresh.NOT_ASKED
    if word is Word.UNKNOWN or (word is Word.NONE and waited >= REMOVAL_WAIT):
        refresh = _refresh_of(people)
    verdict = decide(word, refresh, waited=waited)
    logger.warning(
        "removal of the app at %s: portal says %s, authorization server %s: %s",
        portal.host,
        word.value,
        refresh.value,
        verdict.value,
    )
    return verdict


def _witnesses(portal: Portal) -> list[PortalUser]:
    """Whose access is stored, the installer first, then who came last, those noted as dead at the end.

    Dead ones are asked as well: that note may be wrong, and erasing cannot be undone.
    """
    stored = PortalUser.objects.of(portal).exclude(access_token="").select_related("portal")
    rank = Case(
        When(pk=portal.installer_id, then=Value(0)),
        When(tokens=PortalUser.Tokens.LIVE, then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    return list(stored.order_by(rank, "-renewed_at")[:MAX_WITNESSES])


def _word_of(people: Sequence[PortalUser]) -> Word:
    word = Word.UNKNOWN if people else Word.NONE
    for user in people:
        try:
            known = _known(user)
        except _OF_THE_PORTAL:
            return Word.NONE
        if known:
            return Word.WORKS
        if known is None:
            word = Word.NONE
    return word


def _known(user: PortalUser) -> bool | None:
    """Whether the portal still knows this access; None if its answer leaves that open.

    Raises what concerns the whole portal.
    """
    try:
        return _asked(user)
    except errors.ExpiredToken:
        fresh = _renewed(user)
    if fresh is None:
        return None
    try:
        return _asked(fresh)
    except errors.ExpiredToken:
        return None


def _asked(user: PortalUser) -> bool | None:
    """As :func:`_known`, with the access token as it is stored; raises ``errors.ExpiredToken``."""
    client = Client(
        _AsStored(user),
        budget=budget_of(user.portal, Priority.INTERACTIVE),
        listener=call_listener.listener(user.portal, user.user_id),
        timeouts=_TIMEOUTS,
    )
    try:
        client.call("app.info")
    except (errors.ExpiredToken, *_OF_THE_PORTAL):
        raise
    except errors.AuthError as error:
        return False if error.code in _UNKNOWN_CODES else None
    except (errors.AccessDenied, errors.MissingScope, errors.MethodNotFound):
        # It refuses this call, or this person, to an app it knows.
        return True
    except errors.BitrixError:
        return None
    return True


def _renewed(user: PortalUser) -> PortalUser | None:
    """The person with a fresh access token; None where there is none to be had now."""
    if user.tokens == PortalUser.Tokens.DEAD:
        return None
    try:
        return renewal.renewed(user, user.access_token)
    except errors.BitrixError:
        return None


class _AsStored:
    """Token source that never renews: what the portal says of the token as it is, is the question."""

    def __init__(self, user: PortalUser) -> None:
        self._user = user

    def endpoint(self) -> str:
        return self._user.portal.endpoint

    def access_token(self) -> str:
        return self._user.access_token

    def renewed(self, rejected: str) -> str:
        raise errors.ExpiredToken("expired_token", "not renewed here")

    def relocated(self, location: str) -> str:
        raise errors.UnexpectedRedirect("REDIRECT", "not followed here")


def _refresh_of(people: Sequence[PortalUser]) -> Refresh:
    """What the authorization server says to the installer's refresh token, and to one other's."""
    chosen = [user for user in people if user.refresh_token or user.offered_token][:REFRESHES]
    if not chosen:
        return Refresh.NOBODY
    for user in chosen:
        try:
            if not _refused(user):
                return Refresh.GRANTED
        except errors.BitrixError:
            return Refresh.SILENT
    return Refresh.REFUSED


def _refused(user: PortalUser) -> bool:
    """Whether the authorization server refuses to refresh; a pair that it grants is stored.

    Raises ``errors.BitrixError`` where it says nothing about the token.
    """
    current = PortalUser.objects.of(user.portal_id).select_related("portal").get(pk=user.pk)
    try:
        renewal.renewed(current, current.access_token, buried=True)
    except errors.DeadToken as error:
        if error.http_status is None:
            # Not that server's answer: somebody else was quicker, or the access has passed on.
            raise
        return True
    return False

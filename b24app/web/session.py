"""The session: a signed token in the ``Authorization`` header, never a cookie.

It names the person, the placement and the card that a page was opened for. It lasts 30 minutes, and the
page renews it through the portal's frame (see :mod:`b24app.tab.session_renewal`).
"""

from dataclasses import dataclass

from django.core import signing
from django.http import HttpRequest

from b24app.portals.models import PortalUser

LIFETIME = 30 * 60
# Seconds during which an expired session can be renewed with a new token from the frame.
RENEWABLE = 24 * 60 * 60

_SALT = "b24app.web.session"


class NoSession(Exception):
    """The request has no valid session. ``ended``: it is expired, and not forged or missing."""

    def __init__(self, *, ended: bool) -> None:
        super().__init__("ended" if ended else "missing")
        self.ended = ended


@dataclass(frozen=True, slots=True)
class Session:
    """What a page was opened for. ``user_pk`` is the key of :class:`PortalUser`; without a card its type and
    ID are 0.
    """

    user_pk: int
    placement: str
    owner_type: int
    entity_id: int
    language: str

    def token(self) -> str:
        """The signed session as text."""
        return signing.dumps(
            [self.user_pk, self.placement, self.owner_type, self.entity_id, self.language],
            salt=_SALT,
            compress=False,
        )


def read(request: HttpRequest, *, max_age: int = LIFETIME) -> Session:
    """The session of a request, at most ``max_age`` seconds old. Raises :class:`NoSession`."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token or len(token) > 2000:
        raise NoSession(ended=False)
    try:
        pk, placement, owner_type, entity_id, language = signing.loads(
            token, salt=_SALT, max_age=max_age
        )
    except signing.SignatureExpired:
        raise NoSession(ended=True) from None
    except (signing.BadSignature, ValueError):
        raise NoSession(ended=False) from None
    return Session(pk, placement, owner_type, entity_id, language)


def user_of(session: Session) -> PortalUser:
    """The person of a session, with their portal. Raises :class:`NoSession` if the app was removed."""
    user = (
        PortalUser.objects.select_related("portal")
        .filter(pk=session.user_pk, portal__uninstalled_at=None)
        .first()
    )
    if user is None:
        raise NoSession(ended=True)
    return user

"""Where a client gets its token from. The stored, self-renewing kind lives with the portals."""

from dataclasses import dataclass, field
from typing import Protocol

from b24app.bitrix24 import errors


class TokenSource(Protocol):
    """The token and the REST address of one (portal, user)."""

    def endpoint(self) -> str:
        """The portal's REST base; ends with ``/``."""
        ...

    def access_token(self) -> str:
        """The access token to try first."""
        ...

    def renewed(self, rejected: str) -> str:
        """An access token other than ``rejected``.

        However many callers ask at once, in however many processes, the refresh token is used once.
        Raises ``errors.DeadToken`` or ``errors.PaymentRequired`` when there is none to be had.
        """
        ...

    def relocated(self, location: str) -> str:
        """The REST base that the authorization server confirms after a redirect to ``location``.

        Raises ``errors.UnexpectedRedirect`` when it confirms another host.
        """
        ...


@dataclass(frozen=True, slots=True)
class FixedToken:
    """A token just received from a launch: it works or it does not, nothing renews it."""

    base: str
    token: str = field(repr=False)

    def endpoint(self) -> str:
        return self.base

    def access_token(self) -> str:
        return self.token

    def renewed(self, rejected: str) -> str:
        """Raises ``errors.DeadToken`` always."""
        raise errors.DeadToken("expired_token", "this token cannot be renewed")

    def relocated(self, location: str) -> str:
        """Raises ``errors.UnexpectedRedirect`` always: nobody can confirm the new address."""
        raise errors.UnexpectedRedirect("REDIRECT", "no confirmed address for this token")

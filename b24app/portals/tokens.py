"""The authorization server, the addresses that may be called, and the end of a person's access.

The client secret goes to the authorization server and to nobody else. How tokens are renewed is in
:mod:`renewal`.
"""

from django.conf import settings

from b24app.bitrix24 import endpoints, errors
from b24app.bitrix24.oauth import AuthorizationServer
from b24app.portals.models import Portal, PortalUser


def authorization_server() -> AuthorizationServer:
    return AuthorizationServer(
        settings.B24_OAUTH_URL, settings.B24_CLIENT_ID, settings.B24_CLIENT_SECRET
    )


def checked_endpoint(endpoint: str) -> str:
    """A REST base that may be called and named in a header, ending with a slash.

    Raises ``errors.PortalClosed`` for an address that :mod:`b24app.bitrix24.endpoints` refuses, and for
    plain http unless it is allowed.
    """
    try:
        base = endpoints.rest_base(endpoint)
    except endpoints.BadEndpoint:
        base = ""
    if not base or not endpoints.may_be_called(base, allow_http=settings.B24_ALLOW_HTTP):
        raise errors.PortalClosed("INVALID_REQUEST", "https required")
    return base


def dead() -> errors.DeadToken:
    return errors.DeadToken("invalid_grant", "the stored token is dead")


def bury(user: PortalUser) -> None:
    """Note that the portal takes ``user``'s tokens no more, unless newer ones have come meanwhile."""
    PortalUser.objects.filter(pk=user.pk, renewed_at=user.renewed_at).update(
        tokens=PortalUser.Tokens.DEAD
    )


def settle(portal: Portal, **known: object) -> None:
    """Store what was learnt about a portal; writes nothing if nothing has changed."""
    news = {name: value for name, value in known.items() if getattr(portal, name) != value}
    if not news:
        return
    Portal.objects.filter(pk=portal.pk).update(**news)
    for name, value in news.items():
        setattr(portal, name, value)

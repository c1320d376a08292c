"""The authorization server: the only one who knows what a token is worth, and who hears our secret.

Followed pages: settings/oauth/index.md (authorize, code), auto-renewal.md (refresh),
error-codes.md, simple-way.md (app.info on the authorization server). requests-oauthlib builds the
requests; our own transport sends them, so that they are bounded, pooled and never redirected.
Its automatic renewal has no lock and is not used. Nothing is repeated here: a refresh token
serves once, and after a lost answer nobody knows which pair is the right one.
"""

import logging
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import requests
from oauthlib.oauth2 import OAuth2Error
from requests_oauthlib import OAuth2Session

from b24app import tracing
from b24app.bitrix24 import answers, errors
from b24app.bitrix24.grants import Grant, TokenInfo
from b24app.bitrix24.transport import LOST, SHARED, Transport

__all__ = ["AuthorizationServer", "Grant", "TokenInfo"]

READ_TIMEOUT: Final = 20.0


class _NoDebugLines(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno > logging.DEBUG


# At DEBUG it prints requests and answers with every token in them.
logging.getLogger("requests_oauthlib.oauth2_session").addFilter(_NoDebugLines())


class AuthorizationServer:
    """The server at ``url`` as the application ``client_id`` talks to it."""

    def __init__(
        self, url: str, client_id: str, client_secret: str, *, transport: Transport = SHARED
    ) -> None:
        self._url = url.rstrip("/")
        self._client_id = client_id
        self._client_secret = client_secret
        self._transport = transport

    def __repr__(self) -> str:
        return f"AuthorizationServer({self._url!r}, {self._client_id!r})"

    def authorize_url(self, portal_url: str, state: str) -> str:
        """Where to send a user's browser; the portal sends it back with ``code`` and ``state``.

        ``portal_url`` is the portal's origin, such as ``https://portal.bitrix24.com``.
        """
        page = f"{portal_url.rstrip('/')}/oauth/authorize/"
        session = OAuth2Session(client_id=self._client_id)
        address, _ = session.authorization_url(_shown_as_https(page), state=state)
        return urlunsplit(urlsplit(address)._replace(scheme=urlsplit(page).scheme))

    def exchange(self, code: str) -> Grant:
        """The tokens for a ``code`` (it lives 30 s and serves once).

        Raises ``errors.DeadToken`` for a stale code, ``errors.PaymentRequired``,
        ``errors.InvalidClient``, ``errors.MissingScope``, ``errors.BadRequest``,
        ``errors.IncompleteAnswer``, and what the transport raises.
        """
        return self._grant(code=code)

    def refresh(self, refresh_token: str) -> Grant:
        """A new pair for a ``refresh_token``, which this uses up. Raises as :meth:`exchange`."""
        return self._grant(refresh_token=refresh_token)

    def app_info(self, access_token: str) -> TokenInfo:
        """For which app, portal and user a token is. Raises ``errors.ExpiredToken``,
        ``errors.DeadToken``, and as :meth:`exchange`.

        Asked once more where the connection breaks: the server may have closed one that was kept.
        """
        try:
            return self._app_info(access_token)
        except errors.OutcomeUnknown as error:
            if error.code != LOST:
                raise
        return self._app_info(access_token)

    def _app_info(self, access_token: str) -> TokenInfo:
        request_id = tracing.call_id()
        try:
            response = self._transport.send(
                "GET",
                f"{self._url}/rest/app.info",
                params={"auth": access_token},
                read_timeout=READ_TIMEOUT,
                request_id=request_id,
            )
            payload = _payload(response, secrets=(self._client_secret, access_token))
            return TokenInfo.parsed(payload.get("result"))
        except errors.BitrixError as error:
            error.method, error.request_id = "app.info", request_id
            raise

    def _grant(self, *, code: str = "", refresh_token: str = "") -> Grant:
        secrets = (self._client_secret, code, refresh_token)
        session = _TokenSession(
            f"{self._url}/oauth/token/", self._client_id, self._transport, secrets
        )
        try:
            if code:
                session.fetch_token(
                    session.shown,
                    code=code,
                    method="GET",
                    include_client_id=True,
                    client_secret=self._client_secret,
                )
            else:
                session.refresh_by_get(refresh_token, self._client_id, self._client_secret)
        except errors.BitrixError as error:
            error.method, error.request_id = "oauth/token", session.request_id
            raise
        except (OAuth2Error, ValueError):
            # Its message may quote the answer; ours is raised below, without it.
            session.grant = None
        if session.grant is None:
            raise errors.IncompleteAnswer(
                "NO_TOKEN", method="oauth/token", request_id=session.request_id
            )
        return session.grant


class _TokenSession(OAuth2Session):
    """Requests for tokens by GET, which is what this server takes for refreshing as well."""

    def __init__(
        self, address: str, client_id: str, transport: Transport, secrets: tuple[str, ...]
    ) -> None:
        super().__init__(client_id=client_id)
        self.shown = _shown_as_https(address)
        self.request_id = tracing.call_id()
        self.grant: Grant | None = None
        self._address = address
        self._transport = transport
        self._secrets = secrets
        self.register_compliance_hook("access_token_response", self._keep)

    def refresh_by_get(self, refresh_token: str, client_id: str, client_secret: str) -> None:
        self._keep(
            self._ask(
                {
                    "grant_type": "refresh_token",
                    "client_id": client_id,
                    "client_secret": client_secret,
                    "refresh_token": refresh_token,
                }
            )
        )

    # The library calls it with keyword arguments only, and only with those it was given.
    def request(  # type: ignore[override]
        self, method: str, url: str, *, params: Mapping[str, str], **_options: object
    ) -> requests.Response:
        return self._ask(params)

    def _ask(self, params: Mapping[str, str]) -> requests.Response:
        return self._transport.send(
            "GET",
            self._address,
            params=params,
            read_timeout=READ_TIMEOUT,
            request_id=self.request_id,
        )

    def _keep(self, response: requests.Response) -> requests.Response:
        """Reads the answer before the library does: it takes ``expires`` and errors another way."""
        self.grant = Grant.parsed(_payload(response, secrets=self._secrets))
        return response


def _payload(response: requests.Response, *, secrets: tuple[str, ...]) -> dict[str, object]:
    if 300 <= response.status_code < 400:
        raise errors.UnexpectedRedirect(
            "REDIRECT", "of the authorization server", http_status=response.status_code
        )
    return answers.decode(response.status_code, response.content, secrets=secrets)


def _shown_as_https(address: str) -> str:
    """The library refuses plain http. Whether it is allowed is decided by who configured the app
    (a demo portal on this machine), so the library is shown the https form of the same address.
    """
    return urlunsplit(urlsplit(address)._replace(scheme="https"))

"""Answers of the authorization server as values. Nothing in them is used before it was checked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Self

from b24app.bitrix24 import answers, endpoints, errors

_MEMBER_ID: Final = re.compile(r"[0-9A-Za-z_.-]{1,64}")
_TOKEN: Final = re.compile(r"[!-~]{1,1024}")
_STATUS: Final = re.compile(r"[A-Z]?")
_DEFAULT_LIFETIME: Final = 3600
_LONGEST_LIFETIME: Final = 366 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Grant:
    """A pair of tokens and whose they are (settings/oauth/auto-renewal.md).

    ``expires_at`` is aware UTC by our own clock, ``client_endpoint`` the portal's REST base with
    its final slash, ``status`` one letter of app.info's or empty.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: datetime
    client_endpoint: str
    server_endpoint: str
    member_id: str
    user_id: int | None
    scope: frozenset[str]
    status: str

    @classmethod
    def parsed(cls, body: Mapping[str, object]) -> Self:
        """From decoded JSON. Raises ``errors.IncompleteAnswer`` naming the field that is wrong."""
        server = body.get("server_endpoint")
        return cls(
            access_token=_matching(body, "access_token", _TOKEN),
            refresh_token=_matching(body, "refresh_token", _TOKEN),
            expires_at=datetime.now(UTC) + timedelta(seconds=_lifetime(body.get("expires_in"))),
            client_endpoint=_endpoint(body.get("client_endpoint"), "client_endpoint"),
            server_endpoint=_endpoint(server, "server_endpoint") if server else "",
            member_id=_matching(body, "member_id", _MEMBER_ID),
            user_id=_user(body.get("user_id")),
            scope=_scope(body.get("scope")),
            status=_status(body.get("status")),
        )


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """What the authorization server says about a token that came in from outside."""

    client_id: str
    member_id: str
    user_id: int | None
    client_endpoint: str
    scope: frozenset[str]
    status: str

    @classmethod
    def parsed(cls, result: object) -> Self:
        """From the ``result`` of app.info; the portal's fields may be in it or in ``install``.

        Raises ``errors.IncompleteAnswer`` naming the field that is missing or wrong.
        """
        outer = answers.as_mapping(result)
        fields = {**answers.as_mapping(outer.get("install")), **outer}
        endpoint = fields.get("client_endpoint")
        if not endpoint:
            endpoint = f"{str(fields.get('uri') or '').rstrip('/')}/rest/"
        return cls(
            client_id=_matching(fields, "client_id", _TOKEN),
            member_id=_matching(fields, "member_id", _MEMBER_ID),
            user_id=_user(fields.get("user_id")),
            client_endpoint=_endpoint(endpoint, "client_endpoint"),
            scope=_scope(fields.get("scope")),
            status=_status(fields.get("status")),
        )


def _matching(body: Mapping[str, object], name: str, pattern: re.Pattern[str]) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise _incomplete(name)
    return value


def _endpoint(value: object, name: str) -> str:
    try:
        return endpoints.rest_base(value)
    except endpoints.BadEndpoint:
        raise _incomplete(name) from None


def _lifetime(value: object) -> int:
    seconds = _DEFAULT_LIFETIME if value is None else answers.whole(value)
    if seconds is None or not 0 <= seconds <= _LONGEST_LIFETIME:
        raise _incomplete("expires_in")
    return seconds


def _user(value: object) -> int | None:
    number = answers.whole(value)
    return number if number and number > 0 else None


def _scope(value: object) -> frozenset[str]:
    parts = value if isinstance(value, list) else re.split(r"[,\s]+", str(value or ""))
    return frozenset(part for part in parts if isinstance(part, str) and part)


def _status(value: object) -> str:
    return value if isinstance(value, str) and _STATUS.fullmatch(value) else ""


def _incomplete(name: str) -> errors.IncompleteAnswer:
    return errors.IncompleteAnswer("INCOMPLETE", f"{name} is missing or malformed")

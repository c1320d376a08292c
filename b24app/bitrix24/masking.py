"""The one list of secret names, and the ways to keep their values out of logs and journals."""

import logging
import re
from collections.abc import Iterable, Mapping
from typing import Final

MASK: Final = "***"

SECRET_NAMES: Final = frozenset(
    {
        "access_token",
        "refresh_token",
        "application_token",
        "auth_id",
        "refresh_id",
        "auth",
        "authorization",
        "client_secret",
        "code",
        "cookie",
        "set-cookie",
        "password",
        "secret_key",
        "sessid",
        "token",
        "token_keys",
    }
)
"""Names in lower case; they are compared without regard to case."""

_NAMES = "|".join(sorted((re.escape(name) for name in SECRET_NAMES), key=len, reverse=True))
_IN_TEXT = (
    # name=value, and data[name]=value with its brackets as they are or percent-encoded
    re.compile(rf"(?i)(?<![\w-])((?:{_NAMES})(?:\]|%5D)?=)([^&\s\"'<>,;}})]+)"),
    # "name": "value" as JSON, and as Python prints a dict
    re.compile(rf"(?i)([\"'](?:{_NAMES})[\"']\s*:\s*)(\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')"),
    # Authorization: Bearer value
    re.compile(r"(?i)(\b(?:authorization|cookie|set-cookie)\s*:\s*)([^\r\n]+)"),
    re.compile(r"(?i)(\bBearer\s+)([^\s\"',;]+)"),
)
_PERCENT_BRACKET = re.compile(r"(?i)%5B")


def is_secret(name: object) -> bool:
    """Whether a value under this name must not be shown."""
    return isinstance(name, str) and name.casefold() in SECRET_NAMES


def mask(value: object) -> object:
    """A copy of nested mappings, lists and strings with every secret value replaced by ``***``.

    A mapping under a secret name (``auth`` of an event) is looked into instead of hidden.
    """
    if isinstance(value, Mapping):
        return {name: _mask_named(name, item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [mask(item) for item in value]
    if isinstance(value, str):
        return mask_text(value)
    return value


def mask_text(text: str) -> str:
    """Text with the values of secret query parameters, JSON fields and headers replaced."""
    masked = _PERCENT_BRACKET.sub("[", text) if "%5" in text else text
    for pattern in _IN_TEXT:
        masked = pattern.sub(rf"\g<1>{MASK}", masked)
    return masked


def scrub(text: str, secrets: Iterable[str]) -> str:
    """Text without these very values, wherever and under whatever name somebody echoed them."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, MASK)
    return text


class MaskingFilter(logging.Filter):
    """Masks a record's finished message and its traceback; drops no record."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        masked = mask_text(message)
        if masked != message:
            record.msg, record.args = masked, ()
        if record.exc_info and not record.exc_text:
            record.exc_text = mask_text(logging.Formatter().formatException(record.exc_info))
        return True


def _mask_named(name: object, value: object) -> object:
    if (
        is_secret(name)
        and not isinstance(value, Mapping | list | tuple)
        and value not in (None, "")
    ):
        return MASK
    return mask(value)

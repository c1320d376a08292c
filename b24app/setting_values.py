"""Parsers of the values that :mod:`b24app.settings` reads from the environment.

Each takes the text and returns the value. Raises ``ValueError`` with what is expected, without the text
itself, which may be a secret.
"""

import contextlib
import re
from collections.abc import Callable
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

import environ
from cryptography.fernet import Fernet


def switch(raw: str) -> bool:
    words = {
        "1": True,
        "true": True,
        "yes": True,
        "on": True,
        "0": False,
        "false": False,
        "no": False,
        "off": False,
    }
    if raw.lower() not in words:
        raise ValueError("must be on or off")
    return words[raw.lower()]


def _parts(raw: str, expected: str) -> SplitResult:
    """The parts of an address. Raises ``ValueError`` that says what is expected, without the value."""
    with contextlib.suppress(ValueError):
        parts = urlsplit(raw)
        if parts.port != 0 and not any(text.isspace() for text in raw):
            return parts
    raise ValueError(f"must be {expected}")


def base_address(raw: str) -> str:
    expected = "an absolute address such as https://app.example.com"
    parts = _parts(raw, expected)
    bare = not (parts.path.strip("/") or parts.query or parts.fragment or parts.username)
    if parts.scheme not in ("http", "https") or not parts.hostname or not bare:
        raise ValueError(f"must be {expected}")
    return raw.rstrip("/")


def is_loopback(address: str) -> bool:
    return urlsplit(address).hostname in ("127.0.0.1", "::1", "localhost")


def whole_number(low: int, high: int) -> Callable[[str], int]:
    def parse(raw: str) -> int:
        if not (raw.isascii() and raw.isdecimal()) or not low <= int(raw) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(raw)

    return parse


def choice(*words: str) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        if raw.lower() not in words:
            raise ValueError(f"must be {' or '.join(words)}")
        return raw.lower()

    return parse


def fernet_keys(raw: str) -> list[str]:
    keys = [key.strip() for key in raw.split(",") if key.strip()]
    for key in keys:
        try:
            Fernet(key)
        except ValueError:
            raise ValueError("must be Fernet keys, separated by commas") from None
    if not keys:
        raise ValueError("must be Fernet keys, separated by commas")
    return keys


def secret(raw: str) -> str:
    if len(raw) < 50:
        raise ValueError("must have at least 50 characters")
    return raw


def bearer_token(raw: str) -> str:
    if raw and (len(raw) < 20 or not raw.isascii()):
        raise ValueError("must have at least 20 characters, all of them ASCII")
    return raw


def email_address(raw: str) -> str:
    if raw and not re.fullmatch(r"[^@\s<>\"]+@[^@\s<>\"]+\.[^@\s<>\"]+", raw):
        raise ValueError("must be one address such as support@example.com")
    return raw


def database(raw: str) -> dict[str, object]:
    expected = (
        "like postgres://user:password@host:5432/name, with special characters of the password "
        "percent-encoded, or sqlite:///path"
    )
    scheme = _parts(raw, expected).scheme
    known = scheme in ("sqlite", "postgres", "postgresql")
    config: dict[str, object] = dict(environ.Env.db_url_config(raw)) if known else {}
    if config.get("NAME") in (None, "", ":memory:"):
        raise ValueError(f"must be {expected}")
    return config


def redis_address(raw: str) -> str:
    expected = "like redis://host:6379/0, rediss://… or unix:///path"
    parts = _parts(raw, expected)
    network = parts.scheme in ("redis", "rediss") and parts.hostname
    if not (network or raw.startswith("unix:///")):
        raise ValueError(f"must be {expected}")
    return raw


def broker_address(url: str) -> str:
    """The same Redis in kombu's words, which differ from redis-py's in two places."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    if parts.scheme == "unix":
        database = query.get("db")
        return f"redis+socket://{parts.path}" + (f"?virtual_host={database}" if database else "")
    if parts.scheme == "rediss":
        # Kombu accepts any certificate by default.
        query.setdefault("ssl_cert_reqs", "required")
    return parts._replace(query=urlencode(query)).geturl()

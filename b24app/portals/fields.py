"""Encryption at rest for tokens: Fernet, keys newest first (setting ``TOKEN_KEYS``)."""

from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


@lru_cache(maxsize=4)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def fernet() -> MultiFernet:
    """The cipher of the keys in force."""
    return _fernet(tuple(settings.TOKEN_KEYS))


class UnreadableSecret(Exception):
    """A stored secret was written with a key that is no longer among TOKEN_KEYS."""


class Secret(str):
    """A string that does not show itself: its repr is a row of stars."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret('***')"


if TYPE_CHECKING:
    _Text = models.TextField[Secret | str, Secret]
else:
    _Text = models.TextField


class SecretField(_Text):
    """Text that is stored encrypted and read back as :class:`Secret`. An empty string stays empty."""

    def from_db_value(
        self, value: str | None, expression: object, connection: BaseDatabaseWrapper
    ) -> Secret | None:
        if not value:
            return None if value is None else Secret("")
        try:
            return Secret(fernet().decrypt(value.encode()).decode())
        except InvalidToken:
            raise UnreadableSecret(
                f"{self.model.__name__}.{self.name}: no key of TOKEN_KEYS fits"
            ) from None

    def get_prep_value(self, value: object) -> str | None:
        if value is None:
            return None
        plain = str(value)
        return fernet().encrypt(plain.encode()).decode() if plain else ""

"""The cache holds JSON: whoever can write to Redis can change a name, but can run nothing here.

Django's own serializer is pickle, which runs what it reads. Values are those of JSON: text, numbers,
true, false, lists and objects; anything else has to be converted by the caller. An entry that is not
JSON is a miss, as if it were not there.
"""

import json
from collections.abc import Iterable
from typing import Any

from django.core.cache.backends.redis import RedisCache


class JsonSerializer:
    """What :class:`JsonCache` stores: UTF-8 JSON."""

    def dumps(self, obj: object) -> bytes:
        """Raises ``TypeError`` for what JSON cannot hold."""
        return json.dumps(obj, separators=(",", ":")).encode()

    def loads(self, data: bytes | int | str) -> object:
        """The value, or None where the entry is not JSON."""
        try:
            return json.loads(data) if isinstance(data, bytes | str) else data
        except (ValueError, RecursionError):
            return None


class JsonCache(RedisCache):
    """Redis as a cache of JSON values. None is never stored: it means a miss."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        options = {**params.get("OPTIONS", {}), "serializer": JsonSerializer}
        super().__init__(server, {**params, "OPTIONS": options})

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        found = super().get(key, None, version)
        return default if found is None else found

    def get_many(self, keys: Iterable[Any], version: int | None = None) -> dict[str, Any]:
        found = super().get_many(list(keys), version)
        return {key: value for key, value in found.items() if value is not None}

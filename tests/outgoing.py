"""A guard over all tests: no HTTP request of ours leaves inside a database transaction.

Whoever holds a transaction open while somebody else's server answers makes others wait for that server.
The transactions in which pytest-django wraps a test itself do not count.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests
from django.db import connections
from requests.adapters import HTTPAdapter

from b24app.bitrix24.transport import USER_AGENT


@dataclass
class Outgoing:
    """Addresses of our requests that left inside a transaction."""

    inside_transactions: list[str] = field(default_factory=list)


@contextmanager
def watched(replace: Callable[[type[HTTPAdapter], str, object], None]) -> Iterator[Outgoing]:
    """Watch the wire; ``replace`` sets an attribute and takes that back after the test."""
    found, send = Outgoing(), HTTPAdapter.send

    def noticed(
        self: HTTPAdapter, request: requests.PreparedRequest, **options: Any
    ) -> requests.Response:
        if request.headers.get("User-Agent") == USER_AGENT and _in_transaction():
            found.inside_transactions.append(str(request.url).partition("?")[0])
        return send(self, request, **options)

    replace(HTTPAdapter, "send", noticed)
    yield found
    assert found.inside_transactions == [], "requests left inside a transaction"


def _in_transaction() -> bool:
    return any(
        not getattr(block, "_from_testcase", False)
        for connection in connections.all(initialized_only=True)
        for block in connection.atomic_blocks
    )

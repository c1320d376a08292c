"""Asking the demo portal as any client would: over HTTP, knowing nothing of its inside."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

import requests

from demo.server import DemoPortal
from testing.waiting import HANG_SECONDS

ANNA, MARIA, ILYA, TOM, PETRA, ERIK = 1, 5, 7, 9, 11, 15
OFFICE = 7021

Json = Mapping[str, object]


@dataclass(frozen=True)
class Asked:
    """An answer: the HTTP status and what the JSON body says."""

    status: int
    body: Json

    @property
    def result(self) -> object:
        return self.body["result"]

    @property
    def error(self) -> object:
        return self.body["error"]

    def rows(self, key: str = "") -> list[Json]:
        """The rows of a list method, which stand in ``result`` or in ``result[key]``."""
        found = cast(Json, self.result)[key] if key else self.result
        return cast(list[Json], found)

    def part(self, name: str) -> Json:
        """One of the five parts of a batch; PHP's empty array counts as an empty object."""
        return cast(Json, cast(Json, self.result)[name] or {})


@dataclass(frozen=True)
class Caller:
    """A user of the portal with an access token of the app."""

    portal: DemoPortal
    token: str = field(repr=False)

    def __call__(self, method: str, params: Json | None = None) -> Asked:
        """The method by POST with a JSON body."""
        url = f"{self.portal.current_url}/rest/{method}"
        return asked(
            requests.post(url, json={**(params or {}), "auth": self.token}, timeout=HANG_SECONDS)
        )

    def batch(self, commands: Mapping[str, str] | list[str], halt: int = 0) -> Asked:
        return self("batch", {"cmd": commands, "halt": halt})


def asked(response: requests.Response) -> Asked:
    return Asked(response.status_code, cast(Json, response.json()))


def caller(portal: DemoPortal, user_id: int = ANNA) -> Caller:
    """``user_id`` with the app opened in front of them."""
    return Caller(portal, portal.open("DEFAULT", user_id=user_id).form["AUTH_ID"])

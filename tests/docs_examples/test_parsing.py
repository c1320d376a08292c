"""Every body the vendor's documentation shows, read by our own code over a real connection."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from b24app.bitrix24 import errors, masking
from b24app.bitrix24.client import Client
from b24app.bitrix24.oauth import AuthorizationServer
from b24app.bitrix24.token_source import FixedToken
from b24app.bitrix24.transport import Transport
from testing.scripted import Reply, Server, Unmetered

PAGES = sorted(Path(__file__).parent.glob("*.json"))
BODIES: dict[str, dict[str, Any]] = {
    f"{page.stem}-{index}": example["body"]
    for page in PAGES
    for index, example in enumerate(json.loads(page.read_text("utf-8"))["examples"])
}

# Codes that the pages show without saying what they mean.
UNEXPLAINED = {
    ("0", "error"),
    ("0", "Required fields: ownerId, orderId"),
    ("0", "Required fields: name"),
}


def having(*names: str, without: str = "") -> list[str]:
    return [
        key
        for key, body in BODIES.items()
        if all(name in body for name in names) and without not in body
    ]


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def test_all_pages_are_here() -> None:
    assert len(PAGES) == 91
    sorted_out = [*having("error"), *having("time", without="error"), *having("access_token")]
    sorted_out += [*having("event"), *having("result", without="time")]
    assert set(sorted_out) == set(BODIES)


@pytest.mark.parametrize(
    "example", [*having("time", without="error"), *having("result", without="time")]
)
def test_documented_success_answers_are_parsed(server: Server, example: str) -> None:
    body = BODIES[example]
    server.replies = [Reply(body)]
    client = Client(FixedToken(server.base, "token"), budget=Unmetered(), transport=Transport())
    answer = client.call("any.method")
    if "result" in body:
        assert answer.result == body["result"]
    else:
        assert answer.result == {"personTypes": body["personTypes"]}
    assert answer.total == body.get("total")
    assert answer.next == body.get("next")
    time = body.get("time")
    if isinstance(time, dict):
        assert answer.time is not None
        assert answer.time.duration == time["duration"]
        assert answer.time.operating == time.get("operating")


@pytest.mark.parametrize("example", having("error"))
@pytest.mark.parametrize("status", [200, 400, 401, 403])
def test_documented_errors_are_parsed(server: Server, example: str, status: int) -> None:
    body = BODIES[example]
    server.replies = [Reply(body, status)]
    client = Client(FixedToken(server.base, "token"), budget=Unmetered(), transport=Transport())
    with pytest.raises(errors.ApiError) as caught:
        client.call("any.method")
    assert caught.value.code == str(body["error"])
    assert caught.value.description == body["error_description"]
    known = (caught.value.code, caught.value.description) not in UNEXPLAINED
    assert isinstance(caught.value, errors.UnknownError) is not known
    assert len(server.requests) == 1


@pytest.mark.parametrize("example", having("access_token"))
def test_documented_tokens_are_parsed(server: Server, example: str) -> None:
    body = BODIES[example]
    server.replies = [Reply(body)]
    grant = AuthorizationServer(server.url, "app.1", "secret", transport=Transport()).refresh("old")
    assert grant.access_token == body["access_token"]
    assert grant.member_id == body["member_id"]
    assert grant.client_endpoint == body["client_endpoint"]
    assert grant.user_id == body.get("user_id")
    assert grant.scope == {"crm", "entity", "im", "task"}


@pytest.mark.parametrize("example", having("event"))
def test_documented_event_is_masked(example: str) -> None:
    body = BODIES[example]
    auth = body["auth"]
    assert isinstance(auth, dict)
    masked = json.dumps(masking.mask(body))
    for name in ("access_token", "refresh_token", "application_token"):
        assert name not in auth or auth[name] not in masked
    assert auth["member_id"] in masked

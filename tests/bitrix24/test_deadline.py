"""Requests to a portal end at a deadline, whatever the portal sends."""

import socket
import threading
from collections.abc import Iterator

import pytest

from b24app.bitrix24 import deadline, errors
from b24app.bitrix24.client import Client, Command, Timeouts
from b24app.bitrix24.token_source import FixedToken
from b24app.bitrix24.transport import Transport
from b24app.orders import parsing
from testing.scripted import TOKEN, Portal, Reply, Start, Unmetered, ok
from testing.waiting import HANG_SECONDS

# Each of them keeps a reader that counts from the last byte for two seconds, ten times its limit.
SLOW = {
    "headers that drip": [b"HTTP/1.1 200 OK\r\nX-Drip: ", *[b"x"] * 40, b"\r\n"],
    "100 Continue again and again": [b"HTTP/1.1 100 Continue\r\n\r\n"] * 40,
    "a status line that drips": [
        bytes([number]) for number in b"HTTP/1.1 100 " + b"x" * 27 + b"\r\n\r\n"
    ],
}


@pytest.mark.parametrize("case", SLOW)
def test_slow_stream_of_bytes_ends_at_deadline(portal: Portal, case: str) -> None:
    portal.server.script = lambda _: Reply({"result": 1}, before=SLOW[case])
    with pytest.raises(errors.OutcomeUnknown) as caught:
        portal.client(timeouts=Timeouts(call=0.2)).call("x.add", write=True)
    assert caught.value.code == "READ_TIMEOUT"


def test_answer_after_100_continue_is_read(portal: Portal) -> None:
    portal.server.replies = [Reply({"result": 7}, before=[b"HTTP/1.1 100 Continue\r\n\r\n"])]
    assert portal.client().call("profile").result == 7


@pytest.fixture
def mute() -> Iterator[int]:
    """The port of a server that accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


def test_unanswered_tls_handshake_ends_at_deadline(mute: int) -> None:
    client = Client(
        FixedToken(f"https://127.0.0.1:{mute}/rest/", TOKEN),
        budget=Unmetered(),
        transport=Transport(connect_timeout=0.2),
        timeouts=Timeouts(call=0.2),
        sleep=lambda _: None,
    )
    with pytest.raises(errors.TransportError):
        client.call("x.add", write=True)


def test_all_requests_of_a_page_end_at_its_deadline(portal: Portal) -> None:
    portal.server.script = lambda _: Reply({"result": 1}, delay=HANG_SECONDS)
    with deadline.within(2, 5), pytest.raises(errors.TransportError):
        portal.client(timeouts=Timeouts(call=HANG_SECONDS)).call("profile")
    assert len(portal.server.requests) == 1


def test_no_request_is_sent_after_the_deadline(portal: Portal) -> None:
    with deadline.within(0, 5), pytest.raises(errors.OutOfTime):
        portal.client().call("profile")
    assert portal.server.requests == []


def test_endless_pages_stop_after_five_requests(portal: Portal) -> None:
    portal.server.script = lambda request: ok([1], next=int(request.body["start"]) + 50)
    with deadline.within(60, 5), pytest.raises(errors.OutOfTime):
        for _ in portal.client().pages("crm.deal.list", rows=parsing.rows):
            pass
    assert len(portal.server.requests) == 5


def test_retries_count_as_requests(portal: Portal) -> None:
    portal.server.script = lambda _: Reply(b"<html>Bad gateway</html>", 502)
    client = portal.client()
    with deadline.within(60, 2), pytest.raises(errors.TransportError):
        client.batch({"a": Command("crm.deal.get")})
    assert len(portal.server.requests) == 2


def test_deadline_applies_to_its_own_thread_only(portal: Portal) -> None:
    found: list[object] = []
    with deadline.within(0, 0):
        other = threading.Thread(
            target=lambda: found.append(portal.client().call("profile").result)
        )
        other.start()
        other.join()
    assert found == ["profile"]


def test_unresolvable_host_is_not_retried(start_server: Start) -> None:
    client = Client(
        FixedToken("http://portal.invalid/rest/", TOKEN),
        budget=Unmetered(),
        timeouts=Timeouts(call=5),
        sleep=lambda _: None,
    )
    with pytest.raises(errors.NotSent):
        client.call("profile", write=True)

"""Calls over real connections: the pool, tokens, redirects, repetition, records."""

import os
import socket
import tomllib
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest

from b24app.bitrix24 import errors
from b24app.bitrix24.client import CallRecord, Client, Timeouts
from b24app.bitrix24.token_source import FixedToken
from b24app.bitrix24.transport import Transport
from testing.scripted import (
    TOKEN,
    Portal,
    Renewing,
    Reply,
    Request,
    Start,
    Unmetered,
    ok,
    refused,
)
from testing.waiting import HANG_SECONDS

EXPIRED = refused("expired_token", 401)


def test_call_is_a_json_post_with_the_token_in_its_body(portal: Portal) -> None:
    portal.server.replies = [ok([1], total="3", next=50)]
    answer = portal.client().call("crm.deal.list", {"filter": {"=OPPORTUNITY": Decimal("1.50")}})
    assert (answer.result, answer.total, answer.next) == ([1], 3, 50)
    request = portal.server.requests[0]
    assert (request.verb, request.path, request.query) == ("POST", "/rest/crm.deal.list", {})
    assert request.body == {"filter": {"=OPPORTUNITY": "1.50"}, "auth": TOKEN}
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["X-Request-Id"] == portal.records[0].request_id


def test_user_agent_names_the_released_version(portal: Portal) -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))
    portal.client().call("profile")
    sent = portal.server.requests[0].headers["User-Agent"]
    assert sent == f"LinkedOrders/{project['project']['version']}"


def test_100_calls_share_one_connection(portal: Portal) -> None:
    client = portal.client()
    for _ in range(100):
        client.call("profile")
    assert len(portal.server.requests) == 100
    assert portal.server.connections == 1


def test_forked_child_has_connections_of_its_own(portal: Portal) -> None:
    client = portal.client()
    client.call("profile")
    pid = os.fork()
    if pid == 0:
        os._exit(0 if client.call("in.child").result == "in.child" else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert client.call("profile").result == "profile"
    assert portal.server.connections == 2


def test_50_callers_with_one_expired_token_make_one_refresh(portal: Portal) -> None:
    tokens = Renewing(portal.server)

    def script(request: Request) -> Reply:
        return ok(request.method) if "fresh" in str(request.body["auth"]) else EXPIRED

    portal.server.script = script
    client = portal.client(tokens)
    with ThreadPoolExecutor(50) as pool:
        results = list(pool.map(lambda n: client.call(f"method.n{n}").result, range(50)))
    assert results == [f"method.n{n}" for n in range(50)]
    assert tokens.refreshes == 1


def test_token_that_is_expired_again_is_not_renewed_again(portal: Portal) -> None:
    portal.server.replies = [EXPIRED, EXPIRED]
    tokens = Renewing(portal.server)
    with pytest.raises(errors.ExpiredToken):
        portal.client(tokens).call("profile")
    assert (tokens.refreshes, len(portal.server.requests)) == (1, 2)


def test_write_refused_for_its_token_is_repeated_whole(portal: Portal) -> None:
    portal.server.replies = [EXPIRED, ok(True)]
    assert portal.client(Renewing(portal.server)).call("x.add", {"a": 1}, write=True).result is True
    assert [request.body["a"] for request in portal.server.requests] == [1, 1]


def test_fixed_token_cannot_be_renewed(portal: Portal) -> None:
    portal.server.replies = [EXPIRED]
    with pytest.raises(errors.DeadToken):
        portal.client().call("profile")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_keeps_the_post_and_its_body(
    portal: Portal, start_server: Start, status: int
) -> None:
    new = start_server()
    portal.server.replies = [Reply({}, status, {"Location": f"{new.base}x.add?auth=never"})]
    tokens = Renewing(portal.server, confirmed=new.base)
    assert portal.client(tokens).call("x.add", {"a": 1}, write=True).result == "x.add"
    assert (new.requests[0].verb, new.requests[0].body["a"]) == ("POST", 1)
    assert [record.outcome for record in portal.records] == ["REDIRECT", "ok"]


def test_redirect_to_unconfirmed_host_is_refused(portal: Portal, start_server: Start) -> None:
    stranger = start_server()
    portal.server.replies = [Reply({}, 302, {"Location": f"{stranger.base}profile"})]
    with pytest.raises(errors.UnexpectedRedirect):
        portal.client(Renewing(portal.server, confirmed="http://new.example/rest/")).call("profile")
    assert stranger.connections == 0


def test_redirect_loop_ends(portal: Portal, start_server: Start) -> None:
    new = start_server()
    portal.server.script = lambda _: Reply({}, 302, {"Location": new.base})
    new.script = lambda _: Reply({}, 302, {"Location": portal.server.base})
    with pytest.raises(errors.UnexpectedRedirect):
        portal.client(Renewing(portal.server, confirmed=new.base)).call("profile")
    assert (len(portal.server.requests), len(new.requests)) == (1, 1)


BROKEN = {
    "late": (Reply({}, delay=HANG_SECONDS), errors.OutcomeUnknown),
    "dripping": (Reply({"result": "x" * 99}, drip=0.05), errors.OutcomeUnknown),
    "cut": (Reply({"result": True}, cut=True), errors.OutcomeUnknown),
    "dropped": (Reply(drop=True), errors.OutcomeUnknown),
    "html 502": (Reply(b"<html>Bad gateway</html>", 502), errors.OutcomeUnknown),
    "half json": (Reply(b'{"result": {"a'), errors.OutcomeUnknown),
    "json 500": (refused("INTERNAL_SERVER_ERROR", 500), errors.ServerFault),
}

# Whatever else is broken has all the time a busy machine takes.
PATIENCE = {"late": Timeouts(call=1), "dripping": Timeouts(call=1)}


def hasty(portal: Portal, case: str) -> Client:
    """A client that gives up soon where an answer does not end."""
    return portal.client(timeouts=PATIENCE.get(case, Timeouts()))


@pytest.mark.parametrize("case", BROKEN)
def test_failed_read_is_retried_three_times(portal: Portal, case: str) -> None:
    reply, kind = BROKEN[case]
    portal.server.script = lambda _: reply
    with pytest.raises(kind):
        hasty(portal, case).call("profile")
    assert len(portal.server.requests) == 4
    assert [record.retries for record in portal.records] == [0, 1, 2, 3]
    assert all(slept <= most for slept, most in zip(portal.slept, (1, 2, 4), strict=True))


@pytest.mark.parametrize("case", BROKEN)
def test_retried_read_may_succeed(portal: Portal, case: str) -> None:
    portal.server.replies = [BROKEN[case][0]]
    client = hasty(portal, case)
    assert client.call("profile").result == "profile"
    assert len(portal.server.requests) == 2


@pytest.mark.parametrize("case", BROKEN)
def test_failed_write_is_never_repeated(portal: Portal, case: str) -> None:
    reply, kind = BROKEN[case]
    portal.server.replies = [reply]
    with pytest.raises(kind) as caught:
        hasty(portal, case).call("x.add", write=True)
    assert not caught.value.not_applied
    assert len(portal.server.requests) == 1
    assert portal.slept == []


def test_write_refused_by_the_rate_limit_is_repeated(portal: Portal) -> None:
    portal.server.replies = [refused("QUERY_LIMIT_EXCEEDED", 503)] * 2
    assert portal.client().call("x.add", write=True).result == "x.add"
    assert len(portal.server.requests) == 3


@pytest.mark.parametrize("write", [False, True])
def test_unsent_request_is_repeated_even_for_writes(write: bool) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    records: list[CallRecord] = []
    client = Client(
        FixedToken(f"http://127.0.0.1:{port}/rest/", TOKEN),
        budget=Unmetered(),
        listener=records.append,
        transport=Transport(),
        sleep=lambda _: None,
    )
    with pytest.raises(errors.NotSent) as caught:
        client.call("x.add", write=write)
    assert caught.value.not_applied
    assert len(records) == 4


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("OPERATION_TIME_LIMIT", 429, errors.OperatingLimit),
        ("OVERLOAD_LIMIT", 503, errors.Overloaded),
        ("NEVER_HEARD_OF", 500, errors.UnknownError),
    ],
)
def test_permanent_error_is_not_retried(
    portal: Portal, code: str, status: int, kind: type[errors.BitrixError]
) -> None:
    portal.server.replies = [refused(code, status)]
    with pytest.raises(kind) as caught:
        portal.client().call("profile")
    error = caught.value
    assert (error.code, error.http_status, error.method) == (code, status, "profile")
    assert error.request_id == portal.records[0].request_id
    assert len(portal.server.requests) == 1


@pytest.mark.parametrize(
    "reply",
    [
        refused("SOMETHING_NEW", 401),
        Reply("<html>Unauthorized</html>", 401),
        Reply({"message": "no error code"}, 401),
    ],
)
def test_401_without_a_known_code_renews_no_token(portal: Portal, reply: Reply) -> None:
    portal.server.replies = [reply]
    with pytest.raises(errors.AccessUnclear):
        portal.client().call("profile")
    assert len(portal.server.requests) == 1


def test_cookies_are_not_carried_from_one_user_to_the_next(portal: Portal) -> None:
    portal.server.replies = [Reply({"result": 1}, headers={"Set-Cookie": "PHPSESSID=one; Path=/"})]
    client = portal.client()
    client.call("profile")
    client.call("profile")
    assert "Cookie" not in portal.server.requests[1].headers


def test_proxies_of_the_environment_are_ignored(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert portal.client().call("profile").result == "profile"


def test_failing_listener_does_not_fail_the_call(portal: Portal) -> None:
    def fail(record: CallRecord) -> None:
        raise RuntimeError(record.method)

    client = Client(
        FixedToken(portal.server.base, TOKEN),
        budget=Unmetered(),
        listener=fail,
        transport=portal.transport,
    )
    assert client.call("x.add", write=True).result == "x.add"
    assert len(portal.server.requests) == 1


def test_operating_time_is_recorded(portal: Portal) -> None:
    time = {"duration": 1, "processing": 0.5, "operating": 3.3, "operating_reset_at": 1778747792}
    portal.server.replies = [ok(1, time=time)]
    answer = portal.client().call("profile")
    assert answer.time is not None
    assert answer.time.operating_reset_at is not None
    assert answer.time.operating_reset_at.isoformat() == "2026-05-14T08:36:32+00:00"
    assert portal.records[0].operating == 3.3


@pytest.mark.parametrize("method", ["", "../admin", "a/b", "http://x", "a?b", "a..b", "a b"])
def test_method_name_cannot_change_request_path(portal: Portal, method: str) -> None:
    with pytest.raises(ValueError, match="not a method"):
        portal.client().call(method)
    assert portal.server.connections == 0

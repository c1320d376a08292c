"""The authorization server: what we ask, what we believe of its answers."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from b24app.bitrix24 import errors
from b24app.bitrix24.oauth import AuthorizationServer
from b24app.bitrix24.transport import Transport
from testing.scripted import Reply, Server, Start, refused

GRANT = {
    "access_token": "new-access-SECRET",
    "refresh_token": "new-refresh-SECRET",
    "expires": 1780319382,
    "expires_in": 3600,
    "client_endpoint": "https://portal.example/rest/",
    "server_endpoint": "https://oauth.example/rest/",
    "member_id": "a223c6b3710f85df22e9377d6c4f7553",
    "scope": "crm,sale",
    "status": "L",
    "user_id": "67",
}
INFO = {
    "client_id": "app.1",
    "user_id": 5,
    "scope": "crm",
    "install": {
        "member_id": "m1",
        "client_endpoint": "https://portal.example/rest/",
        "status": "F",
    },
}


@pytest.fixture
def oauth(server: Server) -> AuthorizationServer:
    return AuthorizationServer(server.url, "app.1", "client-SECRET", transport=Transport())


def test_authorize_url_has_no_redirect_uri(oauth: AuthorizationServer) -> None:
    parts = urlsplit(oauth.authorize_url("https://portal.example/", "st&te"))
    assert parts._replace(query="").geturl() == "https://portal.example/oauth/authorize/"
    query = parse_qs(parts.query)
    assert query.pop("response_type") == ["code"]
    assert query == {"client_id": ["app.1"], "state": ["st&te"]}
    assert oauth.authorize_url("http://127.0.0.1:8070", "s").startswith("http://127.0.0.1:8070/")


def test_code_is_exchanged_for_grant(oauth: AuthorizationServer, server: Server) -> None:
    server.replies = [Reply(GRANT)]
    before = datetime.now(UTC)
    grant = oauth.exchange("the-code")
    request = server.requests[0]
    assert (request.verb, request.path, request.raw) == ("GET", "/oauth/token/", b"")
    assert request.query == {
        "grant_type": "authorization_code",
        "client_id": "app.1",
        "client_secret": "client-SECRET",
        "code": "the-code",
    }
    assert before + timedelta(seconds=3599) < grant.expires_at < before + timedelta(seconds=3610)
    assert (grant.user_id, sorted(grant.scope), grant.status) == (67, ["crm", "sale"], "L")


def test_refresh_is_a_get(oauth: AuthorizationServer, server: Server) -> None:
    server.replies = [Reply(GRANT)]
    assert oauth.refresh("old-refresh").refresh_token == "new-refresh-SECRET"
    assert server.requests[0].verb == "GET"
    assert server.requests[0].headers["User-Agent"].startswith("LinkedOrders/")
    assert server.requests[0].query == {
        "grant_type": "refresh_token",
        "client_id": "app.1",
        "client_secret": "client-SECRET",
        "refresh_token": "old-refresh",
    }


@pytest.mark.parametrize("ask", ["exchange", "refresh", "app_info"])
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("invalid_request", errors.BadRequest),
        ("invalid_client", errors.InvalidClient),
        ("invalid_grant", errors.DeadToken),
        ("invalid_token", errors.DeadToken),
        ("expired_token", errors.ExpiredToken),
        ("invalid_scope", errors.MissingScope),
        ("insufficient_scope", errors.MissingScope),
        ("PAYMENT_REQUIRED", errors.PaymentRequired),
        ("something_new", errors.UnknownError),
    ],
)
@pytest.mark.parametrize("status", [200, 400, 401])
def test_oauth_errors_have_their_classes(
    oauth: AuthorizationServer,
    server: Server,
    ask: str,
    code: str,
    kind: type[errors.BitrixError],
    status: int,
) -> None:
    server.replies = [refused(code, status)]
    with pytest.raises(kind) as caught:
        getattr(oauth, ask)("value")
    assert caught.value.request_id == server.requests[0].headers["X-Request-Id"]
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "reply",
    [Reply(drop=True), Reply(b"<html>", 502), Reply(GRANT, cut=True)],
)
def test_refresh_with_an_unknown_outcome_is_not_repeated(
    oauth: AuthorizationServer, server: Server, reply: Reply
) -> None:
    server.replies = [reply]
    with pytest.raises(errors.OutcomeUnknown):
        oauth.refresh("old")
    assert len(server.requests) == 1


@pytest.mark.parametrize("ask", ["exchange", "refresh", "app_info"])
def test_redirects_are_not_followed(
    oauth: AuthorizationServer, server: Server, start_server: Start, ask: str
) -> None:
    other = start_server()
    server.replies = [Reply(GRANT, 302, {"Location": other.url})]
    with pytest.raises(errors.UnexpectedRedirect):
        getattr(oauth, ask)("value")
    assert other.connections == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"access_token": ""},
        {"access_token": 5},
        {"access_token": "a b"},
        {"refresh_token": None},
        {"member_id": "../x"},
        {"member_id": "m" * 65},
        {"member_id": "m\n"},
        {"client_endpoint": "ftp://portal.example/rest/"},
        {"client_endpoint": "https://user:pw@portal.example/rest/"},
        {"client_endpoint": "https://portal.example/other/"},
        {"client_endpoint": "https://portal.example/rest/?x=/rest/"},
        {"client_endpoint": "https:///rest/"},
        {"client_endpoint": "https://portal.example:99999/rest/"},
        {"client_endpoint": "https://[::1/rest/"},
        {"client_endpoint": None},
        {"expires_in": "soon"},
        {"expires_in": -1},
        {"expires_in": 10**12},
    ],
)
@pytest.mark.parametrize("ask", ["exchange", "refresh"])
def test_hostile_grants_are_refused(
    oauth: AuthorizationServer, server: Server, wrong: dict[str, object], ask: str
) -> None:
    server.replies = [Reply({**GRANT, **wrong})]
    with pytest.raises(errors.IncompleteAnswer):
        getattr(oauth, ask)("value")


def test_app_info_names_user_and_portal(oauth: AuthorizationServer, server: Server) -> None:
    server.replies = [Reply({"result": INFO})]
    info = oauth.app_info("token")
    assert (server.requests[0].path, server.requests[0].query) == (
        "/rest/app.info",
        {"auth": "token"},
    )
    assert (info.client_id, info.member_id, info.user_id) == ("app.1", "m1", 5)
    assert info.client_endpoint == "https://portal.example/rest/"


def test_app_info_survives_a_connection_that_was_closed_meanwhile(
    oauth: AuthorizationServer, server: Server
) -> None:
    server.replies = [Reply(drop=True), Reply({"result": INFO})]
    assert oauth.app_info("token").member_id == "m1"
    server.replies = [Reply(drop=True), Reply(drop=True)]
    with pytest.raises(errors.OutcomeUnknown):
        oauth.app_info("token")
    assert len(server.requests) == 4


def test_app_info_with_its_fields_on_top_and_only_a_uri(
    oauth: AuthorizationServer, server: Server
) -> None:
    flat = {"client_id": "app.1", "member_id": "m2", "uri": "https://portal.example/"}
    server.replies = [Reply({"result": {**flat, "install": []}})]
    info = oauth.app_info("token")
    assert (info.member_id, info.client_endpoint) == ("m2", "https://portal.example/rest/")
    assert info.user_id is None


@pytest.mark.parametrize(
    "result", [{}, [], None, "x", {"client_id": "app.1"}, {**INFO, "install": []}]
)
def test_app_info_without_a_portal_is_incomplete(
    oauth: AuthorizationServer, server: Server, result: object
) -> None:
    server.replies = [Reply({"result": result})]
    with pytest.raises(errors.IncompleteAnswer):
        oauth.app_info("token")

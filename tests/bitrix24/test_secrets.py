"""No secret in a log record at DEBUG, in an exception with all its causes, or in a repr."""

import logging
import traceback

import pytest

from b24app.bitrix24 import errors, masking
from b24app.bitrix24.oauth import AuthorizationServer
from b24app.bitrix24.token_source import FixedToken
from b24app.bitrix24.transport import Transport
from testing.scripted import TOKEN, Portal, Renewing, Reply, Server, ok, refused
from tests.bitrix24.test_oauth import GRANT

# Named, since a traceback quotes the lines of this file.
VALUE = "value-SECRET"
CLIENT_SECRET = "client-SECRET"


def logged(caplog: pytest.LogCaptureFixture, *errors_: BaseException) -> str:
    lines = [logging.Formatter().format(record) for record in caplog.records]
    for error in errors_:
        chain: BaseException | None = error
        while chain is not None:
            lines += [repr(chain), str(chain), repr(vars(chain))]
            chain = chain.__cause__ or chain.__context__
        lines += traceback.format_exception(error)
    return "\n".join(lines)


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    for name in (None, "urllib3.connectionpool", "requests_oauthlib.oauth2_session"):
        caplog.set_level(logging.DEBUG, logger=name)


REPLIES = {
    "fine": Reply(GRANT),
    "refused": refused("invalid_grant", 400, "no client-SECRET, value-SECRET here"),
    "dropped": Reply(drop=True),
    "html": Reply(b"<html>new-access-SECRET</html>", 502),
    "incomplete": Reply({**GRANT, "member_id": ""}),
    "moved": Reply(GRANT, 302, {"Location": "http://x.example/?auth=value-SECRET"}),
}


@pytest.mark.parametrize("ask", ["exchange", "refresh", "app_info"])
@pytest.mark.parametrize("case", REPLIES)
def test_authorization_server_error_leaks_no_secret(
    server: Server, caplog: pytest.LogCaptureFixture, ask: str, case: str
) -> None:
    server.replies = [REPLIES[case]]
    oauth = AuthorizationServer(server.url, "app.1", CLIENT_SECRET, transport=Transport())
    caught: list[errors.BitrixError] = []
    shown = repr(oauth)
    try:
        shown += repr(getattr(oauth, ask)(VALUE))
    except errors.BitrixError as error:
        caught.append(error)
    assert "SECRET" in str(server.requests[0].query)
    assert "app.info" in logged(caplog) or "oauth/token" in logged(caplog)
    assert "SECRET" not in shown + logged(caplog, *caught)


def test_unreachable_authorization_server_leaks_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    oauth = AuthorizationServer("http://127.0.0.1:9", "a", CLIENT_SECRET, transport=Transport())
    with pytest.raises(errors.NotSent) as caught:
        oauth.refresh(VALUE)
    assert "SECRET" not in logged(caplog, caught.value)


@pytest.mark.parametrize(
    "reply",
    [
        ok(1),
        refused("WEIRD", 400, f"bad {TOKEN}"),
        Reply(drop=True),
        Reply(cut=True),
        Reply(TOKEN.encode(), 502),
        Reply({}, 302, {"Location": f"http://other.example/rest/?auth={TOKEN}"}),
    ],
)
def test_client_error_leaks_no_secret(
    portal: Portal, caplog: pytest.LogCaptureFixture, reply: Reply
) -> None:
    portal.server.script = lambda _: reply
    caught: list[errors.BitrixError] = []
    try:
        portal.client().call("profile")
    except errors.BitrixError as error:
        caught.append(error)
    assert "SECRET" not in logged(caplog, *caught) + repr(portal.records)
    assert "profile" in logged(caplog)


def test_renewal_leaks_no_secret(portal: Portal, caplog: pytest.LogCaptureFixture) -> None:
    portal.server.script = lambda _: refused("expired_token", 401)
    with pytest.raises(errors.ExpiredToken) as caught:
        portal.client(Renewing(portal.server)).call("profile")
    assert "SECRET" not in logged(caplog, caught.value)


def test_repr_of_fixed_token_hides_token() -> None:
    assert "SECRET" not in repr(FixedToken("https://portal.example/rest/", TOKEN))


@pytest.mark.parametrize(
    "name", [*masking.SECRET_NAMES, "AUTH_ID", "REFRESH_ID", "APPLICATION_TOKEN"]
)
@pytest.mark.parametrize(
    "text",
    [
        "/path/?a=1&{}=SECRET&b=2",
        "auth[{}]=SECRET&b=2",
        "auth%5B{}%5D=SECRET&b=2",
        '{{"{}": "SECRET", "b": "2"}}',
        '{{"{}":"SEC\\"RET SECRET"}}',
        "{{'{}': 'SECRET'}}",
    ],
)
def test_secrets_in_text_are_masked(name: str, text: str) -> None:
    masked = masking.mask_text(text.format(name))
    assert "SEC" not in masked
    assert masking.MASK in masked
    assert masking.mask_text(masked) == masked


def test_secrets_in_headers_and_nested_values_are_masked() -> None:
    assert "SECRET" not in masking.mask_text("Authorization: Bearer SECRET")
    masked = masking.mask(
        {
            "auth": {"member_id": "m", "access_token": "SECRET"},
            "rows": [{"AUTH_ID": "SECRET", "n": 1}],
        }
    )
    assert masked == {
        "auth": {"member_id": "m", "access_token": "***"},
        "rows": [{"AUTH_ID": "***", "n": 1}],
    }


@pytest.mark.parametrize(
    "text", ["error code: 200040300010", "author=Ann", "zip_code=1", "state=5"]
)
def test_other_values_are_not_masked(text: str) -> None:
    assert masking.mask_text(text) == text


def test_filter_masks_messages_and_tracebacks(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("tests.masking")
    the_filter = masking.MaskingFilter()
    logger.addFilter(the_filter)
    try:
        raise ValueError("/?access_token=SECRET")
    except ValueError:
        logger.exception("at %s", "/?auth=SECRET")
    logger.removeFilter(the_filter)
    assert "SECRET" not in logged(caplog)
    assert "auth=***" in logged(caplog)

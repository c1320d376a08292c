"""The authorization server: pairs of tokens, single use, who a token is for (settings/oauth/*.md)."""

from concurrent.futures import ThreadPoolExecutor
from typing import cast
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from demo.server import DemoPortal
from testing.waiting import HANG_SECONDS
from tests.demo.calls import ANNA, ILYA, Asked, Caller, Json, asked, caller


def token(portal: DemoPortal, **change: str) -> Asked:
    params = {
        "grant_type": "refresh_token",
        "client_id": portal.client_id,
        "client_secret": portal.client_secret,
        "refresh_token": "",
        **change,
    }
    return asked(requests.get(f"{portal.oauth_url}/oauth/token/", params, timeout=HANG_SECONDS))


def test_refresh_token_works_once_and_returns_another(portal: DemoPortal) -> None:
    refresh = portal.open("DEFAULT", user_id=ILYA).form["REFRESH_ID"]
    first = token(portal, refresh_token=refresh)
    assert first.body["user_id"] == ILYA
    assert (first.body["expires_in"], first.body["status"]) == (3600, "L")
    assert first.body["client_endpoint"] == f"{portal.url}/rest/"
    assert Caller(portal, cast(str, first.body["access_token"]))("profile").status == 200
    second = token(portal, refresh_token=refresh)
    assert (second.status, second.error) == (400, "invalid_grant")
    assert token(portal, refresh_token=cast(str, first.body["refresh_token"])).status == 200


def test_one_of_ten_parallel_refreshes_succeeds(portal: DemoPortal) -> None:
    refresh = portal.open("DEFAULT").form["REFRESH_ID"]
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: token(portal, refresh_token=refresh), range(10)))
    assert sorted(question.status for question in answers) == [200] + [400] * 9


def code(portal: DemoPortal, state: str = "") -> dict[str, list[str]]:
    """The query a browser comes back to the app with."""
    portal.open("DEFAULT")
    answer = requests.get(
        f"{portal.url}/oauth/authorize/",
        {"client_id": portal.client_id, "state": state},
        allow_redirects=False,
        timeout=HANG_SECONDS,
    )
    assert answer.headers["Location"].startswith(portal.app_url)
    return parse_qs(urlsplit(answer.headers["Location"]).query)


def exchange(portal: DemoPortal, value: str) -> Asked:
    return token(portal, grant_type="authorization_code", code=value)


def test_code_works_once(portal: DemoPortal) -> None:
    came = code(portal, state="mine")
    assert (came["state"], came["member_id"]) == (["mine"], [portal.member_id])
    assert exchange(portal, came["code"][0]).body["user_id"] == ANNA
    assert exchange(portal, came["code"][0]).error == "invalid_grant"


def test_code_is_good_for_half_a_minute(portal: DemoPortal) -> None:
    value = code(portal)["code"][0]
    portal.state.codes[value].expires -= 31
    assert exchange(portal, value).error == "invalid_grant"


def test_foreign_app_gets_no_code(portal: DemoPortal) -> None:
    answer = requests.get(
        f"{portal.url}/oauth/authorize/", {"client_id": "local.x"}, timeout=HANG_SECONDS
    )
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_id": "local.x"}, "invalid_client"),
        ({"grant_type": "password"}, "invalid_request"),
        ({"refresh_token": "0" * 32}, "invalid_grant"),
    ],
)
def test_invalid_oauth_requests_are_refused(
    portal: DemoPortal, change: dict[str, str], error: str
) -> None:
    answer = token(portal, **change)
    assert answer.status in (400, 401)
    assert answer.error == error


def test_app_that_is_not_paid_for_gets_no_tokens(portal: DemoPortal) -> None:
    refresh = portal.open("DEFAULT").form["REFRESH_ID"]
    portal.state.app.paid = False
    assert token(portal, refresh_token=refresh).error == "PAYMENT_REQUIRED"


def about(portal: DemoPortal, secret: str) -> Asked:
    return asked(
        requests.get(f"{portal.oauth_url}/rest/app.info", {"auth": secret}, timeout=HANG_SECONDS)
    )


def test_app_info_names_owner_of_token(portal: DemoPortal) -> None:
    found = cast(Json, about(portal, caller(portal, ILYA).token).result)
    assert (found["client_id"], found["user_id"]) == (portal.client_id, ILYA)
    install = cast(Json, found["install"])
    assert install["member_id"] == portal.member_id
    assert install["client_endpoint"] == f"{portal.url}/rest/"


def test_invalid_tokens_are_reported(portal: DemoPortal) -> None:
    secret = caller(portal).token
    portal.expire_tokens()
    answers = about(portal, secret), about(portal, "0" * 32)
    assert [(question.status, question.error) for question in answers] == [
        (401, "expired_token"),
        (401, "invalid_token"),
    ]


def test_renamed_portal_is_reported_by_authorization_server(portal: DemoPortal) -> None:
    refresh = portal.open("DEFAULT").form["REFRESH_ID"]
    portal.rename()
    answer = token(portal, refresh_token=refresh)
    assert answer.body["client_endpoint"] == f"{portal.current_url}/rest/"
    assert portal.current_url != portal.url


def test_two_portals_share_one_server(portal: DemoPortal) -> None:
    with DemoPortal(member_id="b" * 32, oauth_of=portal) as other:
        assert other.oauth_url == portal.oauth_url
        refresh = other.open("DEFAULT").form["REFRESH_ID"]
        answer = token(portal, refresh_token=refresh)
        assert answer.body["client_endpoint"] == f"{other.url}/rest/"

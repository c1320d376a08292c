"""The full OAuth protocol in a window of its own: there, back, and everything that may go wrong."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, parse_qsl, quote, urlsplit

import pytest
import requests
import time_machine
from django.conf import LazySettings
from django.db import connections
from django.http import HttpResponse
from django.test import Client

from b24app.portals.models import Portal, PortalUser
from demo.server import DemoPortal
from testing.markup import attribute
from testing.opening import ANNA, ILYA, NINA, Page, install, open_tab, seen
from testing.waiting import HANG_SECONDS

pytestmark = pytest.mark.django_db


@pytest.fixture
def known(client: Client, portal: DemoPortal) -> DemoPortal:
    install(client, portal)
    return portal


def start(client: Client, host: str) -> HttpResponse:
    response = client.get("/oauth/connect/", {"portal": host})
    assert isinstance(response, HttpResponse)
    return response


def to_portal(client: Client, portal: DemoPortal) -> str:
    """The address of the portal's page that a start offers to go on to."""
    return offered(start(client, portal.domain))


def offered(response: HttpResponse) -> str:
    """The one link of a page that names a portal before anybody goes there."""
    page = seen(response)
    assert (page.state, response.status_code) == ("connect-leaving", 200)
    assert "Location" not in response
    assert "refresh" not in response
    return attribute(page.text, "a.btn", "href")


def through_portal(address: str) -> str:
    """Path and query of ours that the portal sends the browser back to."""
    parts = urlsplit(address)
    # A renamed portal sends browsers on to its new address first.
    while parts.path == "/oauth/authorize/":
        answer = requests.get(parts.geturl(), allow_redirects=False, timeout=HANG_SECONDS)
        parts = urlsplit(answer.headers["Location"])
    return f"{parts.path}?{parts.query}"


def back(client: Client, address: str) -> Page:
    return seen(client.get(address))


def tokens_die(portal: DemoPortal) -> None:
    portal.kill_tokens()
    PortalUser.objects.update(tokens=PortalUser.Tokens.DEAD)


def test_connecting_replaces_dead_tokens(client: Client, known: DemoPortal) -> None:
    tokens_die(known)
    address = to_portal(client, known)
    parts = urlsplit(address)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{known.url}/oauth/authorize/"
    query = parse_qs(parts.query)
    assert query["client_id"] == [known.client_id]
    assert "redirect_uri" not in query
    page = back(client, through_portal(address))
    assert (page.state, page.response.status_code) == ("connect-connected", 200)
    assert known.domain in page.text
    assert f'href="{known.url}/"' in page.text
    anna = PortalUser.objects.get(user_id=ANNA)
    assert (anna.tokens, anna.access_token in known.state.access) == ("live", True)


def test_callback_has_its_own_address(client: Client, known: DemoPortal) -> None:
    query = urlsplit(through_portal(to_portal(client, known))).query
    assert back(client, f"/oauth/callback/?{query}").state == "connect-connected"


def test_new_person_connects_without_getting_a_session(client: Client, known: DemoPortal) -> None:
    known.state.viewer = ILYA
    page = back(client, through_portal(to_portal(client, known)))
    assert page.state == "connect-connected"
    assert page.session == ""
    ilya = PortalUser.objects.get(user_id=ILYA)
    assert (ilya.name, ilya.is_admin, ilya.tokens) == ("Ilya Sokolov", False, "live")


def test_cookie_is_for_this_flow_only(client: Client, known: DemoPortal) -> None:
    cookie = start(client, known.domain).cookies["connect"]
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", 600)
    assert not open_tab(client, known).response.cookies


def test_over_https_the_cookie_is_bound_to_the_host(
    client: Client, known: DemoPortal, settings: LazySettings
) -> None:
    settings.APP_URL = "https://app.example.com"
    cookie = start(client, known.domain).cookies["__Host-connect"]
    assert (cookie["secure"], cookie["path"], cookie["domain"]) == (True, "/", "")


@pytest.mark.parametrize(
    "host",
    [
        "",
        "https://portal.bitrix24.com",
        "//portal.bitrix24.com",
        "portal.bitrix24.com/evil",
        "portal.bitrix24.com?x",
        "portal.bitrix24.com#x",
        "user@portal.bitrix24.com",
        "user:secret@portal.bitrix24.com",
        "portal.bitrix24.com\\@evil.example",
        "portal.bitrix24.com%2f@evil.example",
        "portal.bitrix24.com:99999999",
        "portal.bitrix24.com:0",
        "portal.bitrix24.com:65536",
        "portal bitrix24.com",
        "portal.bitrix24.com\r\nX-Evil: 1",
        "javascript:alert(1)",
        "127.0.0.1",
        "127.0.0.1:443",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0x7f000001",
        "017700000001",
        "10.0.0.1",
        "169.254.169.254",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[fe80::1%25eth0]",
        "localhost",
        "localhost.",
        "127\u30020\u30020\u30021",
        "\u2460\u2461\u2466.0.0.1",
        "evil.example@portal.bitrix24.com",
        "portal.bitrix24.com:443:80",
        "portal.bitrix24.com:",
        "portal.bitrix24.com;evil.example",
        "portal.bitrix24.com\t.evil.example",
        "portal.bitrix24.com\x00.evil.example",
        "portal..bitrix24.com",
        "xn--",
        "\u202eportal.bitrix24.com",
        "portal.bitrix24.com\uff0fevil.example",
        "portal.bitrix24.com\u2024evil.example/",
        "portal.bitrix24.com.",
        "-portal.example.com",
        "a" * 64 + ".example.com",
        "a.example.com" * 40,
        "\ud800.example.com",
        "%",
    ],
)
def test_only_bare_portal_host_is_accepted(client: Client, known: DemoPortal, host: str) -> None:
    response = client.get("/oauth/connect/?portal=" + quote(host, errors="replace"))
    page = seen(response)
    assert (page.state, page.response.status_code) == ("connect-address", 400)
    assert "Location" not in page.response
    assert not page.response.cookies


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("stranger.bitrix24.com", "https://stranger.bitrix24.com"),
        (" Stranger.Bitrix24.COM ", "https://stranger.bitrix24.com"),
        ("crm.company.example:8443", "https://crm.company.example:8443"),
        ("портал.рф", "https://xn--80awhdgm.xn--p1ai"),
    ],
)
def test_unknown_portal_is_linked_over_https_without_redirect(
    client: Client, known: DemoPortal, host: str, origin: str
) -> None:
    response = start(client, host)
    assert "frame-ancestors 'none'" in response["Content-Security-Policy"]
    assert f"You are about to open {origin.removeprefix('https://')}." in seen(response).text
    parts = urlsplit(offered(response))
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{origin}/oauth/authorize/"
    assert set(parse_qs(parts.query)) == {"response_type", "client_id", "state"}
    assert "connect" in response.cookies


def test_no_redirect_to_a_portal_without_a_page_in_between(
    client: Client, known: DemoPortal
) -> None:
    """The page does not tell either whether the app is installed there."""
    host = "company.bitrix24.example"
    Portal.objects.update(endpoint=f"https://{host}/rest/")
    installed = start(client, host)
    assert offered(installed).startswith(f"https://{host}/oauth/authorize/?")
    others = [start(client, other) for other in (f"{host}.evil.example", f"evil-{host}", host)]
    Portal.objects.update(uninstalled_at=datetime.now(UTC))
    assert [item.status_code for item in (*others, start(client, host))] == [200] * 4

    def text(response: HttpResponse) -> str:
        return re.sub(r"state=[^\"]*", "", seen(response).text)

    assert text(start(client, host)) == text(installed)


def test_known_portal_over_http_requires_the_setting(
    client: Client, known: DemoPortal, settings: LazySettings
) -> None:
    settings.B24_ALLOW_HTTP = False
    assert seen(start(client, known.domain)).state == "connect-address"


def test_portal_without_the_app_is_refused(client: Client, known: DemoPortal) -> None:
    with DemoPortal(app_url=known.app_url, member_id="b" * 32, oauth_of=known) as other:
        other.open("DEFAULT")
        mine = urlsplit(to_portal(client, known))
        page = back(client, through_portal(f"{other.url}/oauth/authorize/?{mine.query}"))
    assert (page.state, page.response.status_code) == ("connect-unknown", 404)
    assert Portal.objects.count() == 1
    assert PortalUser.objects.count() == 1


def test_after_an_uninstall_nothing_is_connected(client: Client, known: DemoPortal) -> None:
    address = to_portal(client, known)
    Portal.objects.update(uninstalled_at=datetime.now(UTC))
    assert back(client, through_portal(address)).state == "connect-unknown"


def test_state_is_good_once(client: Client, known: DemoPortal) -> None:
    first = to_portal(client, known)
    assert back(client, through_portal(first)).state == "connect-connected"
    # A fresh code with the old state.
    again = back(client, through_portal(first))
    assert (again.state, again.response.status_code) == ("connect-late", 400)


def test_code_is_good_once(client: Client, known: DemoPortal) -> None:
    used = parse_qs(urlsplit(through_portal(to_portal(client, known))).query)
    fresh = parse_qs(urlsplit(to_portal(client, known)).query)
    query = {"code": used["code"][0], "state": used["state"][0]}
    assert seen(client.get("/", query)).state == "connect-connected"
    assert seen(client.get("/", query | {"state": fresh["state"][0]})).state == "connect-late"


def test_expired_code_and_expired_state_are_refused(client: Client, known: DemoPortal) -> None:
    address = through_portal(to_portal(client, known))
    for token in known.state.codes.values():
        token.expires -= 31
    assert back(client, address).state == "connect-late"
    departed = to_portal(client, known)
    returned = through_portal(departed)
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=11)):
        assert back(client, returned).state == "connect-late"


def test_callback_in_another_browser_is_refused_and_keeps_the_state(
    client: Client, known: DemoPortal
) -> None:
    address = through_portal(to_portal(client, known))
    stranger = Client()
    page = back(stranger, address)
    assert (page.state, page.response.status_code) == ("connect-elsewhere", 403)
    start(stranger, known.domain)
    assert back(stranger, address).state == "connect-elsewhere"
    assert back(client, address).state == "connect-connected"


@pytest.mark.parametrize("state", ["", "forged", "a:b:c", "." * 5000])
def test_forged_state_is_refused(client: Client, known: DemoPortal, state: str) -> None:
    start(client, known.domain)
    known.reset_counts()
    page = seen(client.get("/oauth/callback/", {"code": "c" * 32, "state": state}))
    assert page.state == "connect-elsewhere"
    assert known.http_requests == 0


def test_one_browser_can_connect_in_parallel(client: Client, known: DemoPortal) -> None:
    first, second = to_portal(client, known), to_portal(client, known)
    assert back(client, through_portal(second)).state == "connect-connected"
    assert back(client, through_portal(first)).state == "connect-connected"


@pytest.mark.django_db(transaction=True)
def test_one_of_ten_parallel_callbacks_connects(client: Client, known: DemoPortal) -> None:
    address = through_portal(to_portal(client, known))

    def arrive(_: int) -> str:
        browser = Client()
        browser.cookies = client.cookies
        try:
            return back(browser, address).state
        finally:
            connections.close_all()

    with ThreadPoolExecutor(10) as pool:
        states = sorted(pool.map(arrive, range(10)))
    assert states == ["connect-connected"] + ["connect-late"] * 9


@pytest.mark.parametrize("query", [{"error": "access_denied"}, {"code": "<script>"}, {"code": ""}])
def test_refused_authorization_is_shown(
    client: Client, known: DemoPortal, query: dict[str, str]
) -> None:
    state = parse_qs(urlsplit(to_portal(client, known)).query)["state"][0]
    page = seen(client.get("/", query | {"state": state}))
    assert (page.state, page.response.status_code) == ("connect-refused", 403)
    assert "<script>" not in page.text


def test_person_without_app_access_cannot_connect(client: Client, known: DemoPortal) -> None:
    address = through_portal(to_portal(client, known))
    known.misbehave("user_access")
    assert back(client, address).state == "connect-refused"


@pytest.mark.parametrize(
    ("condition", "state", "status"),
    [
        ("plan_ended", "connect-plan", 402),
        ("market_ended", "connect-plan", 402),
        ("overloaded", "connect-overload", 503),
        ("closed", "connect-later", 503),
    ],
)
def test_portal_wide_problem_is_shown(
    client: Client, known: DemoPortal, condition: str, state: str, status: int
) -> None:
    address = through_portal(to_portal(client, known))
    known.enter(condition)
    page = back(client, address)
    assert (page.state, page.response.status_code) == (state, status)
    assert "For support: LO-" in page.text


def test_ended_subscription_is_shown(client: Client, known: DemoPortal) -> None:
    address = through_portal(to_portal(client, known))
    known.state.app.paid = False
    page = back(client, address)
    assert (page.state, page.response.status_code) == ("connect-payment", 402)
    assert "For support: LO-" in page.text


def test_unresponsive_portal_is_reported(client: Client, known: DemoPortal) -> None:
    tokens_die(known)
    address = through_portal(to_portal(client, known))
    known.misbehave("html", times=20)
    page = back(client, address)
    assert (page.state, page.response.status_code) == ("connect-later", 503)
    assert PortalUser.objects.get().tokens == "dead"


def test_no_secret_is_shown_or_logged(
    client: Client, known: DemoPortal, caplog: pytest.LogCaptureFixture
) -> None:
    address = through_portal(to_portal(client, known))
    code = parse_qs(urlsplit(address).query)["code"][0]
    page = back(client, address)
    anna = PortalUser.objects.get(user_id=ANNA)
    for secret in (code, anna.access_token, anna.refresh_token, known.client_secret):
        assert secret not in page.text
        assert secret not in caplog.text


def test_connecting_administrator_replaces_installer_without_access(
    client: Client, known: DemoPortal
) -> None:
    tokens_die(known)
    known.state.viewer = NINA
    assert back(client, through_portal(to_portal(client, known))).state == "connect-connected"
    installer = Portal.objects.get().installer
    assert installer is not None
    assert installer.user_id == NINA


def test_renamed_portal_is_connected_at_its_new_address(client: Client, known: DemoPortal) -> None:
    address = to_portal(client, known)
    known.rename()
    page = back(client, through_portal(address))
    assert page.state == "connect-connected"
    assert known.domain in page.text
    assert Portal.objects.get().host == known.domain


@pytest.mark.parametrize("path", ["/oauth/connect/", "/oauth/callback/"])
def test_connect_allows_get_only(client: Client, known: DemoPortal, path: str) -> None:
    assert client.post(path).status_code == client.head(path).status_code == 405


def test_page_uses_the_browsers_language(client: Client, known: DemoPortal) -> None:
    page = client.get("/oauth/connect/?portal=x", headers={"Accept-Language": "de-AT,de;q=0.9"})
    assert '<html lang="de">' in page.content.decode()


@pytest.mark.parametrize(
    "forged",
    [
        {"HTTP_HOST": "evil.example"},
        {"HTTP_X_FORWARDED_HOST": "evil.example"},
        {"HTTP_FORWARDED": "host=evil.example"},
        {"HTTP_X_ORIGINAL_URL": "https://evil.example/"},
        {"SERVER_NAME": "evil.example"},
    ],
)
def test_host_header_is_ignored(client: Client, known: DemoPortal, forged: dict[str, str]) -> None:
    departed = client.get("/oauth/connect/", {"portal": known.domain}, **forged)  # type: ignore[arg-type]
    assert isinstance(departed, HttpResponse)
    address = offered(departed)
    assert address.startswith(f"{known.url}/oauth/authorize/?")
    assert "evil.example" not in str(departed.headers)
    page = client.get("/oauth/connect/", {"portal": "stranger.bitrix24.com"}, **forged)  # type: ignore[arg-type]
    assert "evil.example" not in page.content.decode() + str(page.headers)
    back_again = client.get(through_portal(address), **forged)  # type: ignore[arg-type]
    assert seen(back_again).state == "connect-connected"
    assert "evil.example" not in back_again.content.decode()


def test_fields_beside_a_code_are_ignored(client: Client, known: DemoPortal) -> None:
    """Whose tokens they are, and where that portal is, the authorization server says."""
    query = dict(parse_qsl(urlsplit(through_portal(to_portal(client, known))).query))
    lies = {"domain": "evil.example", "member_id": "b" * 32, "server_domain": "evil.example"}
    page = seen(client.get("/oauth/callback/", query | lies))
    assert page.state == "connect-connected"
    assert "evil.example" not in page.text
    assert Portal.objects.get().host == known.domain


@pytest.mark.parametrize(
    "twice", ["state=forged&", "code=" + "c" * 32 + "&", "error=access_denied&"]
)
def test_repeated_field_connects_no_other_person(
    client: Client, known: DemoPortal, twice: str
) -> None:
    path, _, query = through_portal(to_portal(client, known)).partition("?")
    assert back(client, f"{path}?{twice}{query}").state == "connect-connected"
    assert [user.user_id for user in PortalUser.objects.all()] == [ANNA]

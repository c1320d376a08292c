"""The operator's admin site in a process of its own: no secret on any page, no door from outside."""

import re
from collections.abc import Iterator

import pytest
import requests
from django.test import Client

from testing.markup import attributes
from testing.running import Running, running
from testing.waiting import HANG_SECONDS

pytestmark = pytest.mark.bare

PASSWORD = "correct-horse-battery"
SEED = """
from b24app.events.models import InboxEvent
from b24app.portals.models import Portal
InboxEvent.objects.create(portal=Portal.objects.get(), name="ONAPPTEST", sealed="sealed-never-shown")
"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    changed = {"OPERATOR_ADMIN": "on", "DJANGO_SUPERUSER_PASSWORD": PASSWORD}
    with running(tmp_path_factory.mktemp("operator"), **changed) as running_app:
        made = running_app.manage(
            "createsuperuser", "--noinput", "--username", "op", "--email", "op@example.com"
        )
        assert made.returncode == 0, made.stderr
        assert running_app.launch().status_code == 200
        assert running_app.manage("shell", "-v", "0", "-c", SEED).returncode == 0
        yield running_app


def logged_in(app: Running) -> requests.Session:
    session = requests.Session()
    login = session.get(f"{app.url}/operator/login/", timeout=HANG_SECONDS)
    form = {
        "username": "op",
        "password": PASSWORD,
        "next": "/operator/",
        "csrfmiddlewaretoken": session.cookies["csrftoken"],
    }
    done = session.post(login.url, data=form, timeout=HANG_SECONDS)
    assert "Log out" in done.text
    return session


def test_no_page_shows_a_secret(app: Running) -> None:
    session = logged_in(app)
    seen: dict[str, str] = {}
    waiting = ["/operator/"]
    while waiting:
        path = waiting.pop()
        if path in seen or "logout" in path or "password" in path:
            continue
        seen[path] = session.get(app.url + path, timeout=HANG_SECONDS).text
        links = attributes(seen[path], "a[href^='/operator/']", "href")
        waiting += [link for link in links if not re.search(r"[?#]|/jsi18n/", link)]
    for model in ("portal", "portaluser", "restcall", "inboxevent"):
        assert [path for path in seen if re.fullmatch(rf"/operator/\w+/{model}/\d+/change/", path)]
    state = app.portal.state
    forbidden = {
        *state.access,
        app.portal.client_secret,
        state.app.application_token,
        "sealed-never-shown",
    }
    everything = "".join(seen.values())
    assert [text for text in forbidden if text in everything] == []
    assert app.portal.domain in everything
    for field in ("access_token", "refresh_token", "application_token", "sealed"):
        assert field not in everything


def test_nothing_can_be_changed(app: Running) -> None:
    session = logged_in(app)
    pages = session.get(f"{app.url}/operator/", timeout=HANG_SECONDS).text
    assert "/add/" not in pages
    rows = session.get(f"{app.url}/operator/portals/portal/", timeout=HANG_SECONDS).text
    found = re.search(r"/operator/portals/portal/\d+/change/", rows)
    assert found
    page = found[0]
    token = {"csrfmiddlewaretoken": session.cookies["csrftoken"], "member_id": "other"}
    assert session.post(app.url + page, data=token, timeout=HANG_SECONDS).status_code == 403
    assert (
        session.post(
            app.url + page.replace("change", "delete"), data=token, timeout=HANG_SECONDS
        ).status_code
        == 403
    )


@pytest.mark.parametrize("header", ["X-Forwarded-Proto", "X-Forwarded-For", "Via"])
def test_operator_site_is_not_reachable_from_outside(app: Running, header: str) -> None:
    for path in ("/operator/", "/operator/login/", "/operator/portals/portal/"):
        assert (
            requests.get(
                app.url + path, headers={header: "https"}, timeout=HANG_SECONDS
            ).status_code
            == 404
        )


def test_apps_own_pages_neither_set_nor_read_a_cookie(app: Running) -> None:
    session = logged_in(app)
    opening = app.portal.open("CRM_DEAL_DETAIL_TAB")
    shown = session.post(opening.url, data=dict(opening.form), timeout=HANG_SECONDS)
    assert shown.status_code == 200
    assert "Set-Cookie" not in shown.headers
    assert "Cookie" not in shown.headers.get("Vary", "")
    assert {cookie.path for cookie in session.cookies} == {"/operator/"}
    assert "Cookie" not in (shown.request.headers or {})


def test_site_is_off_by_default(client: Client) -> None:
    assert client.get("/operator/").status_code == 404

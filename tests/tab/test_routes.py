"""Every route of the tab against those who have no business there."""

import time
from collections.abc import Iterator
from itertools import product

import pytest
import time_machine
from django.test import Client
from django.urls import URLPattern

from b24app.portals.models import Portal, PortalUser
from b24app.urls import urlpatterns
from b24app.web import session
from demo.server import DemoPortal
from testing.opening import EMPTY, ILYA, ONE, Page, install, open_tab, seen

pytestmark = pytest.mark.django_db

ROUTES = sorted(
    str(route.pattern)
    for route in urlpatterns
    if isinstance(route, URLPattern) and str(route.pattern).startswith(("tab/", "order/"))
)


def statuses(client: Client, path: str, authorization: str) -> Iterator[tuple[int, Page]]:
    """What GET and POST answer, without the 405 of the verb a route does not take."""
    headers = {"Authorization": authorization} if authorization else {}
    form = {
        "order": "1|",
        "held": "1|N",
        "to": str(ONE),
        "seen": "1",
        "change": "x",
        "format": "csv",
    }
    for send in (client.get, client.post):
        response = send(f"/{path}", form, headers=headers)
        if response.status_code != 405:
            yield response.status_code, seen(response)


@pytest.fixture
def tab(client: Client, portal: DemoPortal) -> Page:
    install(client, portal)
    page = open_tab(client, portal, ILYA, EMPTY)
    portal.reset_counts()
    return page


def test_list_of_routes_is_not_empty() -> None:
    assert len(ROUTES) >= 20


def test_without_a_session_nothing_happens(client: Client, portal: DemoPortal, tab: Page) -> None:
    forged = ("", "Bearer", "Bearer forged", "Basic eA==", "Bearer " + "x" * 3000)
    for path, authorization in product(ROUTES, forged):
        answers = list(statuses(client, path, authorization))
        assert answers, path
        assert {status for status, _ in answers} == {401}, (path, authorization)
    assert portal.http_requests == 0


def test_ended_session_is_renewed_first(client: Client, portal: DemoPortal, tab: Page) -> None:
    with time_machine.travel(time.time() + session.LIFETIME + 5, tick=True):
        for path in ROUTES:
            for status, page in statuses(client, path, f"Bearer {tab.session}"):
                assert status == 401, path
                assert page.response["X-Session-Expired"] == "1", path
    assert portal.http_requests == 0


def test_tampered_session_is_rejected(client: Client, portal: DemoPortal, tab: Page) -> None:
    content, _, signature = tab.session.partition(":")
    other = content[:-1] + ("A" if content[-1] != "A" else "B")
    for path in ROUTES:
        for status, _page in statuses(client, path, f"Bearer {other}:{signature}"):
            assert status == 401, path
    assert portal.http_requests == 0


def test_portal_that_removed_the_app_is_not_asked(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    Portal.objects.update(uninstalled_at="2026-11-01T00:00:00Z")
    for path in ROUTES:
        for status, _page in statuses(client, path, f"Bearer {tab.session}"):
            assert status == 401, path
    assert portal.http_requests == 0


def test_session_reaches_its_own_portal_only(client: Client, portal: DemoPortal, tab: Page) -> None:
    with DemoPortal(portal.app_url, member_id="b" * 32, oauth_of=portal) as other:
        install(client, other)
        foreign = open_tab(client, other, ILYA, EMPTY)
        portal.reset_counts()
        for path in ROUTES:
            for _status, page in statuses(client, path, f"Bearer {foreign.session}"):
                assert portal.url not in page.text, path
            assert portal.http_requests == 0, path
    assert PortalUser.objects.values("portal").distinct().count() == 2

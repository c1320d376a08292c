"""Every way to a portal's REST passes its budget, and a portal that is stopped holds up no other."""

from collections.abc import Callable

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from b24app.bitrix24 import errors
from b24app.bitrix24.client import Client as BitrixClient
from b24app.bitrix24.portal_limits import Priority
from b24app.connect import client_of, installer_client
from b24app.portals.budgets import budget_of
from b24app.portals.models import Portal, PortalUser
from demo.server import DemoPortal
from testing.opening import ANNA, MOCKUP, Page, ask, install, launch, open_tab, submit

pytestmark = pytest.mark.django_db

Way = Callable[[Client, DemoPortal, Page], Page]

WAYS: dict[str, Way] = {
    "install": lambda client, portal, tab: install(client, portal),
    "main page": lambda client, portal, tab: launch(client, portal, "DEFAULT", ANNA, 0, "en", {}),
    "open the tab": lambda client, portal, tab: open_tab(client, portal),
    "read anew": lambda client, portal, tab: ask(client, tab, "/tab/orders/"),
    "search": lambda client, portal, tab: ask(client, tab, "/tab/found/?q=1193"),
    "link": lambda client, portal, tab: submit(client, tab, "/tab/link/", {"order": "5011|"}),
}


@pytest.fixture
def tab(client: Client, portal: DemoPortal) -> Page:
    install(client, portal)
    opened = open_tab(client, portal, deal_id=MOCKUP)
    portal.reset_counts()
    return opened


def stop(member_id: str) -> None:
    """The portal has answered that it is overloaded."""
    stored = Portal.objects.get(member_id=member_id)
    overload = errors.Overloaded("OVERLOAD_LIMIT")
    budget_of(stored, Priority.INTERACTIVE).settle("one", [("profile", overload)])


def call_for_ever(client: BitrixClient) -> None:
    while True:
        client.call("profile")


@pytest.mark.parametrize("way", WAYS)
def test_stopped_budget_blocks_all_requests(
    client: Client, portal: DemoPortal, tab: Page, way: str
) -> None:
    stop(portal.member_id)
    page = WAYS[way](client, portal, tab)
    assert page.response.status_code == 503
    assert 'data-state="overload"' in page.text
    assert portal.http_requests == 0


def test_session_renewal_is_counted(client: Client, portal: DemoPortal, tab: Page) -> None:
    fresh = portal.open("DEFAULT").form
    stop(portal.member_id)
    answer = submit(client, tab, "/session/renew/", fresh)
    assert answer.response.status_code == 503
    assert portal.http_requests == 0


def test_installer_and_jobs_are_counted(portal: DemoPortal, tab: Page) -> None:
    stored = Portal.objects.get()
    anna = PortalUser.objects.get(user_id=ANNA)
    stop(portal.member_id)
    with pytest.raises(errors.Wait):
        client_of(anna, Priority.BULK).call("profile")
    installer = installer_client(stored)
    assert installer is not None
    with pytest.raises(errors.Overloaded):
        installer.call("profile")
    assert portal.http_requests == 0


def test_stopped_portal_does_not_block_others(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    with DemoPortal(portal.app_url, member_id="other", oauth_of=portal) as other:
        install(client, other)
        stop(portal.member_id)
        assert open_tab(client, portal).state == "overload"
        assert open_tab(client, other).state == ""


def test_budget_settings_are_applied(
    client: Client, portal: DemoPortal, tab: Page, settings: Settings
) -> None:
    settings.B24_RATE_CAPACITY, settings.B24_RATE_LEAK = 30, 1
    anna = PortalUser.objects.get(user_id=ANNA)
    job = client_of(anna, Priority.BULK)
    budget = budget_of(anna.portal, Priority.BULK)
    # Of the 28.75 that fit, a job leaves three to people, or what they have lately wanted at once.
    with pytest.raises(errors.Wait):
        call_for_ever(job)
    view = budget.view()
    assert 15 < view.line <= 25.75
    assert view.line - 3 < view.level <= view.line
    settings.B24_OPERATING_LIMIT = 10
    assert budget_of(anna.portal, Priority.BULK).view().of("profile").limit == 10

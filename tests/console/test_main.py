"""Who comes into the console, and who does not."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from b24app.console import pages
from b24app.portals.models import Portal, PortalUser
from b24app.web.session import Session
from demo.server import DemoPortal
from testing.opening import ANNA, MARIA, MOCKUP, Page, ask, install, launch, open_tab, seen, submit
from tests.console.desk import SETTINGS, at_work, open_main

pytestmark = pytest.mark.django_db

READ = ["overview", "settings", "links", "without", "gone", "jobs", "audit", "support"]
WRITTEN = ["settings-save", "rebind", "carry-on", "links-export", "audit-export", "bundle"]


def test_administrator_sees_the_console(client: Client, portal: DemoPortal) -> None:
    page = at_work(client, portal)
    assert page.response.status_code == 200
    assert 'data-page="console"' in page.text
    assert 'id="menu-overview"' in page.text
    assert f"frame-ancestors {portal.url}" in page.response["Content-Security-Policy"]


def test_bulk_jobs_are_in_the_menu_where_they_are_in_the_app(
    client: Client, portal: DemoPortal
) -> None:
    page = at_work(client, portal)
    there = bool(pages.address("jobs"))
    assert ('id="menu-jobs"' in page.text) is there
    answer = ask(client, page, reverse("console-jobs"))
    assert answer.response.status_code == (200 if there else 404)
    assert ("data-marks" in ask(client, page, reverse("console-links")).text) is there


def test_employee_sees_what_the_app_does(client: Client, portal: DemoPortal) -> None:
    page = at_work(client, portal, MARIA)
    assert (page.response.status_code, page.state) == (200, "main")
    assert "menu-overview" not in page.text


def test_menu_above_the_list_of_deals_opens_the_console_for_administrators(
    client: Client, portal: DemoPortal
) -> None:
    install(client, portal)
    page = launch(client, portal, "CRM_DEAL_LIST_TOOLBAR", ANNA, 0, "en", {})
    assert 'data-page="console"' in page.text
    page = launch(client, portal, "CRM_DEAL_LIST_TOOLBAR", MARIA, 0, "en", {})
    assert page.state == "main"


def test_menu_of_a_deal_in_the_list_opens_its_orders(client: Client, portal: DemoPortal) -> None:
    install(client, portal)
    page = launch(client, portal, "CRM_DEAL_LIST_MENU", MARIA, MOCKUP, "en", {})
    assert page.order_ids == open_tab(client, portal, MARIA, MOCKUP).order_ids


@pytest.mark.parametrize("name", READ + WRITTEN)
def test_only_administrators_read_and_write(client: Client, portal: DemoPortal, name: str) -> None:
    method = "post" if name in WRITTEN else "get"
    employee = at_work(client, portal, MARIA)
    before = portal.state.placements[:]

    def tried(page: Page) -> tuple[int, str]:
        answer = ask(client, page, reverse(f"console-{name}"), SETTINGS, method=method)
        return answer.response.status_code, answer.state

    assert tried(employee) == (403, "admins-only")
    assert getattr(client, method)(reverse(f"console-{name}")).status_code == 401
    forged = client.get(
        reverse(f"console-{name}"), headers={"Authorization": "Bearer forged.by.somebody"}
    )
    assert forged.status_code in (401, 405)
    wrong = "get" if method == "post" else "post"
    assert (
        ask(client, employee, reverse(f"console-{name}"), method=wrong).response.status_code == 405
    )
    assert portal.state.placements == before


@pytest.mark.parametrize("name", READ)
def test_ended_session_is_renewed(
    client: Client, portal: DemoPortal, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = at_work(client, portal)
    monkeypatch.setattr("time.time", lambda: 4_000_000_000.0)
    answer = ask(client, page, reverse(f"console-{name}"))
    assert (answer.response.status_code, answer.state) == (401, "session-ended")
    assert answer.response["X-Session-Expired"] == "1"


def test_administrator_of_another_portal_sees_and_changes_their_own_only(
    client: Client, portal: DemoPortal
) -> None:
    at_work(client, portal)
    other = Portal.objects.create(member_id="b" * 32, endpoint=f"{portal.url}/rest/")
    stranger = PortalUser.objects.create(
        portal=other, user_id=ANNA, is_admin=True, confirmed_at=timezone.now()
    )
    Portal.objects.exclude(pk=other.pk).update(named=[{"id": "U5", "name": "Maria Lopez"}])
    session = Session(stranger.pk, "DEFAULT", 0, 0, "en").token()
    headers = {"Authorization": f"Bearer {session}"}
    page = seen(client.get(reverse("console-settings"), headers=headers))
    assert page.response.status_code == 200
    assert "Maria Lopez" not in page.text


def test_former_administrator_changes_nothing(client: Client, portal: DemoPortal) -> None:
    page = at_work(client, portal)
    portal.state.users[ANNA].admin = False
    answer = submit(client, page, reverse("console-settings-save"), {**SETTINGS, "journal_days": 9})
    assert (answer.response.status_code, answer.state) == (403, "admins-only")
    assert Portal.objects.get().journal_days == 7
    assert ask(client, page, reverse("console-settings")).state == "admins-only"
    assert open_main(client, portal).state == "main"

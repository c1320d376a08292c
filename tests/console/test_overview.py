"""Health in plain words, buttons that mend, numbers of the last 30 days."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from b24app import heartbeat
from b24app.counters import QUEUES
from b24app.journal import audit
from b24app.journal.audit import Entry
from b24app.journal.models import AuditEntry
from b24app.orders.types import DEAL, Owner
from b24app.portals.models import Portal, PortalUser
from demo.server import DemoPortal
from testing.markup import attributes, html_of, only, select, words
from testing.opening import ANNA, MARIA, MOCKUP, WINTER, Page, ask, install, submit
from tests.console.desk import at_work, open_main

pytestmark = pytest.mark.django_db

HERE, THERE = Owner(DEAL, MOCKUP), Owner(DEAL, WINTER)


@pytest.fixture
def worker() -> None:
    heartbeat.beat(QUEUES, "worker@here")


def grades(page: Page) -> dict[str, str]:
    checks = select(page.text, "[data-check][data-grade]")
    return {
        str(node.attributes["data-check"]): str(node.attributes["data-grade"]) for node in checks
    }


def faults(page: Page) -> list[str]:
    return attributes(page.text, "[data-fault]", "data-fault")


def read(client: Client, page: Page) -> Page:
    return ask(client, page, reverse("console-overview"))


def test_overview_without_problems(client: Client, portal: DemoPortal, worker: None) -> None:
    page = at_work(client, portal)
    assert set(grades(page).values()) == {"fine"}
    assert faults(page) == []
    assert "4 of 4 granted" in page.text
    assert "Anna" in page.text


def test_missing_worker_is_reported(client: Client, portal: DemoPortal) -> None:
    assert faults(at_work(client, portal)) == ["queue"]


def test_missing_bindings_are_restored(client: Client, portal: DemoPortal, worker: None) -> None:
    page = at_work(client, portal)
    portal.state.placements.clear()
    portal.state.events.clear()
    page_now = read(client, page)
    assert faults(page_now) == ["places", "events"]
    assert "CRM_DEAL_DETAIL_TAB" in page_now.text
    answer = submit(client, page, reverse("console-rebind"), {})
    assert (faults(answer), answer.toast["kind"]) == ([], "ok")
    assert len(portal.state.placements) == 5


def test_duplicate_bindings_are_removed(client: Client, portal: DemoPortal, worker: None) -> None:
    page = at_work(client, portal)
    portal.state.placements.append(dict(portal.state.placements[0]))
    portal.state.events.append({**portal.state.events[0], "handler": "https://old.example.com/"})
    page_now = read(client, page)
    assert (grades(page_now)["places"], grades(page_now)["events"]) == ("warn", "warn")
    assert faults(submit(client, page, reverse("console-rebind"), {})) == []
    assert len(portal.state.placements) == 5


def test_refused_binding_is_reported(client: Client, portal: DemoPortal, worker: None) -> None:
    page = at_work(client, portal)
    portal.state.events.clear()
    portal.misbehave("no_scope", method="event.bind", times=100)
    answer = submit(client, page, reverse("console-rebind"), {})
    assert 'data-note="not-mended"' in answer.text
    assert "Bitrix24 rejected the request" in answer.text
    assert answer.toast == {}


@pytest.mark.parametrize("kind", ["rate", "overload", "cut", "html"])
def test_partly_failed_rebind_is_not_reported_as_unchanged(
    client: Client, portal: DemoPortal, worker: None, kind: str
) -> None:
    page = at_work(client, portal)
    portal.state.events.clear()
    portal.misbehave(kind, method="event.bind", times=100, after=kind in ("cut", "html"))
    answer = submit(client, page, reverse("console-rebind"), {})
    assert 'data-note="not-mended"' in answer.text
    assert "Nothing was changed" not in answer.text
    assert ("Bitrix24 rejected the request" in answer.text) is (kind == "overload")
    assert answer.toast == {}


def test_new_installer_is_shown_although_binding_failed(
    client: Client, portal: DemoPortal, worker: None
) -> None:
    install(client, portal)
    another_administrator(portal)
    page = open_main(client, portal, MARIA)
    PortalUser.objects.filter(user_id=ANNA).update(is_admin=False)
    portal.state.events.clear()
    portal.misbehave("rate", method="event.bind", times=100)
    answer = submit(client, page, reverse("console-carry-on"), {})
    assert Portal.objects.get().installer == PortalUser.objects.get(user_id=MARIA)
    assert 'data-note="not-mended"' in answer.text
    assert "Nothing was changed" not in answer.text


@pytest.mark.parametrize("scope", ["crm", "sale", "placement", "user_brief"])
def test_withdrawn_permission_is_named(
    client: Client, portal: DemoPortal, worker: None, scope: str
) -> None:
    page = at_work(client, portal)
    portal.state.app.scope.remove(scope)
    page_now = read(client, page)
    assert grades(page_now)["permissions"] == "alert"
    assert f"Add {scope} to the permissions" in page_now.text


def test_unresponsive_portal_is_not_reported_as_healthy(
    client: Client, portal: DemoPortal, worker: None
) -> None:
    page = at_work(client, portal)
    portal.misbehave("rate", times=20)
    found = grades(read(client, page))
    assert [found[word] for word in ("permissions", "places", "events")] == ["unknown"] * 3


def passed_on(client: Client, page: Page) -> list[str]:
    """How Maria's access came to be used instead of Anna's, as the audit shows it."""
    text = ask(client, page, f"{reverse('console-audit')}?kind=access").text
    lines = [html_of(node) for node in select(text, "tr[data-entry]")]
    for line in lines:
        assert "Background work" in line
        assert 'class="from">Anna Schmidt<' in line
        assert 'class="to">Maria Lopez<' in line
    return [words(only(line, ".how")) for line in lines]


def another_administrator(portal: DemoPortal) -> None:
    portal.state.users[MARIA].admin = True


def test_opening_by_administrator_replaces_installer_without_access(
    client: Client, portal: DemoPortal, worker: None
) -> None:
    install(client, portal)
    another_administrator(portal)
    open_main(client, portal, MARIA)
    assert Portal.objects.get().installer == PortalUser.objects.get(user_id=ANNA)
    PortalUser.objects.filter(user_id=ANNA).update(tokens=PortalUser.Tokens.DEAD)
    portal.state.events.clear()
    page = open_main(client, portal, MARIA)
    assert Portal.objects.get().installer == PortalUser.objects.get(user_id=MARIA)
    assert faults(page) == []
    assert "1 person needs to reopen the app" in page.text
    assert passed_on(client, page) == ["by opening the app"]


def test_button_makes_administrator_the_installer(
    client: Client, portal: DemoPortal, worker: None
) -> None:
    install(client, portal)
    another_administrator(portal)
    page = open_main(client, portal, MARIA)
    PortalUser.objects.filter(user_id=ANNA).update(is_admin=False)
    assert faults(read(client, page)) == ["access"]
    answer = submit(client, page, reverse("console-carry-on"), {})
    assert faults(answer) == []
    installer = Portal.objects.get().installer
    assert installer is not None
    assert installer.user_id == MARIA
    assert passed_on(client, page) == ["in the console"]
    submit(client, page, reverse("console-carry-on"), {})  # it is Maria's already
    assert passed_on(client, page) == ["in the console"]


def test_former_administrator_cannot_become_installer(client: Client, portal: DemoPortal) -> None:
    install(client, portal)
    another_administrator(portal)
    page = open_main(client, portal, MARIA)
    portal.state.users[MARIA].admin = False
    for name in ("console-carry-on", "console-rebind"):
        PortalUser.objects.filter(user_id=MARIA).update(is_admin=True)
        assert submit(client, page, reverse(name), {}).state == "admins-only"
    assert not AuditEntry.objects.exists()
    installer = Portal.objects.get().installer
    assert installer is not None
    assert installer.user_id == ANNA


def test_numbers_of_the_last_30_days(client: Client, portal: DemoPortal) -> None:
    page = at_work(client, portal)
    anna = PortalUser.objects.get(user_id=ANNA)
    now = datetime.now(UTC)
    with time_machine.travel(now - timedelta(days=29), tick=False):
        audit.record(anna, "tab", [Entry("link", n, target=HERE) for n in range(1, 1201)])
    with time_machine.travel(now - timedelta(days=31), tick=False):
        audit.record(anna, "tab", [Entry("link", 5, target=HERE)])
    audit.record(anna, "tab", [Entry("link", 1, source=HERE, target=THERE)])
    audit.record(anna, "tab", [Entry("link", 2, source=HERE), Entry("status", 2, before="N")])
    audit.record(anna, "undo", [Entry("link", 1, source=THERE, target=HERE)])
    other = Portal.objects.create(member_id="b" * 32, endpoint=f"{portal.url}/rest/")
    stranger = PortalUser.objects.create(portal=other, user_id=ANNA, name="Stranger")
    audit.record(stranger, "tab", [Entry("link", 9, target=HERE)])
    text = read(client, page).text
    numbers = {
        node.attributes["data-number"]: words(node) for node in select(text, "[data-number]")
    }
    assert numbers == {"linked": "1,200", "moved": "1", "unlinked": "1", "undone": "1"}
    assert text.count("<rect") == 2
    assert f"{anna.name} (1,203)" in text
    assert "Stranger" not in text


def test_overview_needs_two_requests_and_a_reload_one(client: Client, portal: DemoPortal) -> None:
    install(client, portal)
    before = portal.rest.requests
    page = open_main(client, portal)
    assert portal.rest.requests - before == 2
    read(client, page)
    assert portal.rest.requests - before == 3

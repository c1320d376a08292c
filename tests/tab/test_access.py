"""On whose right a change is made: the person's own, or the installer's for those the admin has named."""

import pytest
from django.test import Client

from b24app.journal.models import AuditEntry
from b24app.portals.models import Portal, PortalUser
from demo.server import DemoPortal
from testing.opening import (
    ANNA,
    EMPTY,
    ILYA,
    MARIA,
    MOCKUP,
    WINTER,
    Page,
    ask,
    install,
    open_tab,
    submit,
)

pytestmark = pytest.mark.django_db


def name(*codes: str) -> None:
    Portal.objects.update(named=[{"id": code, "name": code} for code in codes])


def writers(portal: DemoPortal) -> list[int]:
    """Who the portal saw trying to link, in order."""
    return [call.user_id for call in portal.calls if call.method == "crm.orderentity.add"]


@pytest.fixture
def order(client: Client, portal: DemoPortal) -> int:
    install(client, portal)
    return portal.order_id("1193")


def link(client: Client, portal: DemoPortal, page: Page, order: int, seen: str = "") -> Page:
    portal.reset_counts()
    return submit(client, page, "/tab/link/", {"order": f"{order}|{seen}", "move": "on"})


@pytest.mark.parametrize("code", ["U5", "D2"])
def test_app_acts_for_listed_people_and_audit_records_it(
    client: Client, portal: DemoPortal, order: int, code: str
) -> None:
    name(code)
    page = open_tab(client, portal, MARIA, EMPTY)
    assert link(client, portal, page, order).toast["text"] == "1 order linked to this deal: 1193"
    assert portal.link_of(order) == (2, EMPTY)
    assert writers(portal) == [MARIA, ANNA]
    entry = AuditEntry.objects.get()
    assert (entry.user_id, entry.right, entry.through) == (MARIA, "installer", "tab")
    assert 'data-note="read-only"' not in open_tab(client, portal, MARIA, EMPTY).text


def test_refused_right_is_remembered_between_clicks(
    client: Client, portal: DemoPortal, order: int
) -> None:
    name("U5")
    page = open_tab(client, portal, MARIA, EMPTY)
    link(client, portal, page, order)
    link(client, portal, page, portal.order_id("1170"))
    assert writers(portal) == [ANNA]


@pytest.mark.parametrize("codes", [[], ["U7"], ["D3"]])
def test_app_does_not_act_for_unlisted_people(
    client: Client, portal: DemoPortal, order: int, codes: list[str]
) -> None:
    name(*codes)
    page = open_tab(client, portal, MARIA, EMPTY)
    answer = link(client, portal, page, order)
    assert portal.link_of(order) is None
    assert writers(portal) == [MARIA]
    assert 'data-note="failed"' in answer.text
    assert not answer.toast
    assert not AuditEntry.objects.exists()


def test_own_right_is_tried_first(client: Client, portal: DemoPortal, order: int) -> None:
    name("U7")
    link(client, portal, open_tab(client, portal, ILYA, EMPTY), order)
    assert writers(portal) == [ILYA]
    assert AuditEntry.objects.get().right == "own"


def test_unreadable_list_of_people_counts_as_empty(
    client: Client, portal: DemoPortal, order: int
) -> None:
    name("U5")
    page = open_tab(client, portal, MARIA, EMPTY)
    portal.misbehave("gone", "user.access", times=9)
    link(client, portal, page, order)
    assert portal.link_of(order) is None


def test_listed_people_cannot_link_to_closed_deal(
    client: Client, portal: DemoPortal, order: int
) -> None:
    name("U5")
    page = open_tab(client, portal, MARIA, EMPTY)
    portal.state.users[MARIA].own_deals_only = True
    answer = link(client, portal, page, order)
    assert answer.state == "no-deal"
    assert portal.link_of(order) is None
    assert writers(portal) == []


def test_listed_people_cannot_unlink_from_closed_deal(
    client: Client, portal: DemoPortal, order: int
) -> None:
    name("U5")
    page = open_tab(client, portal, MARIA, EMPTY)
    portal.state.users[MARIA].own_deals_only = True
    portal.state.deals[EMPTY]["ASSIGNED_BY_ID"] = str(MARIA)
    foreign = portal.order_id("1184")
    answer = link(client, portal, page, foreign, f"2:{WINTER}")
    assert portal.link_of(foreign) == (2, WINTER)
    assert "don’t have access to its current or its new card" in answer.text
    link(client, portal, page, order)
    assert portal.link_of(order) == (2, EMPTY)


def test_installer_without_access_is_reported(
    client: Client, portal: DemoPortal, order: int
) -> None:
    name("U5")
    page = open_tab(client, portal, MARIA, EMPTY)
    PortalUser.objects.filter(user_id=ANNA).update(tokens=PortalUser.Tokens.DEAD)
    answer = link(client, portal, page, order)
    assert portal.link_of(order) is None
    assert "access has ended" in answer.text


def test_read_only_people_see_who_can_grant_the_right(
    client: Client, portal: DemoPortal, order: int
) -> None:
    page = open_tab(client, portal, MARIA, EMPTY)
    link(client, portal, page, order)
    opened = open_tab(client, portal, MARIA, EMPTY)
    assert 'data-note="read-only"' in opened.text
    assert "Anna Schmidt" in opened.text


def test_granted_right_can_be_rechecked(client: Client, portal: DemoPortal, order: int) -> None:
    page = open_tab(client, portal, MARIA, MOCKUP)
    link(client, portal, page, order)
    shown = open_tab(client, portal, MARIA, MOCKUP)
    assert 'data-note="read-only"' in shown.text
    assert "Check again" in shown.text
    assert 'data-note="read-only"' in ask(client, shown, "/tab/orders/").text
    assert 'data-note="read-only"' not in ask(client, shown, "/tab/orders/", {"again": "on"}).text
    link(client, portal, shown, order)
    assert writers(portal) == [MARIA]
    assert 'data-note="read-only"' in ask(client, shown, "/tab/orders/").text

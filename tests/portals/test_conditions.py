"""A portal that is closed, blocked, without a plan or without a store: what each page shows."""

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from b24app.portals.models import Portal, PortalUser
from demo.server import DemoPortal
from testing.markup import attributes, select
from testing.opening import (
    MOCKUP,
    Page,
    ask,
    install,
    open_invoice,
    open_order,
    open_tab,
    submit,
)
from tests.console.desk import at_work, open_main

pytestmark = [pytest.mark.django_db, pytest.mark.bare]

STATES = {
    "closed": "portal-closed",
    "overloaded": "overload",
    "plan_ended": "plan",
    "market_ended": "plan",
}
WORDS = {
    "closed": "closed for maintenance",
    "overloaded": "Only Bitrix24 support can lift the block",
    "plan_ended": "a commercial plan or with a Market subscription",
    "market_ended": "a commercial plan or with a Market subscription",
}

every_condition = pytest.mark.parametrize("condition", [*STATES])
both_editions = pytest.mark.parametrize("other_edition", [False, True])


@pytest.fixture
def installed(client: Client, portal: DemoPortal) -> DemoPortal:
    install(client, portal)
    portal.reset_counts()
    return portal


@both_editions
@every_condition
def test_tab_shows_portal_wide_problem(
    client: Client, installed: DemoPortal, condition: str, other_edition: bool
) -> None:
    installed.enter(condition, other_edition=other_edition)
    page = open_tab(client, installed)
    assert page.state == STATES[condition]
    assert WORDS[condition] in page.text
    assert "don’t have access to this deal" not in page.text
    # No status of theirs makes us refresh: only expired_token does.
    assert installed.refreshes == 0


@both_editions
@every_condition
def test_open_tab_shows_problem_and_keeps_access(
    client: Client, installed: DemoPortal, condition: str, other_edition: bool
) -> None:
    tab = open_tab(client, installed)
    installed.enter(condition, other_edition=other_edition)
    read = ask(client, tab, "/tab/orders/")
    assert read.state == STATES[condition]
    assert "X-Session-Expired" not in read.response
    changed = submit(client, tab, "/tab/unlink/", {"order": f"{tab.order_ids[0]}|2:{MOCKUP}"})
    assert changed.response.status_code != 500
    assert "permission to change orders" not in changed.text
    assert set(PortalUser.objects.values_list("tokens", flat=True)) == {"live"}
    assert installed.refreshes == 0


@pytest.mark.parametrize("condition", ["closed", "plan_ended", "market_ended"])
def test_closed_portal_or_missing_plan_does_not_end_session(
    client: Client, installed: DemoPortal, condition: str
) -> None:
    tab = open_tab(client, installed)
    access, _ = installed.state.tokens_for(1)
    form = {"AUTH_ID": access, "AUTH_EXPIRES": "3600"}
    installed.enter(condition)
    assert submit(client, tab, "/session/renew/", form).response.status_code == 503
    installed.calm()
    assert submit(client, tab, "/session/renew/", form).response.status_code == 200


@every_condition
def test_installer_shows_problem_and_stores_nothing(
    client: Client, portal: DemoPortal, condition: str
) -> None:
    portal.enter(condition)
    page = install(client, portal)
    assert page.state == STATES[condition]
    assert not Portal.objects.exists()


@pytest.mark.parametrize("condition", ["closed", "plan_ended", "overloaded"])
def test_installer_step_shows_why_it_failed(
    client: Client, installed: DemoPortal, condition: str
) -> None:
    page = install(client, installed)
    installed.enter(condition)
    again = submit(client, page, "/install/repeat/", {})
    assert 'data-step="tabs" data-done="no"' in again.text
    assert WORDS[condition].removesuffix("maintenance") in again.text
    assert "permissions or your Bitrix24 plan" not in again.text


@every_condition
def test_console_health_shows_portal_wide_problem(
    client: Client, portal: DemoPortal, condition: str
) -> None:
    page = at_work(client, portal)
    portal.enter(condition)
    read = ask(client, page, reverse("console-overview"))
    faults = attributes(read.text, "[data-fault]", "data-fault")
    assert [fault for fault in faults if fault in ("portal", "limits")] == ["portal"]
    assert WORDS[condition].removesuffix(" for maintenance") in read.text
    assert open_main(client, portal).state == STATES[condition]


def test_denied_call_is_no_portal_wide_problem(client: Client, installed: DemoPortal) -> None:
    page = open_tab(client, installed, user_id=9)
    assert page.state == "no-deal"


def test_overloaded_portal_is_asked_once_in_ten_minutes(
    client: Client, installed: DemoPortal
) -> None:
    tab = open_tab(client, installed)
    installed.enter("overloaded")
    asked = installed.http_requests
    for _ in range(5):
        assert ask(client, tab, "/tab/orders/").state == "overload"
        assert open_tab(client, installed).state == "overload"
        open_main(client, installed)
    assert installed.http_requests == asked + 1


# --- without a store --------------------------------------------------------------------------


@pytest.fixture
def storeless(client: Client, installed: DemoPortal) -> DemoPortal:
    installed.close_store()
    return installed


def offered(page: Page, element: str) -> bool:
    """Whether an element with this id is in the page and not hidden."""
    return bool(select(page.text, f"#{element}:not([hidden])"))


def test_tab_without_a_store_offers_neither_linking_nor_filters(
    client: Client, storeless: DemoPortal
) -> None:
    for page in (open_tab(client, storeless), open_invoice(client, storeless)):
        assert page.state == "no-store"
        assert not offered(page, "open-picker")
        assert not offered(page, "narrow")
    storeless.reopen_store()
    page = open_tab(client, storeless)
    assert offered(page, "open-picker")
    assert offered(page, "narrow")


def test_order_card_without_a_store_offers_nothing_to_link(
    client: Client, storeless: DemoPortal
) -> None:
    page = open_order(client, storeless, next(iter(storeless.state.orders)))
    assert page.state == "no-store"
    assert "order-move" not in page.without_templates


def test_picker_reports_missing_store(client: Client, storeless: DemoPortal) -> None:
    storeless.reopen_store()
    tab = open_tab(client, storeless)
    storeless.close_store()
    found = ask(client, tab, "/tab/found/", {"q": "1201"})
    assert found.state == "no-store"


def test_console_without_store_reports_it_and_shows_no_filter(
    client: Client, storeless: DemoPortal
) -> None:
    page = open_main(client, storeless)
    assert 'data-check="portal" data-grade="warn"' in page.text
    assert "no online store" in page.text
    links = ask(client, page, reverse("console-links"))
    assert links.state == "no-store"
    assert "<select" not in links.text
    report = ask(client, page, reverse("console-without"))
    assert report.state == "no-store"


def test_app_can_be_installed_before_there_is_a_store(client: Client, portal: DemoPortal) -> None:
    portal.close_store()
    page = install(client, portal)
    assert 'data-install-state="done"' in page.text
    assert "no online store yet" in page.text


# --- fields of order links --------------------------------------------------------------------


@pytest.mark.parametrize("unknown", ["orderId", "ownerId", "ownerTypeId"])
def test_missing_order_link_field_is_reported_by_install_and_health(
    client: Client, portal: DemoPortal, unknown: str
) -> None:
    portal.state.link_fields.remove(unknown)
    page = install(client, portal)
    assert 'data-step="links" data-done="no"' in page.text
    assert f"It doesn’t support {unknown}" in page.text
    main = open_main(client, portal)
    assert 'data-check="portal" data-grade="alert"' in main.text
    assert f"It doesn’t support {unknown}" in main.text
    portal.state.link_fields.append(unknown)
    assert 'data-install-state="done"' in submit(client, page, "/install/repeat/", {}).text
    cache.clear()
    assert 'data-check="portal" data-grade="fine"' in open_main(client, portal).text


def test_missing_order_links_are_reported(client: Client, portal: DemoPortal) -> None:
    portal.misbehave("gone", method="crm.orderentity.getFields", times=50)
    page = install(client, portal)
    assert 'data-step="links" data-done="no"' in page.text
    main = open_main(client, portal)
    assert "Order links don’t work in this version" in main.text


def test_administrator_without_order_right_can_install(client: Client, portal: DemoPortal) -> None:
    portal.state.users[1].sale = "denied"
    assert 'data-install-state="done"' in install(client, portal).text

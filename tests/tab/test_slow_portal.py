"""A portal that answers slowly, without end, or not at all holds nobody up for longer than an opening."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from django.conf import LazySettings
from django.test import Client

from b24app.bitrix24 import slots
from demo.server import DemoPortal
from demo.tables import Row
from testing.opening import MANY, MOCKUP, Page, ask, install, open_tab, post, submit
from testing.waiting import HANG_SECONDS

pytestmark = [pytest.mark.django_db, pytest.mark.bare]

PAYMENTS = "sale.payment.list"


@pytest.fixture
def installed(client: Client, portal: DemoPortal) -> DemoPortal:
    install(client, portal)
    open_tab(client, portal)
    portal.reset_counts()
    return portal


def again(client: Client, page: Page) -> Page:
    """What the page's own retry sends."""
    form = {"sealed": page.attribute("value", "[name=sealed]")}
    return post(client, page.attribute("action", "form[method=post]"), form)


def methods(portal: DemoPortal) -> list[set[str]]:
    """The methods of each request, in the order of the requests."""
    found: dict[int, set[str]] = {}
    for call in portal.calls:
        found.setdefault(call.request, set()).add(call.method)
    return list(found.values())


@pytest.fixture
def silent(client: Client, installed: DemoPortal, settings: LazySettings) -> Page:
    """An opening that a portal which is slow at payments did not answer in time."""
    usual, settings.OPENING_SECONDS = settings.OPENING_SECONDS, 1.0
    installed.misbehave("hang", PAYMENTS, seconds=HANG_SECONDS, after=True)
    page = open_tab(client, installed)
    settings.OPENING_SECONDS = usual
    installed.calm()
    installed.reset_counts()
    return page


def test_opening_without_an_answer_ends_at_its_deadline(silent: Page) -> None:
    assert (silent.state, silent.response.status_code) == ("silent", 504)
    assert silent.attribute("data-retry-seconds") == "15"
    assert silent.attribute("data-retried") == "0"


def test_retry_at_a_slow_portal_asks_for_less(
    client: Client, installed: DemoPortal, silent: Page
) -> None:
    page = again(client, silent)
    assert len(page.order_ids) == 9
    assert page.totals == {}
    assert 'data-note="rest-follows"' in page.text
    (asked,) = methods(installed)
    assert "sale.order.list" in asked
    assert asked.isdisjoint({PAYMENTS, "sale.shipment.list", "sale.propertyvalue.list"})


def test_payments_and_shipments_of_a_slow_portal_follow_in_a_second_request(
    client: Client, installed: DemoPortal, silent: Page
) -> None:
    installed.rest.limits.usual, installed.rest.limits.costs = 1.2, {}
    page = again(client, silent)
    installed.reset_counts()
    rest = ask(client, page, "/tab/orders/")
    assert len(rest.order_ids) == 9
    assert rest.totals
    assert 'data-note="rest-follows"' not in rest.text
    first, *others = methods(installed)
    assert PAYMENTS not in first
    assert any({PAYMENTS, "sale.shipment.list"} <= other for other in others)
    installed.rest.limits.restore()
    open_tab(client, installed)
    assert rest.totals == open_tab(client, installed).totals


def test_recovered_portal_is_asked_for_everything_at_once(
    client: Client, installed: DemoPortal, silent: Page
) -> None:
    again(client, silent)
    installed.reset_counts()
    page = open_tab(client, installed)
    assert page.totals
    assert PAYMENTS in methods(installed)[0]


def test_failed_opening_counts_its_retries(
    client: Client, installed: DemoPortal, settings: LazySettings
) -> None:
    settings.OPENING_SECONDS = 0.5
    installed.misbehave("html", times=50)
    page = open_tab(client, installed)
    for tried in range(4):
        assert page.attribute("data-retried") == str(tried)
        page = again(client, page)


def endless(body: Row) -> Row:
    return {**body, "next": 50}


@pytest.mark.parametrize("method", [PAYMENTS, "sale.shipment.list", "sale.propertyvalue.list"])
def test_endless_pages_do_not_block_an_opening(
    client: Client, installed: DemoPortal, method: str
) -> None:
    installed.bend(method, endless)
    page = open_tab(client, installed)
    assert len(page.order_ids) == 9
    assert installed.http_requests <= 5
    if method == PAYMENTS:
        assert page.totals == {}, "sums of payments that were not all read"


def test_endless_pages_do_not_block_an_open_page(client: Client, installed: DemoPortal) -> None:
    page = open_tab(client, installed)
    installed.bend(PAYMENTS, endless)
    installed.reset_counts()
    assert len(ask(client, page, "/tab/orders/").order_ids) == 9
    assert installed.http_requests <= 20


@pytest.mark.parametrize("path", ["/tab/export/", "/tab/status/confirm/"])
def test_endless_pages_do_not_block_exports_or_dialogs(
    client: Client, installed: DemoPortal, settings: LazySettings, path: str
) -> None:
    settings.SAVING_REQUESTS = settings.READING_REQUESTS = 6
    page = open_tab(client, installed)
    installed.bend(PAYMENTS, endless)
    installed.reset_counts()
    form = {"all": "on", "payment": "paid", "format": "csv"}
    answer = submit(client, page, path, form)
    assert (answer.state, answer.response.status_code) == ("silent", 504)
    assert installed.http_requests <= 6


def test_session_is_renewed_within_the_deadline_of_an_opening(
    client: Client, installed: DemoPortal, settings: LazySettings
) -> None:
    page = open_tab(client, installed)
    fresh = installed.open("CRM_DEAL_DETAIL_TAB", user_id=1, entity_id=MOCKUP).form
    settings.OPENING_SECONDS = 0.5
    installed.misbehave("hang", "profile", seconds=2)
    form = {name: fresh[name] for name in ("AUTH_ID", "REFRESH_ID")}
    assert submit(client, page, "/session/renew/", form).response.status_code == 503


def test_card_of_400_orders_needs_no_more_than_five_requests(
    client: Client, installed: DemoPortal
) -> None:
    page = open_tab(client, installed, deal_id=MANY)
    assert len(page.order_ids) == 20
    assert page.totals
    assert installed.http_requests <= 5


@pytest.fixture
def crowd(installed: DemoPortal) -> Iterator[str]:
    """As many threads as may do so wait for the portal already."""
    portal = urlsplit(installed.url).netloc
    for _ in range(slots.MIN_SLOTS):
        slots.OF_PROCESS.take(portal)
    yield portal
    for _ in range(slots.MIN_SLOTS):
        slots.OF_PROCESS.give_back(portal)


def test_request_above_slot_limit_gets_busy_page_with_retry(
    client: Client, installed: DemoPortal, crowd: str
) -> None:
    page = open_tab(client, installed)
    assert (page.state, page.response.status_code) == ("busy", 503)
    assert page.attribute("data-retry-seconds") == "2"
    assert installed.http_requests == 0
    slots.OF_PROCESS.give_back(crowd)
    assert len(again(client, page).order_ids) == 9
    slots.OF_PROCESS.take(crowd)


def test_open_page_gets_busy_notice_with_retry(client: Client, installed: DemoPortal) -> None:
    page = open_tab(client, installed)
    portal = urlsplit(installed.url).netloc
    for _ in range(slots.MIN_SLOTS):
        slots.OF_PROCESS.take(portal)
    found = ask(client, page, "/tab/orders/")
    for _ in range(slots.MIN_SLOTS):
        slots.OF_PROCESS.give_back(portal)
    assert (found.state, found.response["X-Lo-State"]) == ("busy", "1")
    assert found.attribute("data-retry-seconds") == "2"
    assert len(ask(client, page, "/tab/orders/").order_ids) == 9


def test_every_page_releases_its_slot(client: Client, installed: DemoPortal) -> None:
    for deal in [MOCKUP] * (2 * slots.MIN_SLOTS):
        assert len(open_tab(client, installed, deal_id=deal).order_ids) == 9

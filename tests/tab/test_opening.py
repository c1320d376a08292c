"""Opening the tab: content and number of requests."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from b24app.portals.models import PortalUser
from demo.server import DemoPortal
from testing.opening import (
    ANNA,
    EMPTY,
    FIFTY,
    FIFTY_ONE,
    MANY,
    MARIA,
    MOCKUP,
    PETRA,
    THREE,
    TOM,
    ask,
    install,
    open_tab,
    post,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def installed(client: Client, portal: DemoPortal) -> DemoPortal:
    assert 'data-install-state="done"' in install(client, portal).text
    open_tab(client, portal)  # dictionaries are warm from here on
    portal.reset_counts()
    return portal


@pytest.mark.parametrize(
    ("deal_id", "requests"), [(EMPTY, 1), (THREE, 1), (MOCKUP, 1), (FIFTY, 1), (MANY, 3)]
)
def test_requests_to_open_the_tab(
    client: Client, installed: DemoPortal, deal_id: int, requests: int
) -> None:
    open_tab(client, installed, deal_id=deal_id)
    installed.reset_counts()
    page = open_tab(client, installed, deal_id=deal_id)
    assert page.response.status_code == 200
    assert installed.http_requests <= requests


def test_every_linked_order_is_counted_and_the_first_twenty_are_shown(
    client: Client, installed: DemoPortal
) -> None:
    for deal_id, total in ((EMPTY, 0), (THREE, 3), (FIFTY, 50), (FIFTY_ONE, 51), (MANY, 400)):
        page = open_tab(client, installed, deal_id=deal_id)
        assert page.attribute("data-total-count") == str(total)
        assert len(page.order_ids) == min(total, 20)


def test_sql_queries_to_open_the_tab(client: Client, installed: DemoPortal) -> None:
    open_tab(client, installed)
    with CaptureQueriesContext(connection) as captured:
        open_tab(client, installed)
    statements = [query["sql"] for query in captured.captured_queries]
    # The journal and the request log are written when the page has gone out.
    afterwards = [statement for statement in statements if '"journal_re' in statement]
    assert len(statements) - len(afterwards) <= 6 + 4, "four open and close two transactions"
    assert len(afterwards) <= 3


def test_money_of_the_deal_is_exact(client: Client, installed: DemoPortal) -> None:
    page = open_tab(client, installed)
    assert page.totals == {"EUR": "20430.50", "USD": "3180.00"} or page.totals == {
        "EUR": "20430.5",
        "USD": "3180",
    }
    for text in (
        "€16,860.50",
        "€3,250.00",
        "€320.00",
        "differs by €569.50",
        "1 cancelled",
        "€640.00",
    ):
        assert text in page.text


def test_money_in_the_portal_s_language(client: Client, installed: DemoPortal) -> None:
    assert "20.430,50\xa0€" in open_tab(client, installed, lang="de").text
    assert "20\xa0430,50\xa0€" in open_tab(client, installed, lang="ru").text


def test_statuses_have_the_portal_s_names_and_colours(
    client: Client, installed: DemoPortal
) -> None:
    page = open_tab(client, installed, lang="ru")
    names = [record["name"] for record in installed.state.status_names if record["lid"] == "ru"]
    assert any(name in page.text for name in names)
    assert "<style nonce=" in page.text
    assert "style=" not in page.text


def test_pages_are_read_one_by_one(client: Client, installed: DemoPortal) -> None:
    first = open_tab(client, installed, deal_id=MANY)
    installed.reset_counts()
    second = ask(client, first, "/tab/grid/?page=2")
    assert installed.http_requests == 1
    assert len(second.order_ids) == 20
    assert not set(first.order_ids) & set(second.order_ids)
    third = ask(client, first, "/tab/grid/?page=3")
    last = ask(client, first, "/tab/grid/?page=20")
    assert len(third.order_ids) == len(last.order_ids) == 20
    everything = [first, *(ask(client, first, f"/tab/grid/?page={n}") for n in range(2, 21))]
    assert len({order_id for page in everything for order_id in page.order_ids}) == 400


def test_markup_in_names_is_text(client: Client, installed: DemoPortal) -> None:
    page = ask(client, open_tab(client, installed), "/tab/found/?q=%3Cb%3E")
    assert "<b>markup" not in page.text.lower()


def test_person_without_read_right_sees_why(client: Client, installed: DemoPortal) -> None:
    page = open_tab(client, installed, user_id=PETRA)
    assert page.state == "no-read"
    assert not page.order_ids


def test_manager_with_read_only_sees_the_orders(client: Client, installed: DemoPortal) -> None:
    assert len(open_tab(client, installed, user_id=MARIA).order_ids) == 9


def test_deal_the_user_may_not_open_is_refused_and_nothing_stored(
    client: Client, installed: DemoPortal
) -> None:
    page = open_tab(client, installed, user_id=TOM, deal_id=MOCKUP)
    assert (page.state, page.response.status_code) == ("no-deal", 403)
    assert not PortalUser.objects.filter(user_id=TOM).exists()
    assert not page.order_ids


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        ("no_store", "no-store"),
        ("html", "silent"),
        ("cut", "silent"),
        ("reset", "silent"),
        ("operating", "busy"),
        ("portal_deleted", "portal-closed"),
        ("payment_required", "payment"),
        ("no_read", "no-read"),
    ],
)
def test_failed_answer_is_not_shown_as_no_orders(
    client: Client, installed: DemoPortal, fault: str, state: str
) -> None:
    method = "crm.orderentity.list" if fault in ("no_store", "operating", "no_read") else None
    installed.misbehave(fault, method=method, times=50)
    page = open_tab(client, installed)
    assert page.state == state
    assert 'data-state="empty"' not in page.without_templates
    installed.calm()
    assert len(open_tab(client, installed).order_ids) == 9


def test_failed_opening_can_be_retried_from_its_page(client: Client, installed: DemoPortal) -> None:
    installed.misbehave("html", times=50)
    failed = open_tab(client, installed)
    assert failed.state == "silent"
    sealed = failed.attribute("value", "[name=sealed]")
    token = PortalUser.objects.get(user_id=ANNA).access_token
    assert str(token) not in failed.text
    installed.calm()
    again = post(client, failed.attribute("action", "form[method=post]"), {"sealed": sealed})
    assert len(again.order_ids) == 9
    forged = post(
        client, "http://app/placements/deal-tab/?LANG=en", {"sealed": sealed[:-4] + "AAAA"}
    )
    assert (forged.state, forged.response.status_code) == ("malformed", 400)


def test_orders_that_may_not_be_read_are_still_shown_as_linked(
    client: Client, installed: DemoPortal
) -> None:
    installed.misbehave("no_read", method="sale.order.list", times=50)
    page = open_tab(client, installed)
    assert len(page.order_ids) == 9
    assert 'data-note="no-details"' in page.text
    assert not page.totals


def test_frame_names_the_portal_and_nothing_is_cached(
    client: Client, installed: DemoPortal
) -> None:
    response = open_tab(client, installed).response
    policy = response["Content-Security-Policy"]
    assert f"frame-ancestors http://{installed.domain}" in policy
    assert "'unsafe-inline'" not in policy
    assert "X-Frame-Options" not in response
    assert response["Cache-Control"] == "no-store"
    assert response["Referrer-Policy"] == "same-origin"
    assert not response.cookies


def test_unresolved_references_cost_one_more_request(client: Client, installed: DemoPortal) -> None:
    installed.misbehave("no_references", times=50)
    page = open_tab(client, installed)
    assert len(page.order_ids) == 9
    assert "€16,860.50" in page.text


def test_person_is_stored_with_encrypted_tokens(client: Client, installed: DemoPortal) -> None:
    user = PortalUser.objects.get(user_id=ANNA)
    assert user.is_admin
    assert user.name == "Anna Schmidt"
    assert str(user.access_token) not in repr(user)
    assert str(user.access_token) not in repr(user.access_token)

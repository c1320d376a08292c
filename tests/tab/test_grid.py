"""Looking at the orders of a card: order, filter, pages, and what they cost in requests."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.test import Client

from b24app.portals.placements import INVOICE_TAB
from demo.server import DemoPortal
from testing.opening import (
    ANNA,
    CHAIRS_INVOICE,
    EMPTY,
    ILYA,
    MANY,
    MOCKUP,
    PETRA,
    THREE,
    TOM,
    WINTER,
    Page,
    ask,
    install,
    launch,
    open_tab,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def large(client: Client, portal: DemoPortal) -> Page:
    """The tab of a deal with 400 orders, opened for the second time."""
    install(client, portal)
    open_tab(client, portal, deal_id=MANY)
    return open_tab(client, portal, deal_id=MANY)


def of_deal(portal: DemoPortal, deal_id: int) -> list[int]:
    return [pk for pk, owner in portal.state.links.items() if owner == (2, deal_id)]


def numbers(portal: DemoPortal, page: Page) -> list[str]:
    return [portal.state.orders[pk]["accountNumber"] for pk in page.order_ids]


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ({"sort": "amount", "dir": "asc"}, lambda row: (row["currency"], row["price"])),
        ({"sort": "date", "dir": "asc"}, lambda row: row["dateInsert"]),
        (
            {"sort": "status", "dir": "asc"},
            lambda row: ["N", "AW", "PC", "SD", "F", "X"].index(row["statusId"]),
        ),
        (
            {"sort": "number", "dir": "asc"},
            lambda row: int("".join(filter(str.isdecimal, row["accountNumber"]))),
        ),
    ],
)
@pytest.mark.parametrize("descending", [False, True])
def test_sorting_applies_over_all_pages(
    client: Client,
    portal: DemoPortal,
    large: Page,
    query: dict[str, str],
    key: Callable[[dict[str, object]], object],
    descending: bool,
) -> None:
    query = query | ({"dir": "desc"} if descending else {})
    found: list[int] = []
    every = query["sort"] == "amount" and not descending
    for number in range(1, 21) if every else (1, 2, 11, 20):
        portal.reset_counts()
        page = ask(client, large, "/tab/grid/", {**query, "page": str(number)})
        assert portal.http_requests <= 2
        found += page.order_ids
    assert not every or sorted(found) == sorted(of_deal(portal, MANY))
    keys = [key(portal.state.orders[pk]) for pk in found]
    assert keys == sorted(keys, reverse=descending)  # type: ignore[type-var]  # keys of one kind each


def test_header_shows_sort_order(client: Client, office: Page) -> None:
    def sorting(page: Page) -> list[str]:
        return [part.split(">")[0] for part in page.text.split("<th ") if "aria-sort" in part]

    assert sorting(office) == []
    (order,) = sorting(ask(client, office, "/tab/grid/", {"sort": "number", "dir": "desc"}))
    assert 'c-order" aria-sort="descending"' in order
    (amount,) = sorting(ask(client, office, "/tab/grid/", {"sort": "amount", "dir": "asc"}))
    assert 'num" aria-sort="ascending"' in amount


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"q": "1196"}, ["1196"]),
        ({"q": "clara"}, ["1201", "1196", "1159", "1152"]),
        ({"q": "2025550117"}, ["1188", "1181", "1166", "1140"]),
        ({"q": "1z204"}, ["1181", "1174"]),
        ({"q": "HARBOUR"}, ["1196", "1181", "1140"]),
        ({"status": "F"}, ["1174", "1152", "1140"]),
        ({"payment": "partly"}, ["1196"]),
        ({"payment": "refunded"}, ["1152"]),
        ({"payment": "not_paid", "canceled": "off"}, ["1201", "1166"]),
        ({"delivery": "partly"}, ["1196"]),
        ({"delivery": "shipped"}, ["1181", "1174", "1152", "1140"]),
        ({"canceled": ["off", "on"], "status": "X"}, ["1159"]),
        ({"status": "F", "payment": "paid", "delivery": "shipped", "q": "priya"}, ["1174"]),
    ],
)
def test_orders_are_filtered(
    client: Client,
    portal: DemoPortal,
    office: Page,
    query: dict[str, str | list[str]],
    expected: list[str],
) -> None:
    page = ask(client, office, "/tab/grid/", query)
    assert numbers(portal, page) == expected
    assert f'data-matching="{len(expected)}"' in page.text


def test_no_match_differs_from_empty_deal(client: Client, office: Page) -> None:
    page = ask(client, office, "/tab/grid/", {"q": "no such order"})
    assert page.state == "nothing-matches"
    assert not page.order_ids


@pytest.mark.parametrize(
    ("query", "requests"),
    [
        ({"page": "2"}, 1),
        ({"page": "20"}, 1),
        ({"q": "Clara"}, 2),
        ({"status": "F"}, 2),
        ({"payment": "partly", "delivery": "partly"}, 2),
        ({"q": "7400", "sort": "amount", "page": "3"}, 2),
        ({"canceled": "off"}, 2),
    ],
)
def test_requests_of_a_page_of_four_hundred_orders(
    client: Client, portal: DemoPortal, large: Page, query: dict[str, str], requests: int
) -> None:
    portal.reset_counts()
    assert ask(client, large, "/tab/grid/", query).order_ids
    assert portal.http_requests <= requests


def test_opening_four_hundred_orders_again_takes_one_request(
    client: Client, portal: DemoPortal, large: Page
) -> None:
    portal.reset_counts()
    page = open_tab(client, portal, deal_id=MANY)
    assert portal.http_requests == 1
    assert page.attribute("data-total-count") == "400"
    live = [portal.state.orders[pk] for pk in of_deal(portal, MANY)]
    for currency in ("EUR", "USD"):
        expected = sum(
            Decimal(str(row["price"]))
            for row in live
            if row["currency"] == currency and row["canceled"] == "N"
        )
        assert Decimal(page.totals[currency]) == expected


def test_page_past_the_end_becomes_last_page(
    client: Client, portal: DemoPortal, large: Page
) -> None:
    assert 'data-page="20"' in ask(client, large, "/tab/grid/", {"page": "400"}).text
    for pk in of_deal(portal, MANY)[30:]:
        del portal.state.links[pk]
    page = ask(client, large, "/tab/orders/", {"page": "20"})
    assert page.attribute("data-page") == "2"
    assert len(page.order_ids) == 10
    narrowed = ask(client, large, "/tab/grid/", {"page": "9", "sort": "amount"})
    assert narrowed.attribute("data-page") == "2"


def test_region_keeps_page_and_filter(client: Client, portal: DemoPortal, large: Page) -> None:
    page = ask(client, large, "/tab/orders/", {"payment": "paid", "page": "2", "sort": "number"})
    assert page.attribute("data-page") == "2"
    assert page.attribute("data-total-count") == "400"
    assert len(page.totals) == 2
    assert all(portal.state.orders[pk]["payed"] == "Y" for pk in page.order_ids)


@pytest.mark.parametrize(
    "query",
    [
        {"sort": "price"},
        {"dir": "up"},
        {"payment": "maybe"},
        {"delivery": "x"},
        {"status": "<b>"},
        {"q": "x" * 101},
        {"page": "0"},
        {"page": "1e3"},
    ],
)
def test_forged_grid_fields_are_a_bad_request(
    client: Client, portal: DemoPortal, office: Page, query: dict[str, str]
) -> None:
    portal.reset_counts()
    assert ask(client, office, "/tab/grid/", query).response.status_code == 400
    assert portal.http_requests == 0


def test_ten_thousand_orders_are_paged_and_neither_summed_nor_sorted(
    client: Client, portal: DemoPortal
) -> None:
    install(client, portal)
    some = portal.state.orders[of_deal(portal, MANY)[0]]
    for pk in range(50_000, 60_000):
        portal.state.orders[pk] = some | {"id": pk, "accountNumber": str(pk)}
        portal.state.links[pk] = (2, EMPTY)
    page = open_tab(client, portal, deal_id=EMPTY)
    assert page.attribute("data-total-count") == "10000"
    assert 'data-note="not-summed"' in page.text
    assert not page.totals
    portal.reset_counts()
    last = ask(client, page, "/tab/grid/", {"page": "500"})
    assert portal.http_requests == 1
    assert last.order_ids == list(range(50_019, 49_999, -1))
    portal.reset_counts()
    sorted_ = ask(client, page, "/tab/grid/", {"sort": "amount", "q": "5"})
    assert 'data-note="limited"' in sorted_.text
    assert sorted_.order_ids == list(range(59_999, 59_979, -1))
    assert portal.http_requests <= 3


def test_invoice_tab_uses_invoice_wording(client: Client, portal: DemoPortal) -> None:
    install(client, portal)
    portal.state.links[portal.order_id("1193")] = (31, CHAIRS_INVOICE)
    page = launch(client, portal, INVOICE_TAB, ILYA, 118, "en", {})
    assert len(page.order_ids) == 2
    assert "Invoice’s amount" in page.text
    body = page.without_templates.split('<div id="orders"')[1]
    assert "deal" not in body.replace("/deal/", "").replace('class="deal"', "").lower()
    portal.state.links.clear()
    assert "No orders in this invoice yet" in ask(client, page, "/tab/orders/").text


def test_amount_is_offered_only_where_it_differs_in_the_card_s_currency(
    client: Client, portal: DemoPortal, office: Page
) -> None:
    assert "Change to €20,430.50…" in office.text
    portal.state.deals[MOCKUP]["OPPORTUNITY"] = "20430.50"
    assert "Change to" not in ask(client, office, "/tab/orders/").text
    portal.state.deals[MOCKUP] |= {"OPPORTUNITY": "1.00", "CURRENCY_ID": "GBP"}
    page = ask(client, office, "/tab/orders/")
    assert "£1.00" in page.text
    assert "differs by" not in page.text


def test_sums_of_currencies_without_cents_and_with_three(
    client: Client, portal: DemoPortal, office: Page
) -> None:
    first, second, third = of_deal(portal, THREE)
    for pk, currency, price in (
        (first, "JPY", 1500),
        (second, "KWD", 10.005),
        (third, "KWD", 0.1 + 0.2),
    ):
        portal.state.orders[pk] |= {
            "currency": currency,
            "price": price,
            "payed": "N",
            "canceled": "N",
        }
    page = open_tab(client, portal, deal_id=THREE)
    assert page.totals["JPY"] == "1500"
    assert Decimal(page.totals["KWD"]) == Decimal("10.305")
    assert "¥1,500<" in page.text
    assert "KWD\N{NO-BREAK SPACE}10.305" in page.text


def test_person_without_rights_gets_no_page(
    client: Client, portal: DemoPortal, office: Page
) -> None:
    petra = open_tab(client, portal, user_id=PETRA)
    assert ask(client, petra, "/tab/grid/", {"sort": "amount"}).state == "no-read"
    tom = open_tab(client, portal, user_id=TOM, deal_id=WINTER)
    portal.state.deals[WINTER]["ASSIGNED_BY_ID"] = str(ANNA)
    for path in ("/tab/grid/", "/tab/orders/"):
        page = ask(client, tom, path)
        assert (page.state, page.response.status_code) == ("no-deal", 403)
        assert not page.order_ids


def test_orders_that_are_not_shown_stay_countable_when_sorted(
    client: Client, portal: DemoPortal, office: Page
) -> None:
    portal.misbehave("no_read", method="sale.order.list", times=50)
    page = ask(client, office, "/tab/grid/", {"sort": "amount"})
    assert len(page.order_ids) == 9
    assert 'data-note="no-details"' in page.text


def test_order_source_is_shown(client: Client, portal: DemoPortal, office: Page) -> None:
    assert "Online store" in office.row(portal.order_id("1201"))
    assert "Marketplace" in office.row(portal.order_id("1181"))
    assert "smart_invoice" not in office.text
    portal.misbehave("no_read", method="sale.tradeBinding.list", times=20)
    page = ask(client, office, "/tab/orders/")
    assert len(page.order_ids) == 9
    assert "Marketplace" not in page.row(portal.order_id("1181"))

"""What an opened row shows, which columns a person hides, news of changes, and export."""

import csv
import io
import json
from datetime import datetime

import pytest
from django.test import Client
from openpyxl import load_workbook

from b24app.live import watching
from b24app.orders.types import Owner
from b24app.portals.models import Portal
from demo.server import DemoPortal
from testing.opening import (
    EMPTY,
    ILYA,
    MANY,
    MOCKUP,
    PETRA,
    THREE,
    Page,
    ask,
    open_tab,
    submit,
)

pytestmark = pytest.mark.django_db


def news(client: Client, page: Page, since: str) -> dict[str, object]:
    answer: dict[str, object] = json.loads(ask(client, page, "/tab/news/", {"since": since}).text)
    return answer


# --- details ----------------------------------------------------------------------------------


def test_row_opens_with_one_request(client: Client, portal: DemoPortal, office: Page) -> None:
    order = portal.order_id("1196")
    basket = next(row for row in portal.state.baskets.values() if row["orderId"] == order)
    basket |= {"name": "Desk <b>oak</b>", "quantity": 4, "price": 780}
    portal.state.orders[order] |= {
        "userDescription": "After 14:00,\nsecond entrance",
        "comments": "Chairs come later",
    }
    due = next(
        row
        for row in portal.state.payments.values()
        if row["orderId"] == order and row["paid"] == "N"
    )
    due["datePayBefore"] = "2026-12-01T00:00:00+00:00"
    shipment = next(
        row
        for row in portal.state.shipments.values()
        if row["orderId"] == order and row["system"] == "N"
    )
    shipment["priceDelivery"] = 200
    portal.reset_counts()
    page = ask(client, office, "/tab/details/", {"order": str(order)})
    assert portal.http_requests == 1
    assert page.text.startswith(f'<tr class="more" role="row" id="more-{order}">')
    for text in (
        "Desk &lt;b&gt;oak&lt;/b&gt;",
        "4 × €780.00",
        "€3,120.00",
        "Delivery",
        "€200.00",
        "€5,000.00",
        "due 1 Dec 2026",
        "4417 8890 23",
        "Example Freight",
        "Not shipped",
        "After 14:00,<br>second entrance",
        "Chairs come later",
    ):
        assert text in page.text


def test_returned_payment_is_labelled(client: Client, portal: DemoPortal, office: Page) -> None:
    order = portal.order_id("1152")
    assert "Returned" in ask(client, office, "/tab/details/", {"order": str(order)}).text


@pytest.mark.parametrize(
    ("fault", "method", "text"),
    [
        ("no_read", "sale.order.list", "Your role doesn’t let you view"),
        ("html", None, "couldn’t be loaded"),
        ("operating", "sale.order.list", "busy"),
    ],
)
def test_failed_details_stay_inside_the_row(
    client: Client, portal: DemoPortal, office: Page, fault: str, method: str | None, text: str
) -> None:
    portal.misbehave(fault, method=method, times=20)
    page = ask(client, office, "/tab/details/", {"order": str(portal.order_id("1196"))})
    assert page.response["X-Lo-State"] == "1"
    assert page.response.status_code >= 400
    assert text in page.text
    assert "data-more-again" in page.text
    assert page.text.startswith('<tr class="more"')


def test_parts_without_access_are_shown_as_hidden(
    client: Client, portal: DemoPortal, office: Page
) -> None:
    portal.misbehave("no_read", method="sale.payment.list", times=20)
    page = ask(client, office, "/tab/details/", {"order": str(portal.order_id("1196"))})
    assert "No access" in page.text
    assert "Example Freight" in page.text


def test_deleted_order_in_a_row_is_reported(
    client: Client, portal: DemoPortal, office: Page
) -> None:
    order = portal.order_id("1196")
    del portal.state.orders[order]
    page = ask(client, office, "/tab/details/", {"order": str(order)})
    assert "no longer shows this order" in page.text


@pytest.mark.parametrize("order", ["", "0", "x", "1;2", "9" * 16])
def test_no_order_is_a_bad_request(client: Client, office: Page, order: str) -> None:
    assert ask(client, office, "/tab/details/", {"order": order}).response.status_code == 400


def test_details_need_the_right_and_the_session(
    client: Client, portal: DemoPortal, office: Page
) -> None:
    petra = open_tab(client, portal, user_id=PETRA)
    page = ask(client, petra, "/tab/details/", {"order": str(portal.order_id("1196"))})
    assert "Your role doesn’t let you view" in page.text
    assert client.get("/tab/details/?order=1").status_code == 401


# --- columns ----------------------------------------------------------------------------------


def test_hidden_columns_are_kept_for_the_person(
    client: Client, portal: DemoPortal, office: Page
) -> None:
    assert '<main class="page">' in office.text
    form = {"hidden": ["resp", "pay", "order", "<x>"]}
    assert submit(client, office, "/tab/columns/", form).response.status_code == 204
    portal.reset_counts()
    again = open_tab(client, portal)
    assert portal.http_requests == 1
    assert '<main class="page hide-pay hide-resp">' in again.text
    assert '<main class="page">' in open_tab(client, portal, user_id=ILYA).text
    submit(client, again, "/tab/columns/", {})
    assert '<main class="page">' in open_tab(client, portal).text


# --- news -------------------------------------------------------------------------------------


def test_changes_are_polled_from_our_server(
    client: Client, portal: DemoPortal, office: Page
) -> None:
    here = Portal.objects.get(member_id=portal.member_id)
    since = office.attribute("data-moment")
    portal.reset_counts()
    quiet = news(client, office, since)
    assert quiet["changed"] is False
    watching.record(here.pk, orders=[portal.order_id("1196")])
    assert news(client, office, since)["changed"] is True
    after = news(client, office, str(quiet["since"]))
    assert after["changed"] is True
    assert news(client, office, str(after["since"]))["changed"] is False
    assert portal.http_requests == 0


def test_idle_tab_sends_no_portal_request(client: Client, portal: DemoPortal, office: Page) -> None:
    portal.reset_counts()
    since = office.attribute("data-moment")
    for _ in range(50):
        since = str(news(client, office, since)["since"])
    assert portal.http_requests == 0


def test_poll_reports_changes_of_its_own_card_only(
    client: Client, portal: DemoPortal, office: Page
) -> None:
    here = Portal.objects.get(member_id=portal.member_id)
    since = office.attribute("data-moment")
    watching.record(here.pk, owners=[Owner(2, THREE), Owner(31, MOCKUP)], orders=[1])
    assert news(client, office, since)["changed"] is False
    watching.record(here.pk, owners=[Owner(2, MOCKUP)])
    assert news(client, office, since)["changed"] is True


def test_poll_ignores_changes_of_other_portals(
    client: Client, portal: DemoPortal, office: Page
) -> None:
    here = Portal.objects.get(member_id=portal.member_id)
    watching.record(here.pk + 1, owners=[Owner(2, MOCKUP)], orders=[portal.order_id("1196")])
    assert news(client, office, office.attribute("data-moment"))["changed"] is False


def test_reloaded_grid_has_no_pending_change(
    client: Client, portal: DemoPortal, office: Page
) -> None:
    here = Portal.objects.get(member_id=portal.member_id)
    watching.record(here.pk, owners=[Owner(2, MOCKUP)])
    again = ask(client, office, "/tab/orders/")
    assert news(client, office, again.attribute("data-moment"))["changed"] is False


def test_newly_linked_order_is_watched(client: Client, portal: DemoPortal, office: Page) -> None:
    here = Portal.objects.get(member_id=portal.member_id)
    order = portal.order_id("1193")
    page = open_tab(client, portal, deal_id=EMPTY)
    linked = submit(client, page, "/tab/link/", {"order": f"{order}|"})
    since = linked.attribute("data-moment")
    watching.record(here.pk, orders=[order])
    assert news(client, page, since)["changed"] is True


def test_polling_tab_counts_as_open(client: Client, portal: DemoPortal, office: Page) -> None:
    here = Portal.objects.get(member_id=portal.member_id)
    assert not watching.somebody_looks(here.pk + 1)
    news(client, office, office.attribute("data-moment"))
    assert watching.somebody_looks(here.pk)


@pytest.mark.parametrize("since", ["now", "-1", "1)", "1.5", "+inf"])
def test_forged_since_value_is_refused(client: Client, office: Page, since: str) -> None:
    page = ask(client, office, "/tab/news/", {"since": since})
    assert page.response.status_code == 400


def test_polling_requires_a_session(client: Client) -> None:
    assert client.get("/tab/news/?since=").status_code == 401


# --- export -----------------------------------------------------------------------------------


def exported(client: Client, page: Page, form: dict[str, object]) -> list[dict[str, str]]:
    response = submit(client, page, "/tab/export/", {"format": "csv", **form}).response
    assert response.status_code == 200
    assert "attachment" in response["Content-Disposition"]
    text = response.content.decode("utf-8-sig")
    delimiter = ";" if ";" in text.splitlines()[0] else ","
    return list(csv.DictReader(io.StringIO(text), delimiter=delimiter))


def test_export_contains_the_shown_rows(client: Client, portal: DemoPortal, office: Page) -> None:
    rows = exported(client, office, {"all": "on", "q": "clara", "canceled": "off", "sort": "added"})
    assert [row["Number"] for row in rows] == ["1201", "1196", "1152"]
    assert rows[1] == {
        "ID": str(portal.order_id("1196")),
        "Number": "1196",
        "Date": "2026-11-14",
        "Client": "Clara Whitfield",
        "Company": rows[1]["Company"],
        "Phone": "'+1 202 555 0142",
        "E-mail": "client1@example.com",
        "Status": "In assembly",
        "Cancelled": "No",
        "Payment": "Partly",
        "Delivery": "Partly",
        "Tracking number": "4417 8890 23",
        "Amount": "5000",
        "Paid": "3000",
        "To pay": "2000",
        "Refunded": "0",
        "Currency": "EUR",
        "Responsible": "Ilya Sokolov",
    }


def test_export_of_selected_rows(client: Client, portal: DemoPortal, office: Page) -> None:
    ticked = [portal.order_id(number) for number in ("1140", "1159")]
    rows = exported(client, office, {"order": [f"{pk}|" for pk in ticked], "q": "other"})
    assert [row["Number"] for row in rows] == ["1140", "1159"]


def test_four_hundred_orders_are_exported_as_workbook(
    client: Client, portal: DemoPortal, office: Page
) -> None:
    page = open_tab(client, portal, deal_id=MANY, lang="de")
    response = submit(client, page, "/tab/export/", {"format": "xlsx", "all": "on"}).response
    sheet = load_workbook(io.BytesIO(response.content)).active
    rows = list(sheet.values)
    assert len(rows) == 401
    first = rows[1]
    assert isinstance(first[2], datetime)
    assert isinstance(first[12], int | float)
    assert response["Content-Disposition"].endswith('orders-deal-7400.xlsx"')


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"format": "pdf", "all": "on"},
        {"format": "csv"},
        {"format": "csv", "order": "x"},
        {"format": "csv", "order": ["1|"] * 1001},
    ],
)
def test_forged_export_forms_are_refused(
    client: Client, portal: DemoPortal, office: Page, form: dict[str, object]
) -> None:
    portal.reset_counts()
    assert submit(client, office, "/tab/export/", form).response.status_code == 400
    assert portal.http_requests == 0


def test_select_all_export_has_a_limit(client: Client, portal: DemoPortal, office: Page) -> None:
    for pk in range(50_000, 51_001):
        portal.state.links[pk] = (2, EMPTY)
    page = open_tab(client, portal, deal_id=EMPTY)
    refused = submit(client, page, "/tab/export/", {"format": "csv", "all": "on"})
    assert (refused.state, refused.response.status_code) == ("too-many", 409)


def test_export_needs_the_right_to_read(client: Client, portal: DemoPortal, office: Page) -> None:
    petra = open_tab(client, portal, user_id=PETRA)
    refused = submit(client, petra, "/tab/export/", {"format": "csv", "all": "on"})
    assert (refused.state, refused.response.status_code) == ("no-read", 403)

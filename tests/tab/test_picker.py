"""The picker: search, filters, requests, and access."""

import json
from datetime import UTC, datetime

import pytest
import time_machine
from django.test import Client

from demo.server import DemoPortal
from testing.markup import attribute, attributes, select
from testing.opening import (
    CHAIRS_INVOICE,
    EMPTY,
    ILYA,
    MANY,
    MOCKUP,
    PETRA,
    SPRING_STOCK,
    TOM,
    WINTER,
    Page,
    ask,
    install,
    launch,
    open_tab,
    seen,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("today")]


@pytest.fixture
def tab(client: Client, portal: DemoPortal) -> Page:
    """The tab of a deal with no orders, its client Clara, as Ilya sees it; names are warm."""
    install(client, portal)
    page = open_tab(client, portal, user_id=ILYA, deal_id=EMPTY)
    for text in ("1184", "1179", "1163"):
        found(client, page, text)
    portal.reset_counts()
    return page


def found(client: Client, page: Page, q: str = "", **more: str) -> Page:
    return ask(client, page, "/tab/found/", {"q": q, **more})


def numbers(page: Page) -> list[str]:
    return attributes(page.text, "[data-number]", "data-number")


def further(page: Page) -> dict[str, str]:
    """What "Show more" sends along; empty where there is nothing more."""
    sent = [json.loads(vals) for vals in attributes(page.text, "[hx-vals]", "hx-vals")]
    return next((fields for fields in sent if fields.keys() == {"below", "shown"}), {})


@pytest.mark.parametrize(
    "q",
    [
        "1193",
        "Whitfield",
        "whitfield",
        "(202) 555-0142",
        "202.555.0142",
        "0142",
        "client1@example.com",
        "Client1@Example",
    ],
)
def test_order_is_found_by_any_of_its_fields(
    client: Client, portal: DemoPortal, tab: Page, q: str
) -> None:
    page = found(client, tab, q)
    assert "1193" in numbers(page)
    assert portal.http_requests <= 2


def test_order_is_found_by_its_id_and_by_its_company(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    order = portal.order_id("1193")
    assert "1193" in numbers(found(client, tab, str(order)))
    assert "1170" in numbers(found(client, tab, "Harbour & Pine"))


def test_exact_number_or_id_comes_first(client: Client, portal: DemoPortal, tab: Page) -> None:
    oldest, *others = sorted(portal.state.orders)
    portal.state.orders[oldest]["accountNumber"] = "77"
    for order_id in others[-120:]:
        portal.state.orders[order_id]["accountNumber"] = f"A77{order_id}"
    page = found(client, tab, "77")
    assert page.order_ids[0] == oldest
    assert len(page.order_ids) == 50
    assert found(client, tab, str(oldest)).order_ids[0] == oldest


def test_accents_and_case_do_not_matter(client: Client, portal: DemoPortal, tab: Page) -> None:
    order = portal.order_id("1193")
    for row in portal.state.properties.of_order(order):
        if row["code"] == "FIO":
            row["value"] = "ŽOFIE Straße"
    assert "1193" in numbers(found(client, tab, "žofie straße"))


def test_a_name_of_one_character_is_found(client: Client, portal: DemoPortal, tab: Page) -> None:
    order = portal.order_id("1193")
    for row in portal.state.properties.of_order(order):
        if row["code"] == "FIO":
            row["value"] = "李 秀英"
    page = found(client, tab, "李")
    assert page.order_ids == [order]
    assert portal.http_requests <= 2


@pytest.mark.parametrize(
    "typed",
    [
        "+1 202 555 0142",
        "12025550142",
        "(202)5550142",
        "202–555–01–42",
        "tel: +1.202.555.0142",
        "\uff12\uff10\uff12 555 0142",
    ],
)
def test_a_telephone_in_any_spelling_brings_all_its_orders_first(
    client: Client, portal: DemoPortal, tab: Page, typed: str
) -> None:
    newest = sorted(portal.state.orders, reverse=True)
    mine = {
        "1 (202) 555 01 42": newest[300],
        "202.555.01.42": newest[310],
        "2025550142": newest[320],
    }
    others = newest[:60]
    for row in portal.state.properties.values():
        if row["code"] == "PHONE":
            row["value"] = "+1 303 202 555 0142" if row["orderId"] in others else "-"
            spelled = [text for text, pk in mine.items() if pk == row["orderId"]]
            row["value"] = spelled[0] if spelled else row["value"]
    page = found(client, tab, typed)
    assert page.order_ids[:3] == sorted(mine.values(), reverse=True)
    assert portal.http_requests <= 2


def test_show_more_after_ranked_ones_leaves_none_out(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    newest = sorted(portal.state.orders, reverse=True)
    whole, part = newest[60:120], newest[:60]
    for row in portal.state.properties.values():
        if row["code"] == "PHONE":
            row["value"] = "-"
            if row["orderId"] in whole:
                row["value"] = "+1 202 555 0142"
            elif row["orderId"] in part:
                row["value"] = "+1 303 202 555 0142"
    page = found(client, tab, "202 555 0142")
    ids = list(page.order_ids)
    assert ids == whole[:50]
    while more := further(page):
        page = found(client, tab, "202 555 0142", **more)
        ids += page.order_ids
    assert set(ids) == {*whole, *part}


def test_status_payment_and_source_are_shown(client: Client, portal: DemoPortal, tab: Page) -> None:
    order = portal.order_id("1196")
    page = found(client, tab, "1196")
    row = page.row(order)
    assert "In assembly" in row
    assert "3,000 of 5,000" in row
    assert "By phone" in row
    assert "#2f8fef" in page.attribute("data-colors", "table")


def test_the_dialog_opens_on_this_client_s_unlinked_orders(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    (opener,) = attributes(tab.text, "#open-picker", "hx-get")
    dialog = ask(client, tab, opener)
    pressed = attributes(dialog.text, "[data-chip][aria-pressed=true]", "data-chip")
    assert pressed == ["mine", "unlinked"]
    assert "has no client" not in dialog.text
    portal.state.deals[EMPTY] |= {"CONTACT_ID": "0", "COMPANY_ID": "0"}
    tab = open_tab(client, portal, user_id=ILYA, deal_id=EMPTY)
    (opener,) = attributes(tab.text, "#open-picker", "hx-get")
    dialog = ask(client, tab, opener)
    pressed = attributes(dialog.text, "[data-chip][aria-pressed=true]", "data-chip")
    assert pressed == ["unlinked"]
    assert "This deal has no client" in dialog.text
    assert not select(tab.text, "#suggestions")


def test_show_all_opens_on_the_days_that_are_suggested_from(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    dialog = ask(client, tab, "/tab/picker/", {"client": "on", "since": "2026-08-22"})
    assert attributes(dialog.text, "[name=since]", "value") == ["2026-08-22"]
    assert ask(client, tab, "/tab/picker/", {"since": "soon"}).response.status_code == 400


def test_every_place_an_order_may_stand_at_is_told(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    deal = found(client, tab, "1184").row(portal.order_id("1184"))
    assert "Winter catalogue" in deal
    assert "Tom Becker" in deal
    assert f'data-seen="2:{WINTER}"' in deal
    assert "/crm/deal/details/6933/" in deal
    invoice = found(client, tab, "1163").row(portal.order_id("1163"))
    assert "Invoice 118" in invoice
    assert "Maria Lopez" in invoice
    assert f'data-seen="31:{CHAIRS_INVOICE}"' in invoice
    assert "/crm/type/31/details/118/" in invoice
    free = found(client, tab, "1193").row(portal.order_id("1193"))
    assert "Not linked" in free
    assert 'data-seen=""' in free
    portal.state.links[portal.order_id("1193")] = (2, EMPTY)
    here = found(client, tab, "1193").row(portal.order_id("1193"))
    assert "Already in this deal" in here
    assert "disabled" in here


def test_deal_the_person_may_not_open_has_no_title(client: Client, portal: DemoPortal) -> None:
    install(client, portal)
    tab = open_tab(client, portal, user_id=TOM, deal_id=SPRING_STOCK)
    row = found(client, tab, "1179").row(portal.order_id("1179"))
    assert "Deal 6940" in row
    assert "No access to this deal" in row
    assert "Meeting room chairs" not in row
    assert "/crm/deal/details/" not in row


def test_picker_opens_without_request_and_names_its_target(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    assert "to Deal 7000" in ask(client, tab, "/tab/picker/").text
    assert portal.http_requests == 0
    assert '<i id="picker-card" hx-swap-oob="true">Empty so far</i>' in found(client, tab).text


def test_picker_of_an_invoice_uses_invoice_wording(client: Client, portal: DemoPortal) -> None:
    install(client, portal)
    tab = launch(client, portal, "CRM_SMART_INVOICE_DETAIL_TAB", ILYA, CHAIRS_INVOICE, "en", {})
    dialog = ask(client, tab, "/tab/picker/").text
    assert "to Invoice 118" in dialog
    assert "Move them to this invoice" in dialog
    here = found(client, tab, "1163").row(portal.order_id("1163"))
    assert "Already in this invoice" in here
    assert "1170" in numbers(found(client, tab, mine="on"))


def test_chips_filter_with_at_most_three_requests(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    mine = found(client, tab, mine="on")
    assert "1193" in numbers(mine)
    assert portal.http_requests <= 3
    assert all("Whitfield" in mine.row(order_id) for order_id in mine.order_ids)
    for form in (
        {"unlinked": "on"},
        {"mine": "on", "unlinked": "on"},
        {"mine": "on", "unlinked": "on", "recent": "on", "q": "1193"},
        {"q": "0142", "unlinked": "on", "since": "2026-11-01", "until": "2026-11-30"},
    ):
        portal.reset_counts()
        page = ask(client, tab, "/tab/found/", form)
        assert portal.http_requests <= 3
        assert page.order_ids
        assert all(portal.link_of(order_id) is None for order_id in page.order_ids)
        assert "1193" in numbers(page) or form == {"unlinked": "on"}


def test_chips_on_a_client_of_many_orders_leave_nothing_out(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    oldest = min(
        row["orderId"]
        for row in portal.state.properties.values()
        if row["value"] == "client1@example.com"
    )
    number = portal.state.orders[oldest]["accountNumber"]
    assert numbers(found(client, tab, number, mine="on")) == [number]
    assert portal.http_requests <= 3
    assert found(client, tab, "zzzz", mine="on", recent="on").state == "nothing-found"
    assert not numbers(found(client, tab, "Raman", mine="on"))


def test_card_without_a_client_has_no_orders_of_its_client(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    portal.state.deals[EMPTY] |= {"CONTACT_ID": None, "COMPANY_ID": None}
    page = found(client, tab, mine="on")
    assert page.state == "nothing-found"
    assert "No client to search for" in page.text


def test_period_is_whole_days(client: Client, portal: DemoPortal, tab: Page) -> None:
    day = {"since": "2026-11-12", "until": "2026-11-12"}
    page = found(client, tab, **day)
    assert "1193" in numbers(page)
    dates = {portal.state.orders[order_id]["dateInsert"][:10] for order_id in page.order_ids}
    assert dates == {"2026-11-12"}
    assert portal.http_requests <= 2
    assert "1193" in numbers(found(client, tab, "1193", **day))
    assert not numbers(found(client, tab, "1193", since="2026-11-13"))
    turned = found(client, tab, "1193", since="2026-11-30", until="2026-11-01")
    assert numbers(turned) == ["1193"]


def test_show_more_lists_each_order_once_newest_first(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    page, ids = found(client, tab), []
    while True:
        assert len(page.order_ids) <= 50
        ids += page.order_ids
        if not (more := further(page)):
            break
        portal.reset_counts()
        page = found(client, tab, **more)
        assert portal.http_requests <= 2
        assert "<table" not in page.text
    assert ids == sorted(portal.state.orders, reverse=True)
    assert f"{len(ids)} orders found" in page.text


def test_show_more_handles_text_found_in_several_fields(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    page, ids = found(client, tab, "client3"), []
    while True:
        ids += page.order_ids
        if not (more := further(page)):
            break
        page = found(client, tab, "client3", **more)
    wanted = {
        row["orderId"]
        for row in portal.state.properties.values()
        if row["value"] == "client3@example.com"
    }
    assert ids == sorted(wanted, reverse=True)


def test_unlinked_orders_are_found_behind_many_linked_orders(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    newest = sorted(portal.state.orders, reverse=True)[:160]
    for order_id in newest[:-1]:
        portal.state.links[order_id] = (2, MANY)
    portal.state.links.pop(newest[-1], None)
    portal.reset_counts()
    assert newest[-1] in found(client, tab, unlinked="on").order_ids
    assert portal.http_requests <= 3


@pytest.mark.parametrize("dropped", ["value", "accountNumber", "dateInsert"])
def test_silently_ignored_filter_shows_no_unrelated_orders(
    client: Client, portal: DemoPortal, tab: Page, dropped: str
) -> None:
    table = portal.state.properties if dropped == "value" else portal.state.orders
    next(iter(table.values())).pop(dropped)  # the demo knows the fields of its first row
    page = found(client, tab, "9000-0149")
    assert set(numbers(page)) <= {"9000-0149"}
    period = found(client, tab, since="2026-11-12", until="2026-11-12")
    dates = {portal.state.orders[pk].get("dateInsert", "")[:10] for pk in period.order_ids}
    assert dates <= {"2026-11-12"}


def test_picker_without_references_costs_one_more_request(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    portal.misbehave("no_references", times=50)
    assert "Winter catalogue" in found(client, tab, "1184").text
    assert portal.http_requests <= 3


def test_text_cannot_refer_to_other_commands(client: Client, portal: DemoPortal, tab: Page) -> None:
    page = found(client, tab, "$result[card][TITLE]")
    assert page.response.status_code == 200
    assert not page.order_ids


def test_empty_result_is_shown_and_escaped(client: Client, portal: DemoPortal, tab: Page) -> None:
    page = found(client, tab, "<script>alert(1)</script>")
    assert page.state == "nothing-found"
    assert "<script>" not in page.text
    assert found(client, tab, "%%").state == "nothing-found"


@pytest.mark.parametrize(
    ("fault", "state", "status"),
    [("html", "silent", 504), ("operating", "busy", 503), ("no_read", "no-read", 403)],
)
def test_failed_search_is_shown_with_retry(
    client: Client, portal: DemoPortal, tab: Page, fault: str, state: str, status: int
) -> None:
    portal.misbehave(fault, method="sale.order.list" if fault != "html" else None, times=50)
    page = found(client, tab, "1193")
    assert (page.state, page.response.status_code) == (state, status)
    assert page.response["X-Lo-State"] == "1"
    assert 'form="picker-search"' in page.text
    assert 'hx-target="#orders"' not in page.text
    assert "LO-" in page.text
    portal.calm()
    assert numbers(found(client, tab, "1193")) == ["1193"]


def test_partial_search_failure_is_not_an_empty_result(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    portal.misbehave("operating", method="sale.propertyvalue.list", times=1)
    assert found(client, tab, "Whitfield").state == "busy"


def test_search_without_read_right_shows_why(client: Client, portal: DemoPortal) -> None:
    install(client, portal)
    tab = open_tab(client, portal, user_id=PETRA)
    page = found(client, tab, "1193")
    assert (page.state, page.response.status_code) == ("no-read", 403)
    assert not page.order_ids
    assert found(client, tab, mine="on").state == "no-read"


def test_search_requires_access_to_the_card(client: Client, portal: DemoPortal) -> None:
    install(client, portal)
    tab = open_tab(client, portal, user_id=TOM, deal_id=SPRING_STOCK)
    portal.state.deals[SPRING_STOCK]["ASSIGNED_BY_ID"] = "5"
    for form in ({"q": "1193"}, {"mine": "on"}):
        page = ask(client, tab, "/tab/found/", form)
        assert (page.state, page.response.status_code) == ("no-deal", 403)
        assert not page.order_ids


@pytest.mark.parametrize(
    "form",
    [
        {"q": "x" * 101},
        {"since": "yesterday"},
        {"until": "0001-01-01"},
        {"since": "9999-12-31"},
        {"below": "-1"},
        {"below": "٣"},
        {"below": "9" * 16},
        {"shown": "x"},
    ],
)
def test_forged_search_forms_send_no_request(
    client: Client, portal: DemoPortal, tab: Page, form: dict[str, str]
) -> None:
    assert ask(client, tab, "/tab/found/", form).response.status_code == 400
    assert portal.http_requests == 0


@pytest.mark.parametrize("path", ["/tab/picker/", "/tab/found/"])
def test_picker_needs_a_session_that_has_not_ended(
    client: Client, portal: DemoPortal, tab: Page, path: str
) -> None:
    assert client.get(path).status_code == 401
    assert client.post(path).status_code == 405
    with time_machine.travel(datetime(2026, 11, 20, 13, tzinfo=UTC), tick=True):
        ended = ask(client, tab, path)
    assert ended.response.status_code == 401
    assert ended.response["X-Session-Expired"] == "1"
    forged = seen(client.get(path, headers={"Authorization": f"Bearer {tab.session[:-3]}abc"}))
    assert forged.response.status_code == 401
    assert "X-Session-Expired" not in forged.response
    assert portal.http_requests == 0


def test_refused_token_is_replaced_through_the_frame(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    portal.expire_tokens()
    portal.forget_refresh_tokens()
    refused = found(client, tab, "1193")
    assert refused.response.status_code == 401
    assert refused.response["X-Session-Expired"] == "1"


def test_picker_of_another_deal_uses_that_deal(client: Client, portal: DemoPortal) -> None:
    install(client, portal)
    tab = open_tab(client, portal, user_id=ILYA, deal_id=MOCKUP)
    assert "Already in this deal" in found(client, tab, "1201").text
    assert {"1193", "1170", "1201"} <= set(numbers(found(client, tab, mine="on")))


@pytest.mark.parametrize("chips", ["", "unlinked=on", "mine=on&unlinked=on"])
def test_missing_store_is_named_whatever_is_searched(
    client: Client, portal: DemoPortal, chips: str
) -> None:
    install(client, portal)
    tab = open_tab(client, portal, ILYA, MOCKUP)
    portal.close_store()
    page = ask(client, tab, f"/tab/found/?{chips}")
    assert attribute(page.text, ".state", "data-state") == "no-store"

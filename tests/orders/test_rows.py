"""Rows of the portal: ids as text, PHP's empty lists, floats, hostile values."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from b24app.orders import parsing
from b24app.orders.types import OrderLink, Owner

SIMPLE = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10)
JSON = (
    SIMPLE | st.lists(SIMPLE, max_size=2) | st.dictionaries(st.text(max_size=5), SIMPLE, max_size=2)
)
KEYS = st.sampled_from(
    ["id", "orderId", "ownerId", "ownerTypeId", "price", "sum", "dateInsert", "value", "code"]
)


def test_links_accept_numeric_and_text_ids_and_skip_invalid_rows() -> None:
    result = {
        "orderEntity": [
            {"orderId": "5125", "ownerId": 6933, "ownerTypeId": "2"},
            {"orderId": 5127, "ownerId": 6937},
            {"orderId": 0, "ownerId": 1, "ownerTypeId": 2},
            "noise",
        ]
    }
    assert list(parsing.links(result)) == [OrderLink(5125, Owner(2, 6933))]


def test_empty_php_array_is_no_rows() -> None:
    assert list(parsing.orders([])) == []
    assert parsing.rows({"orders": {"3": {"id": 9}}}, "orders") == [{"id": 9}]


def test_money_keeps_its_shortest_form() -> None:
    assert parsing.amount(0.1) + parsing.amount(0.2) == Decimal("0.3")
    assert parsing.amount("1000000.00") == Decimal("1000000.00")
    assert parsing.amount(float("nan")) == 0
    assert parsing.amount("12,5") == 0


def test_shipments_of_the_store_itself_are_left_out() -> None:
    result = {
        "shipments": [
            {"id": 1, "orderId": 7, "system": "Y", "deducted": "N"},
            {"id": 2, "orderId": 7, "system": "N", "deducted": "Y", "trackingNumber": " A1 "},
            {"id": 3, "orderId": 7, "system": "N", "canceled": "Y"},
        ]
    }
    assert [(pk, shipment.tracking) for pk, shipment in parsing.shipments(result)] == [(2, "A1")]


def test_customers_are_grouped_by_code_and_first_value_wins() -> None:
    found = parsing.customers(
        [
            {"orderId": 7, "code": "FIO", "value": " Clara Whitfield "},
            {"orderId": 7, "code": "FIO", "value": "Somebody Else"},
            {"orderId": 7, "code": "company", "value": "Harbour & Pine Ltd"},
            {"orderId": 7, "code": "PHONE", "value": None},
        ]
    )
    assert (found[7].name, found[7].company, found[7].phone) == (
        "Clara Whitfield",
        "Harbour & Pine Ltd",
        "",
    )


def test_invalid_status_colour_is_dropped() -> None:
    listed = {
        "statuses": [
            {"id": "N", "type": "O", "color": "red;}body{display:none"},
            {"id": "DN", "type": "D"},
        ]
    }
    named = {"statusLangs": [{"statusId": "N", "lid": "EN", "name": "New"}]}
    statuses = parsing.statuses(listed, named)
    assert list(statuses) == ["N"]
    assert (statuses["N"].color, statuses["N"].name("en")) == ("", "New")


@given(st.lists(st.dictionaries(KEYS, JSON, max_size=4), max_size=3))
def test_any_portal_answer_is_parsed(found: list[dict[str, object]]) -> None:
    links = list(parsing.links({"orderEntity": found}))
    orders = list(parsing.orders({"orders": found}))
    assert all(link.order_id > 0 and link.owner.id > 0 for link in links)
    assert all(order.id > 0 and order.price.is_finite() for order in orders)
    assert isinstance(parsing.customers(found), dict)
    assert isinstance(list(parsing.payments({"payments": found})), list)

"""Sorting and filtering, and what has to be known of the orders for it."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b24app.orders.card_orders import Need
from b24app.orders.content import IN_GRID, Kind
from b24app.orders.filtering import Narrowing, Sort, holds, narrowed
from b24app.orders.shown_page import Asked
from b24app.orders.types import Customer, DeliveryState, PaymentState, Shipment
from tests.orders.test_types import PLAIN

ORDER = replace(
    PLAIN,
    number="A-1196/2",
    customer=Customer("Jürgen Groß", "Groß & Söhne", "+1 (202) 555-0133", "J.Gross@example.com"),
    shipments=(Shipment(1, True, "1Z 204 555 71"),),
)


@pytest.mark.parametrize(
    "text",
    ["1196", "a-1196/2", "GROSS", "söhne", "202555", "5550133", "1z204", "j.gross@", "  1196 ", ""],
)
def test_text_is_found_in_any_spelling(text: str) -> None:
    assert holds(ORDER, text)


@pytest.mark.parametrize("text", ["1197", "55501334", "Clara", "--", "%"])
def test_different_text_is_not_found(text: str) -> None:
    assert not holds(ORDER, text)


@given(st.text(max_size=30))
def test_any_search_text_is_safe(text: str) -> None:
    assert holds(ORDER, text) in (True, False)


def test_numbers_sort_as_numbers_and_amounts_within_their_currency() -> None:
    made = [
        replace(PLAIN, id=1, number="9", price=Decimal(5)),
        replace(PLAIN, id=2, number="10", price=Decimal(1000), currency="JPY"),
        replace(PLAIN, id=3, number="2/2", price=Decimal(7)),
    ]
    by_number = narrowed(made, Narrowing(sort=Sort.NUMBER, descending=False), {})
    assert [order.number for order in by_number] == ["9", "10", "2/2"]
    by_amount = narrowed(made, Narrowing(sort=Sort.AMOUNT), {})
    assert [order.id for order in by_amount] == [2, 3, 1]


def test_order_without_a_date_is_the_oldest() -> None:
    dated = replace(PLAIN, id=1, created=datetime(2026, 11, 18, tzinfo=UTC))
    undated = replace(PLAIN, id=2)
    assert narrowed([undated, dated], Narrowing(sort=Sort.DATE), {}) == (dated, undated)


def test_equal_orders_stand_newest_first() -> None:
    made = [replace(PLAIN, id=pk) for pk in (2, 3, 1)]
    for descending in (True, False):
        found = narrowed(made, Narrowing(sort=Sort.STATUS, descending=descending), {"N": 0})
        assert [order.id for order in found] == [3, 2, 1]


@pytest.mark.parametrize(
    ("narrowing", "kinds"),
    [
        (Narrowing(sort=Sort.AMOUNT), (Kind.ORDERS,)),
        (Narrowing(status="F", canceled=False), (Kind.ORDERS,)),
        (Narrowing(payment=PaymentState.PAID), (Kind.ORDERS, Kind.PAYMENTS)),
        (Narrowing(delivery=DeliveryState.PARTLY), (Kind.ORDERS, Kind.SHIPMENTS)),
        (Narrowing(text="x"), IN_GRID),
    ],
)
def test_only_data_needed_by_the_filter_is_read(
    narrowing: Narrowing, kinds: tuple[Kind, ...]
) -> None:
    assert Asked(narrowing).need(sums=False) == Need(of_all=kinds)
    assert not narrowing.usual


def test_unfiltered_page_reads_only_its_own_parts() -> None:
    assert list(Asked(Narrowing(), 3).need(sums=False).blocks(10_000)) == [0, 50]
    assert list(Asked(Narrowing(), 500).need(sums=True).blocks(10_000)) == [9950]
    assert list(Asked(Narrowing(), 1).need(sums=True).blocks(120)) == [0, 50, 100]
    assert list(Need().blocks(0)) == [0]

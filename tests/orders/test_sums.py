"""Sums to the last minor unit, whatever the amounts, the currencies and the payments are."""

from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b24app.orders import parsing
from b24app.orders.types import Order, Payment, PaymentState, totals_of
from tests.orders.test_types import PLAIN, payment

DECIMALS = {"EUR": 2, "USD": 2, "RUB": 2, "JPY": 0, "KWD": 3}


@st.composite
def orders(draw: st.DrawFn) -> Order:
    currency = draw(st.sampled_from(sorted(DECIMALS)))
    unit = Decimal(1).scaleb(-DECIMALS[currency])
    amounts = st.integers(-(10**12), 10**13).map(lambda units: units * unit)
    kept = draw(
        st.lists(
            st.builds(
                lambda amount, state: Payment(1, abs(amount), state == "paid", state == "returned"),
                amounts,
                st.sampled_from(["paid", "open", "returned"]),
            ),
            max_size=4,
        )
    )
    return replace(
        PLAIN,
        price=draw(amounts),
        currency=currency,
        canceled=draw(st.booleans()),
        payed=draw(st.booleans()),
        payments=draw(st.sampled_from([tuple(kept), None])),
    )


@given(st.lists(orders(), max_size=12))
def test_sums_are_those_of_exact_fractions(made: list[Order]) -> None:
    totals = totals_of(made)
    expected: dict[str, dict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    for order in made:
        if not order.canceled:
            for name in ("price", "paid", "to_pay", "refunded"):
                expected[order.currency][name] += Fraction(getattr(order, name))
    assert {total.currency for total in totals.by_currency} == set(expected)
    for total in totals.by_currency:
        for name, value in expected[total.currency].items():
            assert Fraction(getattr(total, name)) == value
            # Nothing below the minor unit appears out of thin air.
            assert (value * 10 ** DECIMALS[total.currency]).denominator == 1
    assert totals.count == len(made)
    assert totals.canceled == sum(order.canceled for order in made)
    dropped = {name for name, _ in totals.canceled_sums}
    assert dropped == {order.currency for order in made if order.canceled}


@given(orders())
def test_amount_due_is_between_zero_and_price(order: Order) -> None:
    assert 0 <= order.to_pay <= max(order.price, Decimal(0))
    if order.canceled or order.payed or order.paid >= order.price:
        assert order.to_pay == 0


@pytest.mark.parametrize(
    ("price", "payments", "state", "paid", "to_pay", "refunded"),
    [
        # more came than was asked for
        ("100", (payment("120.01", paid=True),), PaymentState.PAID, "120.01", "0", "0"),
        # one of two payments went back: what was kept is paid, what went back is not asked for again
        (
            "99.99",
            (payment("33.33", paid=True), payment("66.66", returned=True)),
            PaymentState.PARTLY,
            "33.33",
            "0",
            "66.66",
        ),
        # back, and paid anew
        (
            "10.005",
            (payment("10.005", returned=True), payment("10.005", paid=True)),
            PaymentState.PAID,
            "10.005",
            "0",
            "10.005",
        ),
        ("0", (), PaymentState.NOT_PAID, "0", "0", "0"),
        ("-5.50", (), PaymentState.NOT_PAID, "0", "0", "0"),
    ],
)
def test_awkward_payments(
    price: str,
    payments: tuple[Payment, ...],
    state: PaymentState,
    paid: str,
    to_pay: str,
    refunded: str,
) -> None:
    order = replace(PLAIN, price=Decimal(price), payments=payments)
    assert order.payment_state is state
    assert (order.paid, order.to_pay, order.refunded) == tuple(
        map(Decimal, (paid, to_pay, refunded))
    )


@given(st.lists(st.integers(0, 10**10), max_size=300), st.sampled_from([1, 10, 100, 1000]))
def test_amounts_that_come_as_floats_add_up(units: list[int], minor: int) -> None:
    """JSON has no decimals: every amount of a portal was a float on its way."""
    read = [parsing.amount(unit / minor) for unit in units]
    assert sum(read, Decimal(0)) == Decimal(sum(units)) / minor


def test_noise_behind_the_fourth_decimal_is_dropped() -> None:
    assert parsing.amount(0.1 + 0.2) == Decimal("0.3")
    assert parsing.amount("19.990000000000002") == Decimal("19.99")
    assert str(parsing.amount("10.50")) == "10.50"


RETURNS = [
    # isReturn, paid, what was paid, what went back
    ("N", "Y", "100", "0"),
    ("N", "N", "0", "0"),
    ("Y", "N", "0", "100"),
    ("P", "N", "0", "100"),
    ("", "N", "0", "0"),
    ("X", "N", "0", "0"),
]


@pytest.mark.parametrize(("returned", "paid", "came", "went"), RETURNS)
def test_refunds_to_account_and_payment_system(
    returned: str, paid: str, came: str, went: str
) -> None:
    row = {"id": 1, "orderId": 7, "sum": "100", "paid": paid, "isReturn": returned}
    ((_, payment),) = parsing.payments({"payments": [row]})
    (order,) = parsing.orders({"orders": [{"id": 7, "price": "100", "currency": "EUR"}]})
    whole = replace(order, payments=(payment,))
    assert (whole.paid, whole.refunded) == (Decimal(came), Decimal(went))

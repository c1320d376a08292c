"""Sums and states of orders: to the minor unit, cancelled ones apart, returned money understood."""

from dataclasses import replace
from decimal import Decimal

import pytest

from b24app.orders.types import (
    Customer,
    DeliveryState,
    Order,
    Payment,
    PaymentState,
    Shipment,
    Status,
    totals_of,
)

PLAIN = Order(
    id=1,
    number="1",
    status_id="N",
    price=Decimal("100.00"),
    currency="EUR",
    payed=False,
    canceled=False,
    created=None,
    responsible_id=0,
    payments=(),
    shipments=(),
)


def payment(amount: str, *, paid: bool = False, returned: bool = False) -> Payment:
    return Payment(1, Decimal(amount), paid, returned)


@pytest.mark.parametrize(
    ("payments", "payed", "state", "paid", "to_pay", "refunded"),
    [
        ((), False, PaymentState.NOT_PAID, "0", "100.00", "0"),
        ((), True, PaymentState.PAID, "100.00", "0", "0"),
        ((payment("60", paid=True), payment("40")), False, PaymentState.PARTLY, "60", "40.00", "0"),
        (
            (payment("60", paid=True), payment("40", paid=True)),
            True,
            PaymentState.PAID,
            "100",
            "0",
            "0",
        ),
        ((payment("100", returned=True),), False, PaymentState.REFUNDED, "0", "0.00", "100"),
        (
            (payment("60", paid=True), payment("40", returned=True)),
            False,
            PaymentState.PARTLY,
            "60",
            "0.00",
            "40",
        ),
        ((payment("33.33", paid=True),) * 3, False, PaymentState.PARTLY, "99.99", "0.01", "0"),
    ],
)
def test_payment_of_an_order(
    payments: tuple[Payment, ...],
    payed: bool,
    state: PaymentState,
    paid: str,
    to_pay: str,
    refunded: str,
) -> None:
    order = replace(PLAIN, payments=payments, payed=payed)
    assert order.payment_state is state
    assert (order.paid, order.to_pay, order.refunded) == (
        Decimal(paid),
        Decimal(to_pay),
        Decimal(refunded),
    )


@pytest.mark.parametrize(
    ("shipped", "state"),
    [
        ((), DeliveryState.NOT_SHIPPED),
        ((False,), DeliveryState.NOT_SHIPPED),
        ((True, False), DeliveryState.PARTLY),
        ((True, True), DeliveryState.SHIPPED),
    ],
)
def test_delivery_of_an_order(shipped: tuple[bool, ...], state: DeliveryState) -> None:
    order = replace(
        PLAIN, shipments=tuple(Shipment(1, flag, "TRACK-1" if flag else "") for flag in shipped)
    )
    assert order.delivery_state is state
    assert order.tracking == ("TRACK-1" if any(shipped) else "")


def test_totals_keep_currencies_apart_and_leave_cancelled_orders_out() -> None:
    orders = [
        replace(PLAIN, id=1, price=Decimal("0.10"), payments=(payment("0.10", paid=True),)),
        replace(PLAIN, id=2, price=Decimal("0.20")),
        replace(PLAIN, id=3, price=Decimal("5000"), currency="USD"),
        replace(PLAIN, id=4, price=Decimal("640"), canceled=True),
    ]
    totals = totals_of(orders)
    assert (totals.count, totals.canceled) == (4, 1)
    assert totals.canceled_sums == (("EUR", Decimal("640")),)
    dollars, euros = totals.by_currency
    assert (dollars.currency, dollars.price) == ("USD", Decimal("5000"))
    assert (euros.price, euros.paid, euros.to_pay) == (
        Decimal("0.30"),
        Decimal("0.10"),
        Decimal("0.20"),
    )


def test_cancelled_order_has_nothing_due() -> None:
    assert replace(PLAIN, canceled=True).to_pay == 0


def test_customer_shows_two_different_lines() -> None:
    assert Customer(name="Clara", phone="+1 202 555 0142").subtitle == "+1 202 555 0142"
    only_phone = Customer(phone="+1 202 555 0142")
    assert (only_phone.title, only_phone.subtitle) == ("+1 202 555 0142", "")


def test_status_name_falls_back_to_english_then_to_anything() -> None:
    assert Status("N", {"en": "New", "ru": "Новый"}).name("de") == "New"
    assert Status("N", {"ru": "Новый"}).name("de") == "Новый"
    assert Status("N", {}).name("de") == "N"

"""Paying, shipping and cancelling, with the traps that the documentation and the kernel have."""

import pytest

from demo.server import DemoPortal
from demo.tables import Row
from tests.demo.calls import MARIA, Json, caller

PAY, SHIP, UPDATE = "crm.item.payment.pay", "sale.shipment.update", "sale.order.update"


def row_of(portal: DemoPortal, number: str) -> Row:
    return portal.state.orders[portal.order_id(number)]


def test_a_payment_is_paid_and_the_order_with_the_last_one(portal: DemoPortal) -> None:
    rows = portal.state.payments.of_order(portal.order_id("1196"))
    payment = next(row for row in rows if row["paid"] == "N")
    assert caller(portal)(PAY, {"id": payment["id"]}).result is True
    assert (payment["paid"], row_of(portal, "1196")["payed"]) == ("Y", "Y")


@pytest.mark.parametrize(
    ("user_id", "params", "error"), [(1, {"id": 999_999}, 0), (MARIA, {"id": 1}, 0), (1, {}, 100)]
)
def test_one_text_stands_for_a_missing_payment_and_a_missing_right(
    portal: DemoPortal, user_id: int, params: Json, error: int
) -> None:
    answer = caller(portal, user_id)(PAY, params)
    assert (answer.status, answer.error) == (400, error)


def test_what_is_left_out_of_a_shipment_is_lost_and_the_order_gets_cheaper(
    portal: DemoPortal,
) -> None:
    order = row_of(portal, "1196")
    price = order["price"]
    rows = portal.state.shipments.of_order(order["id"])
    shipment = next(row for row in rows if row["priceDelivery"] == 200)
    shipment["statusId"] = "DF"
    fields = {"allowDelivery": "Y", "deducted": "Y", "deliveryId": 1}
    caller(portal)(SHIP, {"id": shipment["id"], "fields": fields})
    assert (shipment["statusId"], shipment["priceDelivery"]) == ("DN", 0)
    assert order["price"] == price - 200


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"id": 1}, 100),
        ({"id": 999_999, "fields": {"deducted": "Y"}}, 201140400001),
        ({"id": 1, "fields": {"deducted": "Y"}}, 0),
    ],
)
def test_a_wrong_shipment_is_refused(portal: DemoPortal, params: Json, error: int) -> None:
    answer = caller(portal)(SHIP, params)
    assert (answer.status, answer.error) == (400, error)


@pytest.mark.parametrize(
    ("number", "error"),
    [
        ("1188", "SALE_ORDER_CANCEL_PAYMENT_EXIST_ACTIVE"),
        ("1152", "SALE_ORDER_CANCEL_SHIPMENT_EXIST_SHIPPED"),
    ],
)
@pytest.mark.parametrize("fields", [{"canceled": "Y"}, {"statusId": "X"}])
def test_what_is_paid_or_shipped_cannot_be_cancelled(
    portal: DemoPortal, number: str, error: str, fields: Json
) -> None:
    answer = caller(portal)(UPDATE, {"id": portal.order_id(number), "fields": fields})
    assert (answer.status, answer.error) == (400, error)
    assert row_of(portal, number)["canceled"] == "N"


def test_status_and_cancellation_are_tied(portal: DemoPortal) -> None:
    order, ask = row_of(portal, "1201"), caller(portal)
    for status, cancelled in (("X", "Y"), ("AW", "N")):
        ask(UPDATE, {"id": order["id"], "fields": {"statusId": status}})
        assert (order["statusId"], order["canceled"]) == (status, cancelled)


def test_a_warning_may_have_saved(portal: DemoPortal) -> None:
    portal.misbehave("warning", PAY, after=True)
    answer = caller(portal)(PAY, {"id": 1})
    assert answer.error == 0
    assert portal.state.payments[1]["paid"] == "Y"

"""Cancellation, payments and shipments: what is read, decided, written and judged, as tables."""

from dataclasses import replace
from decimal import Decimal

import pytest

from b24app.bitrix24 import errors
from b24app.bitrix24.answers import Answer
from b24app.changes.acts import PAYMENT, SHIPPED, TRACKING, PaymentState, ShipmentState
from b24app.changes.cancellation import CANCELLED, Cancellation
from b24app.changes.outcomes import Absent, Change, decide, judge
from b24app.changes.properties import STATUS, Trail

NO, YES = Cancellation(False), Cancellation(True, "Out of stock")
CANCEL, RESTORE = Change(7, NO, YES), Change(7, YES, NO)

OPEN = PaymentState(7, Decimal(2000), "EUR", paid=False, system="Card")
PAID, LESS = OPEN.as_paid, replace(OPEN, amount=Decimal(1500))
RETURNED = replace(OPEN, returned=True)
PAY = Change(31, OPEN, PAID)

KEPT = (("allowDelivery", "Y"), ("deliveryId", "1"), ("statusId", "DD"), ("comments", "Ring"))
WAITING = ShipmentState(7, False, "", Decimal(200), Decimal(200), KEPT)
SENT = replace(WAITING, shipped=True, tracking="1Z 204")
SHIP = Change(41, WAITING, SENT)

DENIED = errors.AccessDenied("0", "Insufficient permissions")
WARNING = errors.UnknownError("0", "The cash register did not answer")
LOST = errors.OutcomeUnknown("TIMEOUT")
OBSTACLE = errors.NotSaved("SALE_ORDER_CANCEL_PAYMENT_EXIST_ACTIVE")
DONE = None


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ({"canceled": "N", "reasonCanceled": ""}, NO),
        ({"canceled": "Y", "reasonCanceled": "Out of stock"}, YES),
        ({"canceled": "Y", "reasonCanceled": None}, Cancellation(True)),
    ],
)
def test_value_of_a_cancellation(raw: dict[str, object], value: Cancellation) -> None:
    found = CANCELLED.values([7, 9], [Answer({"orders": [{"id": 7, **raw}, {"id": 8}]})])
    assert found == {7: value}
    assert found[7].reason == value.reason


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        (CANCEL, {"canceled": "Y", "reasonCanceled": "Out of stock"}),
        (RESTORE, {"canceled": "N"}),
    ],
)
def test_a_cancellation_is_written_without_a_status(
    change: Change[int, Cancellation], fields: dict[str, str]
) -> None:
    assert CANCELLED.write(change).params == {"id": 7, "fields": fields}


def test_a_cancellation_and_its_undo_in_the_audit_trail() -> None:
    trail = Trail(7, before="N", after="Y Out of stock")
    assert CANCELLED.trail(CANCEL) == trail
    undo = CANCELLED.undoing(trail)
    assert (undo, undo.seen.reason) == (RESTORE, "Out of stock")


@pytest.mark.parametrize(
    ("change", "now", "result"),
    [
        (CANCEL, NO, None),
        (CANCEL, Cancellation(True, "Duplicate"), "already"),
        (RESTORE, NO, "already"),
        (CANCEL, Absent.HIDDEN, "failed"),
    ],
)
def test_decision_about_a_cancellation(
    change: Change[int, Cancellation], now: Cancellation | Absent, result: str | None
) -> None:
    decided = decide(change, now)
    assert (decided and decided.result.value) == result


@pytest.mark.parametrize(
    ("answer", "now", "result"),
    [
        (DONE, YES, "done"),
        (DONE, NO, "conflict"),
        (OBSTACLE, NO, "failed"),
        (LOST, YES, "done"),
        (LOST, NO, "failed"),
        (LOST, Absent.UNREAD, "unknown"),
    ],
)
def test_outcome_of_a_cancellation(
    answer: errors.BitrixError | None, now: Cancellation | Absent, result: str
) -> None:
    assert judge(CANCELLED, CANCEL, NO, answer, now).result.value == result


@pytest.mark.parametrize(
    ("row", "value"),
    [
        ({"statusId": "N", "canceled": "N"}, "N"),
        ({"statusId": "N", "canceled": "Y"}, "N cancelled"),
        ({"statusId": "", "canceled": "Y"}, ""),
    ],
)
def test_a_cancelled_order_has_a_status_of_its_own(row: dict[str, str], value: str) -> None:
    assert STATUS.values([7], [Answer({"orders": [{"id": 7, **row}]})]) == {7: value}


@pytest.mark.parametrize(
    ("seen", "now", "result"),
    [("N", "N", None), ("N", "N cancelled", "conflict"), ("N cancelled", "N cancelled", None)],
)
def test_a_status_seen_before_a_cancellation_is_not_written(
    seen: str, now: str, result: str | None
) -> None:
    decided = decide(Change(7, seen, "AW"), now)
    assert (decided and decided.result.value) == result


def test_a_status_that_cancels_is_the_one_that_was_wanted() -> None:
    change = Change(7, "N", "X")
    assert judge(STATUS, change, "N", DONE, "X cancelled").result.value == "done"
    restored = Change(7, "X cancelled", "N")
    assert STATUS.write(restored).params["fields"] == {"statusId": "N"}
    assert STATUS.trail(restored) == Trail(7, before="X", after="N")


@pytest.mark.parametrize(
    ("now", "result"),
    [
        (OPEN, None),
        (PAID, "already"),
        (LESS, "conflict"),
        (LESS.as_paid, "conflict"),
        (RETURNED, "conflict"),
        (Absent.HIDDEN, "failed"),
    ],
)
def test_decision_about_a_payment(now: PaymentState | Absent, result: str | None) -> None:
    decided = decide(PAY, now)
    assert (decided and decided.result.value) == result


@pytest.mark.parametrize(
    ("answer", "now", "result"),
    [
        (DONE, PAID, "done"),
        (DENIED, OPEN, "failed"),
        (DENIED, PAID, "already"),
        # An error with another text may have saved: only a reading can tell.
        (WARNING, PAID, "done"),
        (WARNING, OPEN, "failed"),
        (WARNING, Absent.UNREAD, "unknown"),
        (LOST, PAID, "done"),
        (LOST, OPEN, "failed"),
        (LOST, Absent.UNREAD, "unknown"),
        (DONE, Absent.UNREAD, "unknown"),
    ],
)
def test_outcome_of_a_payment(
    answer: errors.BitrixError | None, now: PaymentState | Absent, result: str
) -> None:
    assert judge(PAYMENT, PAY, OPEN, answer, now).result.value == result


@pytest.mark.parametrize("seen", [PAID, RETURNED, replace(OPEN, amount=Decimal(0))])
def test_only_an_open_payment_can_be_paid(seen: PaymentState) -> None:
    with pytest.raises(ValueError, match="open payment"):
        PAYMENT.write(Change(31, seen, replace(seen, paid=True)))


def test_a_payment_is_paid_by_its_id_alone() -> None:
    assert PAYMENT.write(PAY).params == {"id": 31}
    assert PAYMENT.trail(PAY) == Trail(7, before="Card", after="2000 EUR")
    with pytest.raises(ValueError, match="undone"):
        PAYMENT.undoing(PAYMENT.trail(PAY))


def test_a_shipment_is_sent_with_all_that_would_be_lost() -> None:
    row = {
        "id": 41, "orderId": 7, "deducted": "N", "trackingNumber": "", "system": "N",
        "canceled": "N", "allowDelivery": "Y", "deliveryId": 1, "statusId": "DD",
        "basePriceDelivery": 200.0, "priceDelivery": "200.00", "comments": "Ring",
        "responsibleId": None, "deliveryDocDate": None, "deliveryDocNum": "",
    }  # fmt: skip
    found = SHIPPED.values([41], [Answer({"shipments": [row]})])
    assert found == {41: WAITING}
    assert SHIPPED.write(SHIP).params == {
        "id": 41,
        "fields": {
            "allowDelivery": "Y", "deliveryId": "1", "statusId": "DD", "comments": "Ring",
            "deducted": "Y", "basePriceDelivery": "200", "trackingNumber": "1Z 204",
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    ("seen", "wanted"),
    [
        (WAITING, replace(SENT, price=Decimal(150))),
        (WAITING, replace(SENT, hidden=True)),
        (SENT, replace(SENT, shipped=False)),
    ],
    ids=["its price would change", "the store's own", "taken back"],
)
def test_a_shipment_that_cannot_be_changed_safely(
    seen: ShipmentState, wanted: ShipmentState
) -> None:
    with pytest.raises(ValueError, match="safely"):
        SHIPPED.write(Change(41, seen, wanted))


@pytest.mark.parametrize(
    ("answer", "now", "result"),
    [
        (DONE, replace(SENT, kept=()), "done"),
        (DONE, WAITING, "conflict"),
        (WARNING, SENT, "done"),
        (WARNING, WAITING, "failed"),
        (errors.WriteDenied("200040300020"), WAITING, "failed"),
        (LOST, SENT, "done"),
        (LOST, Absent.UNREAD, "unknown"),
    ],
)
def test_outcome_of_a_shipment(
    answer: errors.BitrixError | None, now: ShipmentState | Absent, result: str
) -> None:
    assert judge(SHIPPED, SHIP, WAITING, answer, now).result.value == result


@pytest.mark.parametrize(
    ("now", "result"),
    [(WAITING, None), (SENT, "already"), (replace(WAITING, tracking="9"), "conflict")],
)
def test_decision_about_a_shipment(now: ShipmentState, result: str | None) -> None:
    decided = decide(SHIP, now)
    assert (decided and decided.result.value) == result


def test_a_tracking_number_alone_leaves_the_shipment_where_it_is() -> None:
    change = Change(41, WAITING, replace(WAITING, tracking="1Z 204"))
    fields = TRACKING.write(change).params["fields"]
    assert isinstance(fields, dict)
    assert (fields["deducted"], fields["trackingNumber"]) == ("N", "1Z 204")
    assert TRACKING.trail(change) == Trail(7, before="", after="1Z 204")

"""What became of a change of a link or a status, and of money that went back, as tables.

Values in, values out; code that moves changes the imports only.
"""

from dataclasses import replace
from decimal import Decimal

import pytest

from b24app.bitrix24 import errors
from b24app.bitrix24.answers import Answer
from b24app.orders import links, parsing, status
from b24app.orders.links import Change
from b24app.orders.status import StatusChange
from b24app.orders.types import Order, Owner

HERE, THERE, OTHER = Owner(2, 1), Owner(2, 2), Owner(31, 1)
UNREAD = "unread"

DENIED = errors.WriteDenied("200040300020")
EXISTS = errors.LinkExists("201650000001")
MISSING = errors.LinkNotFound("201640400004")
DELETED = errors.OrderNotFound("200540400001")
LOST = errors.OutcomeUnknown("TIMEOUT")
LATE = errors.OutOfTime("TOO_LATE")
UNSAVED = errors.NotSaved("201650000010")
YES = Answer(True)

MOVE, LINK, UNLINK = Change(7, HERE, THERE), Change(7, None, THERE), Change(7, HERE, None)

LINKS = [
    # change, found by the writing request, its answer, where the order stands now,
    # (result, before, now, error), whether somebody's change was overridden
    (LINK, None, YES, THERE, ("done", None, THERE, None), False),
    (MOVE, HERE, YES, THERE, ("done", HERE, THERE, None), False),
    (UNLINK, HERE, YES, None, ("done", HERE, None, None), False),
    (LINK, OTHER, YES, THERE, ("done", OTHER, THERE, None), True),
    (MOVE, OTHER, YES, THERE, ("done", OTHER, THERE, None), True),
    (MOVE, None, YES, THERE, ("done", None, THERE, None), True),
    (UNLINK, OTHER, YES, None, ("done", OTHER, None, None), False),
    (LINK, None, YES, UNREAD, ("done", None, THERE, None), False),
    (LINK, None, YES, OTHER, ("conflict", None, OTHER, None), False),
    (LINK, THERE, EXISTS, THERE, ("already", THERE, THERE, None), False),
    (LINK, None, EXISTS, THERE, ("already", THERE, THERE, None), False),
    (UNLINK, HERE, MISSING, None, ("already", None, None, None), False),
    (UNLINK, OTHER, MISSING, OTHER, ("failed", OTHER, OTHER, MISSING), False),
    (UNLINK, HERE, MISSING, OTHER, ("conflict", HERE, OTHER, None), False),
    (LINK, None, DENIED, None, ("failed", None, None, DENIED), False),
    (LINK, None, DENIED, UNREAD, ("failed", None, None, DENIED), False),
    (LINK, None, DENIED, OTHER, ("conflict", None, OTHER, None), False),
    (LINK, None, DENIED, THERE, ("already", THERE, THERE, None), False),
    (MOVE, HERE, LATE, HERE, ("failed", HERE, HERE, LATE), False),
    (LINK, None, LOST, THERE, ("done", None, THERE, None), False),
    (LINK, None, LOST, None, ("failed", None, None, LOST), False),
    (LINK, None, LOST, UNREAD, ("unknown", None, None, LOST), False),
    (MOVE, HERE, UNSAVED, THERE, ("done", HERE, THERE, None), False),
    (MOVE, HERE, DELETED, None, ("failed", HERE, None, DELETED), False),
    (LINK, None, DELETED, UNREAD, ("failed", None, None, DELETED), False),
    (UNLINK, HERE, DELETED, None, ("failed", HERE, None, DELETED), False),
]


@pytest.mark.parametrize(("change", "first", "outcome", "now", "expected", "overrode"), LINKS)
def test_what_became_of_a_link(
    change: Change, first: Owner | None, outcome: links.Outcome, now: object,
    expected: tuple[object, ...], *, overrode: bool,
) -> None:  # fmt: skip
    places = None if now == UNREAD else {7: now}
    found = links.judge(change, first, outcome, places)  # type: ignore[arg-type]
    assert (found.result.value, found.before, found.now, found.error) == expected
    assert found.overrode is overrode


WANTED = StatusChange(7, "N", "F")

STATUSES = [
    # found by the writing request, its answer, what the order has now, (result, before, now, error)
    ("N", YES, "F", ("done", "N", "F", None), False),
    (UNREAD, YES, "F", ("done", "N", "F", None), False),
    ("P", YES, "F", ("done", "P", "F", None), True),
    ("F", YES, "F", ("already", "F", "F", None), False),
    ("N", YES, "P", ("conflict", "N", "P", None), False),
    ("N", YES, UNREAD, ("unknown", "N", "N", None), False),
    ("N", DENIED, "N", ("failed", "N", "N", DENIED), False),
    ("N", DENIED, UNREAD, ("failed", "N", "N", DENIED), False),
    ("N", LATE, UNREAD, ("failed", "N", "N", LATE), False),
    ("N", LOST, "F", ("done", "N", "F", None), False),
    ("N", LOST, UNREAD, ("unknown", "N", "N", LOST), False),
    ("N", UNSAVED, "F", ("done", "N", "F", None), False),
    ("N", DELETED, UNREAD, ("failed", "N", "", DELETED), False),
]


@pytest.mark.parametrize(("first", "outcome", "now", "expected", "overrode"), STATUSES)
def test_what_became_of_a_status(
    first: str, outcome: links.Outcome, now: str, expected: tuple[object, ...], *, overrode: bool
) -> None:
    def known(value: str) -> dict[int, Order]:
        row = {"id": 7, "statusId": value}
        return {} if value == UNREAD else {one.id: one for one in parsing.orders({"orders": [row]})}

    found = status.judge(WANTED, outcome, known(first), known(now))
    assert (found.result.value, found.before, found.now, found.error) == expected
    assert found.overrode is overrode


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
def test_money_that_went_back_to_the_buyers_account_or_through_the_payment_system(
    returned: str, paid: str, came: str, went: str
) -> None:
    row = {"id": 1, "orderId": 7, "sum": "100", "paid": paid, "isReturn": returned}
    ((_, payment),) = parsing.payments({"payments": [row]})
    (order,) = parsing.orders({"orders": [{"id": 7, "price": "100", "currency": "EUR"}]})
    whole = replace(order, payments=(payment,))
    assert (whole.paid, whole.refunded) == (Decimal(came), Decimal(went))

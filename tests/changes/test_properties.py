"""What each property reads, writes, compares and keeps in the audit trail, as tables."""

from decimal import Decimal

import pytest

from b24app.bitrix24.answers import Answer
from b24app.bitrix24.client import Command
from b24app.changes.credentials import Credentials
from b24app.changes.outcomes import Absent, Change, decide, judge
from b24app.changes.properties import (
    COMMENT,
    DEAL_AMOUNT,
    LINK,
    LINK_TEXT,
    RESPONSIBLE,
    STATUS,
    Amount,
    LinkChange,
    OrderField,
    Trail,
)
from b24app.orders.types import Owner

DEAL, OTHER_DEAL, INVOICE = Owner(2, 7000), Owner(2, 7001), Owner(31, 118)
SUM, OLD_SUM = Amount(Decimal("20430.50"), "EUR"), Amount(Decimal(21000), "EUR")

ADD, DELETE = "crm.orderentity.add", "crm.orderentity.deleteByFilter"


@pytest.mark.parametrize(
    ("command", "method", "params"),
    [
        (
            LINK.write(LinkChange(7, DEAL, OTHER_DEAL)),
            ADD,
            {"fields": {"orderId": 7, "ownerId": 7001, "ownerTypeId": 2}},
        ),
        (
            LINK.write(LinkChange(7, INVOICE, None)),
            DELETE,
            {"fields": {"orderId": 7, "ownerId": 118, "ownerTypeId": 31}},
        ),
        (
            LINK_TEXT.write(Change(7, "31:118", "")),
            DELETE,
            {"fields": {"orderId": 7, "ownerId": 118, "ownerTypeId": 31}},
        ),
        (
            STATUS.write(Change(7, "N", "F")),
            "sale.order.update",
            {"id": 7, "fields": {"statusId": "F"}},
        ),
        (
            RESPONSIBLE.write(Change(7, "1", "5")),
            "sale.order.update",
            {"id": 7, "fields": {"responsibleId": "5"}},
        ),
        (
            COMMENT.write(Change(7, "", "Call first\r\n$result[first] is no reference")),
            "sale.order.update",
            {"id": 7, "fields": {"comments": "Call first\nresult[first] is no reference"}},
        ),
        (
            DEAL_AMOUNT.write(Change(DEAL, OLD_SUM, SUM)),
            "crm.deal.update",
            {"id": 7000, "fields": {"OPPORTUNITY": "20430.50", "IS_MANUAL_OPPORTUNITY": "Y"}},
        ),
        (
            DEAL_AMOUNT.write(Change(INVOICE, SUM, Amount(Decimal(3300), "EUR", manual=False))),
            "crm.item.update",
            {
                "id": 118,
                "entityTypeId": 31,
                "fields": {"opportunity": "3300", "isManualOpportunity": "N"},
            },
        ),
    ],
)
def test_write_command(command: Command, method: str, params: dict[str, object]) -> None:
    assert (command.method, command.params, command.write) == (method, params, True)


def test_unlinked_order_cannot_be_unlinked() -> None:
    with pytest.raises(ValueError, match="unlinked"):
        LINK.write(LinkChange(7, None, None))


@pytest.mark.parametrize(
    ("prop", "raw", "value"),
    [
        (STATUS, "N", "N"),
        (STATUS, None, ""),
        (RESPONSIBLE, 5, "5"),
        (RESPONSIBLE, "5", "5"),
        (COMMENT, None, ""),
        (COMMENT, "Call first\r\nthen send", "Call first\nthen send"),
    ],
)
def test_value_of_an_order_field(prop: OrderField, raw: object, value: str) -> None:
    row = {"id": 7, prop.field: raw}
    answer = Answer({"orders": [row, {"id": 8, prop.field: "other"}]})
    assert prop.values([7, 9], [answer]) == {7: value}


def test_order_without_a_link_is_linked_to_no_card() -> None:
    row = {"orderId": 7, "ownerId": 7000, "ownerTypeId": 2}
    answer = Answer({"orderEntity": [row]})
    assert LINK.values([7, 8], [answer]) == {7: DEAL, 8: None}
    assert LINK_TEXT.values([7, 8], [answer]) == {7: "2:7000", 8: ""}


@pytest.mark.parametrize(
    ("change", "now", "result"),
    [
        (Change(7, "", "Call first"), "", None),
        (Change(7, "", "Call first"), "Call first", "already"),
        (Change(7, "", "Call first"), "Do not call", "conflict"),
        (Change(7, "Call first", ""), "Do not call", "conflict"),
        (Change(7, "Call first", ""), Absent.HIDDEN, "failed"),
    ],
)
def test_decision_about_a_comment(
    change: Change[int, str], now: str | Absent, result: str | None
) -> None:
    decided = decide(change, now)
    assert (decided and decided.result.value) == result


CALL, NO_CALL = "Call first", "Do not call"


@pytest.mark.parametrize(
    ("change", "first", "now", "result", "overrode"),
    [
        (Change(7, "", CALL), "", CALL, "done", False),
        (Change(7, "", CALL), NO_CALL, CALL, "done", True),
        # Clearing a comment replaces whatever stands there, unlike unlinking.
        (Change(7, CALL, ""), NO_CALL, "", "done", True),
        (Change(7, "", CALL), CALL, CALL, "already", False),
        (Change(7, "", f"{CALL}\r\n{NO_CALL}"), "", f"{CALL}\n{NO_CALL}", "done", False),
        (Change(7, "", CALL), "", NO_CALL, "conflict", False),
        (Change(7, "", CALL), "", Absent.UNREAD, "unknown", False),
    ],
)
def test_outcome_of_a_written_comment(
    change: Change[int, str], first: str, now: str | Absent, result: str, *, overrode: bool
) -> None:
    found = judge(COMMENT, change, first, None, now)
    assert (found.result.value, found.overrode) == (result, overrode)


AUTO = Amount(Decimal(21000), "EUR", manual=False)
COUNTED = Amount(Decimal(21500), "EUR", manual=False)


@pytest.mark.parametrize(
    ("change", "now", "result"),
    [
        (Change(DEAL, OLD_SUM, SUM), SUM, "done"),
        (Change(DEAL, OLD_SUM, SUM), OLD_SUM, "conflict"),
        (Change(DEAL, OLD_SUM, SUM), Absent.UNREAD, "unknown"),
        # Given back to the portal to be counted from products, the amount is whatever it counts.
        (Change(DEAL, SUM, AUTO), COUNTED, "done"),
        (Change(DEAL, SUM, AUTO), Amount(Decimal(5), "EUR"), "conflict"),
        (Change(DEAL, SUM, AUTO), OLD_SUM, "done"),
    ],
)
def test_outcome_of_a_written_amount(
    change: Change[Owner, Amount], now: Amount | Absent, result: str
) -> None:
    found = judge(DEAL_AMOUNT, change, change.seen, None, now)
    assert found.result.value == result


@pytest.mark.parametrize("text", ["20430.50 EUR", "21000 EUR auto"])
def test_text_of_an_amount(text: str) -> None:
    assert str(Amount.parsed(text)) == text
    assert Amount.parsed(text).manual is ("auto" not in text)


LINK_TRAIL = Trail(7, DEAL, OTHER_DEAL)
STATUS_TRAIL = Trail(7, before="N", after="F")
AMOUNT_TRAIL = Trail(0, DEAL, DEAL, "21000 EUR auto", "20430.50 EUR")


def test_change_and_its_undo_in_the_audit_trail() -> None:
    assert LINK.trail(LinkChange(7, DEAL, OTHER_DEAL)) == LINK_TRAIL
    assert LINK.undoing(LINK_TRAIL) == LinkChange(7, OTHER_DEAL, DEAL)
    assert LINK_TEXT.trail(Change(7, "2:7000", "2:7001")) == LINK_TRAIL
    assert LINK_TEXT.undoing(LINK_TRAIL) == Change(7, "2:7001", "2:7000")
    assert STATUS.trail(Change(7, "N", "F")) == STATUS_TRAIL
    assert STATUS.undoing(STATUS_TRAIL) == Change(7, "F", "N")
    assert DEAL_AMOUNT.trail(Change(DEAL, AUTO, SUM)) == AMOUNT_TRAIL
    undo = DEAL_AMOUNT.undoing(AMOUNT_TRAIL)
    assert (undo, undo.wanted.manual) == (Change(DEAL, SUM, AUTO), False)
    with pytest.raises(ValueError, match="card"):
        DEAL_AMOUNT.undoing(STATUS_TRAIL)


@pytest.mark.parametrize(
    ("change", "whose", "needed"),
    [
        (LinkChange(7, DEAL, OTHER_DEAL), Credentials.OWN, {OTHER_DEAL}),
        (LinkChange(7, DEAL, None), Credentials.OWN, {DEAL}),
        (LinkChange(7, DEAL, OTHER_DEAL), Credentials.INSTALLER, {DEAL, OTHER_DEAL}),
    ],
)
def test_cards_a_person_must_be_able_to_open_to_link(
    change: LinkChange, whose: Credentials, needed: set[Owner]
) -> None:
    assert LINK.cards(change, whose) == needed
    assert not STATUS.cards(Change(7, "N", "F"), whose)

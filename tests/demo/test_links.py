"""crm.orderentity.*: one link an order, moved in silence (crm/universal/order-entity/*)."""

import pytest

from demo.server import DemoPortal
from tests.demo.calls import ANNA, ILYA, MARIA, OFFICE, PETRA, Asked, Json, caller

DEAL = 2


def link(
    portal: DemoPortal,
    number: str,
    owner_id: int = OFFICE,
    *,
    user_id: int = ANNA,
    change: Json | None = None,
) -> Asked:
    fields = {"orderId": portal.order_id(number), "ownerId": owner_id, "ownerTypeId": DEAL}
    ask = caller(portal, user_id)
    return ask("crm.orderentity.add", {"fields": {**fields, **(change or {})}})


def unlink(portal: DemoPortal, number: str, owner_id: int = OFFICE, user_id: int = ANNA) -> Asked:
    fields = {"orderId": portal.order_id(number), "ownerId": owner_id, "ownerTypeId": DEAL}
    return caller(portal, user_id)("crm.orderentity.deleteByFilter", {"fields": fields})


def test_unlinked_order_is_linked(portal: DemoPortal) -> None:
    answer = link(portal, "1193")
    order = portal.order_id("1193")
    assert answer.result == {
        "dealOrder": {"orderId": order, "ownerId": OFFICE, "ownerTypeId": DEAL}
    }
    assert portal.link_of(order) == (DEAL, OFFICE)


def test_linked_order_moves_without_notice(portal: DemoPortal) -> None:
    order = portal.order_id("1184")
    assert portal.link_of(order) == (DEAL, 6933)
    assert link(portal, "1184").status == 200
    assert portal.link_of(order) == (DEAL, OFFICE)


def test_owner_is_not_checked(portal: DemoPortal) -> None:
    assert link(portal, "1193", 999_999).status == 200


def test_order_is_unlinked(portal: DemoPortal) -> None:
    assert unlink(portal, "1201").result is True
    assert portal.link_of(portal.order_id("1201")) is None


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"orderId": 999_999}, "200540400001"),
        ({"orderId": None}, "0"),
        ({"ownerTypeId": 0}, "0"),
    ],
)
def test_invalid_link_is_refused(portal: DemoPortal, change: dict[str, object], code: str) -> None:
    answer = link(portal, "1193", change=change)
    assert (answer.status, answer.error) == (400, code)


def test_same_link_twice(portal: DemoPortal) -> None:
    assert link(portal, "1201").error == "201650000001"


def test_missing_link_is_not_found(portal: DemoPortal) -> None:
    answer = unlink(portal, "1184", OFFICE)
    assert (answer.status, answer.error) == (400, "201640400004")
    assert portal.link_of(portal.order_id("1184")) == (DEAL, 6933)


def test_missing_field_is_named(portal: DemoPortal) -> None:
    answer = caller(portal)("crm.orderentity.add", {"fields": {"orderId": 1}})
    assert answer.body["error_description"] == "Required fields: ownerId, ownerTypeId"


def test_right_to_the_store_decides(portal: DemoPortal) -> None:
    def codes(user_id: int) -> list[object]:
        listed = caller(portal, user_id)("crm.orderentity.list")
        added = link(portal, "1193", user_id=user_id)
        return [(question.status, question.body.get("error")) for question in (listed, added)]

    assert codes(PETRA) == [(400, "200040300010"), (400, "200040300020")]
    assert codes(MARIA) == [(200, None), (400, "200040300020")]
    assert codes(ILYA) == [(200, None), (200, None)]


def test_deal_and_invoice_with_same_id_differ(portal: DemoPortal) -> None:
    portal.state.links[portal.order_id("1193")] = (DEAL, 118)
    answer = caller(portal)("crm.orderentity.list", {"filter": {"ownerId": 118, "ownerTypeId": 31}})
    assert [row["orderId"] for row in answer.rows("orderEntity")] == [portal.order_id("1163")]


def test_unknown_key_makes_the_filter_match_everything(portal: DemoPortal) -> None:
    answer = caller(portal)("crm.orderentity.list", {"filter": {"OWNER_ID": OFFICE}})
    assert answer.body["total"] == len(portal.state.links)


def test_links_are_filtered_by_owner(portal: DemoPortal) -> None:
    rows = caller(portal)("crm.orderentity.list").rows("orderEntity")
    owners = [str(row["ownerId"]).zfill(9) for row in rows]
    assert owners == sorted(owners)

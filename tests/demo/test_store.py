"""Orders as a whole, changed, filtered by date, with what hangs on them."""

from decimal import Decimal
from typing import cast

import pytest

from demo.server import DemoPortal
from tests.demo.calls import ANNA, ILYA, MARIA, PETRA, Json, caller


def order(portal: DemoPortal, number: str, user_id: int = ANNA) -> Json:
    answer = caller(portal, user_id)("sale.order.get", {"id": portal.order_id(number)})
    return cast(Json, cast(Json, answer.result)["order"])


def test_complete_order_matches_the_mock_up(portal: DemoPortal) -> None:
    whole = order(portal, "1196", MARIA)
    clients = [
        (record["entityTypeId"], record["entityId"])
        for record in cast(list[Json], whole["clients"])
    ]
    assert clients == [(3, 1), (4, 2)]
    goods = [(row["quantity"], row["price"]) for row in cast(list[Json], whole["basketItems"])]
    assert goods == [(4, 780), (8, 210)]
    payments = cast(list[Json], whole["payments"])
    assert [(row["paySystemName"], row["paid"]) for row in payments] == [
        ("Bank transfer", "Y"),
        ("Card", "N"),
    ]
    assert str(payments[0]["datePaid"]).startswith("2026-11-15")
    assert str(payments[1]["datePayBefore"]).startswith("2026-12-01")
    shipments = cast(list[Json], whole["shipments"])
    assert [(row["deducted"], row["priceDelivery"]) for row in shipments] == [("Y", 200), ("N", 0)]
    assert str(shipments[0]["dateDeducted"]).startswith("2026-11-17")
    assert "second entrance" in str(whole["userDescription"])
    assert "second warehouse" in str(whole["comments"])


def test_goods_and_delivery_make_the_price(portal: DemoPortal) -> None:
    state = portal.state
    for pk, row in state.orders.items():
        goods = sum(
            Decimal(str(record["price"])) * record["quantity"]
            for record in state.baskets.of_order(pk)
        )
        sent = sum(Decimal(str(record["priceDelivery"])) for record in state.shipments.of_order(pk))
        assert goods + sent == Decimal(str(row["price"])), row["accountNumber"]


@pytest.mark.parametrize(
    "method", ["sale.order.get", "sale.basketitem.list", "sale.tradeBinding.list"]
)
def test_outsider_reads_no_store_data(portal: DemoPortal, method: str) -> None:
    answer = caller(portal, PETRA)(method, {"id": portal.order_id("1193")})
    assert (answer.status, answer.error) == (400, 200040300010)


def test_order_change_requires_write_right(portal: DemoPortal) -> None:
    change = {"id": portal.order_id("1201"), "fields": {"statusId": "PC", "responsibleId": "7"}}
    for user_id in (MARIA, PETRA):
        refused = caller(portal, user_id)("sale.order.update", change)
        assert (refused.status, refused.error) == (400, 200040300020)
    assert order(portal, "1201")["statusId"] == "N"
    answer = caller(portal, ILYA)("sale.order.update", change)
    changed = cast(Json, cast(Json, answer.result)["order"])
    assert (changed["statusId"], changed["responsibleId"]) == ("PC", 7)
    assert order(portal, "1201")["statusId"] == "PC"


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"fields": {"comments": "x"}}, 100),
        ({"id": 1, "fields": {}}, 100),
        ({"id": 1, "fields": {"comments": "x"}}, 200540400001),
        ({"id": 5001, "fields": {"statusId": "DN"}}, 0),
        ({"id": 5001, "fields": {"statusId": "nonsense"}}, 0),
    ],
)
def test_wrong_change_is_refused(portal: DemoPortal, params: Json, error: int) -> None:
    before = dict(portal.state.orders[5001])
    answer = caller(portal)("sale.order.update", params)
    assert (answer.status, answer.error) == (400, error)
    assert portal.state.orders[5001] == before


@pytest.mark.parametrize(
    ("since", "until", "numbers"),
    [
        ("2026-11-12", "2026-11-18", {"1193", "1196"}),
        ("2026-11-12T12:00:00+00:00", "2026-11-14T12:00:00+00:00", {"1193", "1196"}),
        # The same moments by another clock.
        ("2026-11-12T15:00:00+03:00", "2026-11-14T15:00:00+03:00", {"1193", "1196"}),
        ("2026-11-12T12:00:01+00:00", "2026-11-14T11:59:59+00:00", set()),
    ],
)
def test_orders_are_found_by_date(
    portal: DemoPortal, since: str, until: str, numbers: set[str]
) -> None:
    seeded = [portal.order_id(word) for word in ("1193", "1196", "1170")]
    dates = {"@id": seeded, ">=dateInsert": since, "<=dateInsert": until}
    rows = caller(portal)("sale.order.list", {"filter": dates}).rows("orders")
    assert {row["accountNumber"] for row in rows} == numbers


def test_order_source_is_read_by_binding(portal: DemoPortal) -> None:
    ask = caller(portal)
    names = {
        row["id"]: row["name"] for row in ask("sale.tradePlatform.list").rows("tradePlatforms")
    }
    wanted = {portal.order_id(word): word for word in ("1201", "1196", "1181")}
    rows = ask("sale.tradeBinding.list", {"filter": {"@orderId": list(wanted)}}).rows(
        "tradeBindings"
    )
    found = {
        wanted[cast(int, row["orderId"])]: names[int(str(row["tradingPlatformId"]))] for row in rows
    }
    assert found == {"1201": "Online store", "1196": "By phone", "1181": "Marketplace"}

"""List methods: filter prefixes, order, selection, pages of 50."""

from typing import cast

import pytest

from demo.server import DemoPortal
from tests.demo.calls import ANNA, MARIA, OFFICE, TOM, caller

MANY = 7400


def ids(portal: DemoPortal, method: str, key: str, filter_: dict[str, object]) -> set[object]:
    return {row["id"] for row in caller(portal)(method, {"filter": filter_}).rows(key)}


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ({"accountNumber": "1201"}, {"1201"}),
        ({"=accountNumber": ["1201", "1193"]}, {"1201", "1193"}),
        ({"@accountNumber": ["1201", "none"]}, {"1201"}),
        ({"%accountNumber": "20"}, {"1201"}),
        ({"=%accountNumber": "120%"}, {"1201"}),
        ({"%=accountNumber": "%201"}, {"1201"}),
        ({"=%accountNumber": "120"}, set()),
        ({"!@accountNumber": ["1201"]}, {"1196", "1193"}),
        ({"!=accountNumber": "1201"}, {"1196", "1193"}),
        ({"!accountNumber": "1201"}, {"1196", "1193"}),
        ({"!%accountNumber": "119"}, {"1201"}),
        ({"!=%accountNumber": "119%"}, {"1201"}),
        ({"!%=accountNumber": "119%"}, {"1201"}),
        ({">=price": 1250}, {"1201", "1196"}),
        ({">price": 1250}, {"1196"}),
        ({"<=price": 1250}, {"1201", "1193"}),
        ({"<price": 1250}, {"1193"}),
        ({"nonsense": "x"}, {"1201", "1196", "1193"}),
    ],
)
def test_filter_prefixes(portal: DemoPortal, condition: dict[str, object], found: set[str]) -> None:
    three = [portal.order_id(number) for number in ("1201", "1196", "1193")]
    answer = caller(portal)("sale.order.list", {"filter": {"@id": three, **condition}})
    assert {row["accountNumber"] for row in answer.rows("orders")} == found


@pytest.mark.parametrize("value", ["abc", [], "0"])
def test_invalid_number_in_filter_matches_nothing(portal: DemoPortal, value: object) -> None:
    assert ids(portal, "sale.order.list", "orders", {"=id": value}) == set()


def test_number_may_come_as_text(portal: DemoPortal) -> None:
    order = portal.order_id("1201")
    assert ids(portal, "sale.order.list", "orders", {"@id": [str(order), "12x"]}) == {order}


@pytest.mark.parametrize(
    ("method", "key"),
    [
        ("sale.payment.list", "payments"),
        ("sale.shipment.list", "shipments"),
        ("sale.basketitem.list", "basketItems"),
        ("sale.propertyvalue.list", "propertyValues"),
    ],
)
def test_parts_of_several_orders_at_once(portal: DemoPortal, method: str, key: str) -> None:
    orders = [portal.order_id("1196"), portal.order_id("1181")]
    rows = caller(portal)(method, {"filter": {"@orderId": orders}}).rows(key)
    assert {row["orderId"] for row in rows} == set(orders)


def test_pages_of_fifty(portal: DemoPortal) -> None:
    ask = caller(portal)
    mine = {"ownerId": MANY, "ownerTypeId": 2}
    seen: list[object] = []
    start: object = 0
    nexts = []
    while start is not None:
        answer = ask("crm.orderentity.list", {"filter": mine, "start": start})
        assert answer.body["total"] == 400
        seen += [row["orderId"] for row in answer.rows("orderEntity")]
        start = answer.body.get("next")
        nexts.append(start)
    assert nexts == [50, 100, 150, 200, 250, 300, 350, None]
    assert (len(seen), len(set(seen))) == (400, 400)


def test_exactly_one_page_has_no_next(portal: DemoPortal) -> None:
    answer = caller(portal)("crm.orderentity.list", {"filter": {"ownerId": 7050}})
    assert (answer.body["total"], "next" in answer.body) == (50, False)


def test_list_without_count_has_no_next(portal: DemoPortal) -> None:
    answer = caller(portal)("crm.orderentity.list", {"filter": {"ownerId": MANY}, "start": -1})
    assert len(answer.rows("orderEntity")) == 50
    assert not {"total", "next"} & set(answer.body)


def test_paging_by_id(portal: DemoPortal) -> None:
    ask = caller(portal)
    last, count = 0, 0
    while True:
        rows = ask(
            "crm.orderentity.list",
            {
                "filter": {"ownerId": 7051, ">orderId": last},
                "order": {"orderId": "asc"},
                "start": -1,
            },
        ).rows("orderEntity")
        count += len(rows)
        if len(rows) < 50:
            break
        last = cast(int, rows[-1]["orderId"])
    assert count == 51


def test_order_by_several_keys(portal: DemoPortal) -> None:
    params = {"order": {"currency": "desc", "price": "asc"}, "select": ["currency", "price"]}
    rows = caller(portal)("sale.order.list", params).rows("orders")
    keys = [(cast(str, row["currency"]), cast(float, row["price"])) for row in rows]
    assert keys == sorted(keys, key=lambda key: (-ord(key[0][0]), key[1]))


def test_select_limits_fields(portal: DemoPortal) -> None:
    rows = caller(portal)("crm.orderentity.list", {"select": ["orderId"]}).rows("orderEntity")
    assert {tuple(row) for row in rows} == {("orderId",)}


def test_people_by_id_in_a_bare_list(portal: DemoPortal) -> None:
    for condition in ({"@ID": [ANNA, MARIA]}, {"ID": ["1", "5"]}):
        answer = caller(portal)("user.get", {"FILTER": condition})
        assert [row["NAME"] for row in answer.rows()] == ["Anna", "Maria"]


def test_restricted_person_lists_own_deals_only(portal: DemoPortal) -> None:
    toms = caller(portal, TOM)
    listed = toms("crm.deal.list", {"filter": {"@ID": [6933, OFFICE]}, "select": ["ID"]})
    assert [dict(row) for row in listed.rows()] == [{"ID": "6933"}]
    denied = toms("crm.deal.get", {"id": OFFICE})
    assert (denied.status, denied.error) == (400, "")


def test_missing_deal_is_not_found(portal: DemoPortal) -> None:
    answer = caller(portal)("crm.deal.get", {"id": 1})
    assert (answer.status, answer.body["error_description"]) == (400, "Not found")


@pytest.mark.parametrize("deal", [7000, 7001, 7003, 7050, 7051, MANY])
def test_deal_has_as_many_orders_as_its_name_says(portal: DemoPortal, deal: int) -> None:
    answer = caller(portal)("crm.orderentity.list", {"filter": {"ownerId": deal, "ownerTypeId": 2}})
    assert answer.body["total"] == deal - 7000

"""The data the portal starts with: what the mock-ups show, and nobody who exists."""

import re
from collections import defaultdict
from decimal import Decimal

from demo.server import DemoPortal
from tests.demo.calls import OFFICE, Json, caller

NUMBERS = ["1201", "1196", "1188", "1181", "1174", "1166", "1159", "1152", "1140"]


def office(portal: DemoPortal) -> dict[str, Json]:
    """The orders of the office deal, by number."""
    ids = [pk for pk, owner in portal.state.links.items() if owner == (2, OFFICE)]
    rows = caller(portal)("sale.order.list", {"filter": {"@id": ids}}).rows("orders")
    return {str(row["accountNumber"]): row for row in rows}


def test_office_deal_is_the_one_of_the_mock_up(portal: DemoPortal) -> None:
    orders = office(portal)
    assert sorted(orders, reverse=True) == NUMBERS
    sums: dict[object, Decimal] = defaultdict(Decimal)
    for row in orders.values():
        if row["canceled"] == "N":
            sums[row["currency"]] += Decimal(str(row["price"]))
    assert dict(sums) == {"EUR": Decimal("20430.5"), "USD": Decimal(3180)}
    assert str(orders["1201"]["dateInsert"]).startswith("2026-11-18")
    assert all(str(row["id"]) != number for number, row in orders.items())


def test_order_is_partly_paid_and_partly_shipped(portal: DemoPortal) -> None:
    mine = {"filter": {"@orderId": [portal.order_id("1196")]}}
    payments = caller(portal)("sale.payment.list", mine).rows("payments")
    assert [(row["sum"], row["paid"]) for row in payments] == [(3000, "Y"), (2000, "N")]
    shipments = caller(portal)("sale.shipment.list", mine).rows("shipments")
    assert [(row["system"], row["deducted"]) for row in shipments] == [
        ("Y", "N"),
        ("N", "Y"),
        ("N", "N"),
    ]


def test_every_order_has_one_system_shipment(portal: DemoPortal) -> None:
    counts: dict[object, int] = defaultdict(int)
    for row in portal.state.shipments.values():
        counts[row["orderId"]] += row["system"] == "Y"
    assert set(counts) == set(portal.state.orders)
    assert set(counts.values()) == {1}


def test_statuses_are_named_in_three_languages(portal: DemoPortal) -> None:
    ask = caller(portal)
    codes = {row["id"] for row in ask("sale.status.list").rows("statuses")}
    for lid in ("en", "ru", "de"):
        named = ask("sale.statusLang.list", {"filter": {"lid": lid}}).rows("statusLangs")
        assert {row["statusId"] for row in named} == codes


def test_seed_has_orders_of_others_and_without_responsible(portal: DemoPortal) -> None:
    assert portal.link_of(portal.order_id("1184")) == (2, 6933)
    assert portal.link_of(portal.order_id("1179")) == (2, 6940)
    assert portal.link_of(portal.order_id("1163")) == (31, 118)
    assert portal.link_of(portal.order_id("1193")) is None
    assert len(portal.state.orders) - len(portal.state.links) >= 150


def test_seed_names_no_real_people(portal: DemoPortal) -> None:
    values = portal.state.properties.values()
    phones = {str(row["value"]) for row in values if row["code"] == "PHONE"}
    mails = {str(row["value"]) for row in values if row["code"] == "EMAIL"}
    assert [phone for phone in phones if not re.fullmatch(r"\+1 202 555 01\d\d", phone)] == []
    assert [mail for mail in mails if not mail.endswith(("@example.com", "@example.org"))] == []


def test_seed_has_awkward_texts(portal: DemoPortal) -> None:
    texts = " ".join(
        str(row[key])
        for rows, key in ((portal.state.deals, "TITLE"), (portal.state.properties, "value"))
        for row in rows.values()
    )
    for piece in ("<b>", '"', "'", "&", "«", "Анна", "🚲", "ß"):
        assert piece in texts

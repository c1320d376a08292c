"""Marking payments as paid and shipments as shipped: allowed, once, with the person's own right."""

import pytest
from django.test import Client

from b24app.journal.models import AuditEntry
from b24app.portals.models import Portal
from demo.server import DemoPortal
from demo.tables import Row
from testing.opening import ILYA, MARIA, MOCKUP, Page, ask, install, open_tab, submit

pytestmark = pytest.mark.django_db

PAY, UPDATE = "crm.item.payment.pay", "sale.shipment.update"


@pytest.fixture
def tab(client: Client, portal: DemoPortal) -> Page:
    install(client, portal)
    Portal.objects.update(allow_pay=True, allow_ship=True)
    return open_tab(client, portal, ILYA, MOCKUP)


@pytest.fixture
def payment(portal: DemoPortal) -> Row:
    """The open one of the two payments of order 1196."""
    rows = portal.state.payments.of_order(portal.order_id("1196"))
    return next(row for row in rows if row["paid"] == "N")


@pytest.fixture
def shipment(portal: DemoPortal) -> Row:
    """The open one of the two shipments of order 1196; its delivery has a price."""
    rows = portal.state.shipments.of_order(portal.order_id("1196"))
    found: Row = next(row for row in rows if row["deducted"] == "N" and row["system"] == "N")
    found.update(basePriceDelivery=90, priceDelivery=90, statusId="DD", comments="Ring twice")
    return found


def paying(row: Row, amount: str = "2000") -> dict[str, object]:
    return {"order": f"{row['orderId']}|", "part": row["id"], f"amount-{row['id']}": amount}


def sending(row: Row, tracking: str, seen: str = "") -> dict[str, object]:
    part = row["id"]
    return {"order": row["orderId"], "part": part, "tracking": tracking, f"seen-{part}": seen}


def calls(portal: DemoPortal, method: str) -> int:
    return [call.method for call in portal.calls].count(method)


def test_the_dialog_of_a_payment_says_what_follows(
    client: Client, portal: DemoPortal, tab: Page, payment: Row
) -> None:
    asked = ask(client, tab, f"/tab/pay/confirm/?order={payment['orderId']}").text
    assert "Mark €2,000.00 as paid" in asked
    assert "print a receipt" in asked
    assert "can’t be undone here" in asked
    assert asked.count(" disabled data-button") == 1


def test_a_payment_is_paid_once_and_recorded(
    client: Client, portal: DemoPortal, tab: Page, payment: Row
) -> None:
    portal.reset_counts()
    answer = submit(client, tab, "/tab/pay/", paying(payment))
    assert answer.toast["text"] == "€2,000.00 marked as paid"
    assert "undo" not in answer.toast
    assert (payment["paid"], payment["isReturn"]) == ("Y", "N")
    entry = AuditEntry.objects.get()
    assert (entry.kind, entry.before, entry.after) == ("payment", "Card", "2000 EUR")
    assert (entry.order_number, entry.to_id, entry.right) == ("1196", MOCKUP, "own")
    again = submit(client, tab, "/tab/pay/", paying(payment))
    assert "Nothing was changed a second time" in again.text
    assert calls(portal, PAY) == 1
    shown = ask(client, tab, "/tab/history/").text
    assert "marked as paid: <b>€2,000.00</b>" in shown
    assert "data-put-back" not in shown
    undone = submit(client, tab, "/tab/undo/", {"entry": entry.pk})
    assert undone.response.status_code == 400


def test_a_sum_that_changed_meanwhile_is_not_paid(
    client: Client, portal: DemoPortal, tab: Page, payment: Row
) -> None:
    payment["sum"] = 1500
    answer = submit(client, tab, "/tab/pay/", paying(payment))
    assert payment["paid"] == "N"
    assert "Its amount is €1,500.00 now" in answer.text


@pytest.mark.parametrize(
    ("fault", "after"),
    [
        *((fault, True) for fault in ("cut", "reset", "html", "warning")),
        *((fault, False) for fault in ("html", "warning")),
    ],
)
def test_an_unclear_answer_to_a_payment_is_read_back(
    client: Client, portal: DemoPortal, tab: Page, payment: Row, fault: str, *, after: bool
) -> None:
    portal.misbehave(fault, method=PAY, after=after)
    portal.reset_counts()
    answer = submit(client, tab, "/tab/pay/", paying(payment))
    assert payment["paid"] == ("Y" if after else "N")
    assert calls(portal, PAY) == (1 if after or fault == "warning" else 0)
    assert AuditEntry.objects.filter(certain=True).exists() is after
    assert ("toast" in answer.response.get("HX-Trigger", "")) is after


@pytest.mark.parametrize("amount", ["0", "0.00"])
def test_a_payment_of_nothing_is_not_paid(
    client: Client, portal: DemoPortal, tab: Page, payment: Row, amount: str
) -> None:
    payment["sum"] = 0
    portal.reset_counts()
    answer = submit(client, tab, "/tab/pay/", paying(payment, amount))
    assert answer.response.status_code == 400
    assert (payment["paid"], portal.http_requests) == ("N", 0)


def test_a_returned_payment_is_not_paid_again(
    client: Client, portal: DemoPortal, tab: Page, payment: Row
) -> None:
    payment["isReturn"] = "Y"
    portal.reset_counts()
    answer = submit(client, tab, "/tab/pay/", paying(payment))
    assert 'data-note="conflict"' in answer.text
    assert calls(portal, PAY) == 0


def test_a_payment_of_another_order_is_out_of_reach(
    client: Client, portal: DemoPortal, tab: Page, payment: Row
) -> None:
    elsewhere = portal.state.payments.of_order(portal.order_id("1184"))[0]
    portal.reset_counts()
    mixed = paying(elsewhere) | {"order": f"{payment['orderId']}|"}
    for form in (paying(elsewhere), mixed):
        answer = submit(client, tab, "/tab/pay/", form)
        assert answer.response.status_code == 403
    assert calls(portal, PAY) == 0


def test_a_shipment_leaves_with_its_number_and_keeps_its_price(
    client: Client, portal: DemoPortal, tab: Page, shipment: Row
) -> None:
    order = portal.state.orders[shipment["orderId"]]
    price = order["price"]
    asked = ask(client, tab, f"/tab/ship/confirm/?order={shipment['orderId']}").text
    assert "taken from stock" in asked
    answer = submit(client, tab, "/tab/ship/", sending(shipment, " 4417  8891 "))
    assert answer.toast["text"] == "Shipment of No. 1196 marked as shipped"
    kept = {name: shipment[name] for name in ("deducted", "trackingNumber", "statusId", "comments")}
    assert kept == {
        "deducted": "Y", "trackingNumber": "4417 8891", "statusId": "DD", "comments": "Ring twice",
    }  # fmt: skip
    assert (shipment["priceDelivery"], shipment["basePriceDelivery"]) == (90, 90)
    assert order["price"] == price
    entry = AuditEntry.objects.get()
    assert (entry.kind, entry.after) == ("shipment", "4417 8891")
    assert "tracking number <b>4417 8891</b>" in ask(client, tab, "/tab/history/").text


def test_a_tracking_number_alone(
    client: Client, portal: DemoPortal, tab: Page, shipment: Row
) -> None:
    submit(client, tab, "/tab/tracking/", sending(shipment, "1Z 204"))
    assert (shipment["deducted"], shipment["trackingNumber"]) == ("N", "1Z 204")
    assert shipment["priceDelivery"] == 90
    late = submit(client, tab, "/tab/tracking/", sending(shipment, "1Z 205"))
    assert shipment["trackingNumber"] == "1Z 204"
    assert 'data-note="conflict"' in late.text
    assert AuditEntry.objects.get().kind == "tracking"


def test_a_discounted_delivery_is_left_to_the_order(
    client: Client, portal: DemoPortal, tab: Page, shipment: Row
) -> None:
    shipment["priceDelivery"] = 40
    asked = ask(client, tab, f"/tab/ship/confirm/?order={shipment['orderId']}").text
    assert "discounted delivery" in asked
    portal.reset_counts()
    answer = submit(client, tab, "/tab/ship/", sending(shipment, "1Z"))
    assert "would change its price" in answer.text
    assert calls(portal, UPDATE) == 0


@pytest.mark.parametrize("fault", ["reset", "warning"])
def test_an_error_that_saved_a_shipment_is_told_as_done(
    client: Client, portal: DemoPortal, tab: Page, shipment: Row, fault: str
) -> None:
    portal.misbehave(fault, method=UPDATE, after=True)
    portal.reset_counts()
    answer = submit(client, tab, "/tab/ship/", sending(shipment, "1Z"))
    assert answer.toast["text"] == "Shipment of No. 1196 marked as shipped"
    assert calls(portal, UPDATE) == 1
    assert AuditEntry.objects.get().certain


def test_an_outcome_that_cannot_be_read_is_said_and_recorded_so(
    client: Client, portal: DemoPortal, tab: Page, payment: Row
) -> None:
    portal.misbehave("reset", method=PAY, after=True)
    portal.misbehave("html", method="sale.payment.list", times=20, skip=1)
    answer = submit(client, tab, "/tab/pay/", paying(payment))
    assert 'data-note="unknown"' in answer.text
    assert not AuditEntry.objects.get().certain


@pytest.mark.parametrize("kind", ["pay", "ship", "tracking"])
def test_everything_is_off_until_it_is_allowed(
    client: Client, portal: DemoPortal, tab: Page, payment: Row, shipment: Row, kind: str
) -> None:
    assert "/tab/pay/confirm/" in tab.row(payment["orderId"])
    Portal.objects.update(allow_pay=False, allow_ship=False)
    page = open_tab(client, portal, ILYA, MOCKUP)
    assert f"/tab/{kind}/" not in page.row(payment["orderId"])
    dialog = "edit" if kind == "tracking" else "confirm"
    asked = ask(client, page, f"/tab/{kind}/{dialog}/?order={payment['orderId']}")
    assert "data-not-allowed" in asked.text
    portal.reset_counts()
    form = paying(payment) if kind == "pay" else sending(shipment, "1Z")
    answer = submit(client, page, f"/tab/{kind}/", form)
    assert 'data-note="failed"' in answer.text
    assert calls(portal, PAY) + calls(portal, UPDATE) == 0


@pytest.mark.parametrize("kind", ["ship", "tracking"])
def test_a_shipment_of_another_order_or_of_the_store_itself_is_out_of_reach(
    client: Client, portal: DemoPortal, tab: Page, shipment: Row, kind: str
) -> None:
    elsewhere = portal.state.shipments.of_order(portal.order_id("1184"))[0]
    portal.reset_counts()
    mixed = sending(elsewhere, "1Z") | {"order": shipment["orderId"]}
    for form in (sending(elsewhere, "1Z"), mixed):
        assert submit(client, tab, f"/tab/{kind}/", form).response.status_code == 403
    shipment["system"] = "Y"
    answer = submit(client, tab, f"/tab/{kind}/", sending(shipment, "1Z"))
    assert "toast" not in answer.response.get("HX-Trigger", "")
    assert (shipment["deducted"], calls(portal, UPDATE)) == ("N", 0)


@pytest.mark.parametrize("kind", ["ship", "tracking"])
def test_what_was_done_to_a_shipment_has_no_undo(
    client: Client, portal: DemoPortal, tab: Page, shipment: Row, kind: str
) -> None:
    submit(client, tab, f"/tab/{kind}/", sending(shipment, "1Z"))
    entry = AuditEntry.objects.get()
    portal.reset_counts()
    for form in ({"entry": entry.pk}, {"change": str(entry.change)}):
        assert submit(client, tab, "/tab/undo/", form).response.status_code == 400
    assert calls(portal, UPDATE) == 0


@pytest.mark.parametrize("kind", ["pay", "ship", "tracking"])
def test_the_installers_right_is_never_used(
    client: Client, portal: DemoPortal, tab: Page, payment: Row, shipment: Row, kind: str
) -> None:
    Portal.objects.update(named=[{"id": "U5", "name": "Maria"}])
    page = open_tab(client, portal, MARIA, MOCKUP)
    form = paying(payment) if kind == "pay" else sending(shipment, "1Z")
    answer = submit(client, page, f"/tab/{kind}/", form)
    assert 'data-note="failed"' in answer.text
    assert "you need permission to change orders" in answer.text
    assert (payment["paid"], shipment["deducted"]) == ("N", "N")
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/tab/pay/", {"order": "5"}),
        ("/tab/pay/", {"order": "5", "part": "7", "amount-7": "-1"}),
        ("/tab/ship/", {"order": "5", "part": "0"}),
        ("/tab/ship/", {"order": "5", "part": "7", "tracking": "x" * 256}),
        ("/tab/tracking/", {"part": "7"}),
    ],
)
def test_bad_forms_make_no_request(
    client: Client, portal: DemoPortal, tab: Page, path: str, form: dict[str, str]
) -> None:
    portal.reset_counts()
    assert submit(client, tab, path, form).response.status_code == 400
    assert portal.http_requests == 0

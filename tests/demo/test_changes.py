"""Changes by people in the portal send the bound events."""

import pytest
import requests

from demo.server import DemoPortal
from testing.waiting import HANG_SECONDS, until
from tests.demo.calls import ILYA, MARIA, OFFICE, caller
from tests.demo.handler import Handler, bound

ORDER = ("ONSALEORDERSAVED", "ONORDERENTITYSAVED")
ALL = (
    "OnSaleOrderSaved",
    "OnOrderEntitySaved",
    "OnPaymentEntitySaved",
    "OnShipmentEntitySaved",
    "OnSaleBeforeOrderDelete",
    "OnOrderDeleted",
    "OnPaymentDeleted",
    "OnCrmDealUpdate",
    "OnCrmDealDelete",
    "OnCrmDynamicItemUpdate",
    "OnAppPayment",
)


@pytest.fixture
def listening(portal: DemoPortal, handler: Handler) -> Handler:
    bound(portal, handler, *ALL)
    portal.state.app.finished = True
    return handler


def heard(portal: DemoPortal, handler: Handler) -> list[tuple[str, str]]:
    """Events with the id they speak of, sorted, once all have come."""
    until(
        lambda: all(message.status for message in portal.lifecycle.sent_events),
        "each event is answered",
    )
    got = [
        (form["event"], form.get("data[FIELDS][ID]", form.get("data[PAYMENT_EXPIRED]", "")))
        for form in handler.forms
    ]
    handler.forms.clear()
    portal.lifecycle.sent_events.clear()
    return sorted(got)


def test_payment_sends_event(portal: DemoPortal, listening: Handler) -> None:
    pk = portal.order_id("1196")
    first, second = portal.state.payments.of_order(pk)
    portal.pay(pk)
    assert (first["paid"], second["paid"]) == ("Y", "Y")
    assert second["datePaid"] is not None
    assert portal.state.orders[pk]["payed"] == "Y"
    events_sent = [
        ("ONPAYMENTENTITYSAVED", str(second["id"])),
        *((text, str(pk)) for text in ORDER),
    ]
    assert heard(portal, listening) == sorted(events_sent)


def test_shipment_sends_event(portal: DemoPortal, listening: Handler) -> None:
    pk = portal.order_id("1196")
    portal.ship(pk)
    system, *others = portal.state.shipments.of_order(pk)
    assert (system["deducted"], [row["deducted"] for row in others]) == ("N", ["Y", "Y"])
    events_sent = [
        ("ONSHIPMENTENTITYSAVED", str(others[1]["id"])),
        *((text, str(pk)) for text in ORDER),
    ]
    assert heard(portal, listening) == sorted(events_sent)


def test_status_and_link_changes_send_order_saved_event(
    portal: DemoPortal, listening: Handler
) -> None:
    pk = portal.order_id("1193")
    saved = sorted((text, str(pk)) for text in ORDER)
    portal.set_status(pk, "AW")
    assert heard(portal, listening) == saved
    for owner in ((2, 6933), (2, OFFICE), None):
        portal.link(pk, owner)
        assert heard(portal, listening) == saved
    assert portal.link_of(pk) is None
    assert portal.state.orders[pk]["statusId"] == "AW"


def test_deleted_deal_deletes_its_links(portal: DemoPortal, listening: Handler) -> None:
    first, second = (portal.order_id(word) for word in ("1184", "1185"))
    payments = [portal.state.payments.of_order(pk)[0]["id"] for pk in (first, second)]
    portal.delete_deal(6933)
    ask = caller(portal)
    assert ask("crm.deal.get", {"id": 6933}).body["error_description"] == "Not found"
    assert ask("sale.order.get", {"id": first}).error == 200540400001
    mine = {"filter": {"@orderId": [first, second]}}
    assert ask("sale.payment.list", mine).rows("payments") == []
    assert ask("crm.orderentity.list", mine).rows("orderEntity") == []
    events_sent = [("ONCRMDEALDELETE", "6933")]
    for pk, payment in zip((first, second), payments, strict=True):
        events_sent += [("ONSALEBEFOREORDERDELETE", str(pk)), ("ONORDERDELETED", str(pk))]
        events_sent += [("ONPAYMENTDELETED", str(payment))]
    assert heard(portal, listening) == sorted(events_sent)


def test_changes_by_rest_send_events(portal: DemoPortal, listening: Handler) -> None:
    ask, pk = caller(portal, ILYA), portal.order_id("1201")
    ask("sale.order.update", {"id": pk, "fields": {"comments": "x"}})
    ask("crm.deal.update", {"id": OFFICE, "fields": {"OPPORTUNITY": 5}})
    ask("crm.item.update", {"entityTypeId": 31, "id": 118, "fields": {"title": "x"}})
    events_sent = [("ONCRMDEALUPDATE", str(OFFICE)), ("ONCRMDYNAMICITEMUPDATE", "118")]
    assert heard(portal, listening) == sorted([*events_sent, *((text, str(pk)) for text in ORDER)])


def test_no_event_before_installation_is_finished(portal: DemoPortal, listening: Handler) -> None:
    portal.state.app.finished = False
    portal.pay(portal.order_id("1196"))
    assert portal.lifecycle.sent_events == []


def test_burst_of_events_is_complete(portal: DemoPortal, listening: Handler) -> None:
    pk = portal.order_id("1193")
    for _ in range(100):
        portal.set_status(pk, "AW")
    until(lambda: len(listening.forms) == 200, "200 events arrive")
    assert len(heard(portal, listening)) == 200


@pytest.mark.parametrize("event", ["", "CRMDEALUPDATE", "OnNonsense", "ONCRMDEALWON"])
def test_unknown_event_is_not_bound(portal: DemoPortal, event: str) -> None:
    given = {"event": event, "handler": "https://app.example.com/x/"}
    answer = caller(portal, MARIA)("event.bind", given)
    assert (answer.status, answer.error) == (400, "ERROR_EVENT_NOT_FOUND")
    assert portal.state.events == []


def refreshed(portal: DemoPortal, token: str) -> requests.Response:
    params = {"grant_type": "refresh_token", "refresh_token": token}
    secret = {"client_id": portal.client_id, "client_secret": portal.client_secret}
    return requests.get(
        f"{portal.oauth_url}/oauth/token/", {**params, **secret}, timeout=HANG_SECONDS
    )


def test_subscription_ends_and_is_renewed(portal: DemoPortal, listening: Handler) -> None:
    ask, refresh = caller(portal), portal.open("DEFAULT").form["REFRESH_ID"]
    portal.end_subscription()
    assert heard(portal, listening) == [("ONAPPPAYMENT", "Y")]
    assert (ask("profile").status, ask("profile").error) == (402, "PAYMENT_REQUIRED")
    assert refreshed(portal, refresh).json()["error"] == "PAYMENT_REQUIRED"
    portal.renew_subscription()
    assert heard(portal, listening) == [("ONAPPPAYMENT", "N")]
    assert ask("profile").status == 200
    # A refresh that was refused for the money took nothing.
    assert refreshed(portal, refresh).status_code == 200


def test_dismissed_person_has_no_tokens(portal: DemoPortal) -> None:
    maria, ilya = caller(portal, MARIA), caller(portal, ILYA)
    refresh = portal.open("DEFAULT", user_id=MARIA).form["REFRESH_ID"]
    portal.dismiss(MARIA)
    assert (maria("profile").status, maria("profile").error) == (401, "invalid_token")
    assert refreshed(portal, refresh).json()["error"] == "invalid_grant"
    (row,) = ilya("user.get", {"FILTER": {"ID": MARIA}}).rows()
    assert row["ACTIVE"] is False

"""What changes in the portal, by REST or by somebody who works there, and the events about it.

Each event's data is what its page shows (sale/events/*.md, crm/deals/events/*.md).
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal

from demo.rows import DEAL, INVOICE
from demo.state import State, User
from demo.tables import Owner, Row

SendEvent = Callable[[str, Mapping[str, object]], None]


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def order_saved(send_event: SendEvent, order: Row) -> None:
    """Every saved order sends two events: the old one and that of its entity."""
    fields = {"ID": order["id"], "XML_ID": order["xmlId"]}
    send_event("ONSALEORDERSAVED", {"FIELDS": {**fields, "ACTION": "save"}})
    send_event("ONORDERENTITYSAVED", {"FIELDS": {"ID": order["id"]}})


def link(state: State, send_event: SendEvent, order_id: int, owner: Owner | None) -> None:
    """The order belongs to ``owner`` from now on, or to nobody; its old link is removed without an event."""
    if owner is None:
        state.links.pop(order_id, None)
    else:
        state.links[order_id] = owner
    order_saved(send_event, state.orders[order_id])


def cancels(state: State, status: object) -> bool:
    """Whether an order with this status counts as cancelled: it stands behind the completed ones."""
    ranks = {row["id"]: row["sort"] for row in state.statuses if row["type"] == "O"}
    return bool(ranks.get(status, 0) > ranks["F"])


def obstacle(state: State, order_id: int) -> str:
    """The code that keeps an order from being cancelled; empty where nothing does."""
    payments, shipments = state.payments.of_order(order_id), state.shipments.of_order(order_id)
    if any(row["paid"] == "Y" for row in payments):
        return "SALE_ORDER_CANCEL_PAYMENT_EXIST_ACTIVE"
    shipped = any(row["deducted"] == "Y" and row["system"] == "N" for row in shipments)
    return "SALE_ORDER_CANCEL_SHIPMENT_EXIST_SHIPPED" if shipped else ""


def change_order(
    state: State, send_event: SendEvent, order_id: int, fields: Mapping[str, object]
) -> None:
    """A status and the cancellation are tied: a new status decides whether the order is cancelled."""
    order = state.orders[order_id]
    if fields.get("statusId", order["statusId"]) != order["statusId"]:
        fields = {**fields, "canceled": "Y" if cancels(state, fields["statusId"]) else "N"}
    if fields.get("statusId", order["statusId"]) != order["statusId"]:
        order["dateStatus"] = now()
    if fields.get("canceled", order["canceled"]) != order["canceled"]:
        order["dateCanceled"] = now() if fields["canceled"] == "Y" else None
    order.update(fields)
    order["dateUpdate"] = now()
    order["version"] += 1
    order_saved(send_event, order)


def pay(state: State, send_event: SendEvent, order_id: int) -> None:
    """All that is open of the order is paid."""
    for payment in state.payments.of_order(order_id):
        if payment["paid"] == "N" and payment["isReturn"] == "N":
            payment.update(paid="Y", datePaid=now())
            send_event("ONPAYMENTENTITYSAVED", {"FIELDS": {"ID": payment["id"]}})
    change_order(state, send_event, order_id, {"payed": "Y"})


def pay_one(state: State, send_event: SendEvent, payment_id: int) -> None:
    """One payment is paid, and the order once the sum is reached. A refund before is forgotten."""
    payment = state.payments[payment_id]
    payment.update(paid="Y", isReturn="N", datePaid=now())
    send_event("ONPAYMENTENTITYSAVED", {"FIELDS": {"ID": payment_id}})
    order = state.orders[payment["orderId"]]
    rows = state.payments.of_order(order["id"])
    paid = sum(Decimal(str(row["sum"])) for row in rows if row["paid"] == "Y")
    whole = paid >= Decimal(str(order["price"]))
    change_order(state, send_event, order["id"], {"payed": "Y" if whole else "N"})


def change_shipment(
    state: State, send_event: SendEvent, shipment_id: int, fields: Mapping[str, object]
) -> None:
    """The order costs what its goods and its deliveries cost together."""
    shipment = state.shipments[shipment_id]
    before = Decimal(str(shipment["priceDelivery"]))
    if fields["deducted"] != shipment["deducted"]:
        shipment["dateDeducted"] = now() if fields["deducted"] == "Y" else None
    shipment.update(fields)
    send_event("ONSHIPMENTENTITYSAVED", {"FIELDS": {"ID": shipment_id}})
    order = state.orders[shipment["orderId"]]
    more = Decimal(str(shipment["priceDelivery"])) - before
    change_order(
        state, send_event, order["id"], {"price": float(Decimal(str(order["price"])) + more)}
    )


def ship(state: State, send_event: SendEvent, order_id: int) -> None:
    """All that was not shipped leaves the warehouse."""
    for shipment in state.shipments.of_order(order_id):
        if shipment["deducted"] == "N" and shipment["system"] == "N":
            gone = {"deducted": "Y", "statusId": "DF", "allowDelivery": "Y", "dateDeducted": now()}
            shipment.update(gone)
            send_event("ONSHIPMENTENTITYSAVED", {"FIELDS": {"ID": shipment["id"]}})
    change_order(state, send_event, order_id, {})


def delete_order(state: State, send_event: SendEvent, order_id: int) -> None:
    """The order with all that hangs on it."""
    order = state.orders[order_id]
    fields = {"ID": order_id, "XML_ID": order["xmlId"], "ACTION": "delete"}
    send_event("ONSALEBEFOREORDERDELETE", {"FIELDS": fields})
    for table, event in (
        (state.payments, "ONPAYMENTDELETED"),
        (state.shipments, "ONSHIPMENTDELETED"),
        (state.properties, "ONPROPERTYVALUEDELETED"),
        (state.baskets, ""),
        (state.clients, ""),
        (state.sources, ""),
    ):
        for row in table.of_order(order_id):
            del table[row["id"]]
            if event:
                send_event(event, {"FIELDS": {"ID": row["id"]}})
    state.links.pop(order_id, None)
    del state.orders[order_id]
    send_event("ONORDERDELETED", {"FIELDS": {"ID": order_id}})


def change_deal(
    state: State, send_event: SendEvent, deal_id: int, fields: Mapping[str, object]
) -> None:
    state.deals[deal_id].update(fields, DATE_MODIFY=now())
    send_event("ONCRMDEALUPDATE", {"FIELDS": {"ID": str(deal_id)}})


def change_invoice(
    state: State, send_event: SendEvent, pk: int, fields: Mapping[str, object]
) -> None:
    state.invoices[pk].update(fields, updatedTime=now())
    send_event(
        "ONCRMDYNAMICITEMUPDATE", {"FIELDS": {"ID": str(pk), "ENTITY_TYPE_ID": str(INVOICE)}}
    )


def delete_deal(state: State, send_event: SendEvent, deal_id: int) -> None:
    """The deal, and its linked orders with it."""
    for order_id in state.links.of_owner((DEAL, deal_id)):
        delete_order(state, send_event, order_id)
    del state.deals[deal_id]
    send_event("ONCRMDEALDELETE", {"FIELDS": {"ID": str(deal_id)}})


# To whom a portal may give a dismissed employee's apps.
SYSTEM = 9999


def dismiss(state: State, user_id: int, *, passed_on: bool, tokens_stay: bool) -> None:
    """The employee leaves: their tokens die, or the app goes on as a system user nobody is shown.

    With ``tokens_stay`` the tokens are still known, and the portal refuses the person they are for.
    """
    state.users[user_id].active = False
    if tokens_stay:
        return
    if passed_on:
        state.users[SYSTEM] = User(
            SYSTEM, "", "", admin=True, sale="write", active=False, hidden=True
        )
        for shelf in (state.access, state.refresh):
            for token in shelf.values():
                if token.user_id == user_id:
                    token.user_id = SYSTEM
        return
    for shelf in (state.access, state.refresh, state.codes):
        for secret in [text for text, token in shelf.items() if token.user_id == user_id]:
            del shelf[secret]


def comment(
    state: State, send_event: SendEvent, author: int, kind: str, owner_id: int, text: str
) -> int:
    """A comment in the timeline of a card; its id."""
    pk = len(state.comments) + 1
    state.comments.append(
        {
            "ID": pk, "ENTITY_ID": owner_id, "ENTITY_TYPE": kind, "COMMENT": text, "AUTHOR_ID": author,
            "CREATED": now(),
        }
    )  # fmt: skip
    send_event("ONCRMTIMELINECOMMENTADD", {"ID": pk})
    return pk


def notify(state: State, kind: str, author: int, to: int, text: str, tag: str) -> int:
    """A notification of the messenger, which takes the place of the person's last with that tag."""
    if tag:
        state.notices[:] = [
            notice for notice in state.notices if (notice["to"], notice["tag"]) != (to, tag)
        ]
    state.notices.append({"kind": kind, "from": author, "to": to, "text": text, "tag": tag})
    return len(state.notices)

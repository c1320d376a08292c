"""What an opened row shows of an order: goods, payments, shipments and comments, in one request."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from b24app.bitrix24 import errors
from b24app.bitrix24.client import Answer, Command
from b24app.orders import parsing
from b24app.orders.types import Item, Order, Payment, Shipment

Outcomes = Mapping[str, Answer | errors.BitrixError]

# More lines than this make a row no more readable; the order's own page shows them all.
MOST = 50


@dataclass(frozen=True, slots=True)
class Details:
    """``None`` stands for a part the portal would not show; ``more`` for goods beyond the first 50."""

    order: Order
    items: tuple[Item, ...] | None
    payments: tuple[Payment, ...] | None
    shipments: tuple[Shipment, ...] | None
    customer_comment: str
    manager_comment: str
    more: bool

    @property
    def delivery(self) -> Decimal:
        """What the customer pays for delivery, in the order's currency."""
        return sum((one.price for one in self.shipments or ()), Decimal(0))


def commands(order_id: int) -> dict[str, Command]:
    """Commands for :func:`details_of` (sale/order, basket-item, payment, shipment: the list methods).

    sale.order.get would give all at once, and is for administrators by its documentation.
    """
    of_order = {"filter": {"=orderId": order_id}, "order": {"id": "asc"}}
    return {
        "order": Command(
            "sale.order.list",
            {
                "select": [*parsing.ORDER_FIELDS, "userDescription", "comments"],
                "filter": {"=id": order_id},
            },
        ),
        "items": Command(
            "sale.basketitem.list",
            {"select": ["id", "orderId", "name", "quantity", "price"], **of_order},
        ),
        "payments": Command(
            "sale.payment.list",
            {
                "select": [
                    "id",
                    "orderId",
                    "sum",
                    "paid",
                    "isReturn",
                    "paySystemName",
                    "datePaid",
                    "datePayBefore",
                ],
                **of_order,
            },
        ),
        "shipments": Command(
            "sale.shipment.list",
            {
                "select": [
                    "id",
                    "orderId",
                    "deducted",
                    "system",
                    "canceled",
                    "trackingNumber",
                    "deliveryName",
                    "dateDeducted",
                    "priceDelivery",
                ],
                "filter": {"=orderId": order_id, "=system": "N"},
                "order": {"id": "asc"},
            },
        ),
    }


def details_of(order_id: int, outcomes: Outcomes) -> Details:
    """The details; raises the portal's refusal of the order itself, ``OrderNotFound`` when it is gone."""
    order, raw = parsing.order(outcomes["order"], order_id)
    goods, payments, shipments = (
        outcome.result if isinstance(outcome := outcomes[key], Answer) else None
        for key in ("items", "payments", "shipments")
    )
    listed = outcomes["items"]
    return Details(
        order=order,
        items=None
        if goods is None
        else tuple(one for of, one in parsing.items(goods) if of == order_id)[:MOST],
        payments=None
        if payments is None
        else tuple(one for _, one in parsing.payments(payments) if one.order_id == order_id),
        shipments=None
        if shipments is None
        else tuple(one for _, one in parsing.shipments(shipments) if one.order_id == order_id),
        customer_comment=parsing.text(raw.get("userDescription")).strip(),
        manager_comment=parsing.text(raw.get("comments")).strip(),
        more=isinstance(listed, Answer) and bool(listed.next),
    )

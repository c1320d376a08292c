"""What an opened row shows of an order: goods, payments, shipments and comments, in one request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from b24app.bitrix24 import ask, batch
from b24app.bitrix24.ask import Ask
from b24app.bitrix24.client import Answer, Command
from b24app.orders import parsing
from b24app.orders.types import Item, Order, Payment, Shipment

MAX_ITEMS = batch.SIZE
"""Lines of goods: more make a row no more readable, and the order's own page shows them all."""


@dataclass(frozen=True, slots=True)
class Details:
    """``None`` means a part the portal would not show; ``more`` for goods beyond :data:`MAX_ITEMS`."""

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
        return sum((shipment.price for shipment in self.shipments or ()), Decimal(0))


_ITEM_FIELDS = ("id", "orderId", "name", "quantity", "price")
_PAYMENT_FIELDS = (
    "id",
    "orderId",
    "sum",
    "paid",
    "isReturn",
    "paySystemName",
    "datePaid",
    "datePayBefore",
)
_SHIPMENT_FIELDS = (
    "id",
    "orderId",
    "deducted",
    "system",
    "canceled",
    "trackingNumber",
    "deliveryName",
    "dateDeducted",
    "priceDelivery",
)


def details_of(order_id: int) -> Ask[Details]:
    """The details (sale/order, basket-item, payment, shipment: the list methods).

    sale.order.get would give all at once, and is for administrators by its documentation. Raises the
    portal's refusal of the order itself, ``errors.OrderNotFound`` when it is gone.
    """
    order = Command(
        "sale.order.list",
        {
            "select": [*parsing.ORDER_FIELDS, "userDescription", "comments"],
            "filter": {"=id": order_id},
        },
    )
    return ask.together(
        ask.of(order, lambda answer: parsing.order_row(answer, order_id)),
        _part("sale.basketitem.list", order_id, _ITEM_FIELDS),
        _part("sale.payment.list", order_id, _PAYMENT_FIELDS),
        _part("sale.shipment.list", order_id, _SHIPMENT_FIELDS, {"=system": "N"}),
    ).map(lambda found: _details(*found))


def _part(
    method: str, order_id: int, fields: Sequence[str], narrowed: Mapping[str, object] | None = None
) -> Ask[Answer | None]:
    """The rows of one order in a list; None where the portal would not show them."""
    params = {
        "select": list(fields),
        "filter": {"=orderId": order_id, **(narrowed or {})},
        "order": {"id": "asc"},
    }
    return ask.of(Command(method, params), lambda answer: answer).otherwise(None)


def _details(
    found: tuple[Order, Mapping[str, object]],
    items: Answer | None,
    payments: Answer | None,
    shipments: Answer | None,
) -> Details:
    order, row = found
    return Details(
        order=order,
        items=None
        if items is None
        else tuple(item for of, item in parsing.items(items.result) if of == order.id)[:MAX_ITEMS],
        payments=None
        if payments is None
        else tuple(
            payment
            for _, payment in parsing.payments(payments.result)
            if payment.order_id == order.id
        ),
        shipments=None
        if shipments is None
        else tuple(
            shipment
            for _, shipment in parsing.shipments(shipments.result)
            if shipment.order_id == order.id
        ),
        customer_comment=parsing.text(row.get("userDescription")).strip(),
        manager_comment=parsing.text(row.get("comments")).strip(),
        more=items is not None and bool(items.next),
    )

"""The orders of a card as a table to be exported."""

from collections.abc import Mapping, Sequence

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from b24app.orders.types import DeliveryState, Order, PaymentState, Status
from b24app.web.table_files import Cell, Table


def table(
    orders: Sequence[Order],
    statuses: Mapping[str, Status],
    people: Mapping[int, str],
    language: str,
) -> Table:
    """One row an order, its amounts in major units of the currency beside them."""
    payment = {
        PaymentState.PAID: pgettext("order", "Paid"),
        PaymentState.PARTLY: pgettext("payment", "Partly"),
        PaymentState.NOT_PAID: _("Not paid"),
        PaymentState.REFUNDED: pgettext("order", "Refunded"),
    }
    delivery = {
        DeliveryState.SHIPPED: _("Shipped"),
        DeliveryState.PARTLY: pgettext("delivery", "Partly"),
        DeliveryState.NOT_SHIPPED: _("Not shipped"),
    }

    def row(order: Order) -> list[Cell]:
        status = statuses.get(order.status_id)
        customer = order.customer
        return [
            order.id,
            order.number,
            order.created,
            customer.name,
            customer.company,
            customer.phone,
            customer.email,
            status.name(language) if status else order.status_id,
            _("Yes") if order.canceled else _("No"),
            payment[order.payment_state],
            delivery[order.delivery_state],
            order.tracking,
            order.price,
            order.paid,
            order.to_pay,
            order.refunded,
            order.currency,
            people.get(order.responsible_id, ""),
        ]

    headings = [
        _("ID"),
        _("Number"),
        _("Date"),
        _("Client"),
        _("Company"),
        _("Phone"),
        _("E-mail"),
        _("Status"),
        _("Cancelled"),
        _("Payment"),
        _("Delivery"),
        _("Tracking number"),
        _("Amount"),
        pgettext("sum", "Paid"),
        _("To pay"),
        pgettext("sum", "Refunded"),
        _("Currency"),
        _("Responsible"),
    ]
    return Table(_("Orders"), headings, [row(order) for order in orders])

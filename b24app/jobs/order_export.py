"""Orders read for a table to download: what an export job keeps of each, and the table itself."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from b24app.bitrix24.client import Client
from b24app.changes.properties import place_of
from b24app.jobs.judging import Result
from b24app.jobs.models import JobItem
from b24app.orders.card_orders import orders_by_id
from b24app.orders.types import Order, Owner
from b24app.portals.templatetags.shown import local
from b24app.web.export_cells import owner_type
from b24app.web.table_files import Cell, Table

# 50 orders are nine commands; five times that is one request.
ORDERS_PER_REQUEST = 250


def read(client: Client, items: Sequence[JobItem]) -> list[Result]:
    """The rows with their orders read; an order the portal does not show is gone. Raises what it refuses."""
    found = {
        element.id: element
        for element in client.answer(orders_by_id(item.order_id for item in items))
    }
    results = []
    for item in items:
        order = found.get(item.order_id)
        if order is None:
            results.append(Result(item, JobItem.State.FAILED, "gone"))
        else:
            item.data = _kept(order)
            results.append(Result(item, JobItem.State.DONE))
    return results


def _kept(order: Order) -> dict[str, str]:
    return {
        "number": order.number,
        "created": order.created.isoformat() if order.created else "",
        "status": order.status_id,
        "customer": order.customer.name,
        "company": order.customer.company,
        "phone": order.customer.phone,
        "email": order.customer.email,
        "price": str(order.price),
        "paid": str(order.paid),
        "to_pay": str(order.to_pay),
        "currency": order.currency,
        "canceled": "1" if order.canceled else "",
        "delivery": f"{order.shipped_count}/{len(order.shipments or ())}",
        "tracking": order.tracking,
    }


def table(name: str, items: QuerySet[JobItem]) -> Table:
    """One row for each order read, money as numbers; the card it was found on only where there is one.

    A column of deals that is always empty would keep the table from being imported for one deal.
    """
    placed = items.exclude(expected="").filter(expected__isnull=False).exists()
    headings = [
        _("Order"), _("Order ID"), _("Date"), _("Status"), _("Client"), _("Company"), _("Phone"),
        _("E-mail"), _("Amount"), _("Paid"), _("To pay"), _("Currency"), _("Cancelled"),
        _("Shipped"), _("Tracking number"), *([_("Type"), _("Deal/invoice ID")] if placed else []),
    ]  # fmt: skip
    rows = [_cells(item, placed=placed) for item in items.iterator(chunk_size=2000)]
    return Table(name, headings, rows)


def _cells(item: JobItem, *, placed: bool) -> list[Cell]:
    data: Mapping[str, str] = item.data if isinstance(item.data, dict) else {}
    created = data.get("created")
    return [
        data.get("number", ""),
        item.order_id,
        local(datetime.fromisoformat(created)) if created else None,
        *_texts(data, ("status", "customer", "company", "phone", "email")),
        *(Decimal(data.get(key) or "0") for key in ("price", "paid", "to_pay")),
        data.get("currency", ""),
        _("yes") if data.get("canceled") else "",
        *_texts(data, ("delivery", "tracking")),
        *(_place(place_of(item.expected or "")) if placed else []),
    ]


def _place(owner: Owner | None) -> list[Cell]:
    """Where the order was found, for a job over the orders of a card or over links."""
    return [owner_type(owner), owner.id if owner else None]


def _texts(data: Mapping[str, str], keys: Iterable[str]) -> list[Cell]:
    return [data.get(key, "") for key in keys]

"""Sorting and filtering the orders of one card: pure, over orders that were read whole."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from b24app.orders.content import IN_GRID, Kind
from b24app.orders.normalization import folded
from b24app.orders.types import DeliveryState, Order, PaymentState


class Sort(StrEnum):
    """``ADDED`` is the portal's own order of links: by the order's id. Imported orders may be older."""

    ADDED = "added"
    DATE = "date"
    NUMBER = "number"
    AMOUNT = "amount"
    STATUS = "status"


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What a person wants to see, and in which order. The default is everything, newest first."""

    text: str = ""
    status: str = ""
    payment: PaymentState | None = None
    delivery: DeliveryState | None = None
    canceled: bool = True
    sort: Sort = Sort.ADDED
    descending: bool = True

    @property
    def filters(self) -> bool:
        """True when some orders may be left out."""
        return bool(self.text or self.status or self.payment or self.delivery or not self.canceled)

    @property
    def usual(self) -> bool:
        """True for the portal's own order of links, which is read page by page."""
        return not self.filters and self.sort is Sort.ADDED and self.descending

    @property
    def needs(self) -> tuple[Kind, ...]:
        """What has to be known of every order to decide which are wanted, and in which order."""
        if self.text:
            return IN_GRID
        wanted = {
            Kind.ORDERS: True,
            Kind.PAYMENTS: self.payment is not None,
            Kind.SHIPMENTS: self.delivery is not None,
        }
        return tuple(kind for kind, needed in wanted.items() if needed)


def narrowed(
    orders: Iterable[Order], narrowing: Narrowing, status_order: Mapping[str, int]
) -> tuple[Order, ...]:
    """The orders that match, sorted. ``status_order`` is the portal's own order of its statuses."""
    kept = [order for order in orders if _matches(order, narrowing)]
    kept.sort(key=lambda order: order.id, reverse=True)
    key = _KEYS[narrowing.sort]
    kept.sort(key=lambda order: key(order, status_order), reverse=narrowing.descending)
    return tuple(kept)


def _matches(order: Order, wanted: Narrowing) -> bool:
    return (
        (wanted.canceled or not order.canceled)
        and (not wanted.status or order.status_id == wanted.status)
        and (wanted.payment is None or order.payment_state is wanted.payment)
        and (wanted.delivery is None or order.delivery_state is wanted.delivery)
        and holds(order, wanted.text)
    )


def holds(order: Order, text: str) -> bool:
    """Whether the text occurs in the order's number, id, customer or tracking numbers.

    Telephone and tracking numbers are found however they are spaced, words in any order.
    """
    wanted = folded(text).strip()
    if not wanted:
        return True
    customer = order.customer
    plain = [order.number, str(order.id), customer.name, customer.company, customer.email]
    known = [folded(item) for item in plain]
    # A name is found whichever part of it comes first.
    if any(all(word in item for word in wanted.split()) for item in known):
        return True
    closed = _closed(wanted)
    spaced = [customer.phone, *(shipment.tracking for shipment in order.shipments or ())]
    return len(closed) >= 3 and any(closed in _closed(item.casefold()) for item in spaced)


def _closed(text: str) -> str:
    return "".join(char for char in text if char.isalnum())


def _by_number(order: Order, _: Mapping[str, int]) -> tuple[int, str]:
    digits = "".join(char for char in order.number if char.isascii() and char.isdecimal())
    return int(digits[:18] or "0"), order.number


_EARLIEST = datetime.min.replace(tzinfo=UTC)

_KEYS: Mapping[Sort, Callable[[Order, Mapping[str, int]], tuple[object, ...]]] = {
    Sort.ADDED: lambda order, _: (order.id,),
    Sort.DATE: lambda order, _: (order.created or _EARLIEST, order.id),
    Sort.NUMBER: _by_number,
    # Amounts of different currencies are not compared with one another.
    Sort.AMOUNT: lambda order, _: (order.currency, order.price),
    Sort.STATUS: lambda order, ranks: (ranks.get(order.status_id, len(ranks)), order.status_id),
}

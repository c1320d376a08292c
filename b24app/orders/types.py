"""What the rest of the program sees of an order: frozen values, money as ``Decimal``, aware times.

Raw answers of the portal end in :mod:`parsing`; nothing above them reads a dict.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum

DEAL = 2
CONTACT = 3
COMPANY = 4
INVOICE = 31
ORDER = 14


@dataclass(frozen=True, slots=True, order=True)
class Owner:
    """What an order is linked to. Both parts matter: deal 100 and invoice 100 are different."""

    type_id: int
    id: int

    @property
    def is_deal(self) -> bool:
        return self.type_id == DEAL

    @property
    def is_invoice(self) -> bool:
        return self.type_id == INVOICE


@dataclass(frozen=True, slots=True)
class OrderLink:
    """One row of ``crm.orderentity.list``. An order has at most one."""

    order_id: int
    owner: Owner


class PaymentState(Enum):
    PAID = "paid"
    PARTLY = "partly"
    NOT_PAID = "not_paid"
    REFUNDED = "refunded"


class DeliveryState(Enum):
    SHIPPED = "shipped"
    PARTLY = "partly"
    NOT_SHIPPED = "not_shipped"


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment of an order; ``due`` is the day it was promised for."""

    order_id: int
    amount: Decimal
    paid: bool
    returned: bool
    system: str = ""
    paid_at: datetime | None = None
    due: datetime | None = None


@dataclass(frozen=True, slots=True)
class Shipment:
    order_id: int
    shipped: bool
    tracking: str
    service: str = ""
    shipped_at: datetime | None = None
    price: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Item:
    """One line of an order's goods; ``price`` is that of one unit."""

    name: str
    quantity: Decimal
    price: Decimal

    @property
    def sum(self) -> Decimal:
        return self.quantity * self.price


@dataclass(frozen=True, slots=True)
class Customer:
    """Who ordered, as the order's own properties say it. Empty strings where the order is silent."""

    name: str = ""
    company: str = ""
    phone: str = ""
    email: str = ""

    @property
    def title(self) -> str:
        return self.name or self.company or self.phone or self.email

    @property
    def subtitle(self) -> str:
        """The most useful second line that does not repeat the first."""
        return next(
            (
                part
                for part in (self.phone, self.company, self.email)
                if part and part != self.title
            ),
            "",
        )


@dataclass(frozen=True, slots=True)
class Status:
    """A status of the portal's own making. ``names`` is keyed by language code."""

    id: str
    names: Mapping[str, str]
    color: str = ""
    sort: int = 0

    def name(self, language: str) -> str:
        return (
            self.names.get(language)
            or self.names.get("en")
            or next(iter(self.names.values()), self.id)
        )


@dataclass(frozen=True, slots=True)
class Order:
    """An order with what the tab shows of it. ``payments`` and ``shipments`` are None when unread.

    ``platform_id`` is where it came from, 0 where nobody says.
    """

    id: int
    number: str
    status_id: str
    price: Decimal
    currency: str
    payed: bool
    canceled: bool
    created: datetime | None
    responsible_id: int
    payments: tuple[Payment, ...] | None = None
    shipments: tuple[Shipment, ...] | None = None
    customer: Customer = field(default_factory=Customer)
    platform_id: int = 0

    @property
    def paid(self) -> Decimal:
        """Money received and kept, in the order's currency."""
        if not self.payments:
            return self.price if self.payed else Decimal(0)
        return sum((p.amount for p in self.payments if p.paid and not p.returned), Decimal(0))

    @property
    def refunded(self) -> Decimal:
        """Money received and given back."""
        return sum((p.amount for p in self.payments or () if p.returned), Decimal(0))

    @property
    def to_pay(self) -> Decimal:
        """What is still expected from the customer: never negative, nothing for a cancelled order."""
        if self.canceled or self.payed:
            return Decimal(0)
        return max(self.price - self.paid - self.refunded, Decimal(0))

    @property
    def payment_state(self) -> PaymentState:
        if self.payed:
            return PaymentState.PAID
        if self.paid > 0:
            return PaymentState.PARTLY if self.paid < self.price else PaymentState.PAID
        return PaymentState.REFUNDED if self.refunded > 0 else PaymentState.NOT_PAID

    @property
    def shipped_count(self) -> int:
        return sum(1 for s in self.shipments or () if s.shipped)

    @property
    def delivery_state(self) -> DeliveryState:
        if not self.shipped_count:
            return DeliveryState.NOT_SHIPPED
        whole = self.shipped_count == len(self.shipments or ())
        return DeliveryState.SHIPPED if whole else DeliveryState.PARTLY

    @property
    def payable(self) -> bool:
        """Whether a payment of the order may still be open."""
        return self.to_pay > 0 and self.payments is not None

    @property
    def shippable(self) -> bool:
        """Whether a shipment of the order has not left yet."""
        return not self.canceled and any(not s.shipped for s in self.shipments or ())

    @property
    def tracking(self) -> str:
        return next((s.tracking for s in self.shipments or () if s.tracking), "")


@dataclass(frozen=True, slots=True)
class Total:
    """Sums of one currency over orders that are not cancelled."""

    currency: str
    price: Decimal
    paid: Decimal
    to_pay: Decimal
    refunded: Decimal


@dataclass(frozen=True, slots=True)
class Totals:
    count: int
    canceled: int
    by_currency: tuple[Total, ...]
    canceled_sums: tuple[tuple[str, Decimal], ...]


def totals_of(orders: Iterable[Order]) -> Totals:
    """Sum orders per currency, the largest first; cancelled ones are counted and summed apart."""
    count = canceled = 0
    live: dict[str, list[Order]] = {}
    dropped: dict[str, Decimal] = {}
    for order in orders:
        count += 1
        if order.canceled:
            canceled += 1
            dropped[order.currency] = dropped.get(order.currency, Decimal(0)) + order.price
        else:
            live.setdefault(order.currency, []).append(order)
    sums = [
        Total(
            currency,
            sum((o.price for o in group), Decimal(0)),
            sum((o.paid for o in group), Decimal(0)),
            sum((o.to_pay for o in group), Decimal(0)),
            sum((o.refunded for o in group), Decimal(0)),
        )
        for currency, group in live.items()
    ]
    sums.sort(key=lambda total: (-total.price, total.currency))
    return Totals(count, canceled, tuple(sums), tuple(sorted(dropped.items())))


@dataclass(frozen=True, slots=True)
class Card:
    """A deal or an invoice as far as the app needs it.

    ``manual`` says that its amount is typed and not counted from its products. ``contact_id``,
    ``company_id`` and ``responsible_id`` are 0 when absent.
    """

    owner: Owner
    title: str
    amount: Decimal
    currency: str
    manual: bool = False
    contact_id: int = 0
    company_id: int = 0
    responsible_id: int = 0
    created: datetime | None = None

    @property
    def has_client(self) -> bool:
        """Whether a contact or a company is set."""
        return bool(self.contact_id or self.company_id)

"""Acts on a part of an order: a payment is marked as paid, a shipment as shipped or given its number.

They go through the same engine as properties, but no property of an order is behind them: receipts,
stock movements and messages follow, so they have no undo and are never part of a job.
"""

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final, Never, Self

from b24app.bitrix24 import ask, errors, references
from b24app.bitrix24.ask import Ask
from b24app.bitrix24.client import Answer, Command
from b24app.changes.outcomes import Change, K, V
from b24app.changes.properties import Property, Trail
from b24app.orders import parsing

PAY: Final = "crm.item.payment.pay"
UPDATE_SHIPMENT: Final = "sale.shipment.update"

MAX_TRACKING_CHARACTERS: Final = 255


class Act(Property[K, V]):
    """A change that cannot be undone here.

    The portal may have saved what it answers with an error it does not name: only a reading can tell.
    """

    @abstractmethod
    def states(self, answer: Answer) -> Mapping[K, V]:
        """All that an answer to :meth:`page` holds, by ID."""

    def values(self, keys: Iterable[K], answers: Iterable[Answer]) -> dict[K, V]:
        wanted = set(keys)
        return {
            pk: state
            for answer in answers
            for pk, state in self.states(answer).items()
            if pk in wanted
        }

    def is_refusal(self, error: errors.BitrixError) -> bool:
        return error.not_applied and not isinstance(error, errors.UnknownError)

    def undoing(self, trail: Trail) -> Never:
        raise ValueError("an act cannot be undone")


PAYMENT_COLUMNS: Final = ("id", "orderId", "sum", "currency", "paid", "isReturn", "paySystemName")


@dataclass(frozen=True, slots=True)
class PaymentState:
    """A payment as far as paying it concerns; two are equal by their amounts and what became of them."""

    order_id: int
    amount: Decimal
    currency: str
    paid: bool
    returned: bool = False
    system: str = field(default="", compare=False)

    @property
    def payable(self) -> bool:
        return not self.paid and not self.returned and self.amount > 0

    @property
    def as_paid(self) -> Self:
        return replace(self, paid=True, returned=False)


PaymentChange = Change[int, PaymentState]


class PaymentPaid(Act[int, PaymentState]):
    """Whether a payment is paid, by its ID (crm/universal/payment/crm-item-payment-pay.md).

    ``isReturn`` is never sent: with it the portal asks the payment system for a refund.
    """

    name = "payment"
    writes: Mapping[str, int] = {PAY: 1}

    def page(self, keys: Sequence[int]) -> Command:
        params = {"select": list(PAYMENT_COLUMNS), "filter": {"@id": list(keys)}}
        return Command("sale.payment.list", params)

    def states(self, answer: Answer) -> dict[int, PaymentState]:
        return payments(answer)

    def method(self, change: PaymentChange) -> str:
        return PAY

    def write(self, change: PaymentChange) -> Command:
        """Raises ``ValueError`` for anything but marking an open payment as paid."""
        if not change.seen.payable or change.wanted != change.seen.as_paid:
            raise ValueError("only an open payment can be marked as paid")
        return Command(PAY, {"id": change.key}, write=True)

    def trail(self, change: PaymentChange) -> Trail:
        amount = f"{change.wanted.amount} {change.wanted.currency}"
        return Trail(change.wanted.order_id, before=change.wanted.system, after=amount)


def payments_of(order_id: int) -> Ask[dict[int, PaymentState]]:
    """The first 50 payments of an order, by ID."""
    params = {"select": list(PAYMENT_COLUMNS), "filter": {"=orderId": order_id}}
    return ask.of(Command("sale.payment.list", {**params, "order": {"id": "asc"}}), payments)


def payments(answer: Answer) -> dict[int, PaymentState]:
    """The payments in an answer of ``sale.payment.list``, by ID."""
    return {
        parsing.identifier(row.get("id")): PaymentState(
            order_id=parsing.identifier(row.get("orderId")),
            amount=parsing.amount(row.get("sum")),
            currency=parsing.text(row.get("currency")),
            paid=parsing.flag(row.get("paid")),
            # isReturn is N, Y (to the inner account) or P (back through the payment system).
            returned=parsing.text(row.get("isReturn")) in ("Y", "P"),
            system=parsing.text(row.get("paySystemName")),
        )
        for row in parsing.rows(answer.result, "payments")
    }


# What an update must repeat. The portal sets a price that is left out to 0 and the status to DN.
_KEPT: Final = (
    "allowDelivery",
    "deliveryId",
    "statusId",
    "deliveryDocNum",
    "deliveryDocDate",
    "comments",
    "responsibleId",
)
SHIPMENT_COLUMNS: Final = (
    "id",
    "orderId",
    "system",
    "canceled",
    "deducted",
    "trackingNumber",
    "deliveryName",
    "basePriceDelivery",
    "priceDelivery",
    *_KEPT,
)


@dataclass(frozen=True, slots=True)
class ShipmentState:
    """A shipment as an update needs it. ``kept`` are the other fields that an update has to repeat."""

    order_id: int
    shipped: bool
    tracking: str
    base_price: Decimal
    price: Decimal
    kept: tuple[tuple[str, str], ...]
    service: str = field(default="", compare=False)
    hidden: bool = field(default=False, compare=False)

    @property
    def writable(self) -> bool:
        """Whether an update leaves the price as it is: the base price that it sends sets both."""
        return not self.hidden and self.price == self.base_price


ShipmentChange = Change[int, ShipmentState]


class Shipment(Act[int, ShipmentState]):
    """Whether a shipment has left, and its tracking number (sale/shipment/sale-shipment-update.md)."""

    writes: Mapping[str, int] = {UPDATE_SHIPMENT: 1}

    def __init__(self, name: str) -> None:
        self.name = name

    def page(self, keys: Sequence[int]) -> Command:
        params = {"select": list(SHIPMENT_COLUMNS), "filter": {"@id": list(keys)}}
        return Command("sale.shipment.list", params)

    def states(self, answer: Answer) -> dict[int, ShipmentState]:
        return shipments(answer)

    def method(self, change: ShipmentChange) -> str:
        return UPDATE_SHIPMENT

    def write(self, change: ShipmentChange) -> Command:
        """Raises ``ValueError`` for a shipment that cannot be updated without changing its price."""
        state = change.wanted
        if not state.writable or (change.seen.shipped and not state.shipped):
            raise ValueError("this shipment cannot be updated safely")
        fields = {name: references.plain(value) for name, value in state.kept}
        fields |= {
            "deducted": "Y" if state.shipped else "N",
            "basePriceDelivery": str(state.base_price),
            "trackingNumber": references.plain(state.tracking),
        }
        return Command(UPDATE_SHIPMENT, {"id": change.key, "fields": fields}, write=True)

    def holds(self, wanted: ShipmentState, now: ShipmentState) -> bool:
        """The portal's automation may change what else there is of a shipment that has left."""
        tracking = references.plain(wanted.tracking)
        return (now.shipped, now.tracking) == (wanted.shipped, tracking)

    def trail(self, change: ShipmentChange) -> Trail:
        before, after = change.seen.tracking, change.wanted.tracking
        return Trail(change.wanted.order_id, before=before, after=after)


def shipments_of(order_id: int) -> Ask[dict[int, ShipmentState]]:
    """The first 50 shipments of an order that people see, by ID: not the store's own, not cancelled ones."""
    params = {
        "select": list(SHIPMENT_COLUMNS),
        "filter": {"=orderId": order_id, "=system": "N"},
        "order": {"id": "asc"},
    }
    return ask.of(Command("sale.shipment.list", params), shipments).map(
        lambda found: {pk: state for pk, state in found.items() if not state.hidden}
    )


def shipments(answer: Answer) -> dict[int, ShipmentState]:
    """The shipments in an answer of ``sale.shipment.list``, by ID."""
    return {
        parsing.identifier(row.get("id")): _shipment(row)
        for row in parsing.rows(answer.result, "shipments")
    }


def _shipment(row: Mapping[str, object]) -> ShipmentState:
    kept = ((name, parsing.text(row.get(name))) for name in _KEPT)
    return ShipmentState(
        order_id=parsing.identifier(row.get("orderId")),
        shipped=parsing.flag(row.get("deducted")),
        tracking=parsing.text(row.get("trackingNumber")).strip(),
        base_price=parsing.amount(row.get("basePriceDelivery")),
        price=parsing.amount(row.get("priceDelivery")),
        # An empty text is not a date, and not a person.
        kept=tuple((name, value) for name, value in kept if value),
        service=parsing.text(row.get("deliveryName")),
        hidden=parsing.flag(row.get("system")) or parsing.flag(row.get("canceled")),
    )


PAYMENT: Final = PaymentPaid()
SHIPPED: Final = Shipment("shipment")
TRACKING: Final = Shipment("tracking")

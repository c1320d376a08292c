"""Cancelling an order and taking the cancellation back (sale/order/sale-order-update.md)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from b24app.bitrix24 import references
from b24app.bitrix24.client import Answer, Command
from b24app.changes.outcomes import Change
from b24app.changes.properties import UPDATE_ORDER, Property, Trail
from b24app.orders import parsing

MAX_REASON_CHARACTERS: Final = 255


@dataclass(frozen=True, slots=True)
class Cancellation:
    """Whether an order is cancelled, and why. Two are equal whatever their reasons are."""

    cancelled: bool
    reason: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"Y {self.reason}".strip() if self.cancelled else "N"

    @classmethod
    def parsed(cls, text: str) -> Self:
        """From the text in the audit trail: ``N``, ``Y``, or ``Y`` with the reason behind it."""
        flag, _, reason = text.partition(" ")
        return cls(flag == "Y", reason)


CancellationChange = Change[int, Cancellation]


class Cancelled(Property[int, Cancellation]):
    """Whether an order is cancelled.

    The portal refuses to cancel while a payment is paid or a shipment has left. It may change the status
    along with it, so a status is never sent in the same write.
    """

    name = "cancelled"
    writes: Mapping[str, int] = {UPDATE_ORDER: 1}

    def page(self, keys: Sequence[int]) -> Command:
        params = {"select": ["id", "canceled", "reasonCanceled"], "filter": {"@id": list(keys)}}
        return Command("sale.order.list", params)

    def values(self, keys: Iterable[int], answers: Iterable[Answer]) -> dict[int, Cancellation]:
        wanted, found = set(keys), dict[int, Cancellation]()
        for answer in answers:
            for row in parsing.rows(answer.result, "orders"):
                if (order_id := parsing.identifier(row.get("id"))) in wanted:
                    found[order_id] = Cancellation(
                        parsing.flag(row.get("canceled")), parsing.text(row.get("reasonCanceled"))
                    )
        return found

    def method(self, change: CancellationChange) -> str:
        return UPDATE_ORDER

    def write(self, change: CancellationChange) -> Command:
        fields = {"canceled": "Y" if change.wanted.cancelled else "N"}
        if change.wanted.cancelled:
            fields["reasonCanceled"] = references.plain(change.wanted.reason)
        return Command(UPDATE_ORDER, {"id": change.key, "fields": fields}, write=True)

    def trail(self, change: CancellationChange) -> Trail:
        return Trail(change.key, before=str(change.seen), after=str(change.wanted))

    def undoing(self, trail: Trail) -> CancellationChange:
        before, after = Cancellation.parsed(trail.before), Cancellation.parsed(trail.after)
        return Change(trail.order_id, after, before)


CANCELLED: Final = Cancelled()

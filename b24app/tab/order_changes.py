"""What became of the orders that one click was to change, whichever property it was."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic

from b24app.bitrix24 import errors
from b24app.changes.outcomes import Change, Changed, Result, V
from b24app.changes.properties import Property
from b24app.journal import audit
from b24app.journal.audit import Entry
from b24app.journal.models import AuditEntry
from b24app.orders.types import Order, Owner
from b24app.portals.models import Portal
from b24app.tab import write_locks


@dataclass(frozen=True)
class Outcome(Generic[V]):
    """What became of every chosen order. ``orders`` are known by id where the person may read them."""

    prop: Property[int, V]
    changed: tuple[Changed[int, V], ...]
    orders: Mapping[int, Order] = field(default_factory=dict)
    right: str = AuditEntry.Right.OWN
    titles: Mapping[Owner, str] = field(default_factory=dict)

    def having(self, *results: Result) -> tuple[Changed[int, V], ...]:
        return tuple(change for change in self.changed if change.result in results)

    @property
    def done(self) -> tuple[Changed[int, V], ...]:
        """Orders that have the wanted value, whoever set it."""
        return self.having(Result.DONE, Result.ALREADY)

    @property
    def written(self) -> tuple[Changed[int, V], ...]:
        """Changes for the audit trail: made, or made perhaps."""
        return tuple(
            change
            for change in self.changed
            if (change.result is Result.DONE and change.before != change.now)
            or change.result is Result.UNKNOWN
        )

    @property
    def overrode(self) -> tuple[Changed[int, V], ...]:
        return tuple(change for change in self.changed if change.overrode)

    @property
    def denied(self) -> bool:
        return any(
            isinstance(change.error, errors.AccessDenied) for change in self.having(Result.FAILED)
        )

    def number(self, order_id: int) -> str:
        return self.orders[order_id].number if order_id in self.orders else str(order_id)

    def entries(self, undoes: Mapping[int, int], card: Owner | None = None) -> list[Entry]:
        """The entries of the audit trail; ``undoes`` maps an order to the entry that is undone."""
        return [
            audit.of_change(
                self.prop,
                Change(change.change.key, change.before, change.change.wanted),
                number=self.number(change.change.key),
                card=card,
                right=self.right,
                certain=change.result is Result.DONE,
                undoes=undoes.get(change.change.key),
            )
            for change in self.written
        ]


def once(
    portal: Portal,
    prop: Property[int, V],
    changes: Sequence[Change[int, V]],
    carry_out: Callable[[float], Outcome[V]],
) -> Outcome[V]:
    """What ``carry_out`` did while nobody else could change these orders from a card.

    It gets the wall-clock time before which writes are sent. Where another request is changing one
    of the orders, nothing is done and every change has failed with ``BeingChanged``.
    """
    try:
        names = write_locks.of_orders(change.key for change in changes)
        with write_locks.claimed(portal, names) as send_before:
            return carry_out(send_before)
    except write_locks.BeingChanged as error:
        busy = (Changed(item, Result.FAILED, item.seen, item.seen, error) for item in changes)
        return Outcome(prop, tuple(busy))

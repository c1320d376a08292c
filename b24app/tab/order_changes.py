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
        return tuple(one for one in self.changed if one.result in results)

    @property
    def done(self) -> tuple[Changed[int, V], ...]:
        """Orders that have the wanted value, whoever set it."""
        return self.having(Result.DONE, Result.ALREADY)

    @property
    def written(self) -> tuple[Changed[int, V], ...]:
        """Changes for the audit trail: made, or made perhaps."""
        return tuple(
            one
            for one in self.changed
            if (one.result is Result.DONE and one.before != one.now) or one.result is Result.UNKNOWN
        )

    @property
    def overrode(self) -> tuple[Changed[int, V], ...]:
        return tuple(one for one in self.changed if one.overrode)

    @property
    def denied(self) -> bool:
        return any(isinstance(one.error, errors.AccessDenied) for one in self.having(Result.FAILED))

    def number(self, order_id: int) -> str:
        return self.orders[order_id].number if order_id in self.orders else str(order_id)

    def entries(self, undoes: Mapping[int, int], card: Owner | None = None) -> list[Entry]:
        """The entries of the audit trail; ``undoes`` maps an order to the entry that is undone."""
        return [
            audit.of_change(
                self.prop,
                Change(one.change.key, one.before, one.change.wanted),
                number=self.number(one.change.key),
                card=card,
                right=self.right,
                certain=one.result is Result.DONE,
                undoes=undoes.get(one.change.key),
            )
            for one in self.written
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
        busy = (Changed(one, Result.FAILED, one.seen, one.seen, error) for one in changes)
        return Outcome(prop, tuple(busy))

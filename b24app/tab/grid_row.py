"""An order as a row of the grid or of the export: with names in place of ids."""

from collections.abc import Mapping
from dataclasses import dataclass

from b24app.orders.types import Order, Status


@dataclass(frozen=True, slots=True)
class Row:
    """One order. ``shade`` is the CSS class with the color of its status; empty if it has none."""

    order: Order
    status: str
    shade: str
    responsible: str
    source: str

    @property
    def initials(self) -> str:
        return "".join(word[0] for word in self.responsible.split()[:2]).upper()

    @property
    def tint(self) -> str:
        """One of four avatar tints, always the same for one person."""
        return "abcd"[self.order.responsible_id % 4]


@dataclass(frozen=True, slots=True)
class Names:
    """Names in place of IDs: statuses by code, people by user ID, platforms by platform ID."""

    statuses: Mapping[str, Status]
    people: Mapping[int, str]
    platforms: Mapping[int, str]
    language: str

    def status(self, status_id: str) -> str:
        """The name of a status in the person's language; its code if the portal does not name it."""
        known = self.statuses.get(status_id)
        return known.name(self.language) if known is not None else status_id

    def row(self, order: Order, shade: str = "") -> Row:
        """The order with the names that belong to it."""
        return Row(
            order,
            self.status(order.status_id),
            shade,
            self.people.get(order.responsible_id, ""),
            self.platforms.get(order.platform_id, ""),
        )

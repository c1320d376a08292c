"""What a rule is decided by: an order and the deals of its client, as values."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from b24app.orders.matching import Buyer, Candidate
from b24app.orders.types import Owner


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a deal stood from ``since`` on; ``is_open`` as the stage's semantics say."""

    since: datetime
    funnel: int
    id: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class Deal:
    """A deal of a client.

    ``stage`` is where it stands now, since ``stage.since``; ``history`` is where it stood before,
    oldest first, empty if nobody has read it. ``buyers`` are its clients, the company in each.
    ``touched`` says that somebody has worked on the deal since it was made.
    """

    id: int
    title: str
    created: datetime
    changed: datetime
    stage: Stage
    buyers: tuple[Buyer, ...] = ()
    responsible_id: int = 0
    touched: bool = True
    history: tuple[Stage, ...] = field(default=())

    def stage_at(self, moment: datetime) -> Stage | None:
        """The stage at ``moment``; None if it cannot be told."""
        if self.stage.since <= moment:
            return self.stage
        known = [stage for stage in self.history if stage.since <= moment]
        return known[-1] if known else None

    def with_history(self, history: Sequence[Stage]) -> "Deal":
        """The same deal with what its history says."""
        return replace(self, history=tuple(sorted(history, key=lambda stage: stage.since)))


@dataclass(frozen=True, slots=True)
class IncomingOrder:
    """An order a rule looks at, with its CRM clients, its sources, and where it is linked.

    ``link`` is None for an order that is linked to nothing.
    """

    candidate: Candidate
    sources: frozenset[int] = frozenset()
    link: Owner | None = None

    @property
    def id(self) -> int:
        return self.candidate.order.id

    @property
    def created(self) -> datetime | None:
        return self.candidate.order.created

    @property
    def is_from_company(self) -> bool:
        """Whether a company ordered, as the store's clients or the customer's own words say."""
        return bool(self.candidate.companies or self.candidate.order.customer.company)

"""What jobs change in a portal, by the job's kind: a property of orders, with its values as texts.

How a property is read, written and judged is the business of :mod:`b24app.changes`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from b24app.bitrix24 import batch
from b24app.bitrix24.ask import Ask, known
from b24app.changes import applying
from b24app.changes.credentials import Credentials
from b24app.changes.outcomes import Change
from b24app.changes.properties import (
    ADD_LINK,
    COMMENT,
    DELETE_LINK,
    LINK_TEXT,
    RESPONSIBLE,
    STATUS,
    Property,
)
from b24app.jobs.models import Job, JobItem
from b24app.journal import audit
from b24app.journal.audit import Entry
from b24app.orders.types import Owner


@dataclass(frozen=True, slots=True)
class Changing:
    """A property that jobs change; ``methods`` are those that jobs of this kind may call."""

    prop: Property[int, str]
    methods: tuple[str, ...]

    @property
    def most(self) -> int:
        """How many writes go into one request."""
        return max(self.prop.writes.values())

    @property
    def kind(self) -> str:
        """The kind of its entries in the audit trail."""
        return self.prop.name

    @property
    def links(self) -> bool:
        """Whether orders are linked to other cards, so that people must be able to open those."""
        return self.prop is LINK_TEXT

    @property
    def cancels(self) -> bool:
        """Whether a change may cancel an order, or take its cancellation back."""
        return self.prop is STATUS

    def stands(self, value: str, standing: str) -> bool:
        """Whether an order whose value is ``standing`` already is as a change to ``value`` would leave it."""
        return self.prop.holds(value, standing)

    def change(self, item: JobItem) -> Change[int, str]:
        return Change(item.order_id, item.seen, item.wanted)

    def method(self, item: JobItem) -> str:
        """The method that writes this item: its measured cost decides how many go together."""
        return self.prop.method(self.change(item))

    def current_values(self, order_ids: Sequence[int]) -> Ask[dict[int, str | None]]:
        """The value of each order; None for one the portal does not show. Raises the portal's refusal."""
        values = applying.values_of(self.prop, sorted(set(order_ids)))
        return values.map(lambda found: {pk: found.get(pk) for pk in order_ids})

    def cards(self, item: JobItem, *, both: bool) -> frozenset[Owner]:
        """The cards a person must be able to open for this item; ``both``: the present one too."""
        whose = Credentials.INSTALLER if both else Credentials.OWN
        return self.prop.cards(self.change(item), whose)

    def entry(self, item: JobItem, right: str) -> Entry:
        """The item's change for the audit trail."""
        change = self.change(item)
        number, undoes = item.order_number, item.undoes
        return audit.of_change(self.prop, change, number=number, right=right, undoes=undoes)


@dataclass(frozen=True, slots=True)
class Reading:
    """Nothing is changed: orders are read, for a table to download."""

    most: int = batch.SIZE
    methods: tuple[str, ...] = ("sale.order.list",)
    kind: str = ""
    links: bool = False
    cancels: bool = False

    def method(self, item: JobItem) -> str:
        return self.methods[0]

    def current_values(self, order_ids: Sequence[int]) -> Ask[dict[int, str | None]]:
        return known(dict.fromkeys(order_ids, ""))

    def cards(self, item: JobItem, *, both: bool) -> frozenset[Owner]:
        return frozenset()

    def entry(self, item: JobItem, right: str) -> Entry:
        raise TypeError("an export changes nothing")


Subject = Changing | Reading

SUBJECTS: Mapping[str, Subject] = {
    Job.Kind.LINK: Changing(LINK_TEXT, (ADD_LINK,)),
    Job.Kind.MOVE: Changing(LINK_TEXT, (ADD_LINK,)),
    Job.Kind.UNLINK: Changing(LINK_TEXT, (DELETE_LINK,)),
    Job.Kind.EXPORT: Reading(),
    Job.Kind.STATUS: Changing(STATUS, tuple(STATUS.writes)),
    Job.Kind.RESPONSIBLE: Changing(RESPONSIBLE, tuple(RESPONSIBLE.writes)),
    Job.Kind.COMMENT: Changing(COMMENT, tuple(COMMENT.writes)),
}

_BOTH_WAYS = Changing(LINK_TEXT, (ADD_LINK, DELETE_LINK))


def subject_of(job: Job) -> Subject:
    """What the job changes; an undo changes what the job it undoes has changed."""
    subject = SUBJECTS[job.subject]
    return _BOTH_WAYS if job.kind == Job.Kind.RESTORE and subject.links else subject


def changing(job: Job) -> Changing:
    """What a job that changes orders changes. Raises ``TypeError`` for an export."""
    subject = subject_of(job)
    if isinstance(subject, Reading):
        raise TypeError("an export changes nothing")
    return subject

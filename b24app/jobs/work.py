"""What jobs change in a portal: how a subject is read, written and read back, as commands of a batch.

Where an order stands is one text for every subject: its place, its status, its responsible person.
Followed pages: crm/universal/order-entity/*, sale/order/sale-order-update.md, sale-order-list.md.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from b24app.bitrix24 import errors
from b24app.bitrix24.client import Answer, Command
from b24app.changes import credentials
from b24app.changes.credentials import Credentials
from b24app.jobs.models import Job, JobItem, place_of, place_text
from b24app.journal.audit import Entry
from b24app.journal.models import AuditEntry
from b24app.orders import links, parsing
from b24app.orders.types import Owner

PAGE = 50
ADD, DELETE = "crm.orderentity.add", "crm.orderentity.deleteByFilter"

Outcomes = Mapping[str, Answer | errors.BitrixError]


class Subject(Protocol):
    """One thing that jobs change.

    ``most`` is how many writes of it go into one request, ``methods`` what they may call.
    """

    @property
    def most(self) -> int: ...

    @property
    def methods(self) -> tuple[str, ...]: ...

    @property
    def kind(self) -> str:
        """The kind of its entries in the audit trail; empty where nothing is changed."""
        ...

    def method(self, item: JobItem) -> str:
        """The method that writes this item: its measured cost decides how many go together."""
        ...

    def reading(self, order_ids: Iterable[int]) -> dict[str, Command]:
        """Commands that tell where orders stand, 50 each, for :meth:`standing`."""
        ...

    def standing(self, order_ids: Iterable[int], outcomes: Outcomes) -> dict[int, str | None]:
        """Where each order stands; None for one the portal does not show. Raises a command's error."""
        ...

    def write(self, item: JobItem) -> Command:
        """The command that takes the item's order from ``seen`` to ``wanted``."""
        ...

    def cards(self, item: JobItem, *, both: bool) -> Iterable[Owner]:
        """The cards a person must be able to open for this item; ``both``: the present one too."""
        ...

    def entry(self, item: JobItem, right: str) -> Entry:
        """The item's change for the audit trail."""
        ...


@dataclass(frozen=True, slots=True)
class Links:
    """Where orders are linked: ``2:7021``, or empty for nowhere."""

    most: int = (
        48  # and two commands that read places: of these orders first, of the next ones last
    )
    methods: tuple[str, ...] = (ADD, DELETE)
    kind: str = AuditEntry.Kind.LINK.value

    def method(self, item: JobItem) -> str:
        return ADD if item.wanted else DELETE

    def reading(self, order_ids: Iterable[int]) -> dict[str, Command]:
        return links.place_commands(order_ids)

    def standing(self, order_ids: Iterable[int], outcomes: Outcomes) -> dict[int, str | None]:
        found = links.places(order_ids, outcomes)
        return {order_id: place_text(place) for order_id, place in found.items()}

    def write(self, item: JobItem) -> Command:
        owner = place_of(item.wanted) or place_of(item.seen)
        if owner is None:
            raise ValueError("an unlinked order cannot be unlinked")
        fields = {"orderId": item.order_id, "ownerId": owner.id, "ownerTypeId": owner.type_id}
        return Command(self.method(item), {"fields": fields}, write=True)

    def cards(self, item: JobItem, *, both: bool) -> Iterable[Owner]:
        whose = Credentials.INSTALLER if both else Credentials.OWN
        return credentials.cards_needed(whose, place_of(item.seen), place_of(item.wanted))

    def entry(self, item: JobItem, right: str) -> Entry:
        return Entry(
            kind=self.kind,
            order_id=item.order_id,
            order_number=item.order_number,
            source=place_of(item.seen),
            target=place_of(item.wanted),
            right=right,
            undoes=item.undoes,
        )


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the order itself, ``name`` in the portal's words."""

    kind: str
    name: str
    # Saving an order runs the store's own automation: fewer at once than links.
    most: int = 20
    methods: tuple[str, ...] = ("sale.order.update",)

    def method(self, item: JobItem) -> str:
        return "sale.order.update"

    def reading(self, order_ids: Iterable[int]) -> dict[str, Command]:
        ids = sorted(set(order_ids))
        return {
            f"field{at}": Command(
                "sale.order.list",
                {"select": ["id", self.name], "filter": {"@id": ids[at : at + PAGE]}},
            )
            for at in range(0, len(ids), PAGE)
        }

    def standing(self, order_ids: Iterable[int], outcomes: Outcomes) -> dict[int, str | None]:
        found: dict[int, str | None] = dict.fromkeys(order_ids)
        for key, outcome in outcomes.items():
            if not key.startswith("field"):
                continue
            if isinstance(outcome, errors.BitrixError):
                raise outcome
            for row in parsing.rows(outcome.result, "orders"):
                if parsing.identifier(row.get("id")) in found:
                    found[parsing.identifier(row.get("id"))] = parsing.text(row.get(self.name))
        return found

    def write(self, item: JobItem) -> Command:
        params = {"id": item.order_id, "fields": {self.name: item.wanted}}
        return Command("sale.order.update", params, write=True)

    def cards(self, item: JobItem, *, both: bool) -> Iterable[Owner]:
        return ()

    def entry(self, item: JobItem, right: str) -> Entry:
        return Entry(
            kind=self.kind,
            order_id=item.order_id,
            order_number=item.order_number,
            before=item.seen,
            after=item.wanted,
            right=right,
            undoes=item.undoes,
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """Nothing is changed: orders are read, for a table to download."""

    most: int = 50
    methods: tuple[str, ...] = ("sale.order.list",)
    kind: str = ""

    def method(self, item: JobItem) -> str:
        return self.methods[0]

    def reading(self, order_ids: Iterable[int]) -> dict[str, Command]:
        return {}

    def standing(self, order_ids: Iterable[int], outcomes: Outcomes) -> dict[int, str | None]:
        return dict.fromkeys(order_ids, "")

    def cards(self, item: JobItem, *, both: bool) -> Iterable[Owner]:
        return ()

    def write(self, item: JobItem) -> Command:
        raise TypeError("an export writes nothing")

    def entry(self, item: JobItem, right: str) -> Entry:
        raise TypeError("an export changes nothing")


SUBJECTS: Mapping[str, Subject] = {
    Job.Kind.LINK: Links(methods=(ADD,)),
    Job.Kind.MOVE: Links(methods=(ADD,)),
    Job.Kind.UNLINK: Links(methods=(DELETE,)),
    Job.Kind.EXPORT: Reading(),
    Job.Kind.STATUS: Field(AuditEntry.Kind.STATUS.value, "statusId"),
    Job.Kind.RESPONSIBLE: Field(AuditEntry.Kind.RESPONSIBLE.value, "responsibleId"),
}


_BOTH_WAYS = Links()


def subject_of(job: Job) -> Subject:
    """What the job changes; an undo changes what the job it takes back has changed."""
    subject = SUBJECTS[job.subject]
    undoing_links = job.kind == Job.Kind.RESTORE and isinstance(subject, Links)
    return _BOTH_WAYS if undoing_links else subject

"""What can be changed safely of an order or a card, one class for each kind of thing.

A property says how its value is read for many orders, which command writes it, which cards the
person must be able to open, and how a change is written to the audit trail. Its ``name`` is the kind of
its audit entries. What follows from the portal's answers is the same for all: :mod:`outcomes`.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final, Generic, Self

from b24app.bitrix24 import batch, errors, references
from b24app.bitrix24.client import Answer, Command
from b24app.changes import credentials
from b24app.changes.credentials import Credentials
from b24app.changes.outcomes import Change, Changed, K, V
from b24app.orders import cards, links, parsing
from b24app.orders.types import Card, Owner

ADD_LINK: Final = "crm.orderentity.add"
DELETE_LINK: Final = "crm.orderentity.deleteByFilter"
UPDATE_ORDER: Final = "sale.order.update"
UPDATE_DEAL: Final = "crm.deal.update"
UPDATE_ITEM: Final = "crm.item.update"


@dataclass(frozen=True, slots=True)
class Trail:
    """A change as the audit trail keeps it: cards as ``source`` and ``target``, other values as texts."""

    order_id: int = 0
    source: Owner | None = None
    target: Owner | None = None
    before: str = ""
    after: str = ""


class Property(ABC, Generic[K, V]):
    """Something of an order (``K`` is its id) or of a card that can be changed; ``V`` is its value.

    ``writes`` maps the methods that write it to how many of them go into one request at most.
    """

    name: str
    writes: Mapping[str, int]
    page_size = batch.SIZE
    answer_is_proof = False

    @abstractmethod
    def page(self, keys: Sequence[K]) -> Command:
        """The command that reads at most ``page_size`` values."""

    @abstractmethod
    def values(self, keys: Iterable[K], answers: Iterable[Answer]) -> dict[K, V]:
        """The values from the answers to :meth:`page`. A key the portal does not show is left out."""

    @abstractmethod
    def method(self, change: Change[K, V]) -> str:
        """The method that writes this change, one of ``writes``."""

    @abstractmethod
    def write(self, change: Change[K, V]) -> Command:
        """The command that makes this change."""

    @abstractmethod
    def trail(self, change: Change[K, V]) -> Trail:
        """The change as the audit trail stores it."""

    @abstractmethod
    def undoing(self, trail: Trail) -> Change[K, V]:
        """The change that undoes what the audit trail has kept."""

    def cards(self, change: Change[K, V], whose: Credentials) -> frozenset[Owner]:
        """The cards a person must be able to open before this change is made with these credentials."""
        return frozenset()

    def replaces_only_seen(self, change: Change[K, V]) -> bool:
        return False

    def holds(self, wanted: V, now: V) -> bool:
        return now == wanted

    def is_refusal(self, error: errors.BitrixError) -> bool:
        """Whether this error proves that the write has changed nothing."""
        return error.not_applied


LinkChange = Change[int, Owner | None]
LinkChanged = Changed[int, Owner | None]


class Link(Property[int, Owner | None]):
    """The card an order is linked to; None for no card (crm/universal/order-entity/*).

    ``crm.orderentity.add`` moves a linked order without asking, so "link" and "move" differ only in
    what was there before.
    """

    name = credentials.LINK
    # The documentation's samples take 0.33 s for add and 1.77 s for deleteByFilter, and the cloud cuts
    # a request off after 60 s. Two more commands of the request read the places, before and after.
    writes = {ADD_LINK: 48, DELETE_LINK: 12}
    answer_is_proof = True

    def page(self, keys: Sequence[int]) -> Command:
        return links.of_orders(keys)

    def values(self, keys: Iterable[int], answers: Iterable[Answer]) -> dict[int, Owner | None]:
        return links.read_owners(keys, map(links.read_links, answers))

    def method(self, change: LinkChange) -> str:
        return ADD_LINK if change.wanted else DELETE_LINK

    def write(self, change: LinkChange) -> Command:
        """Raises ``ValueError`` where an order that is linked nowhere is to be unlinked."""
        owner = change.wanted or change.seen
        if owner is None:
            raise ValueError("an unlinked order cannot be unlinked")
        fields = {"orderId": change.key, "ownerId": owner.id, "ownerTypeId": owner.type_id}
        return Command(self.method(change), {"fields": fields}, write=True)

    def cards(self, change: LinkChange, whose: Credentials) -> frozenset[Owner]:
        return credentials.cards_needed(whose, change.seen, change.wanted)

    def replaces_only_seen(self, change: LinkChange) -> bool:
        return change.wanted is None

    def trail(self, change: LinkChange) -> Trail:
        return Trail(change.key, source=change.seen, target=change.wanted)

    def undoing(self, trail: Trail) -> LinkChange:
        return Change(trail.order_id, trail.target, trail.source)


class OrderField(Property[int, str]):
    """A field of the order itself, ``field`` in the portal's words (sale/order/sale-order-update.md)."""

    # Saving an order runs the store's own automation: fewer at once than links.
    writes = {UPDATE_ORDER: 20}

    def __init__(self, name: str, field_name: str) -> None:
        self.name, self.field = name, field_name

    @property
    def columns(self) -> tuple[str, ...]:
        """The fields of ``sale.order.list`` that :meth:`row_value` reads."""
        return (self.field,)

    def page(self, keys: Sequence[int]) -> Command:
        params = {"select": ["id", *self.columns], "filter": {"@id": list(keys)}}
        return Command("sale.order.list", params)

    def values(self, keys: Iterable[int], answers: Iterable[Answer]) -> dict[int, str]:
        wanted, found = set(keys), dict[int, str]()
        for answer in answers:
            for row in parsing.rows(answer.result, "orders"):
                if (order_id := parsing.identifier(row.get("id"))) in wanted:
                    found[order_id] = self.row_value(row)
        return found

    def row_value(self, row: Mapping[str, object]) -> str:
        """The value from a row of ``sale.order.list``."""
        return self.value(row.get(self.field))

    def value(self, raw: object) -> str:
        """The value of the field as the portal writes it."""
        return parsing.text(raw)

    def method(self, change: Change[int, str]) -> str:
        return UPDATE_ORDER

    def write(self, change: Change[int, str]) -> Command:
        params = {"id": change.key, "fields": {self.field: change.wanted}}
        return Command(UPDATE_ORDER, params, write=True)

    def trail(self, change: Change[int, str]) -> Trail:
        return Trail(change.key, before=change.seen, after=change.wanted)

    def undoing(self, trail: Trail) -> Change[int, str]:
        return Change(trail.order_id, trail.after, trail.before)


MAX_COMMENT_CHARACTERS: Final = 2000

_CANCELLED: Final = " cancelled"


def status_value(code: str, *, cancelled: bool) -> str:
    """The value of :data:`STATUS` for an order with this status: ``F``, or ``F cancelled``."""
    return code + _CANCELLED if cancelled and code else code


def status_code(value: str) -> str:
    """The code of the status in a value of :data:`STATUS`."""
    return value.removesuffix(_CANCELLED)


def is_cancelled(value: str) -> bool:
    """Whether a value of :data:`STATUS` is that of a cancelled order."""
    return value.endswith(_CANCELLED)


class Status(OrderField):
    """The status of an order: its code, with ``cancelled`` after it while the order is cancelled.

    The portal ties the two: a failure status cancels the order, any other status takes a cancellation
    back. So an order that was cancelled since somebody looked at it has another value than they saw, and
    its status is not changed. Audit trail and undo keep the code alone.
    """

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.field, "canceled")

    def row_value(self, row: Mapping[str, object]) -> str:
        cancelled = parsing.flag(row.get("canceled"))
        return status_value(super().row_value(row), cancelled=cancelled)

    def write(self, change: Change[int, str]) -> Command:
        return super().write(replace(change, wanted=status_code(change.wanted)))

    def holds(self, wanted: str, now: str) -> bool:
        return status_code(wanted) == status_code(now)

    def trail(self, change: Change[int, str]) -> Trail:
        before, after = status_code(change.seen), status_code(change.wanted)
        return Trail(change.key, before=before, after=after)


class Comment(OrderField):
    """The manager's comment on an order; texts have ``\\n`` for a new line.

    A browser sends ``\\r\\n``, and a comment must not refer to other commands of its request.
    """

    def value(self, raw: object) -> str:
        return super().value(raw).replace("\r\n", "\n").replace("\r", "\n")

    def write(self, change: Change[int, str]) -> Command:
        return super().write(replace(change, wanted=self._sent(change.wanted)))

    def holds(self, wanted: str, now: str) -> bool:
        return self._sent(wanted) == now

    def _sent(self, text: str) -> str:
        return references.plain(self.value(text))


@dataclass(frozen=True, slots=True)
class Amount:
    """A card's amount in major units; ``manual`` is False where the portal counts it from products.

    Two amounts are equal whether they were typed or counted.
    """

    amount: Decimal
    currency: str
    manual: bool = field(default=True, compare=False)

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}" + ("" if self.manual else " auto")

    @classmethod
    def of(cls, card: Card) -> Self:
        return cls(card.amount, card.currency, card.manual)

    @classmethod
    def parsed(cls, text: str) -> Self:
        """From the text of an amount: ``20430.50 EUR``, with ``auto`` for one that is not manual."""
        amount, currency, *auto = text.split(" ")
        return cls(Decimal(amount), currency, not auto)


AmountChange = Change[Owner, Amount]


class DealAmount(Property[Owner, Amount]):
    """The amount of a deal or an invoice (crm/deals/crm-deal-update.md, crm/universal/crm-item-update.md)."""

    name = "amount"
    writes = {UPDATE_DEAL: 1, UPDATE_ITEM: 1}
    page_size = 1

    def page(self, keys: Sequence[Owner]) -> Command:
        (owner,) = keys
        return cards.get_command(owner)

    def values(self, keys: Iterable[Owner], answers: Iterable[Answer]) -> dict[Owner, Amount]:
        """Raises ``errors.NotFound`` for an answer that is another card."""
        pairs = zip(keys, answers, strict=True)
        return {owner: Amount.of(cards.read_card(owner, answer)) for owner, answer in pairs}

    def method(self, change: AmountChange) -> str:
        return UPDATE_DEAL if change.key.is_deal else UPDATE_ITEM

    def write(self, change: AmountChange) -> Command:
        owner, amount = change.key, str(change.wanted.amount)
        # A manual amount is not recalculated when the card's products change.
        manual = "Y" if change.wanted.manual else "N"
        params: dict[str, object] = {"id": owner.id}
        if owner.is_deal:
            params["fields"] = {"OPPORTUNITY": amount, "IS_MANUAL_OPPORTUNITY": manual}
        else:
            params["entityTypeId"] = owner.type_id
            params["fields"] = {"opportunity": amount, "isManualOpportunity": manual}
        return Command(self.method(change), params, write=True)

    def holds(self, wanted: Amount, now: Amount) -> bool:
        """An amount that the portal counts may differ from the one it was given."""
        return now == wanted or not (wanted.manual or now.manual)

    def trail(self, change: AmountChange) -> Trail:
        card = change.key
        return Trail(0, card, card, before=str(change.seen), after=str(change.wanted))

    def undoing(self, trail: Trail) -> AmountChange:
        """Raises ``ValueError`` for an entry that names no card."""
        if trail.target is None:
            raise ValueError("an amount without a card")
        return Change(trail.target, Amount.parsed(trail.after), Amount.parsed(trail.before))


LINK: Final = Link()
STATUS: Final = Status("status", "statusId")
RESPONSIBLE: Final = OrderField("responsible", "responsibleId")
COMMENT: Final = Comment("comment", "comments")
DEAL_AMOUNT: Final = DealAmount()


class LinkText(Property[int, str]):
    """:data:`LINK` with its values as texts, as rows of jobs keep them: ``2:7021``, empty for no card."""

    name, writes, answer_is_proof = LINK.name, LINK.writes, LINK.answer_is_proof

    def page(self, keys: Sequence[int]) -> Command:
        return LINK.page(keys)

    def values(self, keys: Iterable[int], answers: Iterable[Answer]) -> dict[int, str]:
        return {key: place_text(place) for key, place in LINK.values(keys, answers).items()}

    def method(self, change: Change[int, str]) -> str:
        return LINK.method(_typed(change))

    def write(self, change: Change[int, str]) -> Command:
        return LINK.write(_typed(change))

    def cards(self, change: Change[int, str], whose: Credentials) -> frozenset[Owner]:
        return LINK.cards(_typed(change), whose)

    def replaces_only_seen(self, change: Change[int, str]) -> bool:
        return LINK.replaces_only_seen(_typed(change))

    def trail(self, change: Change[int, str]) -> Trail:
        return LINK.trail(_typed(change))

    def undoing(self, trail: Trail) -> Change[int, str]:
        undo = LINK.undoing(trail)
        return Change(undo.key, place_text(undo.seen), place_text(undo.wanted))


LINK_TEXT: Final = LinkText()


def _typed(change: Change[int, str]) -> LinkChange:
    return Change(change.key, place_of(change.seen), place_of(change.wanted))


def place_text(owner: Owner | None) -> str:
    """A place as a text: ``2:7021``, or empty for no card."""
    return f"{owner.type_id}:{owner.id}" if owner is not None else ""


def place_of(text: str) -> Owner | None:
    """The place from a text; None for no card."""
    type_id, _, owner_id = text.partition(":")
    return Owner(int(type_id), int(owner_id)) if owner_id else None

"""What each column of a table holds: by its heading, by its values, and by what the store knows.

A plain heading is trusted, values if the store confirms them. A column that only
counts the rows is never taken for orders, and a shop's own bill numbers never for invoices.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise

from b24app.imports.evenness import are_shifted
from b24app.imports.heading_row import heading_at, line_at, order_headings
from b24app.imports.headings import NO_ORDERS, Heading, meaning, plain
from b24app.imports.known import SAMPLE_VALUES, Ask, Known
from b24app.imports.table import MAX_COLUMNS, About, Line, Note, Sheet
from b24app.imports.values import is_order_id, names_no_order, order_value
from b24app.orders.card_reference import card_value
from b24app.orders.types import DEAL, INVOICE
from b24app.orders.visible_text import visible

PROVEN = 0.8
"""Share of the values the store must know for a column to be taken for orders."""


class Kind(StrEnum):
    NUMBER = "number"
    ID = "id"
    DEAL = "deal"
    INVOICE = "invoice"
    IGNORE = "ignore"


class Why(StrEnum):
    HEADING = "heading"
    VALUES = "values"
    """Its values are numbers (or IDs) of orders in the store."""
    LETTERS = "letters"
    """Headed as an ID, but its values hold letters."""
    LINKS = "links"
    COUNTER = "counter"
    OWN_BILLS = "own_bills"
    """Headed as invoices: most likely the shop's own bills."""
    SAME_ORDER = "same_order"
    """The IDs of the orders whose numbers are in another column."""
    HIDDEN = "hidden"
    POSITION = "position"
    """No heading says so: only the position of the column."""
    CHOSEN = "chosen"
    REMEMBERED = "remembered"
    """The person chose it for an earlier file with the same headings."""
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Column:
    """``found`` of ``looked`` values are orders in the store. ``sure``: nobody needs to be asked."""

    index: int
    heading: str
    kind: Kind = Kind.IGNORE
    why: Why = Why.NOTHING
    sure: bool = True
    found: int = 0
    looked: int = 0


@dataclass(frozen=True, slots=True)
class Columns:
    """``heading_row`` counts as the sheet does, 0 for none. ``same_order`` is a column of IDs that
    belong to the orders named by number. ``owner_type`` is the column that says whether an ID is a
    deal's or an invoice's.
    """

    heading_row: int
    columns: tuple[Column, ...]
    same_order: int | None = None
    owner_type: int | None = None

    @property
    def order(self) -> Column | None:
        return self._first(Kind.NUMBER, Kind.ID)

    @property
    def card(self) -> Column | None:
        return self._first(Kind.DEAL, Kind.INVOICE)

    @property
    def kinds(self) -> dict[int, Kind]:
        """The columns that are not ignored, by index."""
        return {column.index: column.kind for column in self.columns if column.kind != Kind.IGNORE}

    @property
    def used(self) -> frozenset[int]:
        """The columns whose cells the rows are made of."""
        beside = (at for at in (self.same_order, self.owner_type) if at is not None)
        return frozenset([*self.kinds, *beside])

    @property
    def sure(self) -> bool:
        return self.order is not None and all(column.sure for column in self.columns)

    @property
    def proven(self) -> bool:
        """Whether the store knows most of the orders."""
        return self.order is not None and self.order.found >= PROVEN * max(1, self.order.looked)

    def unsure(self) -> "Columns":
        """The same, to be confirmed by a person."""
        columns = (
            replace(column, sure=column.sure and column is not self.order)
            for column in self.columns
        )
        return replace(self, columns=tuple(columns))

    def _first(self, *kinds: Kind) -> Column | None:
        return next((column for column in self.columns if column.kind in kinds), None)


def recognized(sheet: Sheet, ask: Ask, host: str, heading_row: int | None = None) -> Columns:
    """What each column of a sheet holds, from its first rows. ``host`` is the portal's.

    ``heading_row`` is the row of the headings where a person has named it, 0 for none.
    """
    lines = _seen(sheet)
    at = heading_at(lines) if heading_row is None else line_at(lines, heading_row)
    heads = lines[at].cells if at is not None else []
    below = lines[(at + 1 if at is not None else 0) :][:SAMPLE_VALUES]
    width = min(max((len(line.cells) for line in lines), default=0), MAX_COLUMNS)
    found = [
        _Candidate.of(index, heads[index] if index < len(heads) else "", below)
        for index in range(width)
    ]
    table = _Table(found, headed=at is not None, hidden=sheet.hidden_columns, host=host)
    read = Columns(lines[at].number if at is not None else 0, *table.decided(ask))
    if at is not None and are_shifted(lines[at], below, read.used, proven=read.proven):
        read = read.unsure()
    return _with_owner_type(read, heads)


def chosen(sheet: Sheet, heading_row: int, kinds: Mapping[int, Kind], why: Why) -> Columns:
    """The columns as a person has chosen them: what is not in ``kinds`` is ignored."""
    lines = _seen(sheet)
    at = line_at(lines, heading_row)
    heads = lines[at].cells if at is not None else []
    width = min(max((len(line.cells) for line in lines), default=0), MAX_COLUMNS)
    columns = (
        Column(
            index,
            visible(heads[index]) if index < len(heads) else "",
            kinds.get(index, Kind.IGNORE),
            why if index in kinds else Why.NOTHING,
        )
        for index in range(width)
    )
    return _with_owner_type(Columns(heading_row, tuple(columns)), heads)


def _with_owner_type(found: Columns, heads: Sequence[str]) -> Columns:
    """The columns with the one that says whether an ID is a deal's or an invoice's, as our exports do."""
    if found.card is None or meaning(found.card.heading) != Heading.OWNER:
        return found
    types = (at for at, head in enumerate(heads) if meaning(head) == Heading.OWNER_TYPE)
    return replace(found, owner_type=next(types, None))


def likeliest(sheets: Sequence[Sheet]) -> Sheet | None:
    """The sheet to be proposed: the one whose headings name orders, else the one with most rows."""
    return max(
        sheets,
        key=lambda sheet: (order_headings(_seen(sheet)), sheet.rows, -sheet.index),
        default=None,
    )


def _seen(sheet: Sheet) -> list[Line]:
    return [line for line in sheet.sample if not line.hidden]


@dataclass(slots=True)
class _Candidate:
    """One column with the values of the first rows."""

    index: int
    heading: str
    meaning: Heading | None
    values: list[str]
    notes: list[Note | None]
    taken: list[str]

    @classmethod
    def of(cls, index: int, heading: str, below: Sequence[Line]) -> "_Candidate":
        lines = [line for line in below if not names_no_order(line.cell(index))]
        values = [visible(line.cell(index)) for line in lines]
        notes = [line.notes.get(index) for line in lines]
        orders = [order_value(text, note) for text, note in zip(values, notes, strict=True)]
        read = [value.taken or next(iter(value.readings), "") for value in orders]
        return cls(index, visible(heading), meaning(heading), values, notes, read)

    @property
    def counts_rows(self) -> bool:
        """1, 2, 3 …: or any numbers that grow by one, under a heading that may mean that."""
        if not self.values or not all(
            value.isascii() and value.isdecimal() for value in self.values
        ):
            return False
        numbers = [int(value[:15]) for value in self.values]
        steady = all(after - before == 1 for before, after in pairwise(numbers))
        return steady and numbers[0] in (0, 1)

    @property
    def whole(self) -> bool:
        """Whether all values could be IDs."""
        return bool(self.taken) and all(is_order_id(text) for text in self.taken)

    def cards(self, host: str, type_id: int) -> int:
        """How many values are cards of the portal by more than a bare number."""
        return sum(
            1
            for value, note in zip(self.values, self.notes, strict=True)
            if not value.isdecimal() and _card(value, note, host, type_id)
        )


@dataclass(slots=True)
class _Table:
    """The columns of a table while it is decided what they hold."""

    candidates: list[_Candidate]
    headed: bool
    hidden: frozenset[int]
    host: str

    def decided(self, ask: Ask) -> tuple[tuple[Column, ...], int | None]:
        """The columns, and the one with the IDs of the same orders, if there is one."""
        seen = [candidate for candidate in self.candidates if candidate.index not in self.hidden]
        card = self._card_column(seen)
        possible = [
            candidate for candidate in seen if card is None or candidate.index != card.index
        ]
        asked = self._to_be_asked(possible)
        values = _spread(asked) if asked else []
        known = ask(values) if values else Known()
        order = self._order_column(possible, known)
        same = self._same_order(possible, order, known)
        decided = {column.index: column for column in (card, order) if column is not None}
        columns = tuple(
            decided.get(candidate.index) or self._ignored(candidate, same)
            for candidate in self.candidates
        )
        return columns, same

    def _ignored(self, candidate: _Candidate, same: int | None) -> Column:
        why = Why.NOTHING
        if candidate.index in self.hidden:
            why = Why.HIDDEN
        elif candidate.index == same:
            why = Why.SAME_ORDER
        elif candidate.meaning == Heading.INVOICE:
            why = Why.OWN_BILLS
        elif candidate.counts_rows:
            why = Why.COUNTER
        return Column(candidate.index, candidate.heading, why=why)

    def _card_column(self, seen: Sequence[_Candidate]) -> Column | None:
        """The column of deals, or of invoices where its values say that they are the portal's."""
        for candidate in seen:
            if candidate.meaning in (Heading.DEAL, Heading.OWNER):
                return Column(candidate.index, candidate.heading, Kind.DEAL, Why.HEADING)
        for candidate in seen:
            if (
                candidate.meaning in (Heading.NUMBER, Heading.ID, Heading.ORDER)
                or not candidate.values
            ):
                continue
            for kind, type_id in ((Kind.DEAL, DEAL), (Kind.INVOICE, INVOICE)):
                if candidate.cards(self.host, type_id) >= PROVEN * len(candidate.values):
                    return Column(candidate.index, candidate.heading, kind, Why.LINKS)
        if not self.headed and len(seen) > 1 and seen[1].whole:
            return Column(seen[1].index, "", Kind.DEAL, Why.POSITION, sure=False)
        return None

    def _to_be_asked(self, possible: Sequence[_Candidate]) -> list[_Candidate]:
        """Columns whose values the store is asked about: those headed as orders, or else all that may be."""
        ranked = [
            candidate for candidate in possible if candidate.taken and _rank(candidate) is not None
        ]
        plain = [candidate for candidate in ranked if (_rank(candidate) or 0) <= _RANKS[Heading.ID]]
        return (plain or ranked)[:10]

    def _order_column(self, possible: Sequence[_Candidate], known: Known) -> Column | None:
        """The column that names the orders; unsure where neither heading nor values prove it."""
        ranked = sorted(
            (candidate for candidate in possible if _rank(candidate) is not None),
            key=lambda candidate: _rank(candidate) or 0,
        )
        judged = [self._judged(candidate, known) for candidate in ranked]
        headed = [column for column in judged if column.why in (Why.HEADING, Why.LETTERS)]
        if headed:
            return headed[0]
        proven = [
            column for column in judged if column.looked and column.found >= PROVEN * column.looked
        ]
        if proven:
            best = max(proven, key=lambda column: column.found)
            rivals = [
                column for column in proven if column is not best and column.kind == best.kind
            ]
            return replace(best, why=Why.VALUES, sure=not rivals)
        perhaps = [column for column in judged if column.looked]
        if not perhaps:
            return None
        # The only column that can hold orders is taken; whether the store has them, each row will say.
        alone = len(perhaps) == 1 and (ranked[0].meaning is not None or len(possible) == 1)
        return replace(perhaps[0], why=Why.POSITION, sure=alone)

    def _judged(self, candidate: _Candidate, known: Known) -> Column:
        """A possible column of orders with what heading and store say of it."""
        numbers = sum(1 for value in candidate.taken if value.casefold() in known.ids)
        ids = sum(
            1 for value in candidate.taken if is_order_id(value) and int(value) in known.numbers
        )
        why, kind, found = Why.NOTHING, Kind.NUMBER, numbers
        if candidate.meaning in (Heading.NUMBER, Heading.ORDER):
            why = Why.HEADING
        elif candidate.meaning == Heading.ID:
            lettered = sum(1 for value in candidate.taken if not is_order_id(value))
            why = Why.LETTERS if lettered > len(candidate.taken) / 2 else Why.HEADING
            kind, found = (Kind.ID, ids) if why == Why.HEADING else (Kind.NUMBER, numbers)
        elif plain(candidate.heading) in ("id", "ид") and candidate.whole and ids >= numbers:
            kind, found = Kind.ID, ids
        return Column(
            candidate.index, candidate.heading, kind, why, found=found, looked=len(candidate.taken)
        )

    def _same_order(
        self, possible: Sequence[_Candidate], order: Column | None, known: Known
    ) -> int | None:
        """A column of IDs beside the numbers, if the store says that they are of the same orders."""
        if order is None or order.kind != Kind.NUMBER:
            return None
        numbers = next(candidate for candidate in possible if candidate.index == order.index)
        for candidate in possible:
            if (
                candidate is numbers
                or not candidate.whole
                or candidate.counts_rows
                or len(candidate.taken) != len(numbers.taken)
            ):
                continue
            pairs = [
                (known.ids.get(number.casefold()), int(value))
                for number, value in zip(numbers.taken, candidate.taken, strict=True)
            ]
            identified = [
                (order_id, candidate_id) for order_id, candidate_id in pairs if order_id is not None
            ]
            if identified and sum(
                order_id == candidate_id for order_id, candidate_id in identified
            ) >= PROVEN * len(identified):
                return candidate.index
        return None


_RANKS = {
    Heading.NUMBER: 0,
    Heading.ORDER: 1,
    Heading.ID: 2,
    Heading.PERHAPS_ORDER: 3,
    Heading.COUNTER: 4,
    None: 5,
}


def _rank(candidate: _Candidate) -> int | None:
    """How likely a column names orders by its heading, 0 first; None where it cannot."""
    if candidate.meaning in NO_ORDERS:
        return None
    plainly = candidate.meaning in (Heading.NUMBER, Heading.ID, Heading.ORDER)
    if candidate.counts_rows and not plainly:
        return None
    if not plainly and not any(any(char.isdigit() for char in value) for value in candidate.taken):
        return None
    return _RANKS[candidate.meaning]


def _spread(columns: Sequence[_Candidate]) -> list[str]:
    """At most :data:`SAMPLE_VALUES` values, as many of each column, of the first rows first."""
    each = SAMPLE_VALUES // len(columns)
    found: Counter[str] = Counter()
    for candidate in columns:
        found.update(dict.fromkeys(candidate.taken[:each], 1))
    return [value for value in found if value][:SAMPLE_VALUES]


def _card(value: str, note: Note | None, host: str, type_id: int) -> bool:
    link = note.detail if note and note.about == About.LINK else ""
    owner = card_value(value, host, type_id=type_id, link=link).owner
    return owner is not None and owner.type_id == type_id

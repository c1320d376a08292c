"""What each column of a table holds: by its heading, by its values, and by what the store knows.

Headings are believed where they are plain, values where the store confirms them. A column that only
counts the rows is never taken for orders, and a shop's own bill numbers never for invoices.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import pairwise

from b24app.imports.heading_row import heading_at, line_at
from b24app.imports.headings import Heading, meaning, plain
from b24app.imports.table import MAX_COLUMNS, About, Line, Note, Sheet
from b24app.imports.values import is_order_id, names_no_order, order_value
from b24app.orders.card_reference import card_value
from b24app.orders.types import DEAL, INVOICE
from b24app.orders.visible_text import visible

SAMPLE_VALUES = 50
"""Rows that are looked at, and values that the store is asked about, in one request."""
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
    """The IDs of the orders whose numbers stand in another column."""
    HIDDEN = "hidden"
    POSITION = "position"
    """No heading says so: only where the column stands."""
    CHOSEN = "chosen"
    REMEMBERED = "remembered"
    """The person chose it for an earlier file with the same headings."""
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Known:
    """What the store knows of some values: ids by number (case folded), numbers by id."""

    ids: "dict[str, int]" = field(default_factory=dict)
    numbers: "dict[int, str]" = field(default_factory=dict)


Ask = Callable[[Sequence[str]], Known]
"""Answers for at most :data:`SAMPLE_VALUES` values which are numbers or IDs of orders, in one request."""


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
    belong to the orders named by number.
    """

    heading_row: int
    columns: tuple[Column, ...]
    same_order: int | None = None

    @property
    def order(self) -> Column | None:
        return self._first(Kind.NUMBER, Kind.ID)

    @property
    def card(self) -> Column | None:
        return self._first(Kind.DEAL, Kind.INVOICE)

    @property
    def kinds(self) -> dict[int, Kind]:
        """The columns that are not ignored, by index."""
        return {one.index: one.kind for one in self.columns if one.kind != Kind.IGNORE}

    @property
    def used(self) -> frozenset[int]:
        """The columns whose cells the rows are made of."""
        return frozenset([*self.kinds, *([] if self.same_order is None else [self.same_order])])

    @property
    def sure(self) -> bool:
        return self.order is not None and all(one.sure for one in self.columns)

    def _first(self, *kinds: Kind) -> Column | None:
        return next((one for one in self.columns if one.kind in kinds), None)


def recognized(sheet: Sheet, ask: Ask, host: str, heading_row: int | None = None) -> Columns:
    """What each column of a sheet holds, from its first rows. ``host`` is the portal's.

    ``heading_row`` is the row of the headings where a person has named it, 0 for none.
    """
    lines = [line for line in sheet.sample if not line.hidden]
    at = heading_at(lines) if heading_row is None else line_at(lines, heading_row)
    heads = lines[at].cells if at is not None else []
    below = lines[(at + 1 if at is not None else 0) :][:SAMPLE_VALUES]
    width = min(max((len(line.cells) for line in lines), default=0), MAX_COLUMNS)
    found = [
        _Candidate.of(index, heads[index] if index < len(heads) else "", below)
        for index in range(width)
    ]
    table = _Table(found, headed=at is not None, hidden=sheet.hidden_columns, host=host)
    return Columns(lines[at].number if at is not None else 0, *table.decided(ask))


def chosen(sheet: Sheet, heading_row: int, kinds: Mapping[int, Kind], why: Why) -> Columns:
    """The columns as a person has chosen them: what is not in ``kinds`` is ignored."""
    lines = [line for line in sheet.sample if not line.hidden]
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
    return Columns(heading_row, tuple(columns))


def likeliest(sheets: Sequence[Sheet]) -> Sheet | None:
    """The sheet to be proposed: the one whose headings name orders, else the one with most rows."""
    return max(sheets, key=lambda one: (_order_headings(one), one.rows, -one.index), default=None)


def _order_headings(sheet: Sheet) -> int:
    lines = [line for line in sheet.sample if not line.hidden]
    at = heading_at(lines)
    named = [meaning(cell) for cell in lines[at].cells] if at is not None else []
    plainly = any(one in (Heading.NUMBER, Heading.ID, Heading.ORDER) for one in named)
    return 2 if plainly else int(Heading.PERHAPS_ORDER in named)


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
        orders = [order_value(one, note) for one, note in zip(values, notes, strict=True)]
        read = [one.taken or next(iter(one.readings), "") for one in orders]
        return cls(index, visible(heading), meaning(heading), values, notes, read)

    @property
    def counts_rows(self) -> bool:
        """1, 2, 3 …: or any numbers that grow by one, under a heading that may mean that."""
        if not self.values or not all(one.isascii() and one.isdecimal() for one in self.values):
            return False
        numbers = [int(one[:15]) for one in self.values]
        steady = all(after - before == 1 for before, after in pairwise(numbers))
        return steady and numbers[0] in (0, 1)

    @property
    def whole(self) -> bool:
        """Whether all values could be IDs."""
        return bool(self.taken) and all(is_order_id(one) for one in self.taken)

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
        seen = [one for one in self.candidates if one.index not in self.hidden]
        card = self._card_column(seen)
        possible = [one for one in seen if card is None or one.index != card.index]
        asked = self._to_be_asked(possible)
        values = _spread(asked) if asked else []
        known = ask(values) if values else Known()
        order = self._order_column(possible, known)
        same = self._same_order(possible, order, known)
        decided = {one.index: one for one in (card, order) if one is not None}
        columns = tuple(
            decided.get(one.index) or self._ignored(one, same) for one in self.candidates
        )
        return columns, same

    def _ignored(self, one: _Candidate, same: int | None) -> Column:
        why = Why.NOTHING
        if one.index in self.hidden:
            why = Why.HIDDEN
        elif one.index == same:
            why = Why.SAME_ORDER
        elif one.meaning == Heading.INVOICE:
            why = Why.OWN_BILLS
        elif one.counts_rows:
            why = Why.COUNTER
        return Column(one.index, one.heading, why=why)

    def _card_column(self, seen: Sequence[_Candidate]) -> Column | None:
        """The column of deals, or of invoices where its values say that they are the portal's."""
        for one in seen:
            if one.meaning == Heading.DEAL:
                return Column(one.index, one.heading, Kind.DEAL, Why.HEADING)
        for one in seen:
            if one.meaning in (Heading.NUMBER, Heading.ID, Heading.ORDER) or not one.values:
                continue
            for kind, type_id in ((Kind.DEAL, DEAL), (Kind.INVOICE, INVOICE)):
                if one.cards(self.host, type_id) >= PROVEN * len(one.values):
                    return Column(one.index, one.heading, kind, Why.LINKS)
        if not self.headed and len(seen) > 1 and seen[1].whole:
            return Column(seen[1].index, "", Kind.DEAL, Why.POSITION, sure=False)
        return None

    def _to_be_asked(self, possible: Sequence[_Candidate]) -> list[_Candidate]:
        """Columns whose values the store is asked about: those headed as orders, or else all that may be."""
        ranked = [one for one in possible if one.taken and _rank(one) is not None]
        plain = [one for one in ranked if (_rank(one) or 0) <= _RANKS[Heading.ID]]
        return (plain or ranked)[:10]

    def _order_column(self, possible: Sequence[_Candidate], known: Known) -> Column | None:
        """The column that names the orders; unsure where neither heading nor values prove it."""
        ranked = sorted(
            (one for one in possible if _rank(one) is not None), key=lambda one: _rank(one) or 0
        )
        judged = [self._judged(one, known) for one in ranked]
        headed = [one for one in judged if one.why in (Why.HEADING, Why.LETTERS)]
        if headed:
            return headed[0]
        proven = [one for one in judged if one.looked and one.found >= PROVEN * one.looked]
        if proven:
            best = max(proven, key=lambda one: one.found)
            rivals = [one for one in proven if one is not best and one.kind == best.kind]
            return replace(best, why=Why.VALUES, sure=not rivals)
        perhaps = [one for one in judged if one.looked]
        if not perhaps:
            return None
        # The only column that can hold orders is taken; whether the store has them, each row will say.
        alone = len(perhaps) == 1 and (ranked[0].meaning is not None or len(possible) == 1)
        return replace(perhaps[0], why=Why.POSITION, sure=alone)

    def _judged(self, one: _Candidate, known: Known) -> Column:
        """A possible column of orders with what heading and store say of it."""
        numbers = sum(1 for value in one.taken if value.casefold() in known.ids)
        ids = sum(1 for value in one.taken if is_order_id(value) and int(value) in known.numbers)
        why, kind, found = Why.NOTHING, Kind.NUMBER, numbers
        if one.meaning in (Heading.NUMBER, Heading.ORDER):
            why = Why.HEADING
        elif one.meaning == Heading.ID:
            lettered = sum(1 for value in one.taken if not is_order_id(value))
            why = Why.LETTERS if lettered > len(one.taken) / 2 else Why.HEADING
            kind, found = (Kind.ID, ids) if why == Why.HEADING else (Kind.NUMBER, numbers)
        elif plain(one.heading) in ("id", "ид") and one.whole and ids >= numbers:
            kind, found = Kind.ID, ids
        return Column(one.index, one.heading, kind, why, found=found, looked=len(one.taken))

    def _same_order(
        self, possible: Sequence[_Candidate], order: Column | None, known: Known
    ) -> int | None:
        """A column of IDs beside the numbers, if the store says that they are of the same orders."""
        if order is None or order.kind != Kind.NUMBER:
            return None
        numbers = next(one for one in possible if one.index == order.index)
        for one in possible:
            if (
                one is numbers
                or not one.whole
                or one.counts_rows
                or len(one.taken) != len(numbers.taken)
            ):
                continue
            pairs = [
                (known.ids.get(number.casefold()), int(value))
                for number, value in zip(numbers.taken, one.taken, strict=True)
            ]
            told = [(mine, theirs) for mine, theirs in pairs if mine is not None]
            if told and sum(mine == theirs for mine, theirs in told) >= PROVEN * len(told):
                return one.index
        return None


_RANKS = {
    Heading.NUMBER: 0,
    Heading.ORDER: 1,
    Heading.ID: 2,
    Heading.PERHAPS_ORDER: 3,
    Heading.COUNTER: 4,
    None: 5,
}


def _rank(one: _Candidate) -> int | None:
    """How likely a column names orders by its heading, 0 first; None where it cannot."""
    if one.meaning in (Heading.DEAL, Heading.INVOICE, Heading.OTHER):
        return None
    plainly = one.meaning in (Heading.NUMBER, Heading.ID, Heading.ORDER)
    if one.counts_rows and not plainly:
        return None
    if not plainly and not any(any(char.isdigit() for char in value) for value in one.taken):
        return None
    return _RANKS[one.meaning]


def _spread(columns: Sequence[_Candidate]) -> list[str]:
    """At most :data:`SAMPLE_VALUES` values, as many of each column, of the first rows first."""
    each = SAMPLE_VALUES // len(columns)
    found: Counter[str] = Counter()
    for one in columns:
        found.update(dict.fromkeys(one.taken[:each], 1))
    return [value for value in found if value][:SAMPLE_VALUES]


def _card(value: str, note: Note | None, host: str, type_id: int) -> bool:
    link = note.detail if note and note.about == About.LINK else ""
    owner = card_value(value, host, type_id=type_id, link=link).owner
    return owner is not None and owner.type_id == type_id

"""The rows of a table, once it is known what its columns hold."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from b24app.imports.columns import Columns, Kind
from b24app.imports.table import About, Line, Shape
from b24app.imports.values import (
    MAX_NUMBER_CHARACTERS,
    OrderValue,
    is_damaged,
    is_order_id,
    names_no_order,
    order_value,
)
from b24app.orders.card_reference import CardProblem, CardValue, card_value, type_of_word
from b24app.orders.types import DEAL, INVOICE


@dataclass(frozen=True, slots=True)
class Row:
    """One row as its author sees it.

    ``order.taken`` is what names the order, by ``kind`` (number or ID). ``same_id`` is the ID that
    stands beside a number, 0 for none. ``problem`` and ``order.doubt`` keep the row from being used:
    a problem until the file is mended, a doubt until the person decides.
    """

    number: int
    order: OrderValue
    kind: Kind
    card: CardValue
    same_id: int = 0
    merged: bool = False
    linked: str = ""
    problem: str = ""


NO_ORDER = "no_order_given"
TOO_LONG = "order_too_long"
BAD_ID = "bad_id"
UNSURE = "unsure_column"
UNEVEN = "uneven_row"


def rows(
    lines: Iterable[Line],
    columns: Columns,
    host: str,
    *,
    hidden: bool = False,
    fill_merged: bool = True,
) -> Iterator[Row]:
    """The rows below the headings. Rows that a filter hides are left out unless ``hidden`` says so.

    Without ``fill_merged`` only the first cell of a merged range has its text.
    """
    if columns.order is None:
        return
    for line in lines:
        if line.number <= columns.heading_row or (line.hidden and not hidden):
            continue
        yield _row(line if fill_merged else _unmerged(line), columns, host)


def _unmerged(line: Line) -> Line:
    filled = {at for at, note in line.notes.items() if note.about == About.MERGED}
    if not filled:
        return line
    cells = ["" if at in filled else cell for at, cell in enumerate(line.cells)]
    notes = {at: note for at, note in line.notes.items() if at not in filled}
    return replace(line, cells=cells, notes=notes)


def _row(line: Line, columns: Columns, host: str) -> Row:
    order, card = columns.order, columns.card
    if order is None:
        raise ValueError("no column names the orders")
    note = line.notes.get(order.index)
    value = order_value(line.cell(order.index), note)
    where = line.notes.get(card.index) if card is not None else None
    link = where.detail if where and where.about == About.LINK else ""
    found = _card(line.cell(card.index if card else None), host, _card_type(line, columns), link)
    return Row(
        number=line.number,
        order=value,
        kind=order.kind,
        card=found,
        same_id=_same_id(line, columns),
        merged=any(item.about == About.MERGED for item in line.notes.values()),
        linked=link if link and found.owner else "",
        problem=_problem(line, columns, value, found),
    )


def _card(text: str, host: str, type_id: int | None, link: str) -> CardValue:
    found = card_value(text, host, type_id=type_id, link=link)
    if is_damaged(text) and found.owner is not None:
        return CardValue(found.written, problem=CardProblem.NOT_A_CARD)
    return found


def _card_type(line: Line, columns: Columns) -> int | None:
    """What a bare ID in the column of cards stands for; None where the row names an unknown type."""
    if columns.owner_type is not None:
        return type_of_word(line.cell(columns.owner_type))
    return INVOICE if columns.card is not None and columns.card.kind == Kind.INVOICE else DEAL


def _problem(line: Line, columns: Columns, value: OrderValue, card: CardValue) -> str:
    order = columns.order
    if value.doubt is not None or order is None:
        return ""
    if names_no_order(line.cell(order.index)):
        return NO_ORDER
    if _is_uneven(line, columns):
        return UNEVEN
    if len(value.taken) > MAX_NUMBER_CHARACTERS:
        return TOO_LONG
    if order.kind == Kind.ID and not is_order_id(value.taken):
        return BAD_ID
    if not columns.sure:
        return UNSURE
    return card.problem or ""


def _is_uneven(line: Line, columns: Columns) -> bool:
    """Whether the cells of a row may stand in other columns than their own."""
    if line.shape != Shape.NARROWER or columns.order is None:
        return line.shape != Shape.EVEN
    # A missing separator makes one cell of two. If that is the order's own cell, no other order comes of
    # it; and what ends before a column is empty there.
    first = 1 if columns.order.index else 2
    return any(first <= index < line.width for index in columns.used)


def _same_id(line: Line, columns: Columns) -> int:
    if columns.same_order is None:
        return 0
    text = order_value(line.cell(columns.same_order)).taken
    return int(text) if is_order_id(text) else 0

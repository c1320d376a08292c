"""A pasted list: an order a line, after it its deal where they differ. Or a table, copied with its headings.

The text between an order and its deal may differ from line to line. A line never names a second
order: whatever follows the first one is the line's deal, or a reason not to use the line.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from b24app.imports import delimited
from b24app.imports.columns import Column, Columns, Kind, Why
from b24app.imports.headings import Heading, meaning
from b24app.imports.rows import NO_ORDER, TOO_LONG, Row
from b24app.imports.table import MAX_ROWS, SAMPLE_ROWS, Line, Sheet, Unreadable
from b24app.imports.values import MAX_NUMBER_CHARACTERS, order_value
from b24app.orders.card_reference import CardValue, card_value
from b24app.orders.visible_text import visible

FIRST_LINES = 10
CROWDED = "crowded"

_BETWEEN = re.compile(r"\s*[\t;,|][\t;,|\s]*")
_NUMBER_WORDS = re.compile(r"[^\W\d_]+\.?\s*(?:#|№|nº|n°|no\.?|nr\.?)?\s*\S*\d\S*", re.IGNORECASE)


def as_table(text: str) -> delimited.DelimitedText | None:
    """The pasted text as a table, where one of its first lines holds headings of a table.

    Headings of a list, an order and perhaps its deal, make no table: the text between those two may
    differ from line to line.
    """
    first = [line for line in text.splitlines()[:FIRST_LINES] if line.strip()]
    if not any(len(_headings(line)) > 1 and not _heads_list(line) for line in first):
        return None
    return delimited.opened(text.encode())


def rows(text: str, host: str, *, cards: bool, kind: Kind | None = None) -> Iterator[Row]:
    """The lines of a list as rows. ``cards`` says that a line may name a deal after its order.

    ``kind`` says whether the orders are named by number or ID, where a person has chosen that.

    Raises :class:`Unreadable`: ``no_order_column`` for a list of something else, ``too_many``.
    """
    lines = text.splitlines()
    heading, named = _heading(lines)
    for number, written in enumerate(lines, start=1):
        if number > MAX_ROWS:
            raise Unreadable("too_many")
        cells = _cells(written)
        if any(cells) and number != heading:
            yield _row(number, cells, kind or named, host, cards=cards)


def sheet(text: str) -> tuple[Sheet, Columns]:
    """The first lines of a list as a sheet to be shown, and what its two columns hold."""
    lines = text.splitlines()
    heading, kind = _heading(lines)
    read = ((number, _cells(written)) for number, written in enumerate(lines, start=1))
    sample = [Line(number, cells) for number, cells in islice(read, SAMPLE_ROWS) if any(cells)]
    heads = next((line.cells for line in sample if line.number == heading), [])
    width = 2 if any(len(line.cells) > 1 for line in sample) else 1
    kinds = (kind, Kind.DEAL)
    why = Why.HEADING if heading else Why.POSITION
    columns = (
        Column(at, heads[at] if at < len(heads) else "", kinds[at], why) for at in range(width)
    )
    return Sheet(0, "", len(lines), tuple(sample)), Columns(heading, tuple(columns))


def _heading(lines: Sequence[str]) -> tuple[int, Kind]:
    """The number of the line that holds the headings, 0 for none, and what they say of the orders.

    Raises :class:`Unreadable`, ``no_order_column``, for the headings of something else.
    """
    at = next((at for at, line in enumerate(lines[:FIRST_LINES]) if visible(line)), None)
    found = _headings(lines[at]) if at is not None else []
    if at is None or not found:
        return 0, Kind.NUMBER
    if not _heads_list(lines[at]):
        raise Unreadable("no_order_column")
    return at + 1, Kind.ID if found[0] == Heading.ID else Kind.NUMBER


def _row(number: int, cells: list[str], kind: Kind, host: str, *, cards: bool) -> Row:
    order = order_value(cells[0])
    rest = cells[1:]
    card = card_value(rest[0], host) if cards and len(rest) == 1 else CardValue(" ".join(rest))
    problem = card.problem or ""
    if not order.taken and order.doubt is None:
        problem = NO_ORDER
    elif len(order.taken) > MAX_NUMBER_CHARACTERS:
        problem = TOO_LONG
    elif len(rest) > (1 if cards else 0):
        problem = CROWDED
    return Row(number, order, kind, card, problem=problem)


def _cells(written: str) -> list[str]:
    """The order of a line and what follows it."""
    line = visible(written)
    if not written.startswith(("\t", ";", ",", "|")) and (
        order_value(line).doubt is not None or _NUMBER_WORDS.fullmatch(line)
    ):
        return [line]
    cells = [visible(part).strip('"') for part in _BETWEEN.split(written.strip(" \r\ufeff"))]
    while len(cells) > 1 and not cells[-1]:
        cells.pop()
    if len(cells) > 1 or not cells[0]:
        return cells
    return order_value(line).taken.split() or [line]


def _headings(line: str) -> list[Heading]:
    """What the cells of a line head; empty where one of them heads nothing."""
    whole = meaning(visible(line).strip('"'))
    if whole is not None:
        return [whole]
    cells = [visible(part).strip('"') for part in _BETWEEN.split(line.strip())]
    cells = cells if len(cells) > 1 else visible(line).split()
    known = [meaning(cell) for cell in cells]
    named = [heading for heading in known if heading is not None]
    return named if len(named) > 1 or len(cells) == 1 else []


def _heads_list(line: str) -> bool:
    """Whether a line heads orders, and after them at most their deals."""
    found = _headings(line)
    names_orders = found[:1] and found[0] not in (Heading.DEAL, Heading.INVOICE, Heading.OTHER)
    return bool(names_orders) and found[1:] in ([], [Heading.DEAL])

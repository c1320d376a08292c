"""A pasted list: an order a line, after it its deal where they differ. Or a table, copied with its headings.

What stands between an order and its deal may differ from line to line. A line never names a second
order: whatever follows the first one is the line's deal, or a reason not to use the line.
"""

import re
from collections.abc import Iterator
from itertools import islice

from b24app.imports import delimited
from b24app.imports.cards import CardValue, card_value
from b24app.imports.columns import Kind
from b24app.imports.headings import Heading, meaning
from b24app.imports.rows import NO_ORDER, TOO_LONG, Row
from b24app.imports.table import MAX_ROWS, Unreadable
from b24app.imports.values import MAX_NUMBER_CHARACTERS, order_value, visible

FIRST_LINES = 10
CROWDED = "crowded"

_BETWEEN = re.compile(r"\s*[\t;,|][\t;,|\s]*")
_NUMBER_WORDS = re.compile(r"[^\W\d_]+\.?\s*(?:#|№|nº|n°|no\.?|nr\.?)?\s*\S*\d\S*", re.IGNORECASE)


def as_table(text: str) -> delimited.DelimitedText | None:
    """The pasted text as a table, where its first lines hold headings of several columns."""
    first = [line for line in text.splitlines()[:FIRST_LINES] if line.strip()]
    if not any(_is_heading(line) for line in first):
        return None
    return delimited.opened(text.encode())


def rows(text: str, host: str, *, cards: bool) -> Iterator[Row]:
    """The lines of a list as rows. ``cards`` says that a line may name a deal after its order.

    Raises :class:`Unreadable` with ``too_many``.
    """
    kind, skipped = _single_heading(text)
    for number, written in enumerate(text.splitlines(), start=1):
        if number > MAX_ROWS:
            raise Unreadable("too_many")
        if number == skipped or not visible(written):
            continue
        yield _row(number, written, kind, host, cards=cards)


def _row(number: int, written: str, kind: Kind, host: str, *, cards: bool) -> Row:
    cells = _cells(written)
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
    if order_value(line).doubt is not None or _NUMBER_WORDS.fullmatch(line):
        return [line]
    cells = [one.strip().strip('"') for one in _BETWEEN.split(line)]
    while len(cells) > 1 and not cells[-1]:
        cells.pop()
    if len(cells) > 1:
        return cells
    taken = order_value(line).taken
    return taken.split() or [line]


def _is_heading(line: str) -> bool:
    """Whether a line heads several columns, one of them more than an order and its deal."""
    cells = [one.strip(' "') for one in _BETWEEN.split(line)]
    known = [meaning(cell) for cell in cells]
    return len(cells) > 1 and sum(one is not None for one in known) > 1


def _single_heading(text: str) -> tuple[Kind, int]:
    """What the first line says of a list of one column, and which line that is; 0 for none."""
    lines = islice(enumerate(text.splitlines(), start=1), FIRST_LINES)
    number, first = next(((at, line) for at, line in lines if visible(line)), (0, ""))
    found = meaning(visible(first).strip('"'))
    if found in (Heading.ID, Heading.NUMBER, Heading.ORDER, Heading.COUNTER, Heading.PERHAPS_ORDER):
        return (Kind.ID if found == Heading.ID else Kind.NUMBER), number
    return Kind.NUMBER, 0

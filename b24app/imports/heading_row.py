"""Which row of a sheet holds its headings."""

from collections import Counter
from collections.abc import Iterable, Sequence

from b24app.imports.headings import Heading, meaning
from b24app.imports.table import Line

HEADING_ROWS = 20
"""Rows among which the headings are looked for."""
ROWS_BELOW = 50
"""Rows below a possible heading that are compared with it."""


def heading_at(lines: Sequence[Line]) -> int | None:
    """Which of the first lines holds the headings: the one that knows most of them, below any titles."""
    first = lines[:HEADING_ROWS]
    known = [_known_cells(line) for line in first]
    best = max(known, default=0)
    if best > 1:
        return known.index(best)
    widest = _common_width(lines)
    for at, line in enumerate(first):
        alone = known[at] == 1 and len(line.cells) >= min(widest, 2) and not _numeric(line.cells)
        if alone or (len(line.cells) >= widest > 1 and _is_unlike_below(line, lines[at + 1 :])):
            return at
    return next((at for at, number in enumerate(known) if number and widest == 1), None)


def order_headings(lines: Sequence[Line]) -> int:
    """How plainly the headings of a sheet name orders: 2 plainly, 1 perhaps, 0 not."""
    at = heading_at(lines)
    named = [meaning(cell) for cell in lines[at].cells] if at is not None else []
    plainly = any(item in (Heading.NUMBER, Heading.ID, Heading.ORDER) for item in named)
    return 2 if plainly else int(Heading.PERHAPS_ORDER in named)


def line_at(lines: Sequence[Line], number: int) -> int | None:
    """The position of the row with this number among the lines."""
    return next((at for at, line in enumerate(lines) if line.number == number), None)


def _known_cells(line: Line) -> int:
    found = [meaning(cell) for cell in line.cells]
    return len([heading for heading in found if heading is not None])


def _common_width(lines: Sequence[Line]) -> int:
    widths = Counter(len(line.cells) for line in lines)
    return max(widths, key=lambda width: (widths[width], width), default=0)


def _numeric(cells: Iterable[str]) -> bool:
    return any(cell.strip().isdecimal() for cell in cells)


def _is_unlike_below(line: Line, below: Sequence[Line]) -> bool:
    """Words above numbers: headings, although none of them is known."""
    if any(any(char.isdigit() for char in cell) or not cell for cell in line.cells):
        return False
    rows = below[:ROWS_BELOW]
    return any(
        rows and all(row.cell(at).strip().isdecimal() for row in rows)
        for at in range(len(line.cells))
    )

"""Reading a pasted list: an order a line, after it its deal where they differ; or a table with a header.

What stands between an order and its deal may differ from line to line. A line never names a second
order: whatever follows the first is the line's deal, or a reason not to use the line.
"""

import re
from collections.abc import Iterator

from b24app.jobs import tables
from b24app.jobs.tables import Row, Unreadable

# Lines among which a table's header is looked for, as in a file.
FIRST_LINES = 10

_BETWEEN = re.compile(r"\s*[\t;,|][\t;,|\s]*")


def read(text: str, host: str = "", *, cards: bool) -> Iterator[Row]:
    """The rows of a pasted text, counted by its lines. ``host`` is the portal's: see ``tables.read``.

    ``cards`` says that a line may name a deal. Raises :class:`Unreadable` for what is no list.
    """
    lines = text.splitlines()
    first = [line for line in lines[:FIRST_LINES] if line.strip()]
    columns = _header(first[0]) if first else None
    if columns is None:
        is_table = any(tables.known_headers(line) > 1 for line in first)
    else:
        is_table = (columns.order, columns.card) not in ((0, None), (0, 1))
    if is_table:
        yield from tables.read(text.encode(), host)
        return
    for line, written in enumerate(lines, start=1):
        if line > tables.MOST_LINES:
            raise Unreadable("too_many")
        cells = _cells(written)
        if cells and not (columns is not None and written == first[0]):
            yield _row(line, cells, columns or tables.UNNAMED, host, cards=cards)


def _row(line: int, cells: list[str], columns: tables.Columns, host: str, *, cards: bool) -> Row:
    row = tables.row(line, cells, columns, host)
    if len(cells) <= (2 if cards else 1) or not row.order:
        return row
    return Row(line, row.order, row.named, " ".join(cells[1:]), None, "crowded")


def _header(line: str) -> tables.Columns | None:
    """What a first line heads, as one heading of several words or as several headings."""
    whole = None if _BETWEEN.search(line) else tables.header([line])
    return whole or tables.header(_cells(line))


def _cells(written: str) -> list[str]:
    """The order of a line and what follows it; empty for a line without anything."""
    written = tables.without_prefix(written.replace("\xa0", " ").strip(" \r\ufeff"))
    if tables.WHOLE.fullmatch(written):
        return [tables.clean(written)]
    cells = [tables.clean(one.strip().strip('"')) for one in _BETWEEN.split(written)]
    while cells and not cells[-1]:
        cells.pop()
    return cells[0].split() if len(cells) == 1 else cells

"""Delimited text: CSV of any dialect, tabs, a pasted column.

The separator is chosen by parsing with each one, quotes honored, and comparing the tables that come
out. A quotation mark that is never closed refuses the file: everything behind it would become one cell.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from b24app.imports.decoding import decoded
from b24app.imports.evenness import Evenness, mark_broken
from b24app.imports.heading_row import heading_at
from b24app.imports.headings import known_headings
from b24app.imports.table import (
    MAX_CELL_CHARACTERS,
    MAX_COLUMNS,
    MAX_ROWS,
    SAMPLE_ROWS,
    Line,
    Sheet,
    Unreadable,
    Unseen,
)

SEPARATORS = ("\t", ";", ",", "|")
TRIED_ROWS = 200
TRIED_CHARACTERS = 64_000

# A cell longer than this is a quotation mark that was never closed.
MAX_QUOTED_CHARACTERS = 100_000

_SEPARATOR_LINE = re.compile(r"\"?sep=(?P<separator>[^\w\s\"]|\t)\"?\r?\n?", re.IGNORECASE)
_TYPED = re.compile(
    r"""
    [+-]?[\d\s.,'’]*\d(?:[.,]\d+)?\s*(?:%|[^\W\d_]{1,4}\.?|\W)?  # a number, perhaps with a currency
    | \d{1,4}[-./]\d{1,2}[-./]\d{1,4}(?:[ T]\d{1,2}:\d{2}(?::\d{2})?)?
    | [^@\s]+@[^@\s]+\.\w+ | https?://\S+ | \+?[\d\s()-]{6,20}
    | [\w№\#./-]+
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class DelimitedText:
    """A text file or a pasted table as a source of one sheet. ``skipped`` characters head it."""

    content: bytes
    encoding: str
    separator: str
    kind: str = "text"
    hidden_sheets: int = 0
    evenness: Evenness = field(init=False, default=Evenness())
    unseen: frozenset[Unseen] = frozenset()
    sheets: tuple[Sheet, ...] = field(init=False, default=())

    def __post_init__(self) -> None:
        lines = list(islice(self.lines(0), SAMPLE_ROWS))
        at = heading_at(lines)
        headings = lines[at].width if at is not None else 0
        evenness = Evenness.of([line.width for line in lines], headings)
        object.__setattr__(self, "evenness", evenness)
        sample = tuple(islice(self.lines(0), SAMPLE_ROWS))
        rows = self._count_rows() if len(sample) == SAMPLE_ROWS else len(sample)
        object.__setattr__(self, "sheets", (Sheet(0, "", rows, sample),) if sample else ())

    def lines(self, sheet: int, only: frozenset[int] | None = None) -> Iterator[Line]:
        """The lines, one record each; see :class:`Source`. Raises :class:`Unreadable`."""
        return mark_broken(self._lines(only), self.evenness)

    def _lines(self, only: frozenset[int] | None) -> Iterator[tuple[Line, list[str]]]:
        """The lines, each with all of its cells as they are written."""
        stream = _stream(self.content, self.encoding)
        _skip_separator_line(stream)
        for number, (written, spans) in enumerate(_records(stream, self.separator), start=1):
            if number > MAX_ROWS:
                raise Unreadable("too_many")
            cells = (
                [tidy(cell) for cell in written[:MAX_COLUMNS]]
                if only is None
                else [
                    tidy(cell) if at in only else ""
                    for at, cell in enumerate(written[:MAX_COLUMNS])
                ]
            )
            while cells and not cells[-1]:
                cells.pop()
            # Among other columns' cells a row is never lost for being empty in the columns asked for.
            if cells or (only is not None and any(map(tidy, written))):
                shape = self.evenness.shape(written, spans=spans, separator=self.separator)
                yield Line(number, cells, width=len(written), shape=shape), written

    def _count_rows(self) -> int:
        """The number of the last row with content. Reads to the end, so an open quote is found now."""
        number = 0
        for line in self.lines(0, frozenset()):
            number = line.number
        return number


def opened(content: bytes) -> DelimitedText:
    """The text in ``content`` with the separator that makes the best table of it.

    Raises :class:`Unreadable`: ``not_a_table``, ``open_quote`` (fact ``row``), ``too_many``.
    """
    encoding = decoded(content, known_headings)
    stream = _stream(content, encoding)
    declared = _skip_separator_line(stream)
    sample = stream.read(TRIED_CHARACTERS)
    if any(ord(char) < 32 and char not in "\t\r\n\f\x1a\x00" for char in sample):
        raise Unreadable("not_a_table")
    return DelimitedText(content, encoding, declared or chosen_separator(sample))


def chosen_separator(sample: str) -> str:
    """The separator that makes the most even table; a comma where none makes a table at all."""
    tried = {separator: _evenness(sample, separator) for separator in SEPARATORS}
    best = max(tried, key=lambda text: tried[text])
    return best if tried[best] > 0 else ","


def _evenness(sample: str, separator: str) -> float:
    """How much the sample is a table with this separator: equal widths, cells that look like values."""
    rows: list[list[str]] = []
    # The last line of the sample may be cut off in the middle, also in the middle of a quote.
    try:
        for cells, _ in islice(_records(io.StringIO(sample, newline=""), separator), TRIED_ROWS):
            if any(cells):
                rows.append([tidy(cell) for cell in cells[:MAX_COLUMNS]])
    except Unreadable:
        # The rows up to there count. A wrong separator hides quotes and fails where the right one does not.
        rows = rows[:-1] if len(rows) > 1 else rows
    widths = Counter(len(row) for row in rows)
    if not rows or max(widths) < 2:
        return 0.0
    width, often = max(widths.items(), key=lambda item: (item[1] * (item[0] > 1), item[0]))
    if width < 2:
        return 0.0
    cells = [cell for row in rows if len(row) == width for cell in row]
    typed = sum(1 for cell in cells if _looks_whole(cell, separator)) / len(cells)
    return (often / len(rows)) ** 2 * (1 - 1 / (width + 1)) * typed


def _looks_whole(cell: str, separator: str) -> bool:
    """Whether a cell looks like one value, and not like several that another separator would part."""
    others = [text for text in "\t;|" if text != separator]
    if any(other in cell for other in others) or cell.count('"') % 2:
        return False
    if not cell or _TYPED.fullmatch(cell[:200]):
        return True
    return len(cell) < 300 and not cell.startswith((" ", ",")) and not cell.endswith(",")


def _records(stream: "io.TextIOBase", separator: str) -> Iterator[tuple[list[str], bool]]:
    """The records with cleaned cells, and whether one of them goes over several lines."""
    csv.field_size_limit(MAX_QUOTED_CHARACTERS)
    reader = csv.reader(
        stream, delimiter=separator, skipinitialspace=separator != "\t", strict=True
    )
    number = before = 0
    while True:
        number += 1
        try:
            cells = next(reader, None)
        except csv.Error as problem:
            if "field larger" in str(problem) and reader.line_num - before < 2:
                raise Unreadable("not_a_table") from None
            raise Unreadable("open_quote", row=number) from None
        if cells is None:
            return
        yield cells, reader.line_num - before > 1
        before = reader.line_num


def tidy(cell: str) -> str:
    """A cell without the white space around it. Of what ends a file of MS-DOS nothing is left."""
    if cell.isalnum():
        return cell[:MAX_CELL_CHARACTERS]
    found = cell[:MAX_CELL_CHARACTERS].strip(" \t\r\n\xa0\ufeff")
    return "" if found.isascii() and not found.strip("\x00\x1a\f\v") else found


def _stream(content: bytes, encoding: str) -> io.TextIOWrapper:
    """The text as a stream: a large file is never decoded into memory as a whole.

    Bytes that are no text become U+FFFD, which makes the cell they are in doubtful.
    """
    return io.TextIOWrapper(io.BytesIO(content), encoding=encoding, errors="replace", newline="")


def _skip_separator_line(stream: io.TextIOWrapper) -> str:
    """Excel's own first line, ``sep=;``: which separator it names; the stream is left after it."""
    start = stream.readline(20)
    match = _SEPARATOR_LINE.fullmatch(start.lstrip("\ufeff"))
    if match is None:
        stream.seek(0)
        return ""
    return match["separator"]

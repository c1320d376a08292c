"""Rows of a text table that do not have as many cells as the other rows.

A separator too many or too few moves all later cells of its row into other columns, and a stray line
break makes two rows of one. Such a row would name another order or deal, and nobody would notice.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from b24app.imports.table import Line, Shape

MAX_NARROWER_SHARE = 0.1
MAX_NARROWER = 15
"""Where more rows than this leave out their last cells, a short row is no mistake. Excel decides for
16 rows at a time whether it writes the empty cells at their end."""


@dataclass(frozen=True, slots=True)
class Evenness:
    """``width`` is the number of cells of most rows, 0 where nothing is known; ``widest`` is that of
    the headings, if they have more. ``ragged``: rows leave out empty cells at their end.
    """

    width: int = 0
    widest: int = 0
    ragged: bool = False

    @classmethod
    def of(cls, widths: Sequence[int], headings: int = 0) -> "Evenness":
        """The evenness of rows that have these numbers of cells. ``headings``: how many those are."""
        counted = Counter(width for width in widths if width > 1)
        if not counted:
            return cls(min(1, len(widths)), min(1, len(widths)))
        width = max(counted, key=lambda item: (counted[item], item))
        narrower = sum(count for item, count in counted.items() if item < width)
        # One stray line break makes two short rows.
        usual = max(2, min(MAX_NARROWER, MAX_NARROWER_SHARE * len(widths)))
        return cls(width, max(width, headings), narrower > usual)

    def shape(self, cells: Sequence[str], *, spans: bool, separator: str) -> Shape:
        """The shape of one row. ``spans``: a quoted cell of it goes over several lines."""
        if not self.width or (len(cells) == self.width and not spans):
            return Shape.EVEN
        if spans and self._swallows(cells, separator):
            return Shape.BROKEN
        if len(cells) > self.widest:
            return Shape.WIDER
        return Shape.NARROWER if len(cells) < self.width and not self.ragged else Shape.EVEN

    def _swallows(self, cells: Sequence[str], separator: str) -> bool:
        """Whether a quoted cell holds the end of one row and the beginning of another."""
        lines = max(sum(cell.count(end) for cell in cells) for end in "\r\n") + 1
        separators = len(cells) - 1 + sum(cell.count(separator) for cell in cells)
        return any(separator in cell and "\n" in cell.replace("\r", "\n") for cell in cells) and (
            separators >= lines * (self.width - 1)
        )


def mark_broken(rows: Iterable[tuple[Line, Sequence[str]]], evenness: Evenness) -> Iterator[Line]:
    """The lines; where a line break parts a row at a number, both halves are marked as broken.

    Each line comes with all of its cells.
    """
    before: Line | None = None
    end = ""
    for read, cells in rows:
        line = read
        if before is not None:
            if cells[0][:1].isdigit() and _is_rest(line, before, end, evenness):
                before = replace(before, shape=Shape.BROKEN)
                line = replace(line, shape=Shape.BROKEN)
            yield before
        before, end = line, cells[-1]
    if before is not None:
        yield before


def _is_rest(line: Line, before: Line, end: str, evenness: Evenness) -> bool:
    """Whether two lines together make one row. ``end`` is the last cell of the first."""
    if before.number + 1 != line.number or evenness.width < 2:
        return False
    together = before.width + line.width
    if together == evenness.width:
        # The line break stands where a separator was.
        return not evenness.ragged
    # It stands within a cell.
    return together - 1 == evenness.width and before.width != line.width and end[-1:].isdigit()


def in_markup(lines: Sequence[Line]) -> list[Line]:
    """The rows of a table in HTML: one that lacks a cell, or has one too many, is marked as broken."""
    evenness = Evenness.of([line.width for line in lines])
    return [
        line
        if evenness.shape([""] * line.width, spans=False, separator="") == Shape.EVEN
        else replace(line, shape=Shape.BROKEN)
        for line in lines
    ]


def are_shifted(heads: Line, below: Sequence[Line], used: Iterable[int], *, proven: bool) -> bool:
    """Whether headings may stand above other columns than their own.

    ``used`` are the columns that the rows are made of; ``proven``: the store knows their orders.
    """
    widths = [line.width for line in below if line.width and line.cells]
    if not widths or not heads.width:
        return False
    beyond = sum(len(line.cells) > heads.width for line in below)
    if beyond > len(below) / 2:
        return True
    widest = max(widths)
    return len(heads.cells) > widest and not (proven and all(column < widest for column in used))

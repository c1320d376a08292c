"""What a reader returns: sheets, and their lines as a person sees them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

MAX_COLUMNS = 100
"""Columns that are read; what is further to the right is ignored."""

MAX_ROWS = 110_000
"""Rows of one sheet. A job takes 100,000 orders, the rest is room for empty rows and headings."""

MAX_CELL_CHARACTERS = 500
"""Characters of a cell that are kept."""

SAMPLE_ROWS = 320
"""Rows of a sheet that are read to find its headings and to show it."""


class Unreadable(Exception):
    """The whole source is refused. ``reason`` is a key of the app's texts, ``facts`` fill them."""

    def __init__(self, reason: str, **facts: str | int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.facts = facts


class About(StrEnum):
    """Why a cell's text differs from what is stored in the file, or cannot be trusted."""

    MERGED = "merged"
    """The text comes from the first cell of a merged range."""
    LINK = "link"
    """``Note.detail`` is where the cell's hyperlink leads."""
    FORMAT = "format"
    """The number format shows more than the stored value, which is ``Note.detail``."""
    NO_RESULT = "no_result"
    """A formula whose result is not stored in the file."""
    DATE = "date"
    """The spreadsheet holds a date."""
    LONG_NUMBER = "long_number"
    """A number of more than 15 digits: spreadsheets do not keep the rest."""


@dataclass(frozen=True, slots=True)
class Note:
    about: About
    detail: str = ""


class Shape(StrEnum):
    """Whether a row of a text table has as many cells as the other rows."""

    EVEN = "even"
    NARROWER = "narrower"
    """A cell is missing: those after it may stand one column too far left."""
    WIDER = "wider"
    """There is a cell too many: those after it may stand one column too far right."""
    BROKEN = "broken"
    """The row is a part of a row, or parts of several."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a sheet. ``number`` counts as the spreadsheet program does, from 1.

    ``notes`` holds the exceptions by column (from 0). ``hidden``: a filter or a person hides the row.
    ``width`` counts the cells with the empty ones at the end; 0 where the format does not say.
    """

    number: int
    cells: list[str]
    notes: Mapping[int, Note] = field(default_factory=dict)
    hidden: bool = False
    width: int = 0
    shape: Shape = Shape.EVEN

    def cell(self, column: int | None) -> str:
        """The text of a column; empty where the row ends before it."""
        return self.cells[column] if column is not None and column < len(self.cells) else ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A visible sheet. ``rows`` counts up to the last row with content."""

    index: int
    name: str
    rows: int
    sample: tuple[Line, ...]
    hidden_columns: frozenset[int] = frozenset()


class Unseen(StrEnum):
    """What a file format does not record: it may be there, and there is no way to know."""

    HIDDEN_ROWS = "hidden_rows"
    MERGED_CELLS = "merged_cells"
    LINKS = "links"
    FORMATS = "formats"
    FORMULAS = "formulas"


class Source(Protocol):
    """An opened file or text. ``hidden_sheets`` are counted, never read."""

    @property
    def kind(self) -> str: ...

    @property
    def sheets(self) -> tuple[Sheet, ...]: ...

    @property
    def hidden_sheets(self) -> int: ...

    @property
    def unseen(self) -> frozenset[Unseen]: ...

    def lines(self, sheet: int, only: frozenset[int] | None = None) -> Iterator[Line]:
        """Every line of a sheet. Can be called once for each opened source. Raises :class:`Unreadable`.

        With ``only``, the cells of all other columns may be left empty.
        """
        ...

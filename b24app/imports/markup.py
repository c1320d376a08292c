"""Tables in HTML, and the spreadsheets in XML that Excel wrote before XLSX: both are saved as ``.xls``.

Portals export their lists this way. Tags are read as they come; nothing is executed or fetched.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser

from b24app.imports.delimited import tidy
from b24app.imports.evenness import in_markup
from b24app.imports.table import MAX_COLUMNS, MAX_ROWS, About, Line, Note, Shape, Unreadable

MAX_TABLES = 50
MAX_SPAN = 1_000
MAX_DEPTH = 20
MAX_CELLS = 16_384
"""Cells of one row: as many as Excel has columns."""
MAX_OTHER_TAGS = 200_000
"""Tags that neither open nor close a row or a cell."""
MAX_UNFINISHED = 1_000_000
"""Characters of a tag or comment that does not end: a picture may be written into one."""
MAX_UNFINISHED_TAGS = 1_000

_OPENED = re.compile(r"<(?:\w{1,9}:)?(?:t[rdh]|row|cell|data)\b", re.IGNORECASE)

_ROWS = ("tr", "row")
_CELLS = ("td", "th", "cell")
_TABLES = ("table", "worksheet")
_HIDDEN = ("display:none", "mso-hide:all")


@dataclass(slots=True)
class MarkupSheet:
    name: str
    lines: list[Line] = field(default_factory=list)
    hidden: bool = False


class Tables(HTMLParser):
    """Collects the tables of a document; feed it pieces of text, then ``close``."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.sheets: list[MarkupSheet] = []
        self._depth = 0
        self._worksheet = False
        self._number = 0
        self._cells: list[str] | None = None
        self._notes: dict[int, Note] = {}
        self._hidden = False
        # A tag that a damaged file has lost: a cell's text outside of cells, or tags in an attribute.
        self._damaged = False
        self._other_tags = 0
        # Cells of the row, with those that are not read.
        self._count = 0
        self._text: list[str] | None = None
        self._link = ""
        self._width = 1
        self._down = 1
        # By column: rows that a cell still covers, and its text.
        self._covered: dict[int, tuple[int, str]] = {}
        self._ignored = 0
        self._visibility = False

    def count(self, piece: str) -> None:
        """Refuse what would take long to parse, before ``feed``. Raises :class:`Unreadable`."""
        self._other_tags += piece.count("<") - 2 * len(_OPENED.findall(piece))
        if self._other_tags > MAX_OTHER_TAGS or len(self.rawdata) > MAX_UNFINISHED:
            raise Unreadable("too_large")

    def close(self) -> None:
        """End the last table, and mark the rows that do not have its shape."""
        if self.rawdata.count("<") > MAX_UNFINISHED_TAGS:
            raise Unreadable("damaged")
        super().close()
        self._end_table()
        for sheet in self.sheets:
            sheet.lines = in_markup(sheet.lines)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name.rpartition(":")[2]: value or "" for name, value in attrs}
        self._damaged |= any("<" in name or "<" in (value or "") for name, value in attrs)
        if tag in ("style", "script", "head"):
            self._ignored += tag != "head"
        elif tag in _TABLES:
            self._start_table(tag, found)
        elif tag in _ROWS and self._depth == 1:
            self._start_row(found)
        elif tag in _CELLS and self._depth == 1:
            self._start_cell(found)
        elif tag == "a" and self._text is not None and found.get("href"):
            self._link = found["href"]
        elif tag in ("br", "p", "div") and self._text is not None:
            self._text.append(" ")
        elif tag == "visible":
            self._visibility = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("style", "script"):
            self._ignored = max(0, self._ignored - 1)
        elif tag in _CELLS and self._depth == 1:
            self._end_cell()
        elif tag in _ROWS and self._depth == 1:
            self._end_row()
        elif tag in _TABLES and self._depth and not (tag == "table" and self._worksheet):
            if self._depth == 1:
                self._end_table()
            self._depth -= 1
            self._worksheet = False
        elif tag == "visible":
            self._visibility = False

    def handle_data(self, data: str) -> None:
        if self._visibility and self.sheets and data.strip().lower().startswith("sheet"):
            self.sheets[-1].hidden = "hidden" in data.lower()
        elif self._text is not None and not self._ignored:
            self._text.append(data)
        elif self._depth == 1 and not self._ignored and data.strip():
            self._damaged = self._damaged or not self._worksheet
            if self._cells == []:
                self._text = [data]

    def _start_table(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "table" and self._worksheet:
            # A worksheet in XML holds exactly one table.
            return
        self._worksheet = tag == "worksheet"
        self._depth += 1
        if self._depth > MAX_DEPTH or len(self.sheets) >= MAX_TABLES:
            raise Unreadable("too_large")
        if self._depth > 1:
            return
        self.sheets.append(MarkupSheet(attributes.get("name", "") if tag == "worksheet" else ""))
        self._number = 0
        self._covered = {}

    def _start_row(self, attributes: Mapping[str, str]) -> None:
        self._end_row()
        self._number = max(_number(attributes.get("index", "")), self._number + 1)
        if self._number > MAX_ROWS:
            raise Unreadable("too_many")
        self._cells, self._notes, self._count = [], {}, 0
        style = attributes.get("style", "").replace(" ", "").lower()
        self._hidden = attributes.get("hidden") == "1" or any(text in style for text in _HIDDEN)

    def _start_cell(self, attributes: Mapping[str, str]) -> None:
        self._end_cell()
        if self._cells is None:
            self._start_row({})
        cells = self._cells if self._cells is not None else []
        self._count += 1
        if self._count > MAX_CELLS:
            raise Unreadable("too_large")
        if len(cells) >= MAX_COLUMNS:
            return
        place = _number(attributes.get("index", "")) - 1
        while len(cells) < min(place, MAX_COLUMNS):
            cells.append("")
        self._fill_covered()
        self._text, self._link = [], attributes.get("href", "")
        across = attributes.get("colspan") or str(1 + _number(attributes.get("mergeacross", "")))
        down = attributes.get("rowspan") or str(1 + _number(attributes.get("mergedown", "")))
        self._width = max(1, min(_number(across), MAX_SPAN))
        self._down = max(1, min(_number(down), MAX_ROWS))

    def _end_cell(self) -> None:
        if self._text is None or self._cells is None:
            return
        text = tidy(" ".join("".join(self._text).split()))
        column = len(self._cells)
        if self._link:
            self._notes[column] = Note(About.LINK, self._link[:500])
        if self._down > 1 and column < MAX_COLUMNS:
            self._covered[column] = (self._down - 1, text)
        self._cells.extend([text, *[""] * (min(self._width, MAX_COLUMNS) - 1)])
        self._text = None

    def _end_row(self) -> None:
        self._end_cell()
        if self._cells is None or not self.sheets:
            return
        self._fill_covered()
        cells = self._cells[:MAX_COLUMNS]
        # A worksheet in XML leaves out empty cells, a table in HTML does not.
        width = 0 if self._worksheet else len(cells)
        while cells and not cells[-1]:
            cells.pop()
        if cells or self._damaged:
            notes = {column: note for column, note in self._notes.items() if column < len(cells)}
            shape = Shape.BROKEN if self._damaged else Shape.EVEN
            line = Line(self._number, cells, notes, self._hidden, width, shape)
            self.sheets[-1].lines.append(line)
        self._cells, self._damaged = None, False

    def _end_table(self) -> None:
        self._end_row()
        if self._damaged and self.sheets:
            # What is outside of all rows here was one: no row follows that could wait in its place.
            self._start_row({})
            self._end_row()

    def _fill_covered(self) -> None:
        """Texts of cells above that reach down to the next places of this row."""
        cells = self._cells if self._cells is not None else []
        while len(cells) in self._covered:
            column = len(cells)
            left, text = self._covered.pop(column)
            if left > 1:
                self._covered[column] = (left - 1, text)
            cells.append(text)
            self._notes[column] = Note(About.MERGED, text)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else 0

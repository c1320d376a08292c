"""Reads one workbook in a process of its own: ``python -m b24app.imports.child``.

Hostile files end here, with limits of memory and processor time, and not in a worker. The file comes
on standard input, its length in the first line. The answer is JSON, one object a line: what the
workbook holds, and after a line with the number of a sheet its rows. An error is an object with
``reason``.
"""

import codecs
import io
import json
import re
import resource
import sys
import traceback
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, time, timedelta
from itertools import islice
from typing import IO
from xml.parsers import expat

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from b24app.imports import archive, decoding, number_format
from b24app.imports.delimited import tidy
from b24app.imports.markup import MarkupSheet, Tables
from b24app.imports.table import (
    MAX_COLUMNS,
    MAX_ROWS,
    SAMPLE_ROWS,
    About,
    Line,
    Note,
    Unreadable,
    Unseen,
)
from b24app.imports.xlsx import Details, Package

MAX_MEMORY_BYTES = 700_000_000
MAX_PROCESSOR_SECONDS = 60
MAX_SHEETS = 60
MAX_MERGED = 200_000

BATCH_ROWS = 200

_ENCODING = re.compile(rb"(?:charset|encoding)\s*=\s*[\"']?([\w.-]{2,20})")

_UNSEEN = {
    "xlsx": frozenset[Unseen](),
    "xls": frozenset({Unseen.HIDDEN_ROWS, Unseen.LINKS, Unseen.FORMATS, Unseen.FORMULAS}),
    "xlsb": frozenset(
        {Unseen.HIDDEN_ROWS, Unseen.MERGED_CELLS, Unseen.LINKS, Unseen.FORMATS, Unseen.FORMULAS}
    ),
    "ods": frozenset(
        {Unseen.HIDDEN_ROWS, Unseen.MERGED_CELLS, Unseen.LINKS, Unseen.FORMATS, Unseen.FORMULAS}
    ),
    "html": frozenset({Unseen.FORMATS, Unseen.FORMULAS}),
}


class Workbook:
    """A workbook that the library reads, with the details that it does not report."""

    def __init__(self, content: bytes) -> None:
        self._package: Package | None = None
        self.kind = "xls"
        if content.startswith(archive.MAGIC):
            with zipfile.ZipFile(io.BytesIO(content)) as file:
                parts = archive.counted(file)
            self.kind = _kind(parts)
            if self.kind == "xlsx":
                self._package = Package(zipfile.ZipFile(io.BytesIO(content)), parts)
        self._book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        pages = [
            (index, sheet)
            for index, sheet in enumerate(self._book.sheets_metadata)
            if sheet.typ == SheetTypeEnum.WorkSheet
        ]
        self.names = {
            index: sheet.name for index, sheet in pages if sheet.visible == SheetVisibleEnum.Visible
        }
        self.hidden = len(pages) - len(self.names)
        self._read: dict[int, tuple[CalamineSheet, Details]] = {}

    def sheet(self, index: int) -> tuple[CalamineSheet, Details]:
        if index not in self._read:
            page = self._book.get_sheet_by_index(index)
            details = self._package.details(self.names[index]) if self._package else Details()
            self._read = {index: (page, details)}
        return self._read[index]

    def described(self, index: int) -> dict[str, object]:
        page, details = self.sheet(index)
        sample = [packed(line) for line in islice(self.lines(index), SAMPLE_ROWS)]
        rows = page.end[0] + 1 if page.end else 0
        return {
            "index": index,
            "name": self.names[index],
            "rows": rows if sample else 0,
            "sample": sample,
            "hidden_columns": sorted(details.hidden_columns),
        }

    def lines(self, index: int, only: frozenset[int] | None = None) -> Iterator[Line]:
        """The rows of a sheet; with ``only``, the cells of those columns alone."""
        page, details = self.sheet(index)
        if page.start is None:
            return
        # The library leaves out empty columns before the first cell, and keeps empty rows.
        right = page.start[1]
        # By column: last row and text of the merged range that reaches down from above.
        merged = _merged_from_above(page)
        reaching: dict[int, tuple[int, str]] = {}
        for row, values in enumerate(page.iter_rows()):
            if row >= MAX_ROWS:
                raise Unreadable("too_many")
            cells, notes = _cells(row, [*[""] * right, *values], details, only)
            for column, last in merged.get(row, {}).items():
                if only is None or column in only:
                    reaching[column] = (last, cells[column] if column < len(cells) else "")
            _fill_down(row, cells, notes, reaching)
            while cells and not cells[-1] and len(cells) - 1 not in notes:
                cells.pop()
            if cells:
                yield Line(row + 1, cells, notes, row + 1 in details.hidden_rows)


class MarkupBook:
    """HTML or an XML spreadsheet named ``.xls``."""

    kind = "html"

    def __init__(self, content: bytes) -> None:
        tables = Tables()
        encoding = _declared(content) or decoding.decoded(content, lambda _: 0)
        stream = io.TextIOWrapper(io.BytesIO(content), encoding=encoding, errors="replace")
        strict = expat.ParserCreate("utf-8") if _is_spreadsheet_xml(content) else None
        try:
            while piece := stream.read(256_000):
                if strict is not None:
                    strict.Parse(piece)
                tables.count(piece)
                tables.feed(piece)
            if strict is not None:
                strict.Parse("", True)
        except expat.ExpatError:
            raise Unreadable("damaged") from None
        tables.close()
        filled = [sheet for sheet in tables.sheets if sheet.lines]
        if not filled:
            raise Unreadable("not_a_table")
        self._sheets: list[MarkupSheet] = filled
        self.names = {at: sheet.name for at, sheet in enumerate(filled) if not sheet.hidden}
        self.hidden = len(filled) - len(self.names)

    def described(self, index: int) -> dict[str, object]:
        lines = self._sheets[index].lines
        return {
            "index": index,
            "name": self.names[index],
            "rows": lines[-1].number,
            "sample": [packed(line) for line in lines[:SAMPLE_ROWS]],
            "hidden_columns": [],
        }

    def lines(self, index: int, only: frozenset[int] | None = None) -> Iterator[Line]:
        """The rows of a sheet; all of their cells, for they are few."""
        yield from self._sheets[index].lines


def packed(line: Line) -> list[object]:
    notes = {str(column): [note.about, note.detail] for column, note in line.notes.items()}
    return [line.number, line.cells, notes, line.hidden, line.width, line.shape]


def main() -> int:
    # Excel writes dates and numbers; a hostile file only gets so much of this machine.
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_PROCESSOR_SECONDS, MAX_PROCESSOR_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    asked, answer = sys.stdin.buffer, sys.stdout.buffer
    try:
        _serve(asked, answer)
    except Unreadable as problem:
        _say(answer, {"reason": problem.reason})
    except MemoryError:
        _say(answer, {"reason": "too_large"})
    except Exception as fault:
        # The library has met a file that nobody foresaw: said without anything of its content.
        at = traceback.extract_tb(fault.__traceback__)[-1]
        sys.stderr.write(f"workbook not read: {type(fault).__name__} at {at.name}:{at.lineno}\n")
        _say(answer, {"reason": "damaged"})
    return 0


def _serve(asked: IO[bytes], answer: IO[bytes]) -> None:
    content = asked.read(int(asked.readline()))
    book = opened(content)
    del content
    described = [book.described(index) for index in list(book.names)[:MAX_SHEETS]]
    _say(
        answer,
        {
            "kind": book.kind,
            "hidden_sheets": book.hidden,
            "unseen": sorted(_UNSEEN[book.kind]),
            "sheets": described,
        },
    )
    wanted = asked.readline().strip()
    if not wanted:
        return
    sheet, *only = wanted.split()
    lines = book.lines(int(sheet), frozenset(map(int, only)) if only else None)
    while batch := [packed(line) for line in islice(lines, BATCH_ROWS)]:
        _say(answer, batch)
    _say(answer, [])


def opened(content: bytes) -> Workbook | MarkupBook:
    """The workbook in ``content``. Raises :class:`Unreadable`."""
    if not content.startswith((archive.MAGIC, archive.OLE_MAGIC)):
        return MarkupBook(content)
    if content.startswith(archive.OLE_MAGIC) and "EncryptedPackage".encode("utf-16-le") in content:
        raise Unreadable("password")
    try:
        book = Workbook(content)
        if not book.names and not book.hidden:
            raise ValueError("no worksheet")
        return book
    except PasswordError:
        raise Unreadable("password") from None
    except (CalamineError, ValueError, OverflowError, *archive.BROKEN):
        raise Unreadable(
            "old_excel" if content.startswith(archive.OLE_MAGIC) else "damaged"
        ) from None


def _kind(parts: Mapping[str, archive.Part]) -> str:
    names = {name.lower() for name in parts}
    if "content.xml" in names:
        return "ods"
    return "xlsx" if any(name.endswith("workbook.xml") for name in names) else "xlsb"


def _is_spreadsheet_xml(content: bytes) -> bool:
    """Whether this is a workbook in XML, which Excel opens only where it is well formed."""
    return b"urn:schemas-microsoft-com:office:spreadsheet" in content[:4_000] and (
        b"<html" not in content[:4_000].lower()
    )


def _declared(content: bytes) -> str:
    """The encoding that a document names in its head, where Python knows it."""
    match = _ENCODING.search(content[:2_000])
    if match is None:
        return ""
    try:
        return codecs.lookup(match[1].decode()).name
    except LookupError:
        return ""


def _merged_from_above(page: CalamineSheet) -> dict[int, dict[int, int]]:
    """Columns of merged ranges that go over several rows: first row -> column -> last row."""
    ranges = page.merged_cell_ranges or []
    if len(ranges) > MAX_MERGED:
        raise Unreadable("too_large")
    found: dict[int, dict[int, int]] = {}
    for (top, left), (bottom, _right) in ranges:
        if bottom > top and left < MAX_COLUMNS:
            found.setdefault(top, {})[left] = bottom
    return found


def _fill_down(
    row: int, cells: list[str], notes: dict[int, Note], reaching: dict[int, tuple[int, str]]
) -> None:
    for column, (last, text) in list(reaching.items()):
        if row > last:
            del reaching[column]
        elif text and not (column < len(cells) and cells[column]):
            cells.extend([""] * (column + 1 - len(cells)))
            cells[column] = text
            notes[column] = Note(About.MERGED, text)


def _cells(
    row: int, values: Sequence[object], details: Details, only: frozenset[int] | None
) -> tuple[list[str], dict[int, Note]]:
    """The texts of a row (from 0) as the sheet shows them, and what is to be said about some."""
    cells: list[str] = []
    notes: dict[int, Note] = {}
    for column, value in enumerate(values[:MAX_COLUMNS]):
        if only is not None and column not in only:
            cells.append("")
            continue
        text, note = _as_seen(value, details, row + 1, column)
        if note is not None:
            notes[column] = note
        cells.append(text)
    return cells, notes


def _as_seen(value: object, details: Details, row: int, column: int) -> tuple[str, Note | None]:
    """A cell's text as the sheet shows it, and what is to be said about it. ``row`` from 1."""
    place = row, column
    if place in details.without_result:
        return "", Note(About.NO_RESULT)
    if place in details.errors:
        return details.errors[place], None
    if isinstance(value, bool):
        return ("TRUE" if value else "FALSE"), None
    if isinstance(value, int | float):
        return _number_as_seen(float(value), details.formats.get(place, ""))
    if isinstance(value, date | time | timedelta):
        return str(value).removesuffix(" 00:00:00"), Note(About.DATE)
    text = tidy(str(value))
    link = details.links.get(place)
    return text, Note(About.LINK, link[:500]) if link else None


def _number_as_seen(value: float, code: str) -> tuple[str, Note | None]:
    if value.is_integer() and abs(value) < 10**15:
        plain = str(int(value))
        shown = number_format.shown(value, code) if code else None
        return (shown, Note(About.FORMAT, plain)) if shown else (plain, None)
    if value.is_integer():
        return f"{value:.0f}", Note(About.LONG_NUMBER)
    return f"{value:.15g}", None


def _say(answer: IO[bytes], what: object) -> None:
    answer.write(json.dumps(what, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
    answer.flush()


if __name__ == "__main__":
    sys.exit(main())

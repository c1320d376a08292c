"""Tables as files: CSV and XLSX. Pure; whoever exports something builds a :class:`Table`.

Numbers leave as numbers and dates as dates. Text that a spreadsheet would take for a formula is made
harmless: an order's comment is typed by strangers.
"""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

Cell = str | int | Decimal | date | None

# Excel's own limits.
LONGEST_TEXT = 32_767
LONGEST_TITLE = 31

_FORMULA = re.compile(r"[\s\ufeff]*[=+\-@＝＋－＠]")
_WIDEST = 60


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under their headings, all of one length. Times are written as their day."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Writing:
    """How a language's spreadsheets read CSV: what stands between cells, and before cents."""

    delimiter: str
    decimal: str


_WRITINGS = {"ru": Writing(";", ","), "de": Writing(";", ",")}


def csv_file(table: Table, language: str) -> bytes:
    """CSV in UTF-8 with a byte order mark, as spreadsheets in ``language`` expect it."""
    writing = _WRITINGS.get(language, Writing(",", "."))
    file = io.StringIO()
    writer = csv.writer(file, delimiter=writing.delimiter, lineterminator="\r\n")
    writer.writerow([_harmless(one) for one in table.headings])
    for row in table.rows:
        writer.writerow([_plain(cell, writing) for cell in row])
    return file.getvalue().encode("utf-8-sig")


def _plain(cell: Cell, writing: Writing) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return _harmless(cell)
    if isinstance(cell, Decimal):
        return format(cell, "f").replace(".", writing.decimal)
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    return cell.isoformat() if isinstance(cell, date) else str(cell)


def _harmless(text: str) -> str:
    """The text with an apostrophe in front where a spreadsheet would calculate it."""
    text = text.replace("\x00", "")
    return f"'{text}" if _FORMULA.match(text) else text


def xlsx_file(table: Table) -> bytes:
    """An Excel workbook with one sheet, its first row in bold and always in sight."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(re.sub(r"[\\/*?:\[\]]", " ", table.title)[:LONGEST_TITLE] or None)
    sheet.freeze_panes = "A2"
    for column, heading in enumerate(table.headings):
        longest = max((len(str(row[column] or "")) for row in table.rows), default=0)
        letter = sheet.column_dimensions[_letter(column)]
        letter.width = min(max(len(heading), longest) + 2, _WIDEST)
    bold = Font(bold=True)
    headings = [_text(sheet, one) for one in table.headings]
    for cell in headings:
        cell.font = bold
    sheet.append(headings)
    for row in table.rows:
        sheet.append([_cell(sheet, one) for one in row])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _letter(column: int) -> str:
    """``A`` for 0, ``AA`` for 26."""
    high, low = divmod(column, 26)
    return (_letter(high - 1) if high else "") + chr(ord("A") + low)


def _cell(sheet: WriteOnlyWorksheet, value: Cell) -> Any:
    if isinstance(value, str):
        return _text(sheet, value)
    return value.date() if isinstance(value, datetime) else value


def _text(sheet: WriteOnlyWorksheet, text: str) -> Any:
    """A cell that is text whatever it looks like: no formula, nothing Excel calculates when edited."""
    cell = WriteOnlyCell(sheet, value=ILLEGAL_CHARACTERS_RE.sub("", text)[:LONGEST_TEXT])
    cell.data_type = "s"
    if _FORMULA.match(text):
        cell.quotePrefix = True
    return cell

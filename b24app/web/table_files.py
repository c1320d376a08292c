"""Writes tables as CSV and XLSX files. It uses neither Django nor the database.

Numbers are written as numbers and dates as dates. Text that a spreadsheet would read as a formula is
escaped, because strangers type the comments of orders.
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

# Limits of Excel.
MAX_TEXT_LENGTH = 32_767
MAX_TITLE_LENGTH = 31

_FORMULA = re.compile(r"[\s\ufeff]*[=+\-@＝＋－＠]")
_MAX_WIDTH = 60


@dataclass(frozen=True, slots=True)
class Table:
    """Rows and their headings, all of the same length. A time is written as its date."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class CsvFormat:
    """What spreadsheets in a language expect: the character between cells, and the decimal sign."""

    delimiter: str
    decimal: str


_CSV_FORMATS = {"ru": CsvFormat(";", ","), "de": CsvFormat(";", ",")}


def csv_file(table: Table, language: str) -> bytes:
    """CSV in UTF-8 with a byte order mark, as spreadsheets in ``language`` expect it."""
    csv_format = _CSV_FORMATS.get(language, CsvFormat(",", "."))
    file = io.StringIO()
    writer = csv.writer(file, delimiter=csv_format.delimiter, lineterminator="\r\n")
    writer.writerow([_escape(heading) for heading in table.headings])
    for row in table.rows:
        writer.writerow([_csv_cell(cell, csv_format) for cell in row])
    return file.getvalue().encode("utf-8-sig")


def _csv_cell(cell: Cell, csv_format: CsvFormat) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return _escape(cell)
    if isinstance(cell, Decimal):
        return format(cell, "f").replace(".", csv_format.decimal)
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    return cell.isoformat() if isinstance(cell, date) else str(cell)


def _escape(text: str) -> str:
    """The text; with an apostrophe in front if a spreadsheet would read it as a formula."""
    text = text.replace("\x00", "")
    return f"'{text}" if _FORMULA.match(text) else text


def xlsx_file(table: Table) -> bytes:
    """An Excel workbook with one sheet. The first row is bold and frozen."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(re.sub(r"[\\/*?:\[\]]", " ", table.title)[:MAX_TITLE_LENGTH] or None)
    sheet.freeze_panes = "A2"
    for column, heading in enumerate(table.headings):
        longest = max((len(str(row[column] or "")) for row in table.rows), default=0)
        letter = sheet.column_dimensions[_letter(column)]
        letter.width = min(max(len(heading), longest) + 2, _MAX_WIDTH)
    bold = Font(bold=True)
    headings = [_text_cell(sheet, heading) for heading in table.headings]
    for cell in headings:
        cell.font = bold
    sheet.append(headings)
    for row in table.rows:
        sheet.append([_xlsx_cell(sheet, cell) for cell in row])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _letter(column: int) -> str:
    """``A`` for 0, ``AA`` for 26."""
    high, low = divmod(column, 26)
    return (_letter(high - 1) if high else "") + chr(ord("A") + low)


def _xlsx_cell(sheet: WriteOnlyWorksheet, value: Cell) -> Any:
    if isinstance(value, str):
        return _text_cell(sheet, value)
    return value.date() if isinstance(value, datetime) else value


def _text_cell(sheet: WriteOnlyWorksheet, text: str) -> Any:
    """A text cell, also if the text looks like a formula and somebody edits the cell in Excel."""
    cell = WriteOnlyCell(sheet, value=ILLEGAL_CHARACTERS_RE.sub("", text)[:MAX_TEXT_LENGTH])
    cell.data_type = "s"
    if _FORMULA.match(text):
        cell.quotePrefix = True
    return cell

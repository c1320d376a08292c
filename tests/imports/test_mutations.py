"""One changed byte never makes another order or another deal of a row in silence.

What may come of it: the same rows; a sentence for the whole file; a row that waits for its author; or
the changed text itself, where a spreadsheet would show the same text. So a number may be another one
only where the changed byte stands in its own cell, or where a heading has changed.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from b24app.imports import child, columns, delimited, rows, source, workbook
from b24app.imports.columns import Kind
from b24app.imports.rows import Row
from b24app.imports.table import Sheet, Source, Unreadable
from b24app.imports.values import is_order_id
from tests.imports.world import HOST, known
from tests.imports.world import ORDERS as WORLD

ORDERS = ["7003", "7006", "7012", "7018", "7024", "1000", "12000", "131"]
CLIENTS = [
    "Smith", "Müller", "Jones, Ann", 'The "Blue" shop', "Иванов", "", "Brown", 'Monitor 15"',
]  # fmt: skip


@dataclass(frozen=True)
class File:
    """``text`` is what the bytes say, ``encoding`` how; ``markup`` for HTML."""

    text: str
    encoding: str
    markup: bool = False

    @property
    def content(self) -> bytes:
        return self.text.encode(self.encoding, "replace")


def table(heads: str) -> list[list[str]]:
    """Rows below the headings, which are named by their first letters."""
    names = {"o": "Order number", "d": "Deal", "c": "Client", "s": "Sum", "n": "No", "i": "ID"}
    cells = {
        "o": ORDERS,
        "d": [str(101 + at) for at in range(8)],
        "c": CLIENTS,
        "s": [f"{100 + at}.50" for at in range(8)],
        "n": [str(at + 1) for at in range(8)],
        "i": ["1001", "1002", "1004", "1006", "1008", "1011", "1014", "1016"],
    }
    rows = zip(*(cells[key] for key in heads), strict=True)
    return [[names[key] for key in heads], *(list(row) for row in rows)]


def delimited_text(heads: str, separator: str, ending: str, *, quoted: bool) -> str:
    stream = io.StringIO(newline="")
    quoting: Literal[0, 1] = csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL
    writer = csv.writer(stream, delimiter=separator, lineterminator=ending, quoting=quoting)
    writer.writerows(table(heads))
    return stream.getvalue()


def html(heads: str) -> str:
    body = "".join(
        "<tr>" + "".join(f'<td class="x">{cell}</td>' for cell in row) + "</tr>\n"
        for row in table(heads)
    )
    return f'<html><meta charset="utf-8"><table border="1">\n{body}</table></html>'


def spreadsheet_xml(heads: str) -> str:
    body = "".join(
        "<Row>"
        + "".join(
            f'<Cell><Data ss:Type="String">{cell.replace("&", "&amp;")}</Data></Cell>'
            for cell in row
        )
        + "</Row>\n"
        for row in table(heads)
    )
    return (
        '<?xml version="1.0"?>\n<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" '
        'xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet">'
        f'<Worksheet ss:Name="S"><Table>\n{body}</Table></Worksheet></Workbook>'
    )


HEADS = ("od", "odc", "cod", "cosd", "nod", "co", "icod", "cos", "o")
TEXTS = [
    File(delimited_text(heads, separator, ending, quoted=quoted), encoding)
    for heads in HEADS
    for separator in (",", ";", "\t")
    for ending in ("\r\n", "\n", "\r")
    for quoted in (False, True)
    for encoding in ("utf-8", "utf-8-sig", "cp1252", "cp1251", "utf-16")
]
MARKUP = [
    File(make(heads), "utf-8", markup=True) for heads in HEADS for make in (html, spreadsheet_xml)
]


Used = tuple[str, str]
"""The order and the card of a row that would be written."""


def read(content: bytes) -> tuple[set[Used], int]:
    """What would be written, and how many rows wait for a person."""
    try:
        return _used(content)
    except Unreadable:
        return set(), 1


def _used(content: bytes) -> tuple[set[Used], int]:
    found = list(_rows(content))
    used = [row for row in found if not row.order.doubt and not row.problem and _exists(row)]
    pairs = {(_number(row), str(row.card.owner.id) if row.card.owner else "") for row in used}
    return pairs, len(found) - len(used) or int(not found)


def _exists(row: Row) -> bool:
    """The worst of stores: every number is an order's. Unseen characters are shown in the row."""
    return is_order_id(row.order.taken) and "[U+" not in row.order.written


def _number(row: Row) -> str:
    """The order's number, also where the row names its ID."""
    numbers = {str(order_id): number for number, order_id in WORLD.items()}
    return numbers.get(row.order.taken, "") if row.kind == Kind.ID else row.order.taken


def _rows(content: bytes) -> Iterator[Row]:
    if not source.is_workbook(content):
        with source.opened(content) as opened:
            yield from _of_sheet(opened.sheets[0], opened)
        return
    # In this process: a child for each example would take most of the time.
    book = child.opened(content)
    for index in list(book.names)[:1]:
        yield from _of_sheet(workbook.sheet_of(book.described(index)), book)


def _of_sheet(
    sheet: Sheet, opened: Source | delimited.DelimitedText | child.Workbook | child.MarkupBook
) -> Iterator[Row]:
    found = columns.recognized(sheet, known, HOST)
    if found.order is None:
        raise Unreadable("no_order_column")
    yield from rows.rows(opened.lines(sheet.index, found.used), found, HOST)


def mutated(content: bytes, at: int, byte: int) -> bytes:
    return content[:at] + bytes([byte]) + content[at + 1 :]


def is_silent(file: File, at: int, byte: int) -> str:
    """What has changed in silence; empty where nothing has."""
    before, _ = read(file.content)
    after, waiting = read(mutated(file.content, at, byte))
    text = mutated(file.content, at, byte).decode(file.encoding, "replace")
    marked = _changed_tokens(file, text)
    head = len(file.text[: file.text.find("7003")].encode(file.encoding))
    if at < head:
        # A heading, or what comes before it: orders and deals may be missing, but never others.
        orders = {order for order, _ in before}
        wrong = [
            (order, deal)
            for order, deal in after - before
            if (deal or order not in orders) and order not in marked
        ]
        return f"heading: {wrong}" if wrong else ""
    deals = dict(before)
    for order, deal in after - before:
        if (order in deals or order in marked) and (
            deal == "" or deals.get(order) == deal or deal in marked or order in marked
        ):
            continue
        return f"another: {order, deal} in {marked}"
    if before - after and not (after - before) and not waiting:
        return f"lost: {before - after}"
    return ""


def _changed_tokens(file: File, text: str) -> set[str]:
    """The numbers in the changed text that the text did not have: what a spreadsheet shows, changed."""
    parts = re.compile(r"[^\w]+")
    return set(Counter(parts.split(text)) - Counter(parts.split(file.text)))


@st.composite
def changes(draw: st.DrawFn, files: list[File]) -> tuple[File, int, int]:
    """A file, a place in it, and what the byte there becomes: most often one that means something."""
    file = draw(st.sampled_from(files))
    at = draw(st.integers(0, len(file.content) - 1))
    byte = draw(st.one_of(st.sampled_from(MEANINGFUL), st.integers(0, 255)))
    return file, at, byte


MEANINGFUL = [
    *b"\x00\t\n\r\x1a \"',;|.-/0123456789<>&=", 0x7F, 0xA0, 0xAD, 0xD8, 0xE0, 0xFF,
]  # fmt: skip


@settings(max_examples=400)
@given(changes(TEXTS))
def test_changed_byte_of_a_text_makes_no_other_order(change: tuple[File, int, int]) -> None:
    assert is_silent(*change) == ""


@settings(max_examples=200)
@given(changes(MARKUP))
def test_changed_byte_of_markup_makes_no_other_order(change: tuple[File, int, int]) -> None:
    assert is_silent(*change) == ""


def workbook_of(heads: str) -> bytes:
    """Numbers that have leading zeros only by their format, and a hidden row."""
    made = io.BytesIO()
    with xlsxwriter.Workbook(made) as book:
        page = book.add_worksheet("S")
        zeros = book.add_format({"num_format": "000000"})
        for row, cells in enumerate(table(heads)):
            for column, cell in enumerate(cells):
                if cell.isdecimal() and heads[column] == "o":
                    page.write_number(row, column, int(cell), zeros)
                else:
                    page.write_string(row, column, cell)
        page.set_row(3, None, None, {"hidden": True})
    return made.getvalue()


BOOKS = [workbook_of(heads) for heads in ("od", "cod", "icod")]


@settings(max_examples=300)
@given(st.sampled_from(BOOKS), st.data())
def test_changed_byte_of_a_workbook_changes_nothing_or_refuses_it(
    content: bytes, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(content) - 1))
    after, _ = read(mutated(content, at, data.draw(st.integers(0, 255))))
    assert after in (set(), read(content)[0])


@pytest.mark.parametrize("end", ["<tr<td>7012</td></tr>", "7012", "<tr'<td>7012</td></tr>"])
def test_row_at_the_end_of_a_table_that_lost_its_tags_waits(end: str) -> None:
    rows_before = "".join(f"<tr><td>{text}</td></tr>" for text in ("Order number", "7003", "7006"))
    assert read(f"<table>{rows_before}{end}</table>".encode()) == ({("7003", ""), ("7006", "")}, 1)


def test_archive_of_an_unknown_version_is_damaged() -> None:
    """The version that a part needs stands in the archive's directory, and no reader knows 6.4."""
    content = BOOKS[0]
    at = content.index(b"PK\x01\x02") + 6
    with pytest.raises(Unreadable, match="damaged"):
        child.opened(mutated(content, at, 64))


@pytest.mark.parametrize(
    ("text", "used"),
    [
        ("Client;Order number;Sum\nSmith;7003;500\nSmithx7006,500\nJones;7012;1\n", {"7003", "7012"}),
        ("Client,Order number\nSmith,7003\nJones, Ann,7006\nBrown,7012\n", {"7003", "7012"}),
        ("Order number;Deal\n7003;101\n70\n3;102\n7012;103\n", {"7012"}),
        ("Order number;Deal\n7003;101\n7006\n102\nx\n7012;103\n", {"7012"}),
        ("Order number\n7003\n70\x1a\n7012\n", {"7003", "7012"}),
        ("Order number\n7003\n70\u202e60\n7012\n", {"7003", "7012"}),
        ("Order number\n7003\n70\u00ad6\n7012\n", {"7003", "7012"}),
        ("Order number\n7003\n70\ue0306\n7012\n", {"7003", "7012"}),
        ("Cli;ent;Order number;Deal\nSmith;7003;101\nJones;7006;102\n", set()),
        ("Order number;Goods;Deal\n7003;\"pen;101\n7006;Monitor 15\";102\n7012;a;103\n", {"7012"}),
        ("Order number,Deal,Note\n7003,101\n7006,102,new\n7012\n", {"7003", "7006", "7012"}),
        ("Order number,Deal,Note\n7003,101,\n7006,102\n7012,103,x\n", {"7003", "7006", "7012"}),
    ],
)  # fmt: skip
def test_row_of_another_shape_waits(text: str, used: set[str]) -> None:
    assert {order for order, _ in read(text.encode())[0]} == used

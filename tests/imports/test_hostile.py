"""Files made to hurt end with a sentence."""

import io
import zipfile
from collections.abc import Callable, Iterable, Iterator

import pytest
import xlsxwriter

from b24app.imports import source
from b24app.imports.table import Unreadable


def archive(sheet: Iterable[bytes]) -> bytes:
    """A real workbook whose sheet is replaced, written piece by piece: some unpack to gigabytes."""
    made, result = io.BytesIO(), io.BytesIO()
    with xlsxwriter.Workbook(made) as book:
        book.add_worksheet("S").write_row(0, 0, ["Order", "Deal"])
    with (
        zipfile.ZipFile(made) as before,
        zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as after,
    ):
        for member in before.infolist():
            if member.filename != "xl/worksheets/sheet1.xml":
                after.writestr(member.filename, before.read(member))
        with after.open("xl/worksheets/sheet1.xml", "w") as part:
            for piece in sheet:
                part.write(piece)
    return result.getvalue()


def sheet(*rows: Iterable[bytes]) -> Iterator[bytes]:
    yield b'<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    yield b"<sheetData>"
    for some in rows:
        yield from some
    yield b"</sheetData></worksheet>"


def many(piece: bytes, times: int) -> Iterator[bytes]:
    """A piece so many times, in chunks of a thousand."""
    chunk = piece * 1000
    yield from (chunk for _ in range(times // 1000))


FAR_CELLS = (
    b'<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
)
ATTRIBUTES = (b' a%d="1"' % at for at in range(1_000_000))

HOSTILE: dict[str, Callable[[], bytes]] = {
    "a tag of a hundred megabytes": lambda: archive(
        sheet([b'<row a="'], many(b"x" * 1000, 100_000), [b'"/>'])
    ),
    "a tag of a million attributes": lambda: archive(sheet([b"<row "], ATTRIBUTES, [b"/>"])),
    "fifty million empty cells": lambda: archive(
        sheet([b"<row>"], many(b"<c/>" * 100, 500_000), [b"</row>"])
    ),
    "a cell at the far corner": lambda: archive(sheet([FAR_CELLS])),
    "entities that multiply": lambda: archive(
        [b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><x>&b;</x>']
    ),
    "a part of half a gigabyte": lambda: archive(sheet(many(b" " * 1000, 500_000))),
    "two hundred thousand levels": lambda: archive(
        sheet(many(b"<a>", 200_000), many(b"</a>", 200_000))
    ),
    "a million merged ranges": lambda: archive(
        [
            b"<worksheet><sheetData/><mergeCells>",
            *many(b'<mergeCell ref="A1:A2"/>', 1_000_000),
            b"</mergeCells></worksheet>",
        ]
    ),
    "an open quotation mark": lambda: b'order,deal\n1,"' + b"x,y\n" * 2_000_000,
    "quotation marks only": lambda: b'"' * 8_000_001,
    "separators only": lambda: b"," * 9_000_000,
    "a line of nine megabytes": lambda: b"x" * 9_000_000,
    "an HTML table that is never closed": lambda: b"<table>" + b"<tr><td>" * 1_000_000,
    "nested tables": lambda: b"<table><tr><td>" * 300_000,
    "wide spans": lambda: (
        b"<table><tr>" + b'<td colspan="999999" rowspan="999999">x</td>' * 100_000
    ),
    "a picture": lambda: b"\x89PNG\r\n\x1a\n" + b"\x00" * 1000,
    "a PDF": lambda: b"%PDF-1.7\n" + b"x" * 1000,
    "an archive of something else": lambda: _zip({"a.txt": b"hello"}),
    "half an archive": lambda: archive(sheet([FAR_CELLS]))[:500],
    "noise": lambda: bytes(range(256)) * 1000,
    "nothing": lambda: b"\xef\xbb\xbf \r\n",
}


def _zip(parts: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        for name, content in parts.items():
            file.writestr(name, content)
    return made.getvalue()


def read_all(content: bytes) -> str:
    """How reading ends: with a reason, or with ``read``."""
    try:
        with source.opened(content) as opened:
            for item in opened.sheets[:1]:
                for _ in opened.lines(item.index):
                    pass
    except Unreadable as refused:
        return refused.reason
    return "read"


@pytest.mark.parametrize("name", list(HOSTILE))
def test_hostile_file_is_refused_with_a_message(name: str) -> None:
    assert read_all(HOSTILE[name]()) in {
        "too_large", "too_many", "damaged", "not_a_table", "open_quote", "picture", "pdf", "archive",
        "empty", "read",
    }  # fmt: skip

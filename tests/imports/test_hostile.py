"""Files made to hurt end with a sentence."""

import hashlib
import io
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator

import pytest
import xlsxwriter

from b24app.imports import source
from b24app.imports.table import Unreadable


def archive(
    sheet: Iterable[bytes], part: str = "xl/worksheets/sheet1.xml", *, twice: bool = False
) -> bytes:
    """A real workbook with one part replaced, written piece by piece: some unpack to gigabytes.

    With ``twice``, the real part stays beside it under the same name.
    """
    made, result = io.BytesIO(), io.BytesIO()
    with xlsxwriter.Workbook(made) as book:
        book.add_worksheet("S").write_row(0, 0, ["Order", "Deal"])
    with (
        zipfile.ZipFile(made) as before,
        zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as after,
    ):
        for member in before.infolist():
            if twice or member.filename != part:
                after.writestr(member.filename, before.read(member))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with after.open(part, "w") as stream:
                for piece in sheet:
                    stream.write(piece)
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


def one_cell(cell: bytes, row: bytes = b"1") -> bytes:
    return archive(sheet([b'<row r="', row, b'">', cell, b"</row>"]))


FAR_CELLS = (
    b'<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
)
ATTRIBUTES = (b' a%d="1"' % at for at in range(1_000_000))

NEAR_CELLS = b'<row r="1"><c r="A1"><v>7003</v></c><c r="B1"><v>101</v></c></row>'
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
NOISE = b"".join(hashlib.sha256(b"%d" % at).digest() for at in range(10_000))
ODS = (
    b'<?xml version="1.0"?><office:document-content '
    b'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    b'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
    b'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet>'
    b'<table:table table:name="S">%s</table:table>'
    b"</office:spreadsheet></office:body></office:document-content>"
)

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
    "two sheets of one name": lambda: archive(sheet([FAR_CELLS]), twice=True),
    "fewer parts declared than there are": lambda: _with_end(
        archive(sheet([NEAR_CELLS])), 10, b"\x02\x00"
    ),
    "parts at another place": lambda: _with_end(archive(sheet([NEAR_CELLS])), 16, b"\x09"),
    "seventy thousand parts": lambda: _zip({f"xl/{at}.xml": b"<a/>" for at in range(70_000)}),
    "a part that is encrypted": lambda: _with_flag(archive(sheet([NEAR_CELLS]))),
    "a file outside of the archive": lambda: archive(
        [
            b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]><worksheet><sheetData>&a;</sheetData></worksheet>'
        ]
    ),
    "entities in UTF-16": lambda: archive(
        [
            '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE x [<!ENTITY a "7003">]><worksheet/>'.encode(
                "utf-16"
            )
        ]
    ),
    "a sheet that declares a billion rows": lambda: archive(
        [b'<worksheet><dimension ref="A1:XFD1048576"/><sheetData/></worksheet>']
    ),
    "a row of four billion": lambda: archive(
        sheet([b'<row r="4294967295"><c r="A4294967295"><v>1</v></c></row>'])
    ),
    "a column that does not exist": lambda: archive(
        sheet([b'<row r="1"><c r="ZZZZZZ1"><v>1</v></c></row>'])
    ),
    "a string that does not exist": lambda: archive(
        sheet([b'<row r="1"><c r="A1" t="s"><v>999999999</v></c></row>'])
    ),
    "a style that does not exist": lambda: archive(
        sheet([b'<row r="1"><c r="A1" s="-5"><v>1</v></c></row>'])
    ),
    "a number without an end": lambda: archive(
        sheet([b'<row r="1"><c r="A1"><v>', b"9" * 300_000, b"</v></c></row>"])
    ),
    "links over all cells": lambda: archive(
        [
            b'<worksheet xmlns:r="r"><sheetData/><hyperlinks>',
            *many(b'<hyperlink ref="A1:CV1000" r:id="rId1"/>', 390_000),
            b"</hyperlinks></worksheet>",
        ]
    ),
    "a million hidden column ranges": lambda: archive(
        [
            b"<worksheet><cols>",
            *many(b'<col min="1" max="200" hidden="1"/>', 1_000_000),
            b"</cols><sheetData/></worksheet>",
        ]
    ),
    "formats without an end": lambda: archive(
        [
            b"<styleSheet><numFmts>",
            *many(b'<numFmt numFmtId="200" formatCode="' + b"&quot;0" * 200 + b'"/>', 20_000),
            b"</numFmts></styleSheet>",
        ],
        "xl/styles.xml",
    ),
    "strings that are never closed": lambda: archive(
        [b"<sst>", *many(b"<si><t>", 1_000_000)], "xl/sharedStrings.xml"
    ),
    "an ODS that repeats everything": lambda: _zip(
        {
            "mimetype": b"application/vnd.oasis.opendocument.spreadsheet",
            "content.xml": ODS
            % (
                b'<table:table-row table:number-rows-repeated="15999">'
                b'<table:table-cell office:value-type="string" table:number-columns-repeated="15999">'
                b"<text:p>7003</text:p></table:table-cell></table:table-row>" * 50
            ),
        }
    ),
    "an ODS that is broken off": lambda: _zip(
        {"mimetype": b"application/vnd.oasis.opendocument.spreadsheet", "content.xml": ODS[:200]}
    ),
    "an XLSB of noise": lambda: _zip(
        {"[Content_Types].xml": b"<Types/>", "xl/workbook.bin": NOISE}
    ),
    "an XLS of noise": lambda: OLE + NOISE,
    "an XLS whose sectors go round": lambda: (
        OLE + b"\x00" * 16 + b"\x3e\x00\x03\x00\xfe\xff\x09\x00\x06\x00" + b"\x00" * 100_000
    ),
    "a row of two million cells": lambda: b"<table><tr>" + b"<td>" * 2_000_000,
    "closing tags only": lambda: b"<table><tr><td>1" + b"</td>" * 1_800_000,
    "tags without names": lambda: b"<table><tr><td>1" + b"<>" * 4_500_000,
    "finished and opened comments": lambda: b"<table>" + b">" * 3_000_000 + b"<!-" * 300_000,
    "HTML of a million levels": lambda: b"<table><tr><td>" + b"<b>" * 1_000_000,
    "an HTML comment that is never closed": lambda: (
        b"<table><tr><td>1</td></tr><!--" + b"x" * 9_000_000
    ),
    "an HTML tag that is never closed": lambda: b"<table><tr><td a='" + b"x=" * 4_500_000,
    "HTML of opened comments": lambda: b"<table>" + b"<!-" * 3_000_000,
    "HTML of opened declarations": lambda: b"<table>" + b"<![" * 3_000_000,
    "HTML of ampersands": lambda: b"<table><tr><td>" + b"&" * 9_000_000,
    "HTML of less-than signs": lambda: b"<table><tr><td>" + b"<" * 9_000_000,
    "a spreadsheet in XML with entities": lambda: (
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
        b'<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;">]>'
        b'<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"><Worksheet><Table><Row><Cell><Data>'
        + b"&d;"
        * 100_000
    ),
    "quotation marks that are never closed": lambda: b'order,deal\n"7003,101\n' * 400_000,
    "zeros": lambda: b"7003,101\n" + b"\x00" * 9_000_000,
    "zeros in every cell": lambda: b"7\x003,1\x001\n" * 1_000_000,
    "halves of characters in UTF-16": lambda: b"\xff\xfe" + b"\x00\xd8" * 1_000_000,
    "halves of characters in UTF-8": lambda: b"order,deal\n" + b"\xed\xa0\x80,1\n" * 1_000_000,
    "digits and commas": lambda: b"1,2.3 '" * 1_000_000,
    "carriage returns": lambda: b"\r" * 4_000_000 + b"x",
    "titles that look like headings": lambda: b"order number;" * 700_000,
    "noise": lambda: bytes(range(256)) * 1000,
    "nothing": lambda: b"\xef\xbb\xbf \r\n",
}


def _with_end(content: bytes, offset: int, value: bytes) -> bytes:
    """The archive with another value in the record at its end."""
    at = content.rindex(b"PK\x05\x06") + offset
    return content[:at] + value + content[at + len(value) :]


def _with_flag(content: bytes) -> bytes:
    """The archive, whose last part is said to be encrypted."""
    at = content.rindex(b"PK\x01\x02") + 8
    return content[:at] + b"\x01" + content[at + 1 :]


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
        "empty", "read", "password", "old_excel",
    }  # fmt: skip

"""What people upload: encodings, separators, headers in three languages, spreadsheets, nonsense."""

import io
import time
import tracemalloc
import zipfile
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from b24app.jobs import tables
from b24app.jobs.tables import Row, Unreadable
from b24app.orders.types import DEAL, INVOICE, Owner

HEADERS = {
    "en": ("Order", "Deal"),
    "ru": ("Номер заказа", "Сделка"),
    "de": ("Bestellnummer", "Geschäft"),
}


def read(content: bytes, host: str = "") -> list[Row]:
    return list(tables.read(content, host))


def sheet(*rows: Sequence[object]) -> bytes:
    book = Workbook(write_only=True)
    page = book.create_sheet()
    for row in rows:
        page.append(list(row))
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("language", ["en", "ru", "de"])
def test_every_unicode_form(language: str, encoding: str, separator: str) -> None:
    order, deal = HEADERS[language]
    text = f"{order}{separator}{deal}\r\n1201{separator}7021\r\n\r\n1202{separator}7022\r\n"
    rows = read(text.encode(encoding))
    assert [(row.line, row.order, row.owner) for row in rows] == [
        (2, "1201", Owner(DEAL, 7021)),
        (4, "1202", Owner(DEAL, 7022)),
    ]


@pytest.mark.parametrize(
    ("encoding", "header", "order"),
    [
        ("cp1251", "Заказ;Сделка", "А-17"),
        ("cp1252", "Bestellung;Geschäft", "Ö-17"),
        ("cp1251", "№ заказа;id сделки", "1201"),
        ("koi8_r", "Номер заказа;Сделка;Примечание о доставке и оплате", "1201"),
    ],
)
def test_old_code_pages(encoding: str, header: str, order: str) -> None:
    rows = read(f"{header}\n{order};7021\n".encode(encoding))
    assert [(row.order, row.owner) for row in rows] == [(order, Owner(DEAL, 7021))]


@pytest.mark.parametrize(
    ("header", "named"),
    [
        ("Order", "either"), ("order_id", "id"), ("ORDER ID", "id"), ("ID заказа", "id"),
        ("Bestell-ID", "id"), ("id", "id"), ("Account number", "number"), ("№ заказа", "number"),
        ("Bestell-Nr.", "number"), (" Заказ ", "either"), ("Bestellung", "either"),
    ],
)  # fmt: skip
def test_headers_say_what_names_the_order(header: str, named: str) -> None:
    (row,) = read(f'comment,"{header}",DEAL ID\nx,17,7021'.encode())
    assert (row.named, row.order, row.owner) == (named, "17", Owner(DEAL, 7021))


@pytest.mark.parametrize(
    ("cell", "owner", "problem"),
    [
        ("7021", Owner(DEAL, 7021), ""),
        ("https://my.bitrix24.com/crm/deal/details/7021/?IFRAME=Y", Owner(DEAL, 7021), ""),
        ("my.bitrix24.com/crm/deal/show/7021/", Owner(DEAL, 7021), ""),
        ("/crm/deal/details/7021/", Owner(DEAL, 7021), ""),
        ("https://my.bitrix24.com/crm/type/31/details/118/", Owner(INVOICE, 118), ""),
        ("https://my.bitrix24.com/crm/type/1034/details/118/", None, "bad_card"),
        ("https://other.bitrix24.com/crm/deal/details/7021/", None, "other_portal"),
        ("https://[/crm/deal/details/7021/", None, "other_portal"),
        ("0", None, "bad_card"), ("-5", None, "bad_card"), ("Deal 5", None, "bad_card"),
        ("9" * 16, None, "bad_card"), ("", None, ""),
    ],
)  # fmt: skip
def test_a_deal_by_id_or_link(cell: str, owner: Owner | None, problem: str) -> None:
    (row,) = read(f'order,deal\n1,"{cell}"'.encode(), "my.bitrix24.com")
    assert (row.owner, row.problem) == (owner, problem)


def test_an_invoice_column() -> None:
    (row,) = read("Заказ;Счёт\n1201;118".encode())
    assert row.owner == Owner(INVOICE, 118)


@pytest.mark.parametrize(
    ("cell", "order"),
    [("1201.0", "1201"), ("1201,00", "1201"), ("#1201", "1201"), ("№ 1201", "1201"),
     ("No. 1201", "1201"), (" 1201\u00a0", "1201"), ("12-01/B", "12-01/B"), ("0012", "0012")],
)  # fmt: skip
def test_what_spreadsheets_do_to_numbers(cell: str, order: str) -> None:
    assert [row.order for row in read(f'number;deal\n"{cell}";1'.encode())] == [order]


def test_a_report_has_its_title_above_the_header() -> None:
    rows = read(b"Orders of this winter\n\nfor Ilya, by Friday\nNo;Order;Deal\n1;1201;7021\n")
    assert [(row.line, row.order, row.owner) for row in rows] == [(5, "1201", Owner(DEAL, 7021))]


def test_bad_rows_are_named_and_the_rest_goes_on() -> None:
    rows = read(b"order id,deal\n1,7\n,7\nx,7\n4,seven\n5," + b"9" * 20 + b"\n6\n" + b"7" * 70)
    assert [(row.line, row.problem) for row in rows] == [
        (2, ""), (3, "no_order_given"), (4, "bad_id"), (5, "bad_card"), (6, "bad_card"), (7, ""),
        (8, "order_too_long"),
    ]  # fmt: skip


def test_a_quoted_line_break_keeps_the_lines_apart() -> None:
    rows = read(b'order,comment,deal\n1,"two\nlines",7\n2,,8\n')
    assert [(row.line, row.order) for row in rows] == [(2, "1"), (4, "2")]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1201\n1202", [("1201", None), ("1202", None)]),
        ("1201 7021\n1202 7022", [("1201", 7021), ("1202", 7022)]),
        ("1201;7021", [("1201", 7021)]),
        ("1201\t7021\n\n", [("1201", 7021)]),
        ("Заказ\n1201", [("1201", None)]),
    ],
)
def test_pasted_without_a_header(text: str, found: list[tuple[str, int | None]]) -> None:
    rows = read(text.encode())
    assert [(row.order, row.owner and row.owner.id) for row in rows] == found


def test_a_spreadsheet() -> None:
    content = sheet(
        ["Номер заказа", None, "Сделка"],
        [1201.0, "x", 7021],
        [],
        ["B-7", None, "https://my.bitrix24.com/crm/deal/details/7022/"],
        [None, None, 7],
    )
    rows = read(content, "my.bitrix24.com")
    assert [(row.line, row.order, row.owner, row.problem) for row in rows] == [
        (2, "1201", Owner(DEAL, 7021), ""),
        (4, "B-7", Owner(DEAL, 7022), ""),
        (5, "", Owner(DEAL, 7), "no_order_given"),
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xd0\xcf\x11\xe0" + b"\0" * 600, "old_excel"),
        (b"PK\x03\x04 and nothing more", "not_a_table"),
        (b"deal,comment\n1,2", "no_order_column"),
        (b"some words\nand more of them", "no_order_column"),
        (b'{"orders": [1, 2]}', "no_order_column"),
        (b"\xff\xfe\x00", "not_a_table"),
        (b'order\n"' + b"x" * 200_000, "not_a_table"),
    ],
)
def test_what_is_no_table_is_refused_as_a_whole(content: bytes, reason: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read(content)
    assert caught.value.reason == reason


def bomb(size: int, name: str) -> bytes:
    """A workbook with one member that unpacks to ``size`` bytes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        with zipfile.ZipFile(io.BytesIO(sheet(["order"], [1]))) as good:
            for member in good.namelist():
                archive.writestr(member, good.read(member))
        with archive.open(name, "w", force_zip64=True) as member_file:
            for _ in range(size // 1_000_000):
                member_file.write(b" " * 1_000_000)
    return file.getvalue()


@pytest.mark.parametrize(
    ("size", "name"), [(200_000_000, "xl/media/a.bin"), (60_000_000, "xl/sharedStrings.xml")]
)
def test_archives_that_unpack_to_too_much(size: int, name: str) -> None:
    content = bomb(size, name)
    assert len(content) < 1_000_000
    with pytest.raises(Unreadable) as caught:
        read(content)
    assert caught.value.reason == "too_large"


SHEET, STYLES = "xl/worksheets/sheet1.xml", "xl/styles.xml"


def tampered(member: str, xml: bytes) -> bytes:
    """A workbook one part of which is another."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        zipfile.ZipFile(io.BytesIO(sheet(["order"], [1]))) as good,
    ):
        for name in good.namelist():
            archive.writestr(name, xml if name == member else good.read(name))
    return file.getvalue()


def worksheet(rows: bytes) -> bytes:
    return b"<worksheet><sheetData>" + rows + b"</sheetData></worksheet>"


@pytest.mark.parametrize(
    ("member", "xml"),
    [
        (SHEET, worksheet(b"<row>" + b"<c/>" * 3_000_000 + b"</row>")),
        (SHEET, worksheet(b"<row/>" * 1_100_000)),
        (SHEET, worksheet(b"<row><c/><c/></row>" * 2_100_000)),
        (SHEET, worksheet(b"<row>" * 100 + b"</row>" * 100)),
        (STYLES, b"<styleSheet>" + b"<font/>" * 1_000_000 + b"</styleSheet>"),
        ("docProps/app.xml", b"<Properties>" + b"<p/>" * 1_000_000 + b"</Properties>"),
    ],
    ids=["one row", "rows", "cells", "nested", "styles", "properties"],
)
def test_millions_of_empty_elements_are_counted_before_they_are_read(
    member: str, xml: bytes
) -> None:
    content = tampered(member, xml)
    assert len(content) < 200_000
    tracemalloc.start()
    with pytest.raises(Unreadable) as caught:
        read(content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert caught.value.reason == "too_large"
    assert peak < 20_000_000


@pytest.mark.parametrize(
    "xml",
    [
        worksheet(b"<row><c " + b" ".join(b'a%d=""' % at for at in range(600_000)) + b"/></row>"),
        worksheet(b'<row><c r="' + b"A" * 20_000_000 + b'"/></row>'),
        worksheet(b"<row><!--" + b"-" + b"x" * 20_000_000 + b"--></row>"),
        worksheet(b"<row><c"),
        b"<styleSheet>" + b'<xf a="" b="" c="" d="" e="" f=""/>' * 100_000 + b"</styleSheet>",
        worksheet(b"<row>" + b'<c a="" b="" c="" d=""/>' * 190_000 + b"</row>"),
    ],
    ids=["attributes of a tag", "value", "comment", "unfinished", "of all styles", "of one row"],
)
def test_attributes_and_long_tags_are_refused_before_they_are_read(xml: bytes) -> None:
    for member in (SHEET, STYLES):
        content = tampered(member, xml + b" " * 300_000)
        tracemalloc.start()
        with pytest.raises(Unreadable):
            read(content)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 30_000_000


def multiplying() -> str:
    return "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 20 if n else "lol" * 100}">' for n in range(9))


@pytest.mark.parametrize("member", [SHEET, STYLES, "xl/workbook.xml", "[Content_Types].xml"])
@pytest.mark.parametrize(
    "declared",
    [multiplying(), '<!ENTITY a8 SYSTEM "file:///etc/passwd">', '<!ENTITY a8 "one">', ""],
    ids=["multiplying", "outside", "harmless", "none"],
)
def test_an_xml_that_declares_entities_is_refused(member: str, declared: str) -> None:
    inside = "&a8;" if declared else ""
    xml = f'<?xml version="1.0"?><!DOCTYPE x [{declared}]><worksheet>{inside}</worksheet>'
    with pytest.raises(Unreadable) as caught:
        read(tampered(member, xml.encode()))
    assert caught.value.reason == "not_a_table"


def test_a_part_that_says_it_is_smaller_than_it_is() -> None:
    content = bytearray(tampered(SHEET, worksheet(b"<row/>" * 3_000_000)))
    with zipfile.ZipFile(io.BytesIO(bytes(content))) as archive:
        true = archive.getinfo(SHEET).file_size
    lied = bytes(content).replace(true.to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    assert lied != content
    with pytest.raises(Unreadable) as caught:
        read(lied)
    assert caught.value.reason == "not_a_table"


def test_a_first_line_of_ten_million_cells_takes_no_time() -> None:
    began = time.process_time()
    with pytest.raises(Unreadable):
        read(b"\xc7\xe0" + b"," * 9_000_000)
    assert time.process_time() - began < 10


def test_a_cell_far_away_costs_nothing() -> None:
    content = sheet(["order"], [1])
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive, zipfile.ZipFile(io.BytesIO(content)) as good:
        for member in good.namelist():
            text = good.read(member)
            if member == "xl/worksheets/sheet1.xml":
                text = text.replace(
                    b"</sheetData>",
                    b'<row r="1048576"><c r="XFD1048576" t="n"><v>1</v></c></row></sheetData>',
                )
            archive.writestr(member, text)
    assert [row.order for row in read(file.getvalue())] == ["1"]


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        rows = read(content)
    except Unreadable:
        return
    assert all(row.line > 0 and len(row.order) <= tables.LONGEST_CELL for row in rows)


def test_a_hundred_thousand_rows_are_read() -> None:
    numbers = [one * 7919 % 10**7 for one in range(1, 100_001)]
    rows = read(b"order,deal\n" + b"".join(b"%d,7\n" % one for one in numbers))
    assert [int(row.order) for row in rows] == numbers
    with pytest.raises(Unreadable) as caught:
        read(b"order\n" + b"1\n" * 110_000)
    assert caught.value.reason == "too_many"

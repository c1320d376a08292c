"""Exported files open correctly in spreadsheets: numbers, dates, and no formulas from outside text."""

import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from b24app.web.table_files import Cell, Table, csv_file, xlsx_file

DANGEROUS = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1+1",
    "\r\n=1",
    " =cmd|' /C calc'!A0",
    "＝1+1",
    "\ufeff=1",
]


def table(*rows: list[Cell]) -> Table:
    return Table("Orders", [f"c{at}" for at in range(len(rows[0]))], rows)


def read(content: bytes, delimiter: str) -> list[list[str]]:
    return list(
        csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=delimiter)
    )


@pytest.mark.parametrize(
    ("language", "delimiter", "amount"),
    [("en", ",", "-1250.50"), ("de", ";", "-1250,50"), ("ru", ";", "-1250,50")],
)
def test_csv_uses_the_format_of_the_language(language: str, delimiter: str, amount: str) -> None:
    content = csv_file(
        table(
            [
                "Groß; & \"Söhne\", 'x'",
                Decimal("-1250.50"),
                7,
                date(2026, 11, 18),
                datetime(2026, 11, 18, 23, 59, tzinfo=UTC),
                None,
            ]
        ),
        language,
    )
    assert content.startswith(b"\xef\xbb\xbf")
    _, row = read(content, delimiter)
    assert row == ["Groß; & \"Söhne\", 'x'", amount, "7", "2026-11-18", "2026-11-18", ""]


@pytest.mark.parametrize("text", DANGEROUS)
def test_text_is_never_a_formula(text: str) -> None:
    _, row = read(csv_file(table([text]), "en"), ",")
    assert row[0].startswith("'")
    sheet = load_workbook(io.BytesIO(xlsx_file(table([text])))).active
    assert sheet["A2"].data_type == "s"
    assert sheet["A2"].quotePrefix


def test_workbook_holds_numbers_and_dates() -> None:
    content = xlsx_file(
        table(
            [
                Decimal("1250.50"),
                3,
                date(2026, 11, 18),
                datetime(2026, 11, 18, 9, 30, tzinfo=UTC),
                None,
                "plain",
            ]
        )
    )
    sheet = load_workbook(io.BytesIO(content)).active
    assert sheet.freeze_panes == "A2"
    assert sheet["A1"].font.bold
    row = [cell.value for cell in sheet[2]]
    assert row == [1250.5, 3, datetime(2026, 11, 18), datetime(2026, 11, 18), None, "plain"]  # noqa: DTZ001
    assert [cell.data_type for cell in sheet[2]] == ["n", "n", "d", "d", "n", "s"]


def test_empty_table_and_invalid_sheet_title_are_exported() -> None:
    sheet = load_workbook(io.BytesIO(xlsx_file(Table("a/b:c" * 20, ["Number"], [])))).active
    assert [cell.value for cell in sheet[1]] == ["Number"]
    assert read(csv_file(Table("x", ["Number"], []), "en"), ",") == [["Number"]]


CELLS = (
    st.text(max_size=40)
    | st.integers(-(10**14), 10**14)
    | st.decimals(-(10**12), 10**12, allow_nan=False, places=3)
    | st.dates(date(1901, 1, 1))
    | st.none()
)


@given(
    st.integers(1, 30).flatmap(
        lambda width: st.lists(
            st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=5
        )
    ),
    st.sampled_from(["en", "de", "ru"]),
)
def test_any_table_keeps_its_shape_without_formulas(rows: list[list[Cell]], language: str) -> None:
    made = table(*rows)
    back = read(csv_file(made, language), "," if language == "en" else ";")
    assert [len(row) for row in back] == [len(rows[0])] * (len(rows) + 1)
    for row, given_row in zip(back[1:], rows, strict=True):
        for text, cell in zip(row, given_row, strict=True):
            if isinstance(cell, str):
                assert text.lstrip("\ufeff \t\r\n\x0b\x0c")[:1] not in set("=+-@＝＋－＠")
            elif isinstance(cell, int):
                assert int(text) == cell
            elif isinstance(cell, Decimal):
                assert Decimal(text.replace(",", ".")) == cell
    sheet = load_workbook(io.BytesIO(xlsx_file(made))).active
    assert (sheet.max_row, sheet.max_column) <= (len(rows) + 1, len(rows[0]))
    assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)

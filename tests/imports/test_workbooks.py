"""Workbooks as spreadsheet programs write them are read as they show them."""

import io
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st
from xlsxwriter.worksheet import Worksheet

from b24app.imports import child, number_format, source
from b24app.imports.table import About, Line

Write = Callable[[xlsxwriter.Workbook, Worksheet], None]


def workbook(write: Write) -> bytes:
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"remove_timezone": True}) as book:
        write(book, book.add_worksheet("Orders"))
    return made.getvalue()


def lines(content: bytes, only: frozenset[int] | None = None) -> list[Line]:
    with source.opened(content) as opened:
        return list(opened.lines(opened.sheets[0].index, only))


CELLS = st.one_of(
    st.integers(-(10**14), 10**14),
    st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=20),
    st.just(""),
)


@given(st.lists(st.lists(CELLS, min_size=1, max_size=6), min_size=1, max_size=12))
def test_any_table_is_read_back_as_it_was_written(table: list[list[int | str]]) -> None:
    def write(book: xlsxwriter.Workbook, page: Worksheet) -> None:
        for row, cells in enumerate(table):
            for column, cell in enumerate(cells):
                if isinstance(cell, int):
                    page.write_number(row, column, cell)
                else:
                    page.write_string(row, column, cell)

    expected = [(row, _shown(cells)) for row, cells in enumerate(table, start=1) if _shown(cells)]
    # In this process: a child for each example would take most of the time.
    found = [(line.number, line.cells) for line in child.opened(workbook(write)).lines(0)]
    assert found == expected


def _shown(cells: list[int | str]) -> list[str]:
    shown = [str(cell).strip(" \t\r\n\f\v\x1a\xa0\ufeff") for cell in cells]
    while shown and not shown[-1]:
        shown.pop()
    return shown


def test_cells_below_and_beside_an_empty_area_keep_their_places() -> None:
    def write(book: xlsxwriter.Workbook, page: Worksheet) -> None:
        page.write_row(4, 3, ["Order", "Deal"])
        page.write_row(5, 3, [7003, 101])

    found = lines(workbook(write))
    assert [(line.number, line.cells[3:]) for line in found] == [
        (5, ["Order", "Deal"]),
        (6, ["7003", "101"]),
    ]


def test_merged_cells_are_filled_down_and_nowhere_else() -> None:
    def write(book: xlsxwriter.Workbook, page: Worksheet) -> None:
        page.write_column(0, 0, ["Order", 1, 2, 3, 4])
        page.merge_range(1, 1, 3, 2, 101)

    found = lines(workbook(write))
    assert [line.cells for line in found] == [
        ["Order"],
        ["1", "101"],
        ["2", "101"],
        ["3", "101"],
        ["4"],
    ]
    assert [sorted(line.notes) for line in found] == [[], [], [1], [1], []]
    assert found[2].notes[1].about == About.MERGED


def test_dates_errors_and_long_numbers_are_reported() -> None:
    def write(book: xlsxwriter.Workbook, page: Worksheet) -> None:
        page.write_datetime(
            0, 0, datetime(2026, 1, 7, tzinfo=UTC), book.add_format({"num_format": "d.m.yy"})
        )
        page.write_formula(1, 0, "=NA()", None, "#N/A")
        page.write_number(2, 0, 5384130000000123)
        page.write_formula(3, 0, "=A1")
        page.write_formula(4, 0, "=7000+3", None, 7003)

    found = lines(workbook(write))
    assert [(line.cells[:1], [note.about for note in line.notes.values()]) for line in found] == [
        (["2026-01-07"], [About.DATE]),
        (["#N/A"], []),
        (["5384130000000123"], [About.LONG_NUMBER]),
        ([""], [About.NO_RESULT]),
        (["7003"], []),
    ]


def test_hidden_rows_and_columns_are_reported() -> None:
    def write(book: xlsxwriter.Workbook, page: Worksheet) -> None:
        page.write_column(0, 0, ["Order", 1, 2])
        page.write_column(0, 1, ["Deal", 101, 102])
        page.set_row(1, None, None, {"hidden": True})
        page.set_column(1, 1, None, None, {"hidden": True})

    content = workbook(write)
    assert [line.hidden for line in lines(content)] == [False, True, False]
    with source.opened(content) as opened:
        assert opened.sheets[0].hidden_columns == {1}


def test_cells_of_other_columns_are_left_out() -> None:
    content = workbook(lambda book, page: page.write_row(0, 0, ["a", "b", "c"]) and None)
    assert [line.cells for line in lines(content, frozenset({1}))] == [["", "b"]]


@pytest.mark.parametrize(
    ("value", "code", "shown"),
    [
        (7036, "000000", "007036"),
        (3009, '"WEB-"000000', "WEB-003009"),
        (123456, "0000-00", "1234-56"),
        (12, "0000-00", "0000-12"),
        (7, "\\N0000", "N0007"),
        (7036, "0", None),
        (7036, "#,##0", None),
        (7036, "0.00", None),
        (7036, "yyyy-mm-dd", None),
        (7036.5, "000000", None),
        (-5, "000000", None),
        (7036, "[Red]000000", "007036"),
        (7036, "000000;[Red]-000000", "007036"),
    ],
)
def test_number_format_that_adds_to_the_digits(value: float, code: str, shown: str | None) -> None:
    assert number_format.shown(value, code) == shown

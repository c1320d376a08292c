"""Files as people have them: each stands for a kind, and must be read as its author sees it."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from b24app.imports import columns, pasted, rows, source
from b24app.imports.table import Unreadable
from b24app.imports.values import Doubt
from b24app.orders.types import DEAL, Owner
from tests.imports.world import HOST, known

FILES = Path(__file__).parent / "files"

Read = tuple[int, str, str, int]
"""Row, what was taken, why nothing was, and the deal (0 for none)."""


def taken(name: str) -> list[Read]:
    with source.opened((FILES / name).read_bytes()) as opened:
        sheet = columns.likeliest(opened.sheets)
        assert sheet is not None
        found = columns.recognized(sheet, known, HOST)
        return [short(row) for row in rows.rows(opened.lines(sheet.index), found, HOST)]


def short(row: rows.Row) -> Read:
    why = row.order.doubt or row.problem
    deal = row.card.owner
    assert deal is None or deal.type_id == DEAL
    return row.number, "" if why else row.order.taken, why, deal.id if deal else 0


TWO = [(2, "7003", "", 101), (3, "7006", "", 102)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sep-line.csv", [(2, "7003", "", 0), (3, "7006", "", 0)]),
        ("title-above.csv", [(4, "7003", "", 0), (5, "7006", "", 0), (6, "", "no_order_given", 0)]),
        ("title-with-a-year.csv", [(3, "131", "", 0), (4, "7006", "", 0)]),
        ("thousands-de.csv", [(2, "", "two_readings", 101), (3, "", "two_readings", 102)]),
        ("thousands-en.csv", [(2, "", "two_readings", 101), (3, "", "two_readings", 102)]),
        (
            "quoted-commas.csv",
            [(2, "7003", "", 101), (3, "7006", "", 102), (4, "7012", "", 103), (5, "7018", "", 104),
             (6, "7024", "", 105)],
        ),
        ("excel-text.csv", [(2, "007036", "", 101), (3, "7006", "", 102)]),
        ("dos-and-mac-cp866.csv", TWO),
        ("dos-and-mac-mac-cyrillic.csv", TWO),
        ("scientific.csv", [(2, "", "shortened", 101), (3, "", "shortened", 102)]),
        ("portals-own-list.csv", [(2, "7003", "", 0), (3, "7006", "", 0)]),
        ("number-or-id.csv", [(2, "1055", "", 101)]),
        ("invoice-column.csv", [(2, "7003", "", 0), (3, "7006", "", 0)]),
        ("row-numbers-ru.csv", TWO),
        ("row-numbers-en.csv", TWO),
        ("order-id-is-a-number.csv", [(2, "WEB-003009/2", "", 0), (3, "WEB-003039/5", "", 0)]),
        ("plain-workbook.xlsx", TWO),
        ("empty-fill.xlsx", TWO),
        ("odd-colour.xlsx", TWO),
        ("capital-strings.xlsx", TWO),
        ("html-xls.xls", TWO),
        ("hidden-sheet.xlsx", TWO),
        ("filtered-rows.xlsx", TWO),
        ("merged-deal.xlsx", [(2, "7003", "", 101), (3, "7006", "", 101), (4, "7012", "", 103)]),
        ("hyperlink.xlsx", [(2, "7003", "", 101)]),
        ("hyperlink-formula.xlsx", [(2, "7006", "", 102)]),
        ("formulas.xlsx", [(2, "", "no_result", 0), (3, "7006", "", 0)]),
        ("format-zeros.xlsx", [(2, "007036", "", 101)]),
    ],
)  # fmt: skip
def test_each_row_is_read_as_its_author_sees_it(name: str, expected: Sequence[Read]) -> None:
    assert taken(name) == expected


@pytest.mark.parametrize(
    ("name", "reason", "facts"),
    [
        ("open-quote.csv", "open_quote", {"row": 2}),
        ("password.xlsx", "password", {}),
        ("password-old-format.xls", "old_excel", {}),
    ],
)
def test_file_that_cannot_be_read_is_refused_with_its_reason(
    name: str, reason: str, facts: dict[str, int]
) -> None:
    with pytest.raises(Unreadable) as refused:
        taken(name)
    assert (refused.value.reason, refused.value.facts) == (reason, facts)


@pytest.mark.parametrize("name", ["pasted-titles-ru.txt", "pasted-titles-en.txt"])
def test_pasted_list_keeps_order_titles(name: str) -> None:
    text = (FILES / name).read_text()
    found = list(pasted.rows(text, HOST, cards=True))
    assert [short(row) for row in found] == [(1, "7003", "", 0), (2, "7006", "", 0)]
    assert all(row.order.cleaned for row in found)


def test_both_readings_of_a_grouped_number_are_kept() -> None:
    with source.opened((FILES / "thousands-de.csv").read_bytes()) as opened:
        found = columns.recognized(opened.sheets[0], known, HOST)
        values = [row.order for row in rows.rows(opened.lines(0), found, HOST)]
    assert [value.readings for value in values] == [("1000", "1"), ("12000", "12")]
    assert {value.doubt for value in values} == {Doubt.TWO_READINGS}


def test_ids_beside_order_numbers_are_recognized() -> None:
    with source.opened((FILES / "portals-own-list.csv").read_bytes()) as opened:
        found = columns.recognized(opened.sheets[0], known, HOST)
        values = [row.same_id for row in rows.rows(opened.lines(0), found, HOST)]
    assert values == [1001, 1002]


def test_hidden_rows_are_included_only_on_request() -> None:
    with source.opened((FILES / "filtered-rows.xlsx").read_bytes()) as opened:
        found = columns.recognized(opened.sheets[0], known, HOST)
        read = [short(row) for row in rows.rows(opened.lines(0), found, HOST, hidden=True)]
    assert read == [*TWO, (4, "7012", "", 103)]


def test_link_to_a_deal_of_another_portal_is_refused() -> None:
    with source.opened((FILES / "hyperlink.xlsx").read_bytes()) as opened:
        found = columns.recognized(opened.sheets[0], known, "other.bitrix24.com")
        (row,) = rows.rows(opened.lines(0), found, "other.bitrix24.com")
    assert (row.card.owner, row.problem) == (None, "other_portal")
    assert row.card.owner != Owner(DEAL, 101)

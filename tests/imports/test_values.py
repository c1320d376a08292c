"""How a cell that names an order is read, and when it is doubtful."""

import pytest

from b24app.imports.table import About, Note
from b24app.imports.values import Doubt, names_no_order, order_value


@pytest.mark.parametrize(
    ("written", "taken"),
    [
        ("7003", "7003"),
        (" 7003\u00a0", "7003"),
        ("\ufeff70\u200b03", "7003"),
        ("#7003", "7003"),
        ("№7003", "7003"),
        ("№ 7003", "7003"),
        ("No. 7003", "7003"),
        ("Nr. 7003", "7003"),
        ("n° 7003", "7003"),
        ("Order #7003", "7003"),
        ("order no. 7003", "7003"),
        ("Заказ №7003", "7003"),
        ("заказ 7003", "7003"),
        ("Заказ клиента № 7003", "7003"),
        ("Bestellung Nr. 7003", "7003"),
        ("Pedido nº 7003", "7003"),
        ("Commande n° 7003", "7003"),
        ("Zamówienie nr 7003", "7003"),
        ("Замовлення № 7003", "7003"),
        ('="007036"', "007036"),
        ("'007036", "007036"),
        ("007036", "007036"),
        ("7003.0", "7003"),
        ("7003,00", "7003"),
        ("WEB-003009/2", "WEB-003009/2"),
        ("12-01/B", "12-01/B"),
        ("Nordic-17", "Nordic-17"),
        ("NO7003", "7003"),
        ("N-7003", "N-7003"),
    ],
)
def test_order_number_is_read_from_common_spellings(written: str, taken: str) -> None:
    value = order_value(written)
    assert (value.taken, value.doubt) == (taken, None)


@pytest.mark.parametrize(
    ("written", "readings"),
    [
        ("1.000", ("1000", "1")),
        ("1,000", ("1000", "1")),
        ("12.000", ("12000", "12")),
        ("12.345", ("12345", "12.345")),
        ("1.000.000", ("1000000", "1.000.000")),
        ("1\u00a0000", ("1000", "1\u00a0000")),
        ("1'000", ("1000", "1'000")),
    ],
)
def test_grouped_number_has_two_readings(written: str, readings: tuple[str, str]) -> None:
    value = order_value(written)
    assert (value.taken, value.doubt, value.readings) == ("", Doubt.TWO_READINGS, readings)


@pytest.mark.parametrize(
    ("written", "doubt"),
    [
        ("7,00E+03", Doubt.SHORTENED),
        ("7.00e3", Doubt.SHORTENED),
        ("5,38413E+12", Doubt.SHORTENED),
        ("07.янв", Doubt.CONVERTED_TO_DATE),
        ("7-Jan", Doubt.CONVERTED_TO_DATE),
        ("Jan-07", Doubt.CONVERTED_TO_DATE),
        ("#N/A", Doubt.SPREADSHEET_ERROR),
        ("#ССЫЛКА!", Doubt.SPREADSHEET_ERROR),
        ("#####", Doubt.SPREADSHEET_ERROR),
    ],
)
def test_value_converted_by_a_spreadsheet_is_doubtful(written: str, doubt: Doubt) -> None:
    value = order_value(written)
    assert (value.taken, value.doubt) == ("", doubt)


@pytest.mark.parametrize(
    ("note", "doubt"),
    [
        (Note(About.NO_RESULT), Doubt.NO_RESULT),
        (Note(About.DATE), Doubt.CONVERTED_TO_DATE),
        (Note(About.LONG_NUMBER), Doubt.SHORTENED),
        (Note(About.MERGED), None),
        (Note(About.FORMAT, "7036"), None),
    ],
)
def test_reader_s_remark_makes_a_cell_doubtful(note: Note, doubt: Doubt | None) -> None:
    assert order_value("7003", note).doubt == doubt


@pytest.mark.parametrize("cell", ["", "  ", "Total", "ИТОГО:", "Summe", "Grand total", "\u200b"])
def test_amount_or_empty_cell_is_no_order(cell: str) -> None:
    assert names_no_order(cell)


@pytest.mark.parametrize("cell", ["7003", "Total-7", "WEB"])
def test_everything_else_may_name_an_order(cell: str) -> None:
    assert not names_no_order(cell)

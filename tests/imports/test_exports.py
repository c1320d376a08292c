"""Lists as marketplaces, shops and accounting programs export them: their orders are found, and no others."""

import pytest

from b24app.imports import columns, rows, source
from tests.imports.world import HOST, known

BOTH = ["7003", "7006"]


def orders(content: bytes) -> list[str]:
    """The orders of the rows that nothing keeps from being used."""
    with source.opened(content) as opened:
        sheet = columns.likeliest(opened.sheets)
        assert sheet is not None
        found = columns.recognized(sheet, known, HOST)
        read = list(rows.rows(opened.lines(sheet.index), found, HOST))
    return [row.order.taken for row in read if not row.problem and row.order.doubt is None]


@pytest.mark.parametrize(
    ("text", "encoding", "expected"),
    [
        (
            "Номер заказа;Номер отправления;Статус\n7003;7003-1-1;Доставлен\n7006;7006-2-1;Отменён\n",
            "utf-8-sig",
            BOTH,
        ),
        (
            "№ задания;Стикер;ID заказа;Артикул\n1;*CFq;1001;А-1\n2;*CFw;1002;А-2\n",
            "utf-8-sig",
            ["1001", "1002"],
        ),
        (
            (
                '"Sales Record Number","Order Number","Buyer"\n'
                '"","",""\n"131","7003","bob"\n"12","7006","ann"\n\n'
                '"2","record(s) downloaded"\n"Seller ID : shop"\n'
            ),
            "utf-8-sig",
            BOTH,
        ),
        (
            "Numer zamówienia;Kupujący;Kwota\n7003;Łucja;10,00 zł\n7006;Ewa;12,50 zł\n",
            "cp1250",
            BOTH,
        ),
        (
            "Name,Email,Total,Id\n#7003,a@b.co,10.00,5384130000123\n#7006,b@b.co,11.00,5384130000124\n",
            "utf-8",
            BOTH,
        ),
        ('Order Number,Status,Note\n7003,Done,\n7006,Done,"Leave, please"\n', "utf-8-sig", BOTH),
        ("order_id,order_number,status\n1001,7003,completed\n1002,7006,completed\n", "utf-8", BOTH),
        (
            "ID;Reference;Customer;Total\n1001;XKBKNABJK;Doe;10,00\n1002;OHSATSERP;Roe;12,00\n",
            "utf-8",
            ["1001", "1002"],
        ),
        (
            (
                '"ID","Purchase Date","Status"\n"007036","Sep 1, 2026","Complete"\n'
                '"7006","Sep 1, 2026","Complete"\n'
            ),
            "utf-8",
            ["007036", "7006"],
        ),
        (
            "Номер заказа\tКлиент\tСтатус\n7003\tИванов\tОплачен\n7006\tПетров\tНовый\n",
            "utf-16",
            BOTH,
        ),
        ("order_number;order_id;email\n7003;XJ12;a@b.co\n7006;XJ13;b@b.co\n", "utf-8", BOTH),
        (
            (
                "Реестр документов\n;;;\nДата;Номер;Контрагент;Сумма\n01.09.2026;7003;ООО;10 000,00\n"
                "02.09.2026;7006;ИП;500,00\nИтого;;;10 500,00\n"
            ),
            "cp1251",
            BOTH,
        ),
        (
            "Auftragsnr.;Datum;Kundennr.;Firma\n7003;01.09.2026;10001;Müller\n7006;02.09.2026;10002;Weiß\n",
            "cp1252",
            BOTH,
        ),
        (
            (
                "Date,Type,Num,Name,Amount\n09/01/2026,Order,7003,A,10.00\n"
                "09/02/2026,Order,7006,B,11.00\nTOTAL,,,,$21.00\n"
            ),
            "utf-8",
            BOTH,
        ),
        (
            "*ContactName,*InvoiceNumber,Reference\nA,INV-0001,7003\nB,INV-0002,7006\n",
            "utf-8",
            BOTH,
        ),
        (
            "№;Время;Контрагент\n7003;01.09.2026 10:00;ООО\n7006;02.09.2026 10:00;ИП\n",
            "utf-8-sig",
            BOTH,
        ),
        ("Table 1,,\nOrder number,Deal,Client\n7003,101,A\n7006,102,B\n", "utf-8", BOTH),
        (",Order number,Deal\n0,7003.0,101\n1,7006.0,102\n", "utf-8", BOTH),
        ("# exported\nOrder number,Deal\n7003,101\n7006,102\n", "utf-8", BOTH),
        ("Order number,Deal\n７００３,101\n٧٠٠٦,102\n", "utf-8", BOTH),
        ('"Order number","Deal"\n"1",7003,101\n"2",7006,102\n', "utf-8", []),
        ("Client,Order number,Deal\nSmith,7003,101\nJones, Ann,7006,102\n", "utf-8", ["7003"]),
        (
            '"EXTF";700;21;"Buchungsstapel"\nUmsatz;Konto;Belegdatum;Buchungstext\n10,00;10000;0109;A\n',
            "cp1252",
            [],
        ),
    ],
)
def test_orders_of_an_export_are_found(text: str, encoding: str, expected: list[str]) -> None:
    assert orders(text.encode(encoding)) == expected


def test_text_cut_off_in_the_middle_of_a_letter_keeps_its_encoding() -> None:
    text = "Номер заказа;Сделка;Клиент\n7003;101;Иванов Пётр\n7006;102;Пётр"
    assert orders(text.encode()[:-1]) == BOTH

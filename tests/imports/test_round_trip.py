"""Whatever a program writes in a documented dialect and encoding is read back as it was."""

import csv
import io
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from b24app.imports import source

RUSSIAN = [
    "Иванов Пётр", "Ольга Щербакова", "Доставка курьером", "Оплачен", "срочно, до пятницы",
    "ул. Ленина, д. 5", "ООО «Ромашка»", "Заказ", "ожидает", "Объект на Южной", "Ёлкин", "МОСКВА", "ничего",
]  # fmt: skip
GERMAN = [
    "Müller & Söhne",
    "Größe",
    "Straße 5",
    "über",
    "bezahlt",
    "Öl",
    "Jürgen Weiß",
    "Äpfel; Birnen",
    "Lieferung",
]
FRENCH = [
    "Café crème",
    "payée",
    "à livrer",
    "Noël",
    "garçon",
    "forêt",
    "déjà expédiée",
    "Gérard",
    "numéro",
]
POLISH = ["zapłacone", "Łódź", "Gdańsk", "późno", "źródło", "święta", "żółty", "Ćwik", "zamówienie"]
PLAIN = [
    "paid",
    "",
    "7519.99",
    "31.10.2026",
    "Main st. 2, apt",
    'the "blue" one',
    "a; b",
    "x|y",
    "two\nlines",
    "12",
]

WORDS = {"ru": RUSSIAN, "de": GERMAN, "fr": FRENCH, "pl": POLISH}
HEADS = {
    "ru": ["Номер заказа", "Клиент", "Комментарий"],
    "de": ["Bestellnummer", "Kunde", "Kommentar"],
    "fr": ["Numéro de commande", "Client", "Commentaire"],
    "pl": ["Numer zamówienia", "Klient", "Uwagi"],
}
UNICODE = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]
QUOTING: list[Literal[0, 1, 2, 3]] = [csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]
SAVED = [
    *((item, language) for item in UNICODE for language in HEADS),
    *((word, "ru") for word in ("cp1251", "cp866", "mac_cyrillic", "koi8_r")),
    *((word, language) for word in ("cp1252", "mac_roman", "cp850") for language in ("de", "fr")),
    ("cp1250", "pl"),
    ("cp852", "pl"),
]


@st.composite
def written(draw: st.DrawFn) -> tuple[bytes, list[list[str]]]:
    encoding, language = draw(st.sampled_from(SAVED))
    own = [word for word in WORDS[language] if _fits(word, encoding)]
    words = st.sampled_from([*own, *own, *PLAIN])
    width = draw(st.integers(2, 6))
    rows = draw(st.lists(st.lists(words, min_size=width, max_size=width), min_size=3, max_size=30))
    shapes = ["{}", "WEB-{}", "00{}"] + (
        ["№ {}"] if _fits("№", encoding) and language == "ru" else []
    )
    numbers = st.builds(str.format, st.sampled_from(shapes), st.integers(100, 9_999_999))
    heads = [*HEADS[language], "Status", "Sum", "Note"][:width]
    table = [heads, *([draw(numbers), *row[1:]] for row in rows)]
    separator = draw(st.sampled_from([",", ";", "\t", "|"]))
    # Python's writer leaves a line feed unquoted where lines end with something else.
    broken = any("\n" in cell for row in table for cell in row)
    ending = draw(st.sampled_from(["\r\n", "\n", *([] if broken else ["\r"])]))
    quoting: Literal[0, 1, 2, 3] = draw(st.sampled_from(QUOTING))
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=separator, lineterminator=ending, quoting=quoting).writerows(table)
    text = stream.getvalue()
    return text.encode(encoding), table


@given(written())
def test_delimited_text_is_read_back_as_it_was_written(file: tuple[bytes, list[list[str]]]) -> None:
    content, table = file
    with source.opened(content) as opened:
        lines = list(opened.lines(0))
    assert [line.cells for line in lines] == [_trimmed(row) for row in table]
    assert [line.number for line in lines] == list(range(1, len(table) + 1))


def _fits(text: str, encoding: str) -> bool:
    try:
        return text.encode(encoding).decode(encoding) == text
    except UnicodeEncodeError:
        return False


def _trimmed(row: list[str]) -> list[str]:
    cells = [cell.strip() for cell in row]
    while cells and not cells[-1]:
        cells.pop()
    return cells

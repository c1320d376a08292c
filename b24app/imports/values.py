"""A cell that names an order: what was written, what is taken, and what is doubtful about it.

No value is changed in silence. What can be read in two ways is returned with both readings, and
nothing is taken.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from b24app.imports.table import About, Note
from b24app.orders.visible_text import MAX_CHARACTERS, visible

MAX_NUMBER_CHARACTERS = 64
_UNSEEN_AT_ENDS = (
    " \t\r\n\xa0\ufeff\u200b\u200c\u200d\u200e\u200f\u202a\u202c\u2060\u2066\u2068\u2069"
)


class Doubt(StrEnum):
    """Why nothing is taken from a cell until the person decides."""

    TWO_READINGS = "two_readings"
    """``OrderValue.readings`` holds both: 1.000 is 1000 or 1."""
    SHORTENED = "shortened"
    """7,00E+03: the spreadsheet has dropped the last digits."""
    CONVERTED_TO_DATE = "converted_to_date"
    NO_RESULT = "no_result"
    """A formula whose result is not stored in the file."""
    SPREADSHEET_ERROR = "spreadsheet_error"
    """#N/A, #REF!, or a column too narrow for its number."""
    DAMAGED = "damaged_text"
    """Holds a character that cannot be seen, or that makes others look different from what they are."""


@dataclass(frozen=True, slots=True)
class OrderValue:
    """``taken`` is empty where there is a ``doubt`` or where the cell names no order."""

    written: str
    taken: str
    doubt: Doubt | None = None
    readings: tuple[str, ...] = ()

    @property
    def cleaned(self) -> bool:
        """Whether something else is taken than what was written."""
        return bool(self.taken) and self.taken != self.written


_SOFT_HYPHEN, _RIGHT_TO_LEFT_OVERRIDE, _REPLACEMENT = "\u00ad", "\u202e", "\ufffd"

_SPREADSHEET_TEXT = re.compile(r"""=\s*"(?P<text>[^"]*)"|'(?P<quoted>[^']+)""")
_WORD_BEFORE = re.compile(
    r"""(?ix)
    ^(?: (?:web[- ]?|internet[- ]?|online[- ]?)?
         (?: orders? | заказы? | замовлення | bestellung | auftrag | pedido | encomenda | commande
           | zam[oó]wienie )
         (?: \s+ (?:клиента|покупателя) )? \s*
      )?
    (?: (?: \# | № | n[°º] | (?: no | nr | num )\.? (?=\s*\d) | номер (?=\s) | number (?=\s) ) \s* )*
    """
)
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?P<sign>[.,'’\u00a0\u202f ])\d{3}(?:(?P=sign)\d{3})*")
_WHOLE_FRACTION = re.compile(r"(\d+)[.,]0{1,2}")
_SCIENTIFIC = re.compile(r"[+-]?\d(?:[.,]\d+)?[eEеЕ][+-]?\d{1,3}")
_ERROR = re.compile(
    r"#(?:N/A|REF!|VALUE!|DIV/0!|NAME\?|NULL!|NUM!|SPILL!|CALC!|Н/Д|ССЫЛКА!|ЗНАЧ!|ДЕЛ/0!|ИМЯ\?|NV|BEZUG!|WERT!|NAME\?)|#{2,}"
)
_DATE = re.compile(
    r"\d{1,2}[-. ](?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|янв|фев|мар|апр|май|мая|июн|июл|авг|сен"
    r"|окт|ноя|дек|mär|mai|okt|dez)[a-zа-я]{0,6}\.?|"
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|янв|фев|мар|апр|май|июн|июл|авг|сен|окт|ноя|дек|mär|mai"
    r"|okt|dez)[a-zа-я]{0,6}[-. ]\d{1,4}",
    re.IGNORECASE,
)
_TOTAL = frozenset(
    [
        "итого", "всего", "итог", "total", "totals", "grand total", "subtotal", "sum", "summe", "gesamt",
        "gesamtsumme", "insgesamt", "suma", "razem", "totale", "totaux", "разом", "всього",
        "total general", "total geral",
    ]
)  # fmt: skip


def order_value(cell: str, note: Note | None = None) -> OrderValue:
    """What a cell says of an order. ``note`` is the reader's remark on the cell."""
    written = visible(cell)
    doubt = _doubt_of_note(note) or _doubt_of_text(written)
    if doubt is None and is_damaged(cell):
        doubt = Doubt.DAMAGED
    if doubt is not None:
        return OrderValue(_marked(cell) or written, "", doubt)
    taken = _unwrapped(_ascii_digits(written))
    written = _marked(cell) or written
    if (readings := _readings(taken)) and not (note and note.about == About.FORMAT):
        return OrderValue(written, "", Doubt.TWO_READINGS, readings)
    bare = _WORD_BEFORE.sub("", taken, count=1).strip() or taken
    bare = whole[1] if (whole := _WHOLE_FRACTION.fullmatch(bare)) else bare
    return OrderValue(written, bare)


def is_damaged(cell: str) -> bool:
    """Whether a text holds characters that people cannot see or that mislead them.

    Zero-width characters come along when people copy and change nothing; control characters, private
    characters and what could not be decoded stand where something else has been.
    """
    return not cell.isalnum() and any(
        char in (_SOFT_HYPHEN, _RIGHT_TO_LEFT_OVERRIDE, _REPLACEMENT)
        or (unicodedata.category(char) in ("Cc", "Co", "Cs") and char not in "\t\n")
        for char in cell.replace("\r\n", "\n")
    )


def _marked(cell: str) -> str:
    """The text with the names of unseen characters between its letters; empty where there are none."""
    if cell.isalnum() or (cell.isascii() and cell.isprintable()):
        return ""
    inner = cell.strip(_UNSEEN_AT_ENDS)
    shown = "".join(
        f"[U+{ord(char):04X}]" if unicodedata.category(char) in ("Cf", "Cc", "Co") else char
        for char in inner
    )
    return shown[:MAX_CHARACTERS] if shown != inner else ""


def _ascii_digits(text: str) -> str:
    """The text with full-width, Arabic and other digits as 0 to 9: the same number to its reader."""
    if text.isascii():
        return text
    return "".join(str(unicodedata.decimal(char)) if char.isdecimal() else char for char in text)


def names_no_order(cell: str) -> bool:
    """Whether a cell is empty or only sums up the rows above it."""
    text = visible(cell).casefold().strip(" :.")
    return not text or text in _TOTAL


def is_order_id(text: str) -> bool:
    """Whether a text can be an order's ID: up to 15 digits, the first of them no zero."""
    return text.isascii() and text.isdecimal() and len(text) <= 15 and not text.startswith("0")


def _doubt_of_note(note: Note | None) -> Doubt | None:
    if note is None:
        return None
    return {
        About.NO_RESULT: Doubt.NO_RESULT,
        About.DATE: Doubt.CONVERTED_TO_DATE,
        About.LONG_NUMBER: Doubt.SHORTENED,
    }.get(note.about)


def _doubt_of_text(text: str) -> Doubt | None:
    if _SCIENTIFIC.fullmatch(text):
        return Doubt.SHORTENED
    if _ERROR.fullmatch(text):
        return Doubt.SPREADSHEET_ERROR
    if _DATE.fullmatch(text):
        return Doubt.CONVERTED_TO_DATE
    return None


def _unwrapped(text: str) -> str:
    """What a shop has written for a spreadsheet to keep as text: ``="007036"`` and ``'007036``."""
    match = _SPREADSHEET_TEXT.fullmatch(text)
    return (match["text"] or match["quoted"] or "").strip() if match else text


def _readings(text: str) -> tuple[str, ...]:
    """The two numbers that digits in groups of three may be; nothing where only one is possible."""
    match = _THOUSANDS.fullmatch(text)
    if match is None:
        return ()
    sign = match["sign"]
    whole = re.sub(r"\D", "", text)
    if sign in ".," and text.count(sign) == 1:
        head, _, fraction = text.partition(sign)
        # 1.000 is a thousand or one; 12.345 is twelve thousand or a number with a point in it.
        return (whole, head) if not fraction.strip("0") else (whole, text)
    return (whole, text)

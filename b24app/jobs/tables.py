"""Reading what people upload: CSV in any common form, XLSX, a plain list.

Everything in it is hostile or careless: encodings, separators, headers in three languages, numbers that
a spreadsheet turned into fractions, archives that unpack to gigabytes. A bad row is named and the rest
goes on; only what is no table at all is refused as a whole.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from urllib.parse import urlsplit

from charset_normalizer import from_bytes

from b24app.jobs import workbooks
from b24app.jobs.models import JobItem
from b24app.jobs.workbooks import Unreadable
from b24app.orders.types import DEAL, INVOICE, Owner

__all__ = [
    "UNNAMED", "WHOLE", "Columns", "Row", "Unreadable", "clean", "header", "known_headers", "owner_of",
    "read", "row", "without_prefix",
]  # fmt: skip

MOST_COLUMNS = 60
MOST_LINES = 110_000
MOST_TITLES = 9
LONGEST_CELL = 500

SAMPLE = 64_000
OLD = ("cp1251", "cp1252", "koi8_r")
SEPARATORS = ("\t", ";", ",", "|")

Named = JobItem.Named

_HEADERS: dict[str, str] = {
    **dict.fromkeys(
        ["order", "orders", "заказ", "заказы", "bestellung", "bestellungen"], Named.EITHER
    ),
    **dict.fromkeys(
        [
            "number", "order number", "order no", "account number", "accountnumber", "no",
            "номер", "номер заказа", "заказ номер", "№", "№ заказа", "заказ №",
            "nummer", "nr", "bestellnummer", "bestellung nr", "bestellungsnummer", "bestell nr",
        ],
        Named.NUMBER,
    ),
    **dict.fromkeys(
        ["id", "order id", "orderid", "id заказа", "ид заказа", "bestell id", "bestellung id",
         "bestellungs id", "id der bestellung"],
        Named.ID,
    ),
    **dict.fromkeys(
        ["deal", "deals", "deal id", "dealid", "deal link", "link to the deal", "сделка", "сделки",
         "id сделки", "ид сделки", "номер сделки", "ссылка на сделку", "auftrag", "auftrags id",
         "auftrag id", "geschäft", "deal nummer", "link zum deal", "target", "to"],
        "deal",
    ),
    **dict.fromkeys(
        ["invoice", "invoice id", "счёт", "счет", "id счёта", "id счета", "rechnung", "rechnungs id",
         "rechnung id"],
        "invoice",
    ),
}  # fmt: skip

# Beside a column of orders these only number the rows.
_ROW_NUMBERS = frozenset({"no", "nr", "number", "nummer", "номер", "№", "id"})

_ORDER_PREFIX = re.compile(r"(?i)^(?:#|№|no\.?\s|nr\.?\s|n°)\s*")
_NUMBER = re.compile(r"[\w./ -]{1,64}")
WHOLE = re.compile(r"(\d+)[.,]0+")
_ID = re.compile(r"[1-9][0-9]{0,14}", re.ASCII)
_LINK = re.compile(
    r"/crm/(?:(?P<deal>deal)|type/(?P<type>\d{1,5}))/(?:details|show)/(?P<id>\d{1,15})",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Row:
    """One row as written: ``line`` counts from 1. ``problem`` says why it cannot be used, if so."""

    line: int
    order: str
    named: str
    card: str
    owner: Owner | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns name the order and its card, and how."""

    order: int
    named: str
    card: int | None
    card_type: int = DEAL


UNNAMED = Columns(0, Named.EITHER, 1)
"""Without a header: orders first, then cards."""


def read(content: bytes, host: str = "", *, card_needed: bool = False) -> Iterator[Row]:
    """The rows of a file or a pasted text. ``host`` is the portal's: links to others are refused.

    ``card_needed`` says that a table without a column of deals is of no use. Raises
    :class:`Unreadable` when the first rows show that it is no table, or on its way through.
    """
    lines = ((line, cells) for line, cells in _lines(content) if any(cells))
    first = list(islice(lines, MOST_TITLES + 1))
    if not first:
        return
    at = _header_at([cells for _, cells in first])
    known = header(first[at][1])
    columns = known or _unnamed(first[at][1])
    if card_needed and columns.card is None:
        raise Unreadable("no_card_column")
    for line, cells in chain(first[at + 1 if known else at :], lines):
        if line > MOST_LINES:
            raise Unreadable("too_many")
        yield row(line, cells, columns, host)


def owner_of(text: str, host: str = "") -> Owner | None:
    """The deal or invoice that a text names by id or by its link; None for anything else."""
    return _owner(text.strip(), DEAL, host)[0]


def without_prefix(order: str) -> str:
    """An order as written, without the sign for a number before it."""
    return _ORDER_PREFIX.sub("", order)


def _lines(content: bytes) -> Iterator[tuple[int, list[str]]]:
    if content.startswith(workbooks.MARK):
        return (
            (line, [clean(cell) for cell in cells])
            for line, cells in enumerate(
                workbooks.rows(content, MOST_COLUMNS, MOST_LINES + 1), start=1
            )
        )
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise Unreadable("old_excel")
    return _text(content)


def _header_at(rows: Sequence[Sequence[str]]) -> int:
    """Where the header is: reports have a title above it. The first row, where no other is plainly one."""
    known = [sum(1 for cell in cells if _plain(cell) in _HEADERS) for cells in rows]
    best = max(known)
    return known.index(best) if best > 1 else 0


def header(cells: Sequence[str]) -> Columns | None:
    """The meaning of a header's columns; None where the row is no header."""
    heads = [_plain(cell) for cell in cells]
    names = [_HEADERS.get(head, "") for head in heads]
    kinds = [Named.NUMBER, Named.EITHER, Named.ID]
    plain = ["" if head in _ROW_NUMBERS else name for head, name in zip(heads, names, strict=True)]
    order = next(
        (some.index(kind) for some in (plain, names) for kind in kinds if kind in some), None
    )
    if order is None:
        if any(names):
            raise Unreadable("no_order_column")
        return None
    card = next((names.index(kind) for kind in ("deal", "invoice") if kind in names), None)
    invoice = card is not None and names[card] == "invoice"
    return Columns(order, names[order], card, INVOICE if invoice else DEAL)


def _unnamed(cells: Sequence[str]) -> Columns:
    """A table without a header: orders first, then cards. Words instead of numbers are refused."""
    order = without_prefix(cells[0])
    if not any(char.isdigit() for char in order) or not _NUMBER.fullmatch(order):
        raise Unreadable("no_order_column")
    return UNNAMED if len(cells) > 1 else Columns(0, Named.EITHER, None)


def _plain(cell: str) -> str:
    return " ".join(re.sub(r"[^\w№]+", " ", cell.casefold().replace("_", " ")).split())


def row(line: int, cells: Sequence[str], columns: Columns, host: str) -> Row:
    """The cells of one line as a row of a table with these columns."""
    order = without_prefix(_cell(cells, columns.order))
    card = _cell(cells, columns.card)
    owner, problem = _owner(card, columns.card_type, host)
    if not order:
        problem = "no_order_given"
    elif len(order) > 64:
        problem = "order_too_long"
    elif columns.named == Named.ID and not _ID.fullmatch(order):
        problem = "bad_id"
    return Row(line, order, columns.named, card, owner, problem)


def _cell(cells: Sequence[str], column: int | None) -> str:
    return cells[column] if column is not None and column < len(cells) else ""


def _owner(card: str, type_id: int, host: str) -> tuple[Owner | None, str]:
    """The card a cell names, by its id or by its link, and what is wrong with it."""
    if not card:
        return None, ""
    if _ID.fullmatch(card):
        return Owner(type_id, int(card)), ""
    link = _LINK.search(card)
    if link is None or int(link["id"]) == 0:
        return None, "bad_card"
    kind = DEAL if link["deal"] else int(link["type"])
    if kind not in (DEAL, INVOICE):
        return None, "bad_card"
    if host and (named := _host(card)) and named != host:
        return None, "other_portal"
    return Owner(kind, int(link["id"])), ""


def _host(link: str) -> str:
    try:
        return urlsplit(link if "//" in link or link.startswith("/") else f"//{link}").netloc
    except ValueError:
        return "?"


def clean(value: object) -> str:
    """A cell as text: without what no order holds, a spreadsheet's 1201.0 as 1201."""
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value)[:LONGEST_CELL].replace("\x00", "").replace("\xa0", " ").strip()
    whole = WHOLE.fullmatch(text)
    return whole[1] if whole else text


# --- text --------------------------------------------------------------------------------------


def _text(content: bytes) -> Iterator[tuple[int, list[str]]]:
    text = _decoded(content)
    separator = _separator(text[:SAMPLE])
    # Quotes that never close would make one cell of the rest of the file.
    csv.field_size_limit(100_000)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    line = 1
    try:
        for cells in reader:
            yield line, [clean(cell) for cell in cells[:MOST_COLUMNS]]
            line = reader.line_num + 1
    except csv.Error:
        raise Unreadable("not_a_table") from None


def _decoded(content: bytes) -> str:
    """The text in whatever encoding it came; raises :class:`Unreadable` for what is no text."""
    for mark, encoding in (
        (b"\xef\xbb\xbf", "utf-8-sig"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
    ):
        if content.startswith(mark):
            return _as(content, encoding) or _no_text()
    if b"\x00" in content[:SAMPLE]:
        little = content[1:SAMPLE:2].count(0) >= content[0:SAMPLE:2].count(0)
        return _as(content, "utf-16-le" if little else "utf-16-be") or _no_text()
    if (text := _as(content, "utf-8")) is not None:
        return text
    guesses = {one: known_headers(text) for one in OLD if (text := _as(content, one)) is not None}
    likely = sorted(guesses, key=lambda one: guesses[one], reverse=True)
    if len(likely) > 1 and guesses[likely[0]] > guesses[likely[1]]:
        return _as(content, likely[0]) or _no_text()
    best = from_bytes(content[:SAMPLE], cp_isolation=list(OLD)).best()
    return _as(content, best.encoding if best else "cp1252") or _no_text()


def _as(content: bytes, encoding: str) -> str | None:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return None


def _no_text() -> str:
    raise Unreadable("not_a_table")


def known_headers(text: str) -> int:
    """How many cells of the first line head a column that we know."""
    first = re.split(r"[\t;,|]", text[:SAMPLE].split("\n", 1)[0])
    return sum(1 for cell in first if _plain(cell.strip(' "\r')) in _HEADERS)


def _separator(sample: str) -> str:
    """What stands between the cells: what cuts the first lines most evenly; a space as a last resort."""
    lines = [line for line in sample.splitlines()[:30] if line.strip()]

    def evenly(separator: str) -> int:
        counts = Counter(line.count(separator) for line in lines if separator in line)
        return max(counts.values(), default=0)

    best = max(SEPARATORS, key=evenly)
    if 2 * evenly(best) >= len(lines) > 0:
        return best
    return " " if any(len(line.split()) > 1 for line in lines) else ","

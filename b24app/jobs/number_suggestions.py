"""Which order a row without a known order may mean: looked up by number and suggested, never used.

People type O for 0, a Cyrillic letter for a Latin one, leave out leading zeros or the shop's prefix,
or copy quotes along. Each such reading is one number to look for; where exactly one order has one of
them, the row says so.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from django.db.models import QuerySet

from b24app.bitrix24 import ask
from b24app.bitrix24.ask import Ask
from b24app.jobs.models import Job, JobItem
from b24app.orders import order_numbers
from b24app.orders.order_numbers import Page

# Rows that are looked at, and readings of one row.
MAX_ROWS, MAX_READINGS = 100, 8
# Rows that were found, by which the form of the shop's numbers is known.
SAMPLE = 300

_CYRILLIC = "АВЕКМНОРСТУХавекмнорстух"
_LATIN = "ABEKMHOPCTYXabekmhopctyx"
_TO_LATIN, _TO_CYRILLIC = str.maketrans(_CYRILLIC, _LATIN), str.maketrans(_LATIN, _CYRILLIC)
_TO_DIGITS = str.maketrans("OoОоIil|Зз", "0000111133")
_STRAY = re.compile(r"[\s\u200b-\u200f\u2060\ufeff'\"`´«»‹›„“”‚‘’]+")
_ONE_NUMBER = re.compile(r"\D*(\d+)\D*")
_FORM = re.compile(r"(\D*)(\d+)")

Forms = Iterable[tuple[str, int]]
"""Prefix and width of the shop's numbers, where they have leading zeros; width 0 where not."""


def question(job: Job) -> Ask[tuple[Page, ...]]:
    """Orders with a number that the row may mean, for :func:`keep`. A refused page is empty."""
    wanted = sorted({reading for readings in _readings(job).values() for reading in readings})
    return ask.many(wanted, lambda page: order_numbers.page_with_numbers(page).otherwise(()))


def keep(job: Job, pages: Iterable[Page]) -> None:
    """Write beside each row the number of the only order it may mean."""
    found: dict[str, set[str]] = {}
    for order in (order for page in pages for order in page):
        found.setdefault(order.number.casefold(), set()).add(order.number)
    if not found:
        return
    for text, readings in _readings(job).items():
        numbers = {item for reading in readings for item in found.get(reading.casefold(), ())}
        if len(numbers) == 1:
            _lost(job).filter(order_text=text).update(detail=numbers.pop())


def readings_of(text: str, forms: Forms = ()) -> list[str]:
    """Other ways to read the text given as an order's number, likeliest first; without the text itself."""
    plain = _STRAY.sub("", text)
    digits = plain.translate(_TO_DIGITS)
    found = [
        plain,
        digits,
        plain.translate(_TO_LATIN),
        plain.translate(_TO_CYRILLIC),
        *_by_number(plain, forms),
        *_by_number(digits, forms),
    ]
    unlike = dict.fromkeys(item for item in found if item and item.casefold() != text.casefold())
    return list(unlike)[:MAX_READINGS]


def _by_number(text: str, forms: Forms) -> Iterable[str]:
    """The one number in a text: bare, without leading zeros, and in the forms of the shop's own numbers."""
    match = _ONE_NUMBER.fullmatch(re.sub(r"(?<=\d)[.,](?=\d{3}\b)", "", text))
    if match is None:
        return
    bare = match[1].lstrip("0") or match[1]
    for prefix, width in forms:
        yield prefix + bare.zfill(width)
    yield match[1]
    yield bare


def _readings(job: Job) -> Mapping[str, list[str]]:
    lost = _lost(job).exclude(order_text="").order_by("order_text")
    texts = lost.values_list("order_text", "named").distinct()[:MAX_ROWS]
    forms = _forms(job)
    # A number in a column of IDs is the commonest mistake of all.
    also = {text for text, named in texts if named == JobItem.Named.ID}
    return {
        text: [*([text] if text in also else []), *readings_of(text, forms)] for text, _ in texts
    }


def _lost(job: Job) -> QuerySet[JobItem]:
    return JobItem.objects.filter(job=job, verdict=JobItem.Verdict.NO_ORDER)


def _forms(job: Job) -> list[tuple[str, int]]:
    """The commonest forms among the numbers of the job's other orders."""
    known = JobItem.objects.filter(job=job).exclude(order_number="").order_by("pk")
    matches = (
        _FORM.fullmatch(number) for number in known.values_list("order_number", flat=True)[:SAMPLE]
    )
    counted = Counter(
        (match[1], len(match[2]) if match[2].startswith("0") else 0) for match in matches if match
    )
    return [form for form, _ in counted.most_common(2)]

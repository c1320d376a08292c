"""Which number a text may stand for that is nobody's number: typing mistakes and the shop's own forms.

People type O for 0, a Cyrillic letter for a Latin one, leave out leading zeros or the shop's prefix,
or copy quotes along. Each such reading is a number to look for; none is taken without an answer.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

MAX_READINGS = 8
"""Readings of one text."""

_CYRILLIC = "АВЕКМНОРСТУХавекмнорстух"
_LATIN = "ABEKMHOPCTYXabekmhopctyx"
_TO_LATIN, _TO_CYRILLIC = str.maketrans(_CYRILLIC, _LATIN), str.maketrans(_LATIN, _CYRILLIC)
_TO_DIGITS = str.maketrans("OoОоIil|Зз", "0000111133")
_STRAY = re.compile(r"[\s\u200b-\u200f\u2060\ufeff'\"`´«»‹›„“”‚‘’]+")
_ONE_NUMBER = re.compile(r"\D*(\d+)\D*")
_FORM = re.compile(r"(\D*)(\d+)")

Forms = Sequence[tuple[str, int]]
"""Prefix and width of the shop's numbers, where they have leading zeros; width 0 where not."""


def forms_of(numbers: Iterable[str]) -> Forms:
    """The two commonest forms among numbers of the shop."""
    matches = (_FORM.fullmatch(number) for number in numbers)
    counted = Counter(
        (match[1], len(match[2]) if match[2].startswith("0") else 0) for match in matches if match
    )
    return [form for form, _ in counted.most_common(2)]


def readings_of(text: str, forms: Forms = ()) -> list[str]:
    """Other ways to read an order's number, likeliest first; without the text itself."""
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
    """The only number in a text: bare, without leading zeros, and in the forms of the shop's numbers."""
    match = _ONE_NUMBER.fullmatch(re.sub(r"(?<=\d)[.,](?=\d{3}\b)", "", text))
    if match is None:
        return
    bare = match[1].lstrip("0") or match[1]
    for prefix, width in forms:
        yield prefix + bare.zfill(width)
    yield match[1]
    yield bare

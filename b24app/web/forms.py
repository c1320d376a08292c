"""Fields that only our own pages send, read strictly.

What people fill in and correct is checked where it is shown again. A value here that no page of ours
sends raises :class:`BadForm`: a plain 400, and nothing was done.
"""

import re
from datetime import date
from typing import Final

from django.core.exceptions import BadRequest
from django.http import QueryDict

MAX_DIGITS: Final = 15
MAX_SEARCH_CHARACTERS: Final = 100
# Searches ask for some days around the days they are given.
FIRST_YEAR, LAST_YEAR = 1900, 9000

_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class BadForm(BadRequest):
    """The form is not one of our pages' own; nothing was done."""


def whole_number(text: str, *, least: int = 0, most: int | None = None) -> int:
    """A number of at most 15 digits, from ``least`` to ``most``. Raises :class:`BadForm`."""
    if not (text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS):
        raise BadForm
    number = int(text)
    if number < least or (most is not None and number > most):
        raise BadForm
    return number


def optional_number(query: QueryDict, name: str) -> int:
    """The number in a field, 0 if the field is missing or empty. Raises :class:`BadForm`."""
    return whole_number(query.get(name, "") or "0")


def page_number(query: QueryDict, *, last: int) -> int:
    """The page asked for, 1 to ``last``. Raises :class:`BadForm`."""
    return whole_number(query.get("page", "1"), least=1, most=last)


def search_text(query: QueryDict) -> str:
    """The search as typed, without NUL characters, which no order has.

    Raises :class:`BadForm` if it is longer than 100 characters.
    """
    text = query.get("q", "").replace("\x00", "").strip()
    if len(text) > MAX_SEARCH_CHARACTERS:
        raise BadForm
    return text


def typed(text: str) -> str:
    """A text of several lines without control characters: the portal may drop them when it saves it."""
    return _CONTROLS.sub("", text)


def line(form: QueryDict, name: str, *, most: int) -> str:
    """A text on one line, of at most ``most`` characters. Raises :class:`BadForm`."""
    text = typed(" ".join(form.get(name, "").split()))
    if len(text) > most:
        raise BadForm
    return text


def day(query: QueryDict, name: str) -> date | None:
    """The date in a field, None if the field is missing or empty. Raises :class:`BadForm`."""
    text = query.get(name, "")
    if not text:
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise BadForm from None
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise BadForm
    return found

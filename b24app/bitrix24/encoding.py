"""Parameters on their way out: as JSON for one call, as a PHP query string inside a batch.

Followed pages: settings/how-to-call-rest-api/data-encoding.md, batch.md. In a query string every
value is text, so both ways write the same text: ``Decimal`` in plain digits, times in ISO 8601.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Final
from urllib.parse import quote

Params = Mapping[str, object]

MAX_VALUES: Final = 1000
"""PHP's default max_input_vars: values beyond it are dropped in silence when a query is parsed."""


def jsonable(value: object) -> object:
    """A copy of nested parameters that ``json.dumps`` accepts.

    Raises ``ValueError`` for naive times and numbers that are not finite, ``TypeError`` for
    anything JSON has no word for.
    """
    if isinstance(value, Mapping):
        return {_name(name): jsonable(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    return scalar(value)


def query(params: Params) -> str:
    """Parameters as PHP's ``parse_str`` reads them back: ``filter[=id]=1&select[0]=id``, escaped.

    Booleans become 1 and 0 (PHP takes the text "false" for true), None an empty string. An empty
    list or object at the top means "not given" and is left out. Deeper it is a ``ValueError``: a
    query string cannot hold it, and a filter without its condition matches everything.
    """
    pairs = [
        f"{name}={quote(text, safe='')}"
        for key, value in params.items()
        if not (isinstance(value, Mapping | list | tuple) and not value)
        for name, text in _flat(_top(key), value)
    ]
    if len(pairs) > MAX_VALUES:
        raise ValueError(f"{len(pairs)} values in one command; PHP reads {MAX_VALUES}")
    return "&".join(pairs)


def scalar(value: object) -> str:
    """One value as text. Raises ``ValueError`` or ``TypeError`` as :func:`jsonable` does."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float | Decimal):
        return _number(value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("a time without its zone")
        return value.isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} cannot be sent")


def _number(value: float | Decimal) -> str:
    if not math.isfinite(value):
        raise ValueError("not a finite number")
    return format(value, "f") if isinstance(value, Decimal) else repr(value)


def _flat(name: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        items: Sequence[tuple[str, object]] = [(_name(key), item) for key, item in value.items()]
    elif isinstance(value, list | tuple):
        items = [(str(index), item) for index, item in enumerate(value)]
    else:
        yield name, scalar(value)
        return
    if not items:
        raise ValueError(f"{name} is empty: a query string cannot say so")
    for key, item in items:
        yield from _flat(f"{name}[{quote(key, safe='')}]", item)


def _name(key: object) -> str:
    name = str(key) if isinstance(key, str | int) and not isinstance(key, bool) else ""
    if not name or "[" in name or "]" in name or "\0" in name:
        raise ValueError(f"{key!r} cannot be the name of a parameter")
    return name


def _top(key: object) -> str:
    name = _name(key)
    if not name.replace("_", "").isalnum() or not name.isascii():
        raise ValueError(f"{key!r} cannot be the name of a parameter: PHP would rename it")
    return name

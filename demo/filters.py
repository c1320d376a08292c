"""List methods: prefixes, order, selection, pages of 50 (settings/how-to-call-rest-api/list-methods-*)."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import TypeVar

from demo.php import intval, values
from demo.tables import Row

PAGE = 50

Condition = Callable[[Row], bool]
T = TypeVar("T")

_PREFIXES = ("!=%", "!%=", "!@", "!%", ">=", "<=", "=%", "%=", "!=", ">", "<", "@", "%", "!", "=")
_NUMBERS = (int, float)
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ].*)?")


def split(key: object) -> tuple[str, str]:
    """The prefix of a filter's key, and the field."""
    prefix = next((text for text in _PREFIXES if str(key).startswith(text)), "")
    return prefix, str(key).removeprefix(prefix)


def listed(
    rows: Iterable[Row],
    params: Mapping[str, object],
    known: Iterable[str],
    *,
    ordered: bool = False,
) -> tuple[list[Row], int | None]:
    """Rows after filter, order, selection and paging, and the total (None for start=-1).

    A field that is not ``known`` is dropped from the filter in silence, as the portal does. Rows that
    come ``ordered`` are read no further than a page where nothing has to be counted.
    """
    matching = iter(rows)
    for condition in _conditions(given(params), set(known)):
        matching = filter(condition, matching)
    start = intval(params.get("start", 0))
    found = list(islice(matching, PAGE) if ordered and start < 0 else matching)
    if not ordered:
        for name, direction in reversed(list(order_of(params).items())):
            found.sort(key=_by(str(name)), reverse=str(direction).lower() == "desc")
    total = len(found)
    page = found[max(start, 0) : max(start, 0) + PAGE]
    select = [str(name) for name in values(params["select"])] if params.get("select") else []
    if select and "*" not in select:
        page = [{name: row[name] for name in row if name in select} for row in page]
    return page, None if start < 0 else total


def given(params: Mapping[str, object]) -> Mapping[str, object]:
    """The filter of a call; empty where there is none."""
    found = params.get("filter") or params.get("FILTER")
    return found if isinstance(found, Mapping) else {}


def order_of(params: Mapping[str, object]) -> Mapping[str, object]:
    """The sorting of a call: fields with their directions."""
    found = params.get("order")
    return found if isinstance(found, Mapping) else {}


def near(
    rows: Iterable[T],
    params: Mapping[str, object],
    lookups: Mapping[str, Callable[[int], Iterable[T]]],
) -> Iterable[T]:
    """Of the rows those that a filter on a number finds without going through all of them."""
    for key, wanted in given(params).items():
        prefix, name = split(key)
        if name in lookups and prefix in ("", "=", "@"):
            numbers = sorted({intval(value) for value in values(wanted)})
            return [row for number in numbers for row in lookups[name](number)]
    return rows


def sorting(params: Mapping[str, object]) -> tuple[str, bool]:
    """The field that decides the order, and whether it falls; "" where none is asked for.

    A field that the filter holds to one value decides nothing.
    """
    fixed = {name for prefix, name in map(split, given(params)) if prefix in ("", "=")}
    for name, direction in order_of(params).items():
        if name not in fixed:
            return str(name), str(direction).lower() == "desc"
    return "", False


def walked(
    numbers: Iterable[int], params: Mapping[str, object], name: str, *, down: bool
) -> list[int]:
    """Numbers of a field within the bounds of its filter, upwards or ``down``."""
    found = sorted(numbers)
    for key, wanted in given(params).items():
        prefix, field = split(key)
        if field != name or prefix not in _COMPARE:
            continue
        cut = bisect_left if prefix in ("<", ">=") else bisect_right
        at = cut(found, intval(wanted))
        found = found[:at] if prefix.startswith("<") else found[at:]
    return found[::-1] if down else found


def _by(name: str) -> Callable[[Row], "_Rank"]:
    return lambda row: _rank(row.get(name))


def _rank(value: object) -> tuple[bool, float, str]:
    """What a value is compared by: a number, a moment, or else its text."""
    if type(value) is int:
        return (True, value, "")
    text = str(value)
    try:
        if _DATE.fullmatch(text):
            moment = datetime.fromisoformat(text)
            return (True, (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp(), "")
        return (value is not None, float(text), "")
    except ValueError:
        return (value is not None, 0.0, text)


def _conditions(wanted: Mapping[str, object], known: set[str]) -> Iterator[Condition]:
    for key, value in wanted.items():
        prefix, name = split(key)
        if name in known:
            yield _condition(prefix, name, value)


def _condition(prefix: str, name: str, wanted: object) -> Condition:
    if prefix in ("@", "!@", "", "=", "!=", "!"):
        texts = {str(value) for value in values(wanted)}
        numbers = {_number(value) for value in values(wanted)}
        return _among(name, texts, numbers, positive=not prefix.startswith("!"))
    if prefix in _COMPARE:
        compare, bound = _COMPARE[prefix], _rank(wanted)
        return lambda row: compare(_rank(row.get(name)), bound)
    holds = _like(str(wanted).casefold(), anywhere=prefix in ("%", "!%"))
    positive = not prefix.startswith("!")
    return lambda row: holds(str(row.get(name) or "").casefold()) is positive


def _among(name: str, texts: set[str], numbers: set[float], *, positive: bool) -> Condition:
    def holds(row: Row) -> bool:
        have = row.get(name)
        found = have in numbers if isinstance(have, _NUMBERS) else str(have) in texts
        return found is positive

    return holds


def _number(value: object) -> float:
    """What is compared with a number: an amount with its cents, anything else as PHP's intval has it."""
    return value if isinstance(value, float) else intval(value)


def _like(text: str, *, anywhere: bool) -> Callable[[str], bool]:
    """Whether a text matches: has ``text`` ``anywhere``, or where the percent signs around it allow."""
    if anywhere:
        return lambda have: text in have
    bare = text.strip("%")
    matches: Mapping[tuple[bool, bool], Callable[[str], bool]] = {
        (True, True): lambda have: bare in have,
        (True, False): lambda have: have.endswith(bare),
        (False, True): lambda have: have.startswith(bare),
        (False, False): lambda have: have == bare,
    }
    return matches[text.startswith("%"), text.endswith("%")]


_Rank = tuple[bool, float, str]
_COMPARE: Mapping[str, Callable[[_Rank, _Rank], bool]] = {
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
}

"""List methods: prefixes, order, selection, pages of 50 (settings/how-to-call-rest-api/list-methods-*)."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from demo.php import intval, values
from demo.state import Row

PAGE = 50

Condition = Callable[[Row], bool]

_PREFIXES = ("!=%", "!%=", "!@", "!%", ">=", "<=", "=%", "%=", "!=", ">", "<", "@", "%", "!", "=")


def listed(
    rows: Iterable[Row], params: Mapping[str, object], known: Iterable[str]
) -> tuple[list[Row], int | None]:
    """Rows after filter, order, selection and paging, and the total (None for start=-1).

    A field that is not ``known`` is dropped from the filter in silence, as the portal does.
    """
    conditions = list(_conditions(params.get("filter") or params.get("FILTER"), set(known)))
    found = [row for row in rows if all(holds(row) for holds in conditions)]
    order = params.get("order")
    if isinstance(order, Mapping):
        for name, direction in reversed(list(order.items())):
            found.sort(key=_by(str(name)), reverse=str(direction).lower() == "desc")
    total = len(found)
    start = intval(params.get("start", 0))
    page = found[max(start, 0) : max(start, 0) + PAGE]
    select = [str(name) for name in values(params["select"])] if params.get("select") else []
    if select and "*" not in select:
        page = [{name: row[name] for name in row if name in select} for row in page]
    return page, None if start < 0 else total


def _by(name: str) -> Callable[[Row], "_Rank"]:
    return lambda row: _rank(row.get(name))


def _rank(value: object) -> tuple[bool, float, str]:
    try:
        return (value is not None, float(str(value)), "")
    except ValueError:
        return (value is not None, 0.0, str(value))


def _conditions(given: object, known: set[str]) -> Iterator[Condition]:
    for key, wanted in given.items() if isinstance(given, Mapping) else ():
        prefix = next((one for one in _PREFIXES if str(key).startswith(one)), "")
        name = str(key).removeprefix(prefix)
        if name in known:
            yield _condition(prefix, name, wanted)


def _condition(prefix: str, name: str, wanted: object) -> Condition:
    if prefix in ("@", "!@", "", "=", "!=", "!"):
        texts = {str(one) for one in values(wanted)}
        numbers = {_number(one) for one in values(wanted)}
        positive = not prefix.startswith("!")
        return lambda row: _among(row.get(name), texts, numbers) is positive
    if prefix in _COMPARE:
        compare, bound = _COMPARE[prefix], _rank(wanted)
        return lambda row: compare(_rank(row.get(name)), bound)
    return lambda row: _like(str(row.get(name) or ""), str(wanted), prefix)


def _among(have: object, texts: set[str], numbers: set[float]) -> bool:
    return have in numbers if isinstance(have, int | float) else str(have) in texts


def _number(value: object) -> float:
    """What is compared with a number: an amount with its cents, anything else as PHP's intval has it."""
    return value if isinstance(value, float) else intval(value)


def _like(have: str, wanted: str, prefix: str) -> bool:
    have, text = have.casefold(), wanted.casefold()
    if prefix in ("%", "!%"):
        found = text in have
    else:
        bare = text.strip("%")
        found = {
            (True, True): bare in have,
            (True, False): have.endswith(bare),
            (False, True): have.startswith(bare),
            (False, False): have == bare,
        }[text.startswith("%"), text.endswith("%")]
    return found is not prefix.startswith("!")


_Rank = tuple[bool, float, str]
_COMPARE: Mapping[str, Callable[[_Rank, _Rank], bool]] = {
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
}

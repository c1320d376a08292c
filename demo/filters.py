"""List methods: prefixes, order, selection, pages of 50 (settings/how-to-call-rest-api/list-methods-*)."""

from collections.abc import Callable, Iterable, Mapping

from demo.php import intval, values
from demo.state import Row

PAGE = 50

_PREFIXES = ("!=%", "!%=", "!@", "!%", ">=", "<=", "=%", "%=", "!=", ">", "<", "@", "%", "!", "=")


def listed(
    rows: Iterable[Row], params: Mapping[str, object], known: Iterable[str]
) -> tuple[list[Row], int | None]:
    """Rows after filter, order, selection and paging, and the total (None for start=-1).

    A field that is not ``known`` is dropped from the filter in silence, as the portal does.
    """
    fields = set(known)
    found = [
        row for row in rows if _holds(row, params.get("filter") or params.get("FILTER"), fields)
    ]
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


def _holds(row: Row, conditions: object, fields: set[str]) -> bool:
    if not isinstance(conditions, Mapping):
        return True
    return all(_one(row, str(key), value, fields) for key, value in conditions.items())


def _one(row: Row, key: str, wanted: object, fields: set[str]) -> bool:
    prefix = next((one for one in _PREFIXES if key.startswith(one)), "")
    name = key.removeprefix(prefix)
    if name not in fields:
        return True
    have = row.get(name)
    number = isinstance(have, int | float) or name.lower().endswith("id")
    if prefix in ("@", "!@", "", "=", "!=", "!"):
        return _among(have, wanted, number=number) is not prefix.startswith("!")
    if prefix in (">", "<", ">=", "<="):
        return _COMPARE[prefix](_rank(have), _rank(wanted))
    return _like(str(have or ""), str(wanted), prefix)


def _among(have: object, wanted: object, *, number: bool) -> bool:
    one_of = values(wanted)
    if number and not isinstance(have, str):
        return have in [intval(one) for one in one_of]
    return str(have) in [str(one) for one in one_of]


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

"""What PHP does to requests and answers: brackets in names, loose numbers, one kind of empty array."""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl

_PART = re.compile(r"\[([^\]]*)\]")
_REFERENCE = re.compile(r"\$result((?:\[[^\]]+\])+)", re.IGNORECASE)

Tree = dict[str, object]


def parse_str(text: str) -> Tree:
    """A query string with brackets as a tree; lists come back as dicts with number keys, as in PHP."""
    return tree(parse_qsl(text, keep_blank_values=True))


def tree(pairs: Iterable[tuple[str, str]]) -> Tree:
    found: Tree = {}
    for name, value in pairs:
        head, _, rest = name.partition("[")
        path = [head, *_PART.findall("[" + rest if rest else "")]
        place: Tree = found
        for part in path[:-1]:
            below = place.setdefault(part or str(len(place)), {})
            if not isinstance(below, dict):
                below = place[part] = {}
            place = below
        place[path[-1] or str(len(place))] = value
    return found


def values(value: object) -> list[object]:
    """A list however it came: as a list, as PHP's array, or as one value."""
    if isinstance(value, Mapping):
        return list(value.values())
    return list(value) if isinstance(value, list) else [value]


def intval(value: object) -> int:
    """PHP's intval: leading digits count, an array is 1, an empty one 0."""
    if isinstance(value, list | dict):
        return 1 if value else 0
    match = re.match(r"\s*[+-]?\d+", str(value))
    return int(match[0]) if match else 0


def referred(params: object, results: Mapping[str, object]) -> object:
    """``$result[…]`` as the kernel resolves it (settings/how-to-call-rest-api/batch.md).

    A value that is one reference becomes the raw value; a step that is missing leaves the last value
    reached; inside longer text only text is put in.
    """
    if isinstance(params, dict):
        return {key: referred(value, results) for key, value in params.items()}
    if not isinstance(params, str):
        return params
    whole = _REFERENCE.fullmatch(params)
    if whole:
        return _reach(whole[1], results)

    def inside(match: re.Match[str]) -> str:
        reached = _reach(match[1], results)
        return reached if isinstance(reached, str) else match[0]

    return _REFERENCE.sub(inside, params)


def _reach(path: str, results: Mapping[str, object]) -> object:
    reached: object = results
    for step in _PART.findall(path):
        if isinstance(reached, Mapping) and step in reached:
            reached = reached[step]
        elif isinstance(reached, list) and step.isdecimal() and int(step) < len(reached):
            reached = reached[int(step)]
        else:
            break
    return reached


def array(value: Mapping[str, object]) -> object:
    """An array as PHP writes it: a list when its keys count from 0, so ``[]`` when it is empty."""
    return list(value.values()) if list(value) == [str(n) for n in range(len(value))] else value

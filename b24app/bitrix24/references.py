"""``$result[key][path]``: a command's parameter taken from an earlier command of the same batch.

The portal's rules (settings/how-to-call-rest-api/batch.md and the kernel's behaviour): a value
that is one reference and nothing else becomes the raw value; a reference inside longer text is
replaced if it leads to text; where a step of the path is missing, the last value reached counts.
A reader must therefore be ready for the whole list when the row it named is not there.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from b24app.bitrix24.encoding import Params

_REFERENCE: Final = re.compile(r"\$result((?:\[[^\[\]\s]+\])+)", re.IGNORECASE)
_STEP: Final = re.compile(r"\[([^\[\]]+)\]")


def plain(text: str) -> str:
    """Text typed by a person, without the power to refer to other commands of the batch."""
    return re.sub(r"\$+(?=result\[)", "", text, flags=re.IGNORECASE)


def written(key: str, path: Iterable[str | int]) -> str:
    """The reference to ``path`` in the result of the command with this key."""
    return f"$result[{key}]" + "".join(f"[{step}]" for step in path)


def used(params: object) -> frozenset[str]:
    """Keys of the commands whose results these parameters take."""
    return frozenset(
        _STEP.findall(found.group(1))[0]
        for text in _texts(params)
        for found in _REFERENCE.finditer(text)
    )


def resolved(params: Params, results: Mapping[str, object]) -> dict[str, object]:
    """Parameters with the references to ``results`` replaced as the portal would; others stay."""
    return {name: _resolve(value, results) for name, value in params.items()}


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def _resolve(value: object, results: Mapping[str, object]) -> object:
    if isinstance(value, Mapping):
        return {name: _resolve(item, results) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_resolve(item, results) for item in value]
    if not isinstance(value, str):
        return value
    whole = _REFERENCE.fullmatch(value)
    if whole:
        return _reached(whole, results)
    return _REFERENCE.sub(lambda found: _inside(found, results), value)


def _inside(found: re.Match[str], results: Mapping[str, object]) -> str:
    value = _reached(found, results)
    return value if isinstance(value, str) else found.group(0)


def _reached(found: re.Match[str], results: Mapping[str, object]) -> object:
    key, *path = _STEP.findall(found.group(1))
    if key not in results:
        return found.group(0)
    value = results[key]
    for step in path:
        if isinstance(value, Mapping) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            break
    return value

"""Filters, order and selection of list methods as typed values.

A key the portal does not know is dropped in silence and the filter then matches everything, so
every name is checked against the fields of the method before anything is sent. Followed page:
crm/universal/order-entity/crm-order-entity-list.md (all of its prefixes).
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from b24app.bitrix24 import batch

ORDER_ENTITY_FIELDS: Final = frozenset({"orderId", "ownerId", "ownerTypeId"})
"""The fields of crm.orderentity.list."""


class Op(StrEnum):
    """The documented prefixes. LIKE takes the ``%`` in its value, CONTAINS adds it itself."""

    EQUAL = "="
    NOT_EQUAL = "!="
    NOT = "!"
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    IN = "@"
    NOT_IN = "!@"
    CONTAINS = "%"
    NOT_CONTAINS = "!%"
    LIKE = "=%"
    LIKE_ALSO = "%="
    NOT_LIKE = "!=%"
    NOT_LIKE_ALSO = "!%="


_LISTS: Final = frozenset({Op.IN, Op.NOT_IN})
_CONTAINS: Final = frozenset({Op.CONTAINS, Op.NOT_CONTAINS})
_LIKES: Final = frozenset({Op.LIKE, Op.LIKE_ALSO, Op.NOT_LIKE, Op.NOT_LIKE_ALSO})


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition. Raises ``ValueError`` for a value that does not suit the operator.

    IN and NOT_IN take a list that is not empty: an empty one is lost on the way, and the filter
    with it.
    """

    field: str
    op: Op
    value: object

    def __post_init__(self) -> None:
        if self.op in _LISTS:
            if not isinstance(self.value, list | tuple) or not self.value:
                raise ValueError(f"{self.key} needs a list that is not empty")
        elif isinstance(self.value, list | tuple | dict | set | frozenset):
            raise ValueError(f"{self.key} needs one value")
        if self.op in _CONTAINS and (not isinstance(self.value, str) or "%" in self.value):
            raise ValueError(f"{self.key} needs text without %")
        if self.op in _LIKES and (not isinstance(self.value, str) or "%" not in self.value):
            raise ValueError(f"{self.key} needs text with %")

    @property
    def key(self) -> str:
        return f"{self.op.value}{self.field}"


@dataclass(frozen=True, slots=True)
class Order:
    field: str
    direction: Literal["asc", "desc"] = "asc"


@dataclass(frozen=True, slots=True)
class ListQuery:
    """The parameters of a list method whose fields are ``fields``.

    ``start`` is the offset of the page, a multiple of 50, or -1 for a page without the count.
    Raises ``ValueError`` for a name that is not among ``fields``, or a condition given twice.
    """

    fields: frozenset[str]
    filters: Sequence[Filter] = ()
    order: Sequence[Order] = ()
    select: Sequence[str] = ()
    start: int = 0

    def __post_init__(self) -> None:
        conditions(self.filters, self.fields)
        self._known([*(order.field for order in self.order), *self.select])
        if self.start != -1 and (self.start < 0 or self.start % batch.SIZE):
            raise ValueError(f"start is a multiple of {batch.SIZE}, or -1")

    def params(self) -> dict[str, object]:
        """The parameters as the method takes them; what was not given is left out."""
        params: dict[str, object] = {"start": self.start}
        if self.filters:
            params["filter"] = conditions(self.filters, self.fields)
        if self.order:
            params["order"] = {order.field: order.direction for order in self.order}
        if self.select:
            params["select"] = list(self.select)
        return params

    def _known(self, names: Iterable[str]) -> None:
        if unknown := sorted(set(names) - self.fields):
            raise ValueError(f"unknown fields {unknown}: the portal would drop them in silence")


def conditions(filters: Iterable[Filter], fields: frozenset[str]) -> dict[str, object]:
    """The ``filter`` parameter. Raises ``ValueError`` as :class:`ListQuery` does."""
    found: dict[str, object] = {}
    for filter_ in filters:
        if filter_.field not in fields:
            raise ValueError(
                f"unknown field {filter_.field!r}: the portal would drop it in silence"
            )
        if filter_.key in found:
            raise ValueError(f"{filter_.key} is given twice")
        found[filter_.key] = (
            list(filter_.value) if isinstance(filter_.value, list | tuple) else filter_.value
        )
    return found


# What conditions on numbers hold: a number, some of its digits with the % of LIKE, or several numbers.
_LARGEST: Final = 10**15
_DIGITS: Final = re.compile(r"%?\d{1,15}%?", re.ASCII)
_MOST: Final = 500


def written(filters: Iterable[Filter]) -> str:
    """Conditions on numbers as text that :func:`parsed` reads."""
    return json.dumps([[filter_.field, filter_.op, filter_.value] for filter_ in filters])


def parsed(text: str) -> list[Filter]:
    """The conditions that :func:`written` wrote; ``ValueError`` for what it cannot have written."""
    try:
        raw = json.loads(text)
    except RecursionError:
        raise ValueError("nested without end") from None
    if not isinstance(raw, list) or len(raw) > _MOST:
        raise ValueError("not a list of conditions")
    return [_parsed(item) for item in raw]


def _parsed(raw: object) -> Filter:
    match raw:
        case [str(field), str(op), list(values)] if len(values) <= _MOST:
            return Filter(field, Op(op), [_value(item) for item in values])
        case [str(field), str(op), value]:
            return Filter(field, Op(op), _value(value))
    raise ValueError("not a condition")


def _value(raw: object) -> int | str:
    if isinstance(raw, str) and _DIGITS.fullmatch(raw):
        return raw
    if isinstance(raw, int) and not isinstance(raw, bool) and 0 <= raw < _LARGEST:
        return raw
    raise ValueError("not a number")

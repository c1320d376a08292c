"""The explorer's conditions: plain words in the form, the documented filters in the call.

Every filter of crm.orderentity.list has a word here (crm/universal/order-entity/
crm-order-entity-list.md). What cannot be sent is shown back to the person and never sent: the portal
would drop it in silence and answer every link it has.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.core.exceptions import BadRequest
from django.http import QueryDict

from b24app.bitrix24.filters import ORDER_ENTITY_FIELDS, Filter, Op, conditions

MOST = 10
LONGEST_LIST = 500

FIELDS: Mapping[str, str] = {"order": "orderId", "owner": "ownerId", "type": "ownerTypeId"}

# Words with a value of their own, with a list, and with text that stands somewhere in the number.
_ONE: Mapping[str, Op] = {"is": Op.EQUAL, "is_not": Op.NOT_EQUAL}
_MANY = ("one_of", "none_of")
_PART: Mapping[str, tuple[Op, str]] = {
    "contains": (Op.CONTAINS, "{}"),
    "lacks": (Op.NOT_CONTAINS, "{}"),
    "begins": (Op.LIKE, "{}%"),
    "begins_not": (Op.NOT_LIKE, "{}%"),
    "ends": (Op.LIKE, "%{}"),
    "ends_not": (Op.NOT_LIKE, "%{}"),
}
_NEGATIVE = ("is_not", "none_of")
WORDS = (*_ONE, *_MANY, "between", *_PART)

_NUMBER = re.compile(r"\d{1,15}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Condition:
    """One line of the form as typed. ``kind`` is the owner type chosen where that is asked for."""

    field: str
    word: str
    value: str = ""
    upto: str = ""
    kind: str = ""

    @property
    def by_kind(self) -> bool:
        """Whether the type is chosen by name and not typed as a number."""
        return self.field == "type" and self.word in (*_ONE, *_MANY)

    def filters(self) -> list[Filter]:
        """The conditions to send; raises ``ValueError`` where the line says nothing that could be."""
        name = FIELDS[self.field]
        if self.word == "between":
            ends = ((Op.GREATER_OR_EQUAL, self.value), (Op.LESS_OR_EQUAL, self.upto))
            found = [Filter(name, op, _number(text)) for op, text in ends if text.strip()]
            if not found:
                raise ValueError("neither from nor to")
            return found
        if self.word in _PART:
            op, pattern = _PART[self.word]
            return [Filter(name, op, pattern.format(_number(self.value, keep=True)))]
        numbers = _numbers(self.kind if self.by_kind else self.value)
        if self.word in _MANY or self.by_kind:
            return [Filter(name, Op.NOT_IN if self.word in _NEGATIVE else Op.IN, numbers)]
        if len(numbers) > 1:
            raise ValueError("more than one value")
        return [Filter(name, _ONE[self.word], numbers[0])]


def _number(text: str, *, keep: bool = False) -> int | str:
    """A number as typed, its leading zeros kept where it is only a part of one."""
    bare = text.strip()
    if not _NUMBER.fullmatch(bare):
        raise ValueError("not a number")
    return bare if keep else int(bare)


def _numbers(text: str) -> list[int]:
    parts = [one for one in re.split(r"[\s,;]+", text) if one]
    if not 0 < len(parts) <= LONGEST_LIST or not all(map(_NUMBER.fullmatch, parts)):
        raise ValueError("not a list of numbers")
    return sorted({int(one) for one in parts})


@dataclass(frozen=True, slots=True)
class Conditions:
    """All lines of the form. ``wrong`` are the numbers of those that cannot be sent."""

    lines: tuple[Condition, ...]
    filters: tuple[Filter, ...]
    wrong: frozenset[int]


def read(query: QueryDict) -> Conditions:
    """The form's lines; empty ones are left out. Raises ``BadRequest`` for what no form of ours sends."""
    columns = [query.getlist(name) for name in ("field", "word", "value", "upto", "kind")]
    if len(columns[0]) > MOST or len({len(one) for one in columns}) > 1:
        raise BadRequest
    lines = [Condition(*parts) for parts in zip(*columns, strict=True)]
    if any(one.field not in FIELDS or one.word not in WORDS for one in lines):
        raise BadRequest
    return _checked(one for one in lines if one.by_kind or one.value.strip() or one.upto.strip())


def _checked(lines: Iterable[Condition]) -> Conditions:
    kept = tuple(lines)
    filters: list[Filter] = []
    wrong: set[int] = set()
    for number, line in enumerate(kept):
        try:
            more = line.filters()
            conditions([*filters, *more], ORDER_ENTITY_FIELDS)
        except ValueError:
            wrong.add(number)
        else:
            filters += more
    return Conditions(kept, tuple(filters), frozenset(wrong))


def written(lines: Iterable[Condition]) -> list[tuple[str, str]]:
    """The lines as a query's parameters, for the pages that follow."""
    return [
        (name, getattr(line, name))
        for line in lines
        for name in ("field", "word", "value", "upto", "kind")
    ]

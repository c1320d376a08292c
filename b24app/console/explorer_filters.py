"""The explorer's conditions: plain words in the form, the documented filters in the call.

Every filter of crm.orderentity.list has a word here (crm/universal/order-entity/
crm-order-entity-list.md). What cannot be sent is shown back to the person and never sent: the portal
would drop it in silence and answer every link it has.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.http import QueryDict

from b24app.bitrix24.filters import ORDER_ENTITY_FIELDS, Filter, Op, conditions
from b24app.orders.card_reference import CardProblem, card_value
from b24app.orders.types import Owner
from b24app.web.forms import BadForm

MAX_CONDITIONS = 10
MAX_VALUES = 500

FIELDS: Mapping[str, str] = {"order": "orderId", "owner": "ownerId", "type": "ownerTypeId"}

# Words with a value of their own, with a list, and with text that occurs anywhere in the number.
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


class OtherPortal(ValueError):
    """A condition has a link to another portal."""


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

    def filters(self, host: str) -> list[Filter]:
        """The conditions to send. Raises ``ValueError`` if the line cannot be sent.

        ``host`` is the portal's: *is* and *is one of* take links to its deals or its invoices as well,
        and then ask for that type too. Raises :class:`OtherPortal` for a link to another portal.
        """
        if self.field == "owner" and self.word in ("is", "one_of"):
            owners = _owners(self.value, host)
            if len(owners) > 1 and self.word == "is":
                raise ValueError("more than one value")
            if owners:
                return _of_owners(owners)
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


def _owners(text: str, host: str) -> list[Owner]:
    """The cards that links in the text lead to; empty if all of it is numbers."""
    parts = _parts(text)
    if all(map(_NUMBER.fullmatch, parts)):
        return []
    found = [card_value(part, host) for part in parts if not _NUMBER.fullmatch(part)]
    if any(value.problem is CardProblem.OTHER_PORTAL for value in found):
        raise OtherPortal("a link to another portal")
    owners = [value.owner for value in found if value.owner is not None]
    if len(owners) < len(parts) or len(parts) > MAX_VALUES:
        raise ValueError("not a list of links")
    return owners


def _of_owners(owners: Sequence[Owner]) -> list[Filter]:
    """Raises ``ValueError`` for cards of two types: the portal's filters cannot ask for both at once."""
    types = {owner.type_id for owner in owners}
    if len(types) > 1:
        raise ValueError("deals and invoices at once")
    ids = sorted({owner.id for owner in owners})
    by_type = Filter(FIELDS["type"], Op.IN, sorted(types))
    return [Filter(FIELDS["owner"], Op.IN, ids), by_type]


def _number(text: str, *, keep: bool = False) -> int | str:
    """A number as typed, its leading zeros kept where it is only a part of one."""
    bare = text.strip()
    if not _NUMBER.fullmatch(bare):
        raise ValueError("not a number")
    return bare if keep else int(bare)


def _numbers(text: str) -> list[int]:
    parts = _parts(text)
    if not 0 < len(parts) <= MAX_VALUES or not all(map(_NUMBER.fullmatch, parts)):
        raise ValueError("not a list of numbers")
    return sorted({int(part) for part in parts})


def _parts(text: str) -> list[str]:
    return [part for part in re.split(r"[\s,;]+", text) if part]


@dataclass(frozen=True, slots=True)
class Conditions:
    """All lines of the form.

    ``wrong`` are the numbers of those that cannot be sent, ``other_portal`` whether one of these has a
    link to another portal.
    """

    lines: tuple[Condition, ...]
    filters: tuple[Filter, ...]
    wrong: frozenset[int]
    other_portal: bool = False


def read(query: QueryDict, host: str) -> Conditions:
    """The form's lines without empty ones; ``host`` is the portal's.

    Raises :class:`BadForm` for what no form of ours sends.
    """
    columns = [query.getlist(name) for name in ("field", "word", "value", "upto", "kind")]
    if len(columns[0]) > MAX_CONDITIONS or len({len(column) for column in columns}) > 1:
        raise BadForm
    lines = [Condition(*parts) for parts in zip(*columns, strict=True)]
    if any(condition.field not in FIELDS or condition.word not in WORDS for condition in lines):
        raise BadForm
    kept = tuple(
        condition
        for condition in lines
        if condition.by_kind or condition.value.strip() or condition.upto.strip()
    )
    return _checked(kept, host)


def _checked(lines: tuple[Condition, ...], host: str) -> Conditions:
    filters: list[Filter] = []
    wrong: set[int] = set()
    other_portal = False
    for number, line in enumerate(lines):
        try:
            more = [filter_ for filter_ in line.filters(host) if filter_ not in filters]
            conditions([*filters, *more], ORDER_ENTITY_FIELDS)
        except ValueError as error:
            wrong.add(number)
            other_portal = other_portal or isinstance(error, OtherPortal)
        else:
            filters += more
    return Conditions(lines, tuple(filters), frozenset(wrong), other_portal)


def written(lines: Iterable[Condition]) -> list[tuple[str, str]]:
    """The lines as a query's parameters, for the pages that follow."""
    return [
        (name, getattr(line, name))
        for line in lines
        for name in ("field", "word", "value", "upto", "kind")
    ]

"""The conditions of a rule as data: read from JSON, checked, and written back.

All conditions must hold; *or* is a second rule. Nothing here asks the portal or the database.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Final, TypeVar

from b24app.orders.matching import Reason

MAX_CHOICES: Final = 50
MAX_DEAL_DAYS: Final = 3650
MAX_WAIT_MINUTES: Final = 24 * 60
MAX_LINKS_AN_HOUR: Final = 10_000
MAX_AMOUNT: Final = Decimal(10) ** 12
MAX_STAGE_CHARACTERS: Final = 50

WHO: Final = (Reason.CONTACT, Reason.COMPANY, Reason.PHONE, Reason.EMAIL)
"""What a rule may go by; how well it must fit is decided by :mod:`b24app.orders.matching`."""


class Payer(StrEnum):
    ANY = "any"
    COMPANY = "company"
    PERSON = "person"


class Several(StrEnum):
    """What to do if several deals fit."""

    SUGGEST = "suggest"
    NEWEST = "newest"
    NOTHING = "nothing"


class Since(StrEnum):
    """From which of a deal's dates its age is counted."""

    CREATED = "created"
    CHANGED = "changed"


class BadConditions(ValueError):
    """The data does not describe a rule; ``field`` is the first field that is wrong."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


@dataclass(frozen=True, slots=True)
class Conditions:
    """A rule as it reads. Empty tuples stand for "any".

    ``least`` is an amount in major units of ``currency``, 0 for no lower bound. ``max_days`` is the
    greatest age of a deal when the order comes, 0 for any age. ``own_deal``: an order in a deal that
    the portal made for it, and that nobody has touched, may be moved. A rule stops itself after
    ``links_an_hour`` links in an hour, or once ``undone_percent`` of a day's links were undone.
    """

    payer: Payer = Payer.ANY
    sources: tuple[int, ...] = ()
    least: Decimal = Decimal(0)
    currency: str = ""
    responsibles: tuple[int, ...] = ()
    who: tuple[Reason, ...] = (Reason.CONTACT, Reason.COMPANY)
    funnels: tuple[int, ...] = ()
    stages: tuple[str, ...] = ()
    max_days: int = 60
    since: Since = Since.CREATED
    wait_minutes: int = 15
    several: Several = Several.SUGGEST
    own_deal: bool = False
    links_an_hour: int = 50
    undone_percent: int = 20

    def written(self) -> dict[str, object]:
        """The conditions as JSON data; :func:`read` is the reverse."""
        data = {name: _plain(value) for name, value in asdict(self).items()}
        return data | {"least": format(self.least, "f")}

    def fingerprint(self) -> str:
        """The same text for rules that link the same orders: when a rule stops itself is left out."""
        data = self.written()
        for name in ("links_an_hour", "undone_percent"):
            del data[name]
        text = json.dumps(data, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def reads_contacts(self) -> bool:
        """Whether telephones and e-mails of clients are needed."""
        return Reason.PHONE in self.who or Reason.EMAIL in self.who


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def read(data: object) -> Conditions:
    """The conditions in JSON data; a field that is missing has its default.

    Raises :class:`BadConditions` for anything else, unknown fields included.
    """
    if not isinstance(data, Mapping):
        raise BadConditions("conditions")
    known = {item.name for item in fields(Conditions)}
    unknown = sorted(str(name) for name in set(data) - known)
    if unknown:
        raise BadConditions(unknown[0])
    plain = Conditions()
    values = {name: data.get(name, getattr(plain, name)) for name in known}
    found = Conditions(
        payer=_choice("payer", values, Payer),
        sources=_numbers("sources", values),
        least=_amount("least", values),
        currency=_currency("currency", values),
        responsibles=_numbers("responsibles", values),
        who=_who("who", values),
        funnels=_numbers("funnels", values, least=0),
        stages=_stages("stages", values),
        max_days=_number("max_days", values, 0, MAX_DEAL_DAYS),
        since=_choice("since", values, Since),
        wait_minutes=_number("wait_minutes", values, 0, MAX_WAIT_MINUTES),
        several=_choice("several", values, Several),
        own_deal=_flag("own_deal", values),
        links_an_hour=_number("links_an_hour", values, 1, MAX_LINKS_AN_HOUR),
        undone_percent=_number("undone_percent", values, 1, 100),
    )
    if found.least and not found.currency:
        raise BadConditions("currency")
    if found.own_deal and not found.wait_minutes:
        raise BadConditions("wait_minutes")
    return found


Choice = TypeVar("Choice", bound=StrEnum)
Values = Mapping[str, object]


def _choice(name: str, values: Values, kind: type[Choice]) -> Choice:
    try:
        return kind(str(values[name]))
    except ValueError:
        raise BadConditions(name) from None


def _number(name: str, values: Values, least: int, most: int) -> int:
    value = values[name]
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise BadConditions(name)
    return value


def _flag(name: str, values: Values) -> bool:
    value = values[name]
    if not isinstance(value, bool):
        raise BadConditions(name)
    return value


def _items(name: str, values: Values) -> list[object]:
    value = values[name]
    if not isinstance(value, list | tuple) or len(value) > MAX_CHOICES:
        raise BadConditions(name)
    return list(value)


def _numbers(name: str, values: Values, *, least: int = 1) -> tuple[int, ...]:
    found: set[int] = set()
    for item in _items(name, values):
        if isinstance(item, bool) or not isinstance(item, int) or not least <= item < 10**15:
            raise BadConditions(name)
        found.add(item)
    return tuple(sorted(found))


def _stages(name: str, values: Values) -> tuple[str, ...]:
    found: set[str] = set()
    for item in _items(name, values):
        if not isinstance(item, str) or not 0 < len(item) <= MAX_STAGE_CHARACTERS:
            raise BadConditions(name)
        found.add(item)
    return tuple(sorted(found))


def _who(name: str, values: Values) -> tuple[Reason, ...]:
    items = {str(item) for item in _items(name, values)}
    if not items or not items <= {reason.value for reason in WHO}:
        raise BadConditions(name)
    return tuple(reason for reason in WHO if reason.value in items)


def _amount(name: str, values: Values) -> Decimal:
    try:
        amount = Decimal(str(values[name]))
    except InvalidOperation:
        raise BadConditions(name) from None
    if not amount.is_finite() or not 0 <= amount <= MAX_AMOUNT:
        raise BadConditions(name)
    return round(amount, 4).normalize() + 0 if amount else Decimal(0)


def _currency(name: str, values: Values) -> str:
    value = values[name]
    if not isinstance(value, str) or (value and not (len(value) == 3 and value.isascii())):
        raise BadConditions(name)
    return value.upper()

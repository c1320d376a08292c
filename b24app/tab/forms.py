"""What the page sends back, checked before anything is asked of the portal."""

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from django.http import QueryDict

from b24app.orders.types import DEAL, INVOICE, Owner
from b24app.web.forms import BadForm, whole_number

__all__ = ["BadForm", "Pick", "StatusPick"]

MAX_ORDERS = 50

_PICK = re.compile(r"(\d{1,15})\|(?:(\d{1,5}):(\d{1,15}))?", re.ASCII)
_STATUS = re.compile(r"(\d{1,15})\|([\w-]{1,8})", re.ASCII)
_ENTRY = re.compile(r"\d{1,18}", re.ASCII)
_CODE = re.compile(r"[\w-]{1,8}", re.ASCII)
_AMOUNT = re.compile(r"\d{1,15}(?:\.\d{1,4})?", re.ASCII)

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Pick:
    """An order a person chose, and where it was linked when they looked (None: nowhere)."""

    order_id: int
    seen: Owner | None


@dataclass(frozen=True, slots=True)
class StatusPick:
    """An order a person chose, and the status it had when they looked."""

    order_id: int
    seen: str


def seen_text(owner: Owner | None) -> str:
    """The place of an order as the page carries it: ``2:7021``, or empty for nowhere."""
    return f"{owner.type_id}:{owner.id}" if owner is not None else ""


def picks(form: QueryDict, *, most: int = MAX_ORDERS) -> list[Pick]:
    """The chosen orders, 1 to ``most``, each once; raises :class:`BadForm`."""
    values = form.getlist("order")
    return _each(values, _PICK, lambda found: Pick(int(found[1]), _place(found)), 1, most)


def status_picks(form: QueryDict, *, most: int = MAX_ORDERS, least: int = 1) -> list[StatusPick]:
    """The chosen orders with the statuses the person saw, each once; raises :class:`BadForm`.

    An order whose status the page did not know is left out.
    """
    values = [text for text in form.getlist("held") if not text.endswith("|")]
    return _each(values, _STATUS, lambda found: StatusPick(int(found[1]), found[2]), least, most)


def _each(
    values: list[str],
    pattern: re.Pattern[str],
    made: Callable[[re.Match[str]], Item],
    least: int,
    most: int,
) -> list[Item]:
    """One item for each order among ``values``; the first group of the pattern is its id."""
    found: dict[int, Item] = {}
    for value in values:
        match = pattern.fullmatch(value)
        if match is None or int(match[1]) == 0:
            raise BadForm
        found[int(match[1])] = made(match)
    if not least <= len(found) <= most:
        raise BadForm
    return list(found.values())


def _place(found: re.Match[str]) -> Owner | None:
    if found[2] is None:
        return None
    if int(found[2]) not in (DEAL, INVOICE) or int(found[3]) == 0:
        raise BadForm
    return Owner(int(found[2]), int(found[3]))


def status_code(form: QueryDict) -> str:
    """The status to be set; raises :class:`BadForm`."""
    code = form.get("to", "")
    if not _CODE.fullmatch(code):
        raise BadForm
    return code


def amount(form: QueryDict, name: str) -> Decimal:
    """An amount in major units as our own page wrote it; raises :class:`BadForm`."""
    raw = form.get(name, "")
    if not _AMOUNT.fullmatch(raw):
        raise BadForm
    return Decimal(raw)


def undone(form: QueryDict) -> tuple[uuid.UUID | None, list[int]]:
    """What is to be undone: all of one click, or entries of the audit. Raises :class:`BadForm`."""
    entries = form.getlist("entry")
    if entries:
        if len(entries) > MAX_ORDERS or not all(_ENTRY.fullmatch(entry) for entry in entries):
            raise BadForm
        return None, [int(entry) for entry in entries]
    try:
        return uuid.UUID(form.get("change", "")), []
    except ValueError:
        raise BadForm from None


def order_number(form: QueryDict) -> int | None:
    """The one order a request is about, if it names one; raises :class:`BadForm` for nonsense."""
    raw = form.get("order", "").removesuffix("|")
    if not raw:
        return None
    return whole_number(raw, least=1)


def one_order(form: QueryDict) -> int:
    """The one order a request is about; raises :class:`BadForm`."""
    found = order_number(form)
    if found is None:
        raise BadForm
    return found

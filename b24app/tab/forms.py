"""What the page sends back, checked before anything is asked of the portal."""

import re
from dataclasses import dataclass

from django.core.exceptions import BadRequest
from django.http import QueryDict

from b24app.orders.types import DEAL, INVOICE, Owner

MOST = 50
LONGEST_SEARCH = 100

_PICK = re.compile(r"(\d{1,15})\|(?:(\d{1,5}):(\d{1,15}))?", re.ASCII)


class BadForm(BadRequest):
    """The form is not one of our pages' own; nothing was done, and the answer is a plain 400."""


@dataclass(frozen=True, slots=True)
class Pick:
    """An order a person chose, and where it stood when they looked (None: nowhere)."""

    order_id: int
    seen: Owner | None


def seen_text(owner: Owner | None) -> str:
    """The place of an order as the page carries it: ``2:7021``, or empty for nowhere."""
    return f"{owner.type_id}:{owner.id}" if owner is not None else ""


def picks(form: QueryDict) -> list[Pick]:
    """The chosen orders, 1 to 50, each once; raises :class:`BadForm`."""
    found: dict[int, Pick] = {}
    for raw in form.getlist("order"):
        match = _PICK.fullmatch(raw)
        if match is None or int(match[1]) == 0:
            raise BadForm
        found[int(match[1])] = Pick(int(match[1]), _place(match[2], match[3]))
    if not 0 < len(found) <= MOST:
        raise BadForm
    return list(found.values())


def _place(type_id: str | None, owner_id: str | None) -> Owner | None:
    if type_id is None or owner_id is None:
        return None
    if int(type_id) not in (DEAL, INVOICE) or int(owner_id) == 0:
        raise BadForm
    return Owner(int(type_id), int(owner_id))


def page_number(query: QueryDict) -> int:
    """The page asked for, 1 to 500; raises :class:`BadForm`."""
    raw = query.get("page", "1")
    if not (raw.isascii() and raw.isdecimal() and len(raw) < 4 and 0 < int(raw) <= 500):
        raise BadForm
    return int(raw)


def search_text(query: QueryDict) -> str:
    """The search as typed, without what no order holds; raises :class:`BadForm` when it is too long."""
    raw = query.get("q", "").replace("\x00", "").strip()
    if len(raw) > LONGEST_SEARCH:
        raise BadForm
    return raw

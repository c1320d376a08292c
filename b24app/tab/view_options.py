"""What a person asked to see: the fields of the form ``#narrow``, sent along with every request."""

import re
from enum import Enum
from typing import TypeVar

from django.http import QueryDict

from b24app.orders.filtering import Narrowing, Sort
from b24app.orders.shown_page import Asked
from b24app.orders.types import DeliveryState, PaymentState
from b24app.web.forms import BadForm, page_number, search_text

_STATUS = re.compile(r"[A-Za-z0-9_-]{0,20}")
LAST_PAGE = 500
_DIRECTIONS = {"": True, "desc": True, "asc": False}

State = TypeVar("State", bound=Enum)


def of(query: QueryDict) -> Asked:
    """The page asked for; everything, newest first, where nothing is. Raises :class:`BadForm`."""
    status, direction = query.get("status", ""), query.get("dir", "")
    if not _STATUS.fullmatch(status) or direction not in _DIRECTIONS:
        raise BadForm
    narrowing = Narrowing(
        text=search_text(query),
        status=status,
        payment=_state(PaymentState, query.get("payment", "")),
        delivery=_state(DeliveryState, query.get("delivery", "")),
        canceled=query.get("canceled", "on") == "on",
        sort=_state(Sort, query.get("sort", "")) or Sort.ADDED,
        descending=_DIRECTIONS[direction],
    )
    return Asked(narrowing, page_number(query, last=LAST_PAGE))


def _state(kind: type[State], name: str) -> State | None:
    if not name:
        return None
    try:
        return kind(name)
    except ValueError:
        raise BadForm from None

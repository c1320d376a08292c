"""The links of a portal, page by page.

Sorted by order, a page goes on from the last order seen (``<orderId`` or ``>orderId``, without a
count), so that the millionth link costs what the first does. An order has at most one link, so none
comes twice. Sorted otherwise, pages are counted off by ``start``. The total is what the portal said
with the first page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.core.exceptions import BadRequest
from django.http import QueryDict

from b24app.bitrix24.answers import Answer
from b24app.bitrix24.client import Client, Command
from b24app.bitrix24.filters import Filter, Op, Order
from b24app.console import conditions, described
from b24app.console.conditions import FIELDS, Conditions
from b24app.console.described import Described
from b24app.orders import links
from b24app.orders.types import OrderLink
from b24app.portals.models import Portal

PAGE = 50
FARTHEST = 1_000_000


@dataclass(frozen=True, slots=True)
class Look:
    """What is asked for: conditions, sorting, and from where on.

    ``after`` and ``before`` are orders (0: none) in the sorting by order, ``start`` counts links in
    any other. ``total`` is what the first page said, None before it is read.
    """

    conditions: Conditions
    sort: str = "order"
    descending: bool = True
    after: int = 0
    before: int = 0
    start: int = 0
    total: int | None = None

    @property
    def first(self) -> bool:
        return not (self.after or self.before or self.start)


@dataclass(frozen=True, slots=True)
class Page:
    """What was read. ``previous`` and ``next`` are queries, empty where there is nothing."""

    rows: tuple[Described, ...]
    total: int | None
    previous: str
    next: str
    unread: bool


def read(query: QueryDict) -> Look:
    """The look a query asks for; raises ``BadRequest`` for what no page of ours asks."""
    sort = query.get("sort", "order")
    if sort not in FIELDS:
        raise BadRequest
    descending = query.get("down", "1") == "1"
    after, before = _whole(query, "after"), _whole(query, "before")
    jump = query.get("jump", "").strip()
    if jump.isascii() and jump.isdecimal() and 0 < len(jump) < 16 and sort == "order":
        after = int(jump) + (1 if descending else -1)
    start = _whole(query, "start") // PAGE * PAGE
    if start > FARTHEST:
        raise BadRequest
    return Look(
        conditions.read(query),
        sort,
        descending,
        after=max(after, 0),
        before=before,
        start=start if sort != "order" else 0,
        total=_whole(query, "total") if "total" in query else None,
    )


def _whole(query: QueryDict, name: str) -> int:
    raw = query.get(name, "") or "0"
    if not (raw.isascii() and raw.isdecimal() and len(raw) < 16):
        raise BadRequest
    return int(raw)


def page(client: Client, portal: Portal, look: Look) -> Page:
    """One page of links with what their orders and owners are called, in two requests.

    Raises ``errors.BitrixError`` where the links cannot be read; without names the page is shown
    all the same.
    """
    answer = client.batch({"links": command(look)})["links"]
    found = links.links_of(answer)[:PAGE]
    if look.before:
        found.reverse()
    total = answer.total if isinstance(answer, Answer) and look.first else look.total
    rows, unread = described.of(client, portal, found)
    return Page(rows, total, _previous(look, found, total), _next(look, found, total), unread)


def command(look: Look) -> Command:
    """The call that reads one page."""
    down = look.descending is not bool(look.before)
    direction = Order(FIELDS[look.sort], "desc" if down else "asc")
    if look.sort != "order":
        order = [direction, Order("orderId", "desc")]
        return links.listing(look.conditions.filters, order=order, start=look.start)
    seen = look.before or look.after
    going_on = [Filter("orderId", Op.LESS if down else Op.GREATER, seen)] if seen else []
    filters = [*look.conditions.filters, *going_on]
    return links.listing(filters, order=[direction], start=-1 if seen else 0)


def _next(look: Look, found: Sequence[OrderLink], total: int | None) -> str:
    if look.sort == "order":
        more = bool(found) and (bool(look.before) or len(found) == PAGE)
        return address(look, total, after=found[-1].order_id) if more else ""
    more = look.start + PAGE < (total or 0) and look.start + PAGE <= FARTHEST
    return address(look, total, start=look.start + PAGE) if more else ""


def _previous(look: Look, found: Sequence[OrderLink], total: int | None) -> str:
    if look.sort != "order":
        return address(look, total, start=look.start - PAGE) if look.start else ""
    if look.first or (look.before and len(found) < PAGE):
        return ""
    if not found:
        return address(look, None)
    return address(look, total, before=found[0].order_id)


def address(look: Look, total: int | None, **place: int) -> str:
    """The query of another page of the same look."""
    known = {"total": total} if total is not None else {}
    sorting = {"sort": look.sort, "down": int(look.descending)}
    lines = conditions.written(look.conditions.lines)
    return urlencode([*lines, *sorting.items(), *known.items(), *place.items()])


def sortings(look: Look) -> dict[str, str]:
    """The query behind each column's heading: the same links, sorted by it, or the other way round."""
    lines = conditions.written(look.conditions.lines)
    found = {}
    for name in FIELDS:
        down = not look.descending if name == look.sort else name == "order"
        found[name] = urlencode([*lines, ("sort", name), ("down", int(down))])
    return found

"""The links of a portal, page by page.

A page continues after the last link of the page before, in the sorting's own terms and without a count,
so that the millionth link costs what the first does. By order that is one condition (``<orderId``). By
owner or type it is two commands in one request: what is left of the same owner, and the owners behind
it. An order has at most one link, so none comes twice. The total is what the portal said with the first
page.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import QueryDict

from b24app.bitrix24 import ask, batch
from b24app.bitrix24.ask import Ask
from b24app.bitrix24.client import Client, Command
from b24app.bitrix24.filters import Filter, Op, Order
from b24app.console import explorer_filters, link_descriptions
from b24app.console.explorer_filters import FIELDS, Conditions
from b24app.console.link_descriptions import Described
from b24app.orders import links
from b24app.orders.types import OrderLink
from b24app.portals.models import Portal
from b24app.web.forms import BadForm, optional_number

_BEYOND: Mapping[bool, Op] = {True: Op.LESS, False: Op.GREATER}


@dataclass(frozen=True, slots=True)
class Look:
    """What is asked for: conditions, sorting, and from where on.

    ``after`` and ``before`` are orders (0: none), and ``at`` is the value of the sorting's own field
    there. ``end`` asks for the last page. ``total`` is what the first page said, None before it is
    read.
    """

    conditions: Conditions
    sort: str = "order"
    descending: bool = True
    after: int = 0
    before: int = 0
    at: int = 0
    end: bool = False
    total: int | None = None

    @property
    def first(self) -> bool:
        return not (self.after or self.back)

    @property
    def back(self) -> bool:
        """Whether the page is read from its end."""
        return self.end or self.before > 0


@dataclass(frozen=True, slots=True)
class Page:
    """What was read. The four ways to go on are queries, empty where there is nothing."""

    rows: tuple[Described, ...]
    total: int | None
    first: str
    previous: str
    next: str
    last: str
    unread: bool


def read(query: QueryDict, host: str) -> Look:
    """The look a query asks for. ``host`` is the portal's.

    Raises :class:`BadForm` for what no page of ours asks.
    """
    sort = query.get("sort", "order")
    if sort not in FIELDS:
        raise BadForm
    descending = query.get("down", "1") == "1"
    after, before = optional_number(query, "after"), optional_number(query, "before")
    jump = query.get("jump", "").strip()
    if jump.isascii() and jump.isdecimal() and 0 < len(jump) < 16 and sort == "order":
        after = int(jump) + (1 if descending else -1)
    return Look(
        explorer_filters.read(query, host),
        sort,
        descending,
        after=max(after, 0),
        before=before,
        at=optional_number(query, "at"),
        end=query.get("end") == "1",
        total=optional_number(query, "total") if "total" in query else None,
    )


def page(client: Client, portal: Portal, look: Look) -> Page:
    """One page of links with what their orders and owners are called, in two requests.

    Raises ``errors.BitrixError`` where the links cannot be read; without names the page is shown
    all the same.
    """
    read = client.answer(links_of(look))
    found = [link for links, _ in read for link in links][: batch.SIZE]
    if look.back:
        found.reverse()
    total = read[0][1] if look.first else look.total
    rows, unread = link_descriptions.of(client, portal, found)
    full = len(found) == batch.SIZE
    fore = full if look.back else not look.first
    aft = not look.end and (full or look.back)
    return Page(
        rows,
        total,
        first=address(look, None) if fore or not (found or look.first) else "",
        previous=address(look, total, "before", found[0]) if found and fore else "",
        next=address(look, total, "after", found[-1]) if found and aft else "",
        last=address(look, total, "end") if aft else "",
        unread=unread,
    )


def links_of(look: Look) -> Ask[tuple[tuple[list[OrderLink], int | None], ...]]:
    """The links of one page in one or two parts, each with the total if the portal counted it.

    Raises the portal's refusal of either part.
    """
    return ask.every(
        ask.of(command, lambda answer: (links.read_links(answer), answer.total))
        for command in commands(look)
    )


def commands(look: Look) -> list[Command]:
    """The calls that read one page, one after the other; the first has the total, if any."""
    field, down = FIELDS[look.sort], look.descending is not look.back
    filters, seen = look.conditions.filters, look.before or look.after
    # Below the sorting's own field, the newest order comes first.
    falls = down if look.sort == "order" else not look.back
    by_order = Order("orderId", "desc" if falls else "asc")
    by_field = Order(field, "desc" if down else "asc")
    sorting = [by_order] if look.sort == "order" else [by_field, by_order]
    if not seen:
        return [links.listing(filters, order=sorting, start=0 if look.first else -1)]
    behind = Filter("orderId", Op.LESS if falls else Op.GREATER, seen)
    if look.sort == "order":
        return [links.listing([*filters, behind], order=sorting, start=-1)]
    same, beyond = Filter(field, Op.EQUAL, look.at), Filter(field, _BEYOND[down], look.at)
    if same.key in {filter_.key for filter_ in filters}:
        return [links.listing([*filters, behind], order=[by_order], start=-1)]
    return [
        links.listing([*filters, same, behind], order=[by_order], start=-1),
        links.listing([*filters, beyond], order=sorting, start=-1),
    ]


def address(look: Look, total: int | None, way: str = "", link: OrderLink | None = None) -> str:
    """The query of another page of the same look: the first, the last, ``before`` or ``after`` a link."""
    known = {"total": total} if total is not None else {}
    sorting = {"sort": look.sort, "down": int(look.descending)}
    place = {way: link.order_id if link else 1} if way else {}
    if link and look.sort != "order":
        place["at"] = link.owner.type_id if look.sort == "type" else link.owner.id
    lines = explorer_filters.written(look.conditions.lines)
    return urlencode([*lines, *sorting.items(), *known.items(), *place.items()])


def sortings(look: Look) -> dict[str, str]:
    """The query behind each column's heading: the same links, sorted by it, or the other way round."""
    lines = explorer_filters.written(look.conditions.lines)
    found = {}
    for name in FIELDS:
        down = not look.descending if name == look.sort else name == "order"
        found[name] = urlencode([*lines, ("sort", name), ("down", int(down))])
    return found

"""Order links, ``crm.orderentity.list``: which orders a card has, and where orders are linked.

How a link is changed is in :mod:`b24app.changes`.
"""

from collections.abc import Iterable, Mapping, Sequence

from b24app.bitrix24 import errors
from b24app.bitrix24.client import Answer, Client, Command
from b24app.bitrix24.filters import ORDER_ENTITY_FIELDS, Filter, ListQuery, Op, Order
from b24app.orders import parsing
from b24app.orders.types import OrderLink, Owner

LIST = "crm.orderentity.list"

Outcome = Answer | errors.BitrixError


def of_owner(owner: Owner, start: int = 0) -> Command:
    """The links of one deal or invoice, newest orders first, 50 from ``start``."""
    return listing(filters_of(owner), order=[Order("orderId", "desc")], start=start)


def filters_of(owner: Owner) -> list[Filter]:
    """The conditions on the links of one deal or invoice."""
    return [Filter("ownerTypeId", Op.EQUAL, owner.type_id), Filter("ownerId", Op.EQUAL, owner.id)]


def of_orders(order_ids: Sequence[int]) -> Command:
    """The links of at most 50 orders: an order has one link, so one page holds them."""
    if not 0 < len(order_ids) <= 50:
        raise ValueError("1 to 50 orders at once")
    return listing([Filter("orderId", Op.IN, list(order_ids))], order=[Order("orderId")])


def listing(filters: Sequence[Filter], *, order: Sequence[Order], start: int = 0) -> Command:
    """``crm.orderentity.list`` with any documented condition.

    A field the method does not know raises ``ValueError``: the portal would drop the condition and
    answer every link it has.
    """
    fields = ORDER_ENTITY_FIELDS
    return Command(LIST, ListQuery(fields, filters, order, sorted(fields), start).params())


def place_commands(order_ids: Iterable[int]) -> dict[str, Command]:
    """Commands that read where orders are linked, at most 50 orders each, for :func:`places`."""
    ids = sorted(set(order_ids))
    return {f"place{at}": of_orders(ids[at : at + 50]) for at in range(0, len(ids), 50)}


def places(order_ids: Iterable[int], outcomes: Mapping[str, Outcome]) -> dict[int, Owner | None]:
    """Where each order is linked, from the outcomes of :func:`place_commands`.

    Raises the command's error when a page could not be read: a gap is not "linked nowhere".
    """
    found: dict[int, Owner | None] = dict.fromkeys(order_ids)
    for key, outcome in outcomes.items():
        if key.startswith("place"):
            if isinstance(outcome, errors.BitrixError):
                raise outcome
            for link in parsing.links(outcome.result):
                if link.order_id in found:
                    found[link.order_id] = link.owner
    return found


def read_places(client: Client, order_ids: Iterable[int]) -> dict[int, Owner | None]:
    """Where each order is linked now."""
    ids = sorted(set(order_ids))
    return places(ids, client.batch(place_commands(ids))) if ids else {}


def links_of(outcome: Outcome) -> list[OrderLink]:
    """The links in one page's outcome; raises its error."""
    if isinstance(outcome, errors.BitrixError):
        raise outcome
    return list(parsing.links(outcome.result))

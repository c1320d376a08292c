"""Order links, ``crm.orderentity.list``: which orders a card has, and where orders are linked.

How a link is changed is in :mod:`b24app.changes`.
"""

from collections.abc import Iterable, Sequence

from b24app.bitrix24 import ask, batch
from b24app.bitrix24.ask import Ask
from b24app.bitrix24.client import Answer, Command
from b24app.bitrix24.filters import ORDER_ENTITY_FIELDS, Filter, ListQuery, Op, Order
from b24app.orders import parsing
from b24app.orders.types import OrderLink, Owner

LIST = "crm.orderentity.list"


def of_owner(owner: Owner, start: int = 0) -> Command:
    """The links of one deal or invoice, newest orders first, 50 from ``start``."""
    return listing(filters_of(owner), order=[Order("orderId", "desc")], start=start)


def filters_of(owner: Owner) -> list[Filter]:
    """The conditions on the links of one deal or invoice."""
    return [Filter("ownerTypeId", Op.EQUAL, owner.type_id), Filter("ownerId", Op.EQUAL, owner.id)]


def of_orders(order_ids: Sequence[int]) -> Command:
    """The links of at most 50 orders: an order has one link, so one page holds them."""
    if not 0 < len(order_ids) <= batch.SIZE:
        raise ValueError(f"1 to {batch.SIZE} orders at once")
    return listing([Filter("orderId", Op.IN, list(order_ids))], order=[Order("orderId")])


def listing(filters: Sequence[Filter], *, order: Sequence[Order], start: int = 0) -> Command:
    """``crm.orderentity.list`` with any documented condition.

    A field the method does not know raises ``ValueError``: the portal would drop the condition and
    answer every link it has.
    """
    fields = ORDER_ENTITY_FIELDS
    return Command(LIST, ListQuery(fields, filters, order, sorted(fields), start).params())


def links_of_card(owner: Owner) -> Ask[list[OrderLink]]:
    """The links of one deal or invoice, newest orders first, at most 50."""
    return ask.of(of_owner(owner), read_links)


def read_links(answer: Answer) -> list[OrderLink]:
    """The links in the answer of ``crm.orderentity.list``."""
    return list(parsing.links(answer.result))


def owners_of(order_ids: Iterable[int]) -> Ask[dict[int, Owner | None]]:
    """The deal or invoice that each order is linked to, None for none.

    Raises the portal's refusal of any page: a gap is not "linked to nothing".
    """
    ids = sorted(set(order_ids))
    return ask.many(ids, lambda page: ask.of(of_orders(page), read_links)).map(
        lambda pages: read_owners(ids, pages)
    )


def read_owners(
    order_ids: Iterable[int], pages: Iterable[Iterable[OrderLink]]
) -> dict[int, Owner | None]:
    """The deal or invoice of each of the orders among ``pages`` of links."""
    found: dict[int, Owner | None] = dict.fromkeys(order_ids)
    for link in (link for page in pages for link in page):
        if link.order_id in found:
            found[link.order_id] = link.owner
    return found

"""One order and the card it is linked to, in one request."""

from collections.abc import Mapping
from dataclasses import dataclass

from b24app.bitrix24 import ask
from b24app.bitrix24.ask import Ask
from b24app.bitrix24.client import Command
from b24app.orders import cards, links, parsing
from b24app.orders.types import DEAL, INVOICE, Card, Order, Owner


@dataclass(frozen=True, slots=True)
class Placed:
    """An order, where it is linked, and that card; ``card`` is None where the person cannot open it."""

    order: Order
    place: Owner | None
    card: Card | None


def order_of(order_id: int) -> Ask[Order]:
    """One order without what hangs on it. Raises ``errors.OrderNotFound`` where it is not shown."""
    params = {"select": parsing.ORDER_FIELDS, "filter": {"=id": order_id}}
    command = Command("sale.order.list", params)
    return ask.of(command, lambda answer: parsing.order_row(answer, order_id)[0])


def current_link_of(order_id: int) -> Ask[Placed]:
    """The order and its place. Raises the portal's refusals, ``OrderNotFound`` where it is gone.

    Followed pages: sale/order/sale-order-list.md, crm/universal/order-entity/crm-order-entity-list.md.
    """
    of_order = links.of_orders([order_id])
    owner_id = of_order.at("orderEntity", 0, "ownerId")
    owner = ask.of(of_order, links.read_links).map(
        lambda found: links.read_owners([order_id], [found])[order_id]
    )
    deals, invoices = (cards.referenced(type_id, [owner_id]) for type_id in (DEAL, INVOICE))
    return ask.together(order_of(order_id), owner, deals, invoices).map(
        lambda found: _placed(found[0], found[1], {**found[2], **found[3]})
    )


def _placed(order: Order, owner: Owner | None, known: Mapping[Owner, Card]) -> Placed:
    return Placed(order, owner, known.get(owner) if owner is not None else None)

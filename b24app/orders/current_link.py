"""One order and the card it is linked to, in one request."""

from collections.abc import Mapping
from dataclasses import dataclass

from b24app.bitrix24 import errors
from b24app.bitrix24.client import Answer, Command
from b24app.orders import cards, links, parsing
from b24app.orders.types import DEAL, INVOICE, Card, Order, Owner

Outcomes = Mapping[str, Answer | errors.BitrixError]


@dataclass(frozen=True, slots=True)
class Placed:
    """An order, where it is linked, and that card; ``card`` is None where the person cannot open it."""

    order: Order
    place: Owner | None
    card: Card | None


def reading(order_id: int) -> Command:
    """The command that reads one order, for :func:`rows.order`."""
    return Command("sale.order.list", {"select": parsing.ORDER_FIELDS, "filter": {"=id": order_id}})


def commands(order_id: int) -> dict[str, Command]:
    """Commands for :func:`placed` (sale/order/sale-order-list.md, crm.orderentity.list)."""
    reference = "$result[place0][orderEntity][0][ownerId]"
    asked = {"order": reading(order_id)} | links.place_commands([order_id])
    for type_id in (DEAL, INVOICE):
        asked |= cards.listing(type_id, [reference])
    return asked


def placed(order_id: int, outcomes: Outcomes) -> Placed:
    """The order and its place; raises the portal's refusals, ``OrderNotFound`` where it is gone."""
    order, _ = parsing.order(outcomes["order"], order_id)
    place = links.places([order_id], outcomes)[order_id]
    card = cards.listed(outcomes).get(place) if place is not None else None
    return Placed(order, place, card)

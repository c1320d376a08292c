"""One order of a card, read for a dialog about it."""

from b24app.bitrix24 import ask, errors
from b24app.bitrix24.ask import Ask, T
from b24app.bitrix24.client import Command
from b24app.orders import cards, links, parsing
from b24app.orders.types import Order, Owner


def at_card(owner: Owner, order_id: int, more: Ask[T]) -> Ask[tuple[Order, T]]:
    """The order and ``more``, in one request.

    Raises the portal's refusal to open the card ``owner``, and ``errors.OrderNotFound`` where the order is
    not linked to it or is not shown to this person.
    """
    params = {"select": list(parsing.ORDER_FIELDS), "filter": {"=id": order_id}}
    order = ask.of(
        Command("sale.order.list", params), lambda answer: parsing.order_row(answer, order_id)[0]
    )
    read = ask.together(cards.card_of(owner), links.owners_of([order_id]), order, more)
    return read.map(lambda found: (_linked(owner, found[1][order_id], found[2]), found[3]))


def _linked(owner: Owner, place: Owner | None, order: Order) -> Order:
    if place != owner:
        raise errors.OrderNotFound("", "not linked to this card", method="crm.orderentity.list")
    return order

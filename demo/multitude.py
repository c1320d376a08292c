"""Plain orders and deals in thousands, for jobs and benches."""

from demo import rows
from demo.rows import DEAL
from demo.state import State

FIRST_DEAL = 100_001


def add(
    state: State, orders: int, deals: int, *, link: bool, bill: bool = True
) -> tuple[range, range]:
    """Orders, with ``bill`` one open payment each, and deals of one client; their ids."""
    first_order = max(state.orders) + 1
    first_deal = max(FIRST_DEAL, max(state.deals) + 1)
    order_ids = range(first_order, first_order + orders)
    deal_ids = range(first_deal, first_deal + deals)
    for pk in deal_ids:
        state.deals[pk] = rows.deal(pk, f"Deal {pk}", 7, 100, "EUR", CONTACT_ID="8")
    payment = max(state.payments, default=0)
    for n, pk in enumerate(order_ids):
        order = rows.order(pk, f"B{pk}", 100 + n % 100, "EUR", n % 365)
        state.orders[pk] = order
        if bill:
            payment += 1
            state.payments[payment] = rows.payment(payment, order, 1, order["price"])
        if link:
            state.links[pk] = (DEAL, deal_ids[n % deals])
    return order_ids, deal_ids

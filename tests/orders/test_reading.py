"""Reading orders by asks: further pages, references that lead to nothing, refusals, no time left."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from b24app.bitrix24 import ask, batch, errors
from b24app.bitrix24.answers import Answer
from b24app.bitrix24.ask import Ask
from b24app.bitrix24.batch import Command, Outcome
from b24app.orders import cards, existence, links, scan, status
from b24app.orders.card_orders import Need, orders_by_id, orders_of_card
from b24app.orders.content import EVERYTHING, IN_GRID, SUMS_ONLY, Kind, content_of
from b24app.orders.filtering import Narrowing
from b24app.orders.shown_page import Asked, Shown, Steps, first_read, show
from b24app.orders.types import DEAL, INVOICE, Owner

CARD = Owner(DEAL, 7)

Reply = Callable[[Mapping[str, Any]], Outcome]


@dataclass
class Portal:
    """Answers lists from its tables, and what ``replies`` has for a method. It resolves no references."""

    linked: int = 0
    payments: int = 0
    replies: dict[str, Reply] = field(default_factory=dict)
    requests: list[list[Command]] = field(default_factory=list)
    ends_after: int = 99
    end: errors.BitrixError = field(default_factory=lambda: errors.OutOfTime("DEADLINE"))

    def __call__(self, commands: Mapping[str, Command], /) -> dict[str, Outcome]:
        if len(self.requests) >= self.ends_after:
            raise self.end
        self.requests.append(list(commands.values()))
        return {key: self._outcome(command) for key, command in commands.items()}

    def _outcome(self, command: Command) -> Outcome:
        params: Mapping[str, Any] = command.params
        if command.method in self.replies:
            return self.replies[command.method](params)
        if command.method == links.LIST:
            return self._links(params)
        if command.method == "sale.order.list":
            wanted = [pk for pk in params["filter"].get("@id", ()) if isinstance(pk, int)]
            return Answer({"orders": [{"id": pk, "accountNumber": f"A{pk}"} for pk in wanted]})
        if command.method == "sale.payment.list":
            return self._payments(params)
        return Answer([])

    def _links(self, params: Mapping[str, Any]) -> Outcome:
        start = max(params.get("start", 0), 0)
        ids = range(self.linked, 0, -1)[start : start + batch.SIZE]
        rows = [{"orderId": pk, "ownerId": CARD.id, "ownerTypeId": CARD.type_id} for pk in ids]
        return Answer({"orderEntity": rows}, total=self.linked)

    def _payments(self, params: Mapping[str, Any]) -> Outcome:
        orders = [pk for pk in params["filter"]["@orderId"] if isinstance(pk, int)]
        after = params["filter"].get(">id", 0) or params["start"]
        ids = range(after + 1, self.payments + 1)[: batch.SIZE] if orders else ()
        rows = [{"id": pk, "orderId": orders[0], "sum": 1, "paid": "Y"} for pk in ids]
        following = after + batch.SIZE if after + batch.SIZE < self.payments else None
        return Answer({"payments": rows}, next=following)

    def methods(self, number: int) -> list[str]:
        return [command.method for command in self.requests[number]]


def refuse(error: errors.BitrixError) -> Reply:
    return lambda params: error


def test_further_pages_are_read_to_their_end() -> None:
    portal = Portal(payments=170)
    (order,) = ask.answered(orders_by_id([5], SUMS_ONLY), portal)
    assert order.payments is not None
    assert len(order.payments) == 170
    assert [len(sent) for sent in portal.requests] == [3, 1, 1]


def test_120_orders_share_a_request() -> None:
    portal = Portal()
    orders = ask.answered(orders_by_id(range(1, 121), (Kind.ORDERS,)), portal)
    assert [order.id for order in orders] == list(range(1, 121))
    assert [len(sent) for sent in portal.requests] == [3]


def test_orders_are_read_by_id_if_references_fail() -> None:
    portal = Portal(linked=60)
    need = Need(0, 20, of_all=SUMS_ONLY)
    found = ask.answered(orders_of_card(CARD, need), portal).listing(partial=False)
    assert found.ids == tuple(range(60, 0, -1))
    assert found.complete
    # The first fifty are asked for again by ID beside the links that nobody had expected.
    assert len(portal.requests) == 3
    assert portal.methods(1).count(links.LIST) == 1


def test_refused_part_is_none_and_keeps_other_parts() -> None:
    portal = Portal(replies={"sale.payment.list": refuse(errors.ReadDenied("ACCESS_DENIED"))})
    (order,) = ask.answered(orders_by_id([5], EVERYTHING), portal)
    assert order.payments is None
    assert order.shipments == ()


def test_refused_orders_raise_if_read_by_id() -> None:
    portal = Portal(replies={"sale.order.list": refuse(errors.ReadDenied("ACCESS_DENIED"))})
    with pytest.raises(errors.ReadDenied):
        ask.answered(orders_by_id([5]), portal)


def test_missing_permission_of_the_app_is_no_missing_payment() -> None:
    portal = Portal(
        replies={"sale.payment.list": refuse(errors.MissingScope("insufficient_scope"))}
    )
    with pytest.raises(errors.MissingScope):
        ask.answered(orders_by_id([5]), portal)


def test_further_pages_without_time_leave_payments_unread() -> None:
    portal = Portal(payments=170, ends_after=1)
    found = ask.answered(content_of([5], SUMS_ONLY), portal)
    assert found.cut_short
    assert found.built([5])[0].payments is None


WHOLE = [errors.RateLimited(""), errors.PortalClosed(""), errors.DeadToken("")]


@pytest.mark.parametrize("error", WHOLE)
def test_refused_request_raises(error: errors.BitrixError) -> None:
    asks: list[Ask[object]] = [orders_by_id([5]), cards.cards_of([CARD]), status.orders_of([5])]
    for question in asks:
        with pytest.raises(type(error)):
            ask.answered(question, Portal(ends_after=0, end=error))


@pytest.mark.parametrize("error", WHOLE)
def test_refused_follow_up_raises(error: errors.BitrixError) -> None:
    with pytest.raises(type(error)):
        ask.answered(orders_by_id([5], SUMS_ONLY), Portal(payments=170, ends_after=1, end=error))
    with pytest.raises(type(error)):
        ask.answered(orders_of_card(CARD, Need(0, 20)), Portal(linked=3, ends_after=1, end=error))


def page(steps: Steps, portal: Portal) -> Shown:
    asked = Asked(Narrowing())
    first = first_read(CARD, asked, sums=True, steps=steps, expected=portal.linked)
    return ask.answered(
        first.then(lambda read: show(read, asked, {}, sums=True, steps=steps)), portal
    )


def test_slow_portal_shows_rows_without_late_parts() -> None:
    portal = Portal(linked=3, ends_after=2)
    shown = page(Steps.ROWS_FIRST, portal)
    assert [order.id for order in shown.orders] == [3, 2, 1]
    assert shown.listing.partial
    assert not shown.listing.complete


def test_rows_only_reads_nothing_else() -> None:
    portal = Portal(linked=3)
    shown = page(Steps.ROWS_ONLY, portal)
    assert shown.listing.partial
    assert {
        method for sent in portal.requests for method in (command.method for command in sent)
    } == {
        links.LIST,
        "sale.order.list",
    }


def test_links_that_are_refused_fail_the_page() -> None:
    portal = Portal(replies={links.LIST: refuse(errors.ReadDenied("ACCESS_DENIED"))})
    with pytest.raises(errors.ReadDenied):
        ask.answered(orders_of_card(CARD, Need(0, 20, shown=IN_GRID)), portal)


def test_refused_card_list_does_not_mean_deleted() -> None:
    portal = Portal(
        replies={
            "crm.deal.list": lambda params: Answer([{"ID": "7", "TITLE": "Office"}]),
            "crm.item.list": refuse(errors.ReadDenied("ACCESS_DENIED")),
        }
    )
    other, invoice = Owner(DEAL, 8), Owner(INVOICE, 9)
    found = ask.answered(cards.cards_of([CARD, other, invoice]), portal)
    assert found.missing() == {other}
    assert found.found[CARD].title == "Office"
    with pytest.raises(errors.ReadDenied):
        found.complete()


def test_order_counts_as_deleted_only_if_portal_says_so() -> None:
    outcomes: Mapping[int, Outcome] = {
        1: errors.OrderNotFound(""),
        2: errors.ReadDenied(""),
        3: Answer({"order": {}}),
    }
    portal = Portal(replies={"sale.order.get": lambda params: outcomes[params["id"]]})
    assert ask.answered(existence.deleted_among([1, 2, 3]), portal) == {1}


def test_links_of_refused_page_are_unknown_not_unlinked() -> None:
    portal = Portal(replies={links.LIST: refuse(errors.ReadDenied(""))})
    with pytest.raises(errors.ReadDenied):
        ask.answered(links.owners_of([1, 2]), portal)
    assert ask.answered(links.owners_of([]), portal) == {}


def test_statuses_that_cannot_be_read_are_refused() -> None:
    portal = Portal(replies={"sale.order.list": refuse(errors.ReadDenied(""))})
    with pytest.raises(errors.ReadDenied):
        ask.answered(status.orders_of([1, 2]), portal)


def test_chain_stops_at_reference_without_value() -> None:
    found = ask.answered(scan.links_below([], 0), Portal(linked=120))
    assert [link.order_id for link in found.rows] == list(range(120, 70, -1))
    assert found.total == 120

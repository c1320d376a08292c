"""The orders of one deal, read in as few requests as the portal allows.

Later commands of a batch may use the result of earlier ones, so links, their orders, payments,
shipments and customers travel in one request (settings/how-to-call-rest-api/batch.md).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from b24app.bitrix24 import errors
from b24app.bitrix24.client import Answer, Client, Command
from b24app.orders import links
from b24app.orders.content import EVERYTHING, PAGE, SUMS_ONLY, Content, Kind, Outcomes, commands
from b24app.orders.types import Order, OrderLink, Owner

# Beyond this many links the tab shows pages without sums: reading them all would keep people waiting.
SUMMED = 1000


@dataclass(frozen=True, slots=True)
class Listing:
    """Linked orders as read, newest first.

    ``ids`` are the links that were read, from the ``offset``-th on; ``orders`` those of them the
    portal showed. ``total`` counts all links.
    """

    total: int
    ids: tuple[int, ...]
    orders: tuple[Order, ...]
    offset: int = 0
    refused: errors.AccessDenied | None = None

    @property
    def unread(self) -> tuple[int, ...]:
        """Linked orders the portal would not show."""
        shown = {order.id for order in self.orders}
        return tuple(order_id for order_id in self.ids if order_id not in shown)

    @property
    def complete(self) -> bool:
        """True when every linked order was read, so that sums mean something."""
        return self.refused is None and len(self.orders) >= self.total

    def page(self, number: int, size: int) -> tuple[tuple[Order, ...], tuple[int, ...]]:
        """Page ``number`` (from 1): its orders, and the ids of those that could not be read."""
        start = (number - 1) * size - self.offset
        wanted = self.ids[max(start, 0) : start + size]
        known = {order.id: order for order in self.orders}
        return (
            tuple(known[order_id] for order_id in wanted if order_id in known),
            tuple(order_id for order_id in wanted if order_id not in known),
        )


class OrderReader:
    """Reads the linked orders of one owner with one person's client."""

    def __init__(self, client: Client, owner: Owner) -> None:
        self._client = client
        self._owner = owner

    def opening(self) -> dict[str, Command]:
        """Commands of the first 50 orders, to be sent along with whatever else the page needs."""
        return self._block(0, EVERYTHING)

    def finish(
        self, outcomes: Outcomes, number: int = 1, size: int = PAGE, *, whole: bool = False
    ) -> Listing:
        """All linked orders from the outcomes of :meth:`opening`, with more requests where needed.

        Page ``number`` comes with everything about its orders, the others with what their sums need;
        ``whole`` reads everything of all. Raises the error of the links' own command: without it
        nothing is known about the card. Past ``SUMMED`` links only the page is read.
        """
        total = self._total(outcomes, 0)
        shown = self._blocks_of(number, size)
        blocks = range(0, max(total, 1), PAGE) if total <= SUMMED else shown
        kinds = {at: EVERYTHING if whole or at in (0, *shown) else SUMS_ONLY for at in blocks}
        more = {key: one for at in blocks if at for key, one in self._block(at, kinds[at]).items()}
        others = self._client.batch(more) if more else {}
        return self._listing({**outcomes, **others}, kinds)

    def page(self, number: int, size: int) -> dict[str, Command]:
        """Commands of one page of the grid, newest orders first. ``number`` counts from 1."""
        return {
            key: one
            for at in self._blocks_of(number, size)
            for key, one in self._block(at, EVERYTHING).items()
        }

    def finish_page(self, outcomes: Outcomes, number: int, size: int) -> Listing:
        """That page from the outcomes of :meth:`page`; raises the error of a links command."""
        return self._listing(outcomes, dict.fromkeys(self._blocks_of(number, size), EVERYTHING))

    def _blocks_of(self, number: int, size: int) -> range:
        start = (number - 1) * size
        return range(start // PAGE * PAGE, start + size, PAGE)

    def _block(self, at: int, kinds: Sequence[Kind]) -> dict[str, Command]:
        """Links ``at`` to ``at`` + 49 and their orders, by references into the links' own answer."""
        ids = [f"$result[links{at}][orderEntity][{row}][orderId]" for row in range(PAGE)]
        return {f"links{at}": links.of_owner(self._owner, at)} | commands(ids, str(at), kinds)

    def _total(self, outcomes: Outcomes, at: int) -> int:
        outcome = outcomes[f"links{at}"]
        found = links.links_of(outcome)
        return max(outcome.total or 0 if isinstance(outcome, Answer) else 0, at + len(found))

    def _listing(self, outcomes: Outcomes, blocks: Mapping[int, Sequence[Kind]]) -> Listing:
        content, ids = Content(), dict[int, None]()
        for at, kinds in blocks.items():
            own = [link.order_id for link in self._mine(links.links_of(outcomes[f"links{at}"]))]
            content.expect(str(at), own, kinds, by_number=False)
            ids |= dict.fromkeys(own)
        content.take(outcomes)
        _fill(content, self._client)
        total = max(self._total(outcomes, at) for at in blocks)
        return Listing(total, tuple(ids), content.built(ids), min(blocks), content.refused)

    def _mine(self, found: Iterable[OrderLink]) -> Iterable[OrderLink]:
        """Only links of this owner, whatever the portal made of the filter."""
        return (link for link in found if link.owner == self._owner)


def read_orders(client: Client, order_ids: Iterable[int]) -> tuple[Order, ...]:
    """Orders with payments, shipments and customers, in the order given; unknown ones are left out.

    Raises what kept them from being read.
    """
    ids, content = list(dict.fromkeys(order_ids)), Content()
    asked: dict[str, Command] = {}
    for at in range(0, len(ids), PAGE):
        chunk = ids[at : at + PAGE]
        content.expect(str(at), chunk, EVERYTHING, by_number=True)
        asked |= commands(chunk, str(at), EVERYTHING)
    if asked:
        content.take(client.batch(asked))
        _fill(content, client)
    if content.refused is not None:
        raise content.refused
    return content.built(ids)


def _fill(content: Content, client: Client) -> None:
    while asked := content.gaps():
        content.take(client.batch(asked))

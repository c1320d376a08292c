"""The orders of one card, read in as few requests as the portal allows.

Later commands of a batch may use the result of earlier ones, so links, their orders, payments,
shipments and customers travel in one request (settings/how-to-call-rest-api/batch.md).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from b24app.bitrix24 import errors
from b24app.bitrix24.client import Answer, Client, Command
from b24app.orders import links
from b24app.orders.content import (
    BESIDE_ROWS,
    EVERYTHING,
    IN_GRID,
    PAGE,
    Content,
    Kind,
    Outcomes,
    commands,
)
from b24app.orders.types import Order, OrderLink, Owner

# Beyond this many links the tab shows pages without sums: reading them all would keep people waiting.
SUMMED = 1000


@dataclass(frozen=True, slots=True)
class Need:
    """What is needed of a card's orders, newest first.

    ``shown`` about those from ``start`` up to ``stop``, and ``of_all`` about every one as long as
    there are no more than ``SUMMED`` of them.
    """

    start: int = 0
    stop: int = 0
    of_all: tuple[Kind, ...] = ()
    shown: tuple[Kind, ...] = IN_GRID

    def blocks(self, total: int) -> dict[int, tuple[Kind, ...]]:
        """Kinds by the position of each 50 links, for a card with ``total`` of them."""
        shown = range(self.start // PAGE * PAGE, self.stop, PAGE)
        every = range(0, total, PAGE) if self.of_all and total <= SUMMED else range(0)
        kinds = {at: self.shown if at in shown else self.of_all for at in {*shown, *every}}
        return dict(sorted(kinds.items())) or {0: self.of_all}


@dataclass(frozen=True, slots=True)
class Listing:
    """Linked orders as read, newest first.

    ``ids`` are the links that were read, from the ``offset``-th on; ``orders`` those of them the
    portal showed. ``total`` counts all links. ``partial``: payments or shipments have not been read.
    """

    total: int
    ids: tuple[int, ...]
    orders: tuple[Order, ...]
    offset: int = 0
    refused: errors.AccessDenied | None = None
    partial: bool = False

    @property
    def unread(self) -> tuple[int, ...]:
        """Linked orders the portal would not show."""
        shown = {order.id for order in self.orders}
        return tuple(order_id for order_id in self.ids if order_id not in shown)

    @property
    def complete(self) -> bool:
        """True when every linked order was read, so that sums mean something."""
        return self.refused is None and not self.partial and len(self.orders) >= self.total

    def page(self, number: int, size: int) -> tuple[int, ...]:
        """Orders' ids on page ``number`` (from 1), as far as their links were read."""
        start = (number - 1) * size - self.offset
        return self.ids[max(start, 0) : max(start + size, 0)]


class OrderReader:
    """Reads the linked orders of one owner with one person's client."""

    def __init__(self, client: Client, owner: Owner) -> None:
        self._client = client
        self._owner = owner
        self._content = Content()
        self._asked: dict[int, tuple[Kind, ...]] = {}
        self._answers: dict[int, tuple[int, ...]] = {}
        self._total = 0
        self._whole: set[int] = set()

    def commands(self, need: Need, expected: int = 0) -> dict[str, Command]:
        """Commands to be sent along with whatever else the page needs, for :meth:`finish`.

        ``expected`` is how many links the card had when it was last seen. It only decides how much
        is asked for at once: too few cost one more request, too many some empty answers.
        """
        asked: dict[str, Command] = {}
        for at, kinds in need.blocks(expected).items():
            if at not in self._asked:
                self._asked[at] = kinds
                asked |= self._block(at, kinds)
        return asked

    def finish(self, outcomes: Outcomes, need: Need) -> Listing:
        """The orders from the outcomes of :meth:`commands`, with one more round where needed.

        Raises the error of a links command: without it nothing is known about the card.
        """
        self._take(outcomes)
        more = self.commands(need, self._total)
        if more:
            self._take(self._client.batch(more))
        _fill(self._content, self._client)
        return self._listing(partial=need.shown != IN_GRID)

    def rest(self, need: Need) -> Listing:
        """What ``need`` holds beyond the rows that :meth:`finish` has read; one request if it fits.

        A portal that does not answer that in time leaves the listing partial.
        """
        asked = self.commands(need, self._total)
        for at, ids in self._answers.items():
            if ids and not self._whole.issuperset(ids):
                tag = f"rest{at}"
                self._content.expect(tag, ids, BESIDE_ROWS, by_number=True)
                asked |= commands(ids, tag, BESIDE_ROWS)
        try:
            self._take(self._client.batch(asked) if asked else {})
            _fill(self._content, self._client)
        except errors.TransportError:
            self._content.give_up()
        return self._listing(partial=False)

    def _listing(self, *, partial: bool) -> Listing:
        ids = tuple(dict.fromkeys(pk for at in sorted(self._answers) for pk in self._answers[at]))
        return Listing(
            self._total,
            ids,
            self._content.built(ids),
            min(self._answers),
            self._content.refused,
            partial or self._content.cut_short,
        )

    def read(self, order_ids: Iterable[int]) -> tuple[Order, ...]:
        """These orders of the listing as far as they have been read; nothing is asked for."""
        return self._content.built(order_ids)

    def whole(self, order_ids: Iterable[int]) -> tuple[Order, ...]:
        """Everything about these orders of the listing; one request for those not read whole yet."""
        ids = list(order_ids)
        missing = [pk for pk in ids if pk not in self._whole]
        if missing and self._content.refused is None:
            _read(self._content, self._client, missing, IN_GRID)
            self._whole.update(missing)
        return self._content.built(ids)

    def _take(self, outcomes: Outcomes) -> None:
        """Keep the blocks that are among ``outcomes``."""
        for at, kinds in self._asked.items():
            if at in self._answers or f"links{at}" not in outcomes:
                continue
            outcome = outcomes[f"links{at}"]
            found = links.links_of(outcome)
            counted = outcome.total or 0 if isinstance(outcome, Answer) else 0
            self._total = max(self._total, counted, at + len(found) if found else 0)
            ids = tuple(link.order_id for link in self._mine(found))
            self._answers[at] = ids
            self._content.expect(str(at), ids, kinds, by_number=False)
            if set(kinds) == set(IN_GRID):
                self._whole.update(ids)
        self._content.take(outcomes)

    def _block(self, at: int, kinds: Sequence[Kind]) -> dict[str, Command]:
        """Links ``at`` to ``at`` + 49 and their orders, by references into the links' own answer."""
        ids = [f"$result[links{at}][orderEntity][{row}][orderId]" for row in range(PAGE)]
        return {f"links{at}": links.of_owner(self._owner, at)} | commands(ids, str(at), kinds)

    def _mine(self, found: Iterable[OrderLink]) -> Iterable[OrderLink]:
        """Only links of this owner, whatever the portal made of the filter."""
        return (link for link in found if link.owner == self._owner)


def read_orders(
    client: Client, order_ids: Iterable[int], kinds: Sequence[Kind] = EVERYTHING
) -> tuple[Order, ...]:
    """Orders with what ``kinds`` names of them, in the order given; unknown ones are left out.

    Raises what kept them from being read, ``errors.OutOfTime`` where the time was over before all was.
    """
    ids, content = list(dict.fromkeys(order_ids)), Content()
    if ids:
        _read(content, client, ids, kinds)
    if content.refused is not None:
        raise content.refused
    if content.cut_short:
        raise errors.OutOfTime("DEADLINE", "not everything was read")
    return content.built(ids)


def _read(content: Content, client: Client, ids: Sequence[int], kinds: Sequence[Kind]) -> None:
    """Read ``kinds`` of these orders, asked for by number."""
    asked: dict[str, Command] = {}
    for at in range(0, len(ids), PAGE):
        chunk, tag = ids[at : at + PAGE], f"number{at}"
        content.expect(tag, chunk, kinds, by_number=True)
        asked |= commands(chunk, tag, kinds)
    content.take(client.batch(asked))
    _fill(content, client)


def _fill(content: Content, client: Client) -> None:
    while asked := content.gaps():
        try:
            outcomes = client.batch(asked)
        except errors.OutOfTime:
            content.give_up()
            return
        content.take(outcomes)

"""The orders of one card, read in as few requests as the portal allows.

Later commands of a batch may use the result of earlier ones, so links, their orders, payments,
shipments and customers travel in one request (settings/how-to-call-rest-api/batch.md).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from b24app.bitrix24 import ask, batch, errors
from b24app.bitrix24.ask import Ask
from b24app.bitrix24.client import Answer
from b24app.orders import content, links
from b24app.orders.content import (
    BESIDE_ROWS,
    EVERYTHING,
    IN_GRID,
    Content,
    Kind,
    Late,
    Pages,
    content_of,
)
from b24app.orders.types import Order, Owner

SUMMED: Final = 1000
"""Beyond this many links the tab shows pages without sums: reading them all would keep people waiting."""


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
        shown = range(self.start // batch.SIZE * batch.SIZE, self.stop, batch.SIZE)
        every = range(0, total, batch.SIZE) if self.of_all and total <= SUMMED else range(0)
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


@dataclass(frozen=True, slots=True)
class CardOrders:
    """What has been read of the orders linked to ``owner``.

    ``blocks`` holds the orders of each 50 links by the position of the first one, ``total`` counts
    all links, ``whole`` are the orders of which everything the grid shows was asked for.
    """

    owner: Owner
    total: int = 0
    blocks: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    content: Content = field(default_factory=Content)
    whole: frozenset[int] = frozenset()

    def listing(self, *, partial: bool) -> Listing:
        ids = tuple(dict.fromkeys(pk for at in sorted(self.blocks) for pk in self.blocks[at]))
        return Listing(
            self.total,
            ids,
            self.content.built(ids),
            min(self.blocks),
            self.content.refused,
            partial or self.content.cut_short,
        )


def orders_of_card(owner: Owner, need: Need, expected: int = 0) -> Ask[CardOrders]:
    """What ``need`` says of a card's orders: one request, another where more was linked than expected.

    ``expected`` is how many links the card had when it was last seen. It only decides how much is
    asked for at once: too few cost one more request, too many some empty answers. Raises the portal's
    refusal of the links: without them nothing is known about the card.
    """
    return _extended(CardOrders(owner), need, expected, _IN_TIME)


def extended(known: CardOrders, need: Need) -> Ask[CardOrders]:
    """The same card with what ``need`` says beyond what is ``known``."""
    return _extended(known, need, known.total, _IN_TIME)


def beside_rows(known: CardOrders, need: Need) -> Ask[CardOrders]:
    """What ``need`` says beyond the rows that are ``known``; one request if it fits.

    What the portal does not answer in time is left out, and the listing is then partial.
    """
    unread = [ids for ids in known.blocks.values() if ids and not known.whole.issuperset(ids)]
    rest = ask.every(content_of(ids, BESIDE_ROWS, late=_LATE) for ids in unread)
    whole = known.whole.union(*unread)
    return ask.together(_extended(known, need, known.total, _LATE), rest.map(content.joined)).map(
        lambda read: replace(
            read[0], content=read[0].content | read[1], whole=read[0].whole | whole
        )
    )


def whole_orders(known: CardOrders, order_ids: Iterable[int]) -> Ask[tuple[Order, ...]]:
    """Everything about these orders of the card; one request for those not read whole yet."""
    ids = list(order_ids)
    missing = [pk for pk in ids if pk not in known.whole]
    if not missing or known.content.refused is not None:
        return ask.known(known.content.built(ids))
    return content_of(missing, IN_GRID).map(lambda read: (known.content | read).built(ids))


_IN_TIME: Final[Late] = (errors.OutOfTime,)
_LATE: Final[Late] = (errors.TransportError,)


@dataclass(frozen=True, slots=True)
class _Block:
    """Up to 50 links from position ``at`` on, with what was fetched along by reference."""

    at: int
    total: int
    ids: tuple[int, ...]
    read: Mapping[Kind, Pages]


def _extended(known: CardOrders, need: Need, expected: int, late: Late) -> Ask[CardOrders]:
    """The blocks of ``need`` that are not ``known``, and then those that turn out to be there as well."""

    def further(blocks: Sequence[_Block]) -> Ask[CardOrders]:
        found = _with_blocks(known, blocks)
        more = _blocks(found, need, found.total).then(
            lambda read: ask.together(ask.known(tuple(read)), _contents(read, late))
        )
        if late == _LATE:
            more = more.otherwise(((), Content(cut_short=True)), *late)
        return ask.together(_contents(blocks, late), more).map(
            lambda read: _merged(found, read[0], *read[1])
        )

    first = _blocks(known, need, expected)
    if late == _LATE:
        return first.then(further).otherwise(_cut_short(known), *late)
    return first.then(further)


def _cut_short(known: CardOrders) -> CardOrders:
    return replace(known, content=known.content | Content(cut_short=True))


def _merged(
    found: CardOrders, first: Content, more: Sequence[_Block], further: Content
) -> CardOrders:
    return replace(_with_blocks(found, more), content=found.content | first | further)


def _with_blocks(known: CardOrders, blocks: Sequence[_Block]) -> CardOrders:
    whole = (block.ids for block in blocks if block.read.keys() == set(IN_GRID))
    return replace(
        known,
        total=max([known.total, *(block.total for block in blocks)]),
        blocks={**known.blocks, **{block.at: block.ids for block in blocks}},
        whole=known.whole.union(*whole),
    )


def _blocks(known: CardOrders, need: Need, total: int) -> Ask[tuple[_Block, ...]]:
    """The blocks of ``need`` that are not ``known``, for a card with ``total`` links."""
    return ask.every(
        _block(known.owner, at, kinds)
        for at, kinds in need.blocks(total).items()
        if at not in known.blocks
    )


def _block(owner: Owner, at: int, kinds: Sequence[Kind]) -> Ask[_Block]:
    """Links ``at`` to ``at`` + 49, and their orders by references into the links' own answer."""
    command = links.of_owner(owner, at)
    ids = [command.at("orderEntity", row, "orderId") for row in range(batch.SIZE)]
    return ask.together(
        ask.of(command, partial(_linked, owner, at)),
        ask.every(content.first_pages(kind, ids) for kind in kinds),
    ).map(lambda read: _Block(at, *read[0], dict(zip(kinds, read[1], strict=True))))


def _linked(owner: Owner, at: int, answer: Answer) -> tuple[int, tuple[int, ...]]:
    """How many links there are at least, and the orders of those on this page that are the owner's.

    Whatever the portal made of the filter, other cards' links are left out.
    """
    found = links.read_links(answer)
    total = max(answer.total or 0, at + len(found) if found else 0)
    return total, tuple(link.order_id for link in found if link.owner == owner)


def _contents(blocks: Iterable[_Block], late: Late) -> Ask[Content]:
    return ask.every(content.referenced(block.ids, block.read, late=late) for block in blocks).map(
        content.joined
    )


def orders_by_id(
    order_ids: Iterable[int], kinds: Sequence[Kind] = EVERYTHING
) -> Ask[tuple[Order, ...]]:
    """Orders with what ``kinds`` names of them, in the order given; unknown ones are left out.

    Raises what kept them from being read, ``errors.OutOfTime`` where the time was over before all was.
    """
    ids = list(dict.fromkeys(order_ids))

    def built(read: Content) -> tuple[Order, ...]:
        if read.refused is not None:
            raise read.refused
        if read.cut_short:
            raise errors.OutOfTime("DEADLINE", "not everything was read")
        return read.built(ids)

    return content_of(ids, kinds).map(built)

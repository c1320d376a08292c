"""Orders and what hangs on them, gathered from the outcomes of batches.

Outcomes are kept by *block*: up to 50 orders asked for together. :meth:`Content.gaps` says what a
block still lacks (orders that did not come, further pages of payments, shipments or properties);
the reader asks until nothing is left. A block whose ids were references into an earlier answer is
asked for again by number when the portal did not resolve them.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from b24app.bitrix24 import errors
from b24app.bitrix24.client import Answer, Command
from b24app.orders import parsing
from b24app.orders.types import Customer, Order, Payment, Shipment

PAGE = 50
# A portal that always promises a further page shall not keep us reading for ever.
MOST_PAGES = 20

Outcomes = Mapping[str, Answer | errors.BitrixError]


class Kind(StrEnum):
    ORDERS = "orders"
    PAYMENTS = "payments"
    SHIPMENTS = "shipments"
    PROPERTIES = "properties"
    SOURCES = "sources"


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a kind is read, and how many pages of it are fetched ahead for 50 orders."""

    method: str
    key: str
    select: tuple[str, ...]
    narrowed: Mapping[str, object] = field(default_factory=dict)
    pages: int = 1


SOURCES: Mapping[Kind, _Source] = {
    Kind.ORDERS: _Source(
        "sale.order.list",
        "@id",
        parsing.ORDER_FIELDS,
    ),
    Kind.PAYMENTS: _Source(
        "sale.payment.list", "@orderId", ("id", "orderId", "sum", "paid", "isReturn"), pages=2
    ),
    Kind.SHIPMENTS: _Source(
        "sale.shipment.list",
        "@orderId",
        ("id", "orderId", "deducted", "system", "canceled", "trackingNumber"),
        {"=system": "N"},
        pages=2,
    ),
    Kind.PROPERTIES: _Source(
        "sale.propertyvalue.list",
        "@orderId",
        ("id", "orderId", "code", "value"),
        {"@code": list(parsing.CUSTOMER_CODES)},
        pages=4,
    ),
    # sale/trade-binding/sale-trade-binding-list.md: of the prefixes only = takes an array here.
    Kind.SOURCES: _Source(
        "sale.tradeBinding.list", "=orderId", ("id", "orderId", "tradingPlatformId")
    ),
}

SUMS_ONLY = (Kind.ORDERS, Kind.PAYMENTS)
EVERYTHING = (Kind.ORDERS, Kind.PAYMENTS, Kind.SHIPMENTS, Kind.PROPERTIES)
# The grid says where an order came from, too.
IN_GRID = (*EVERYTHING, Kind.SOURCES)
ROWS_ONLY = (Kind.ORDERS,)
# What a slow portal is asked for after the rows.
BESIDE_ROWS = tuple(kind for kind in IN_GRID if kind is not Kind.ORDERS)


def commands(ids: Sequence[int | str], tag: str, kinds: Iterable[Kind]) -> dict[str, Command]:
    """Commands that read ``kinds`` of at most 50 orders; ``ids`` may be references ``$result[…]``."""
    return {
        f"{kind}:{tag}:{page}": _command(kind, ids, page)
        for kind in kinds
        for page in range(SOURCES[kind].pages)
    }


def _command(kind: Kind, ids: Sequence[int | str], page: int, after: int = 0) -> Command:
    """A page of rows by id. What a later request asks for goes on behind the id ``after``.

    By offset a row would be missing whenever one before it was deleted in between.
    """
    source = SOURCES[kind]
    further = {">id": after} if after else {}
    return Command(
        source.method,
        {
            "select": list(source.select),
            "filter": {source.key: list(ids), **source.narrowed, **further},
            "order": {"id": "asc"},
            "start": 0 if after else page * PAGE,
        },
    )


@dataclass(slots=True)
class _Block:
    ids: tuple[int, ...]
    kinds: tuple[Kind, ...]
    by_number: bool
    next_page: dict[Kind, int] = field(default_factory=dict)
    last: dict[Kind, int] = field(default_factory=dict)
    failed: set[Kind] = field(default_factory=set)

    def has(self, kind: Kind) -> bool:
        return kind in self.kinds and kind not in self.failed


class Content:
    """What has been read so far. ``refused`` is the portal's refusal to show orders at all.

    ``cut_short`` says that the time for the page was over before everything was read.
    """

    def __init__(self) -> None:
        self.refused: errors.AccessDenied | None = None
        self.cut_short = False
        self._blocks: dict[str, _Block] = {}
        self._orders: dict[int, Order] = {}
        self._payments: dict[int, Payment] = {}
        self._shipments: dict[int, Shipment] = {}
        self._properties: dict[int, Mapping[str, object]] = {}
        self._platforms: dict[int, int] = {}

    def expect(
        self, tag: str, ids: Iterable[int], kinds: Sequence[Kind], *, by_number: bool
    ) -> None:
        """Announce a block before :meth:`take` sees its outcomes; other orders' rows are not kept."""
        self._blocks[tag] = _Block(tuple(ids), tuple(kinds), by_number)

    def take(self, outcomes: Outcomes) -> None:
        """Keep what came. Raises a failure that is not the portal's own answer (no connection…)."""
        for key, outcome in outcomes.items():
            kind_name, _, place = key.partition(":")
            tag, _, page = place.rpartition(":")
            if tag not in self._blocks:
                continue
            kind, block = Kind(kind_name), self._blocks[tag]
            if isinstance(outcome, errors.BitrixError):
                self._failed(kind, block, outcome)
                continue
            self._store(kind, outcome.result, set(block.ids))
            block.last[kind] = max(block.last.get(kind, 0), parsing.last_id(outcome.result))
            if kind is not Kind.ORDERS and block.next_page.get(kind) != 0:
                block.next_page[kind] = int(page) + 1 if outcome.next else 0

    def gaps(self) -> dict[str, Command]:
        """Commands for what is still missing; empty when all that can be had is here."""
        asked: dict[str, Command] = {}
        for tag, block in list(self._blocks.items()):
            missing = [order_id for order_id in block.ids if order_id not in self._orders]
            if missing and not block.by_number and self.refused is None:
                again = f"{tag}again"
                self.expect(again, missing, block.kinds, by_number=True)
                asked |= commands(missing, again, block.kinds)
                block.ids = tuple(order_id for order_id in block.ids if order_id in self._orders)
            for kind, page in block.next_page.items():
                if 0 < page < MOST_PAGES and block.ids:
                    last = block.last.get(kind, 0)
                    asked[f"{kind}:{tag}:{page}"] = _command(kind, block.ids, page, last)
        return asked

    def give_up(self) -> None:
        """No time is left: what is still missing counts as not read."""
        self.cut_short = True
        for block in self._blocks.values():
            unread = {kind for kind in block.kinds if block.next_page.get(kind) != 0}
            block.failed |= unread - {Kind.ORDERS}
            block.next_page.clear()

    def built(self, ids: Iterable[int]) -> tuple[Order, ...]:
        """Whole orders in the order of ``ids``, without those the portal did not give."""
        payments, shipments = defaultdict(list), defaultdict(list)
        for payment in self._payments.values():
            payments[payment.order_id].append(payment)
        for shipment in self._shipments.values():
            shipments[shipment.order_id].append(shipment)
        customers = parsing.customers(self._properties.values())
        known = {order_id: block for block in self._blocks.values() for order_id in block.ids}
        return tuple(
            replace(
                self._orders[order_id],
                payments=tuple(payments[order_id]) if known[order_id].has(Kind.PAYMENTS) else None,
                shipments=tuple(shipments[order_id])
                if known[order_id].has(Kind.SHIPMENTS)
                else None,
                customer=customers.get(order_id, Customer()),
                platform_id=self._platforms.get(order_id, 0),
            )
            for order_id in ids
            if order_id in self._orders
        )

    def _failed(self, kind: Kind, block: _Block, error: errors.BitrixError) -> None:
        if isinstance(error, errors.OutOfTime) and kind is not Kind.ORDERS:
            self.cut_short = True
            block.failed.add(kind)
            block.next_page[kind] = 0
            return
        if not isinstance(error, errors.ApiError) or isinstance(
            error, errors.MissingScope | errors.Wait
        ):
            # Of the app's own permissions an administrator has to hear, and a job comes back: no
            # order is missing.
            raise error
        if kind is Kind.ORDERS:
            if isinstance(error, errors.AccessDenied):
                self.refused = error
        else:
            block.failed.add(kind)
            block.next_page[kind] = 0

    def _store(self, kind: Kind, result: object, wanted: set[int]) -> None:
        if kind is Kind.ORDERS:
            self._orders |= {one.id: one for one in parsing.orders(result) if one.id in wanted}
        elif kind is Kind.PAYMENTS:
            self._payments |= {
                pk: one for pk, one in parsing.payments(result) if one.order_id in wanted
            }
        elif kind is Kind.SHIPMENTS:
            self._shipments |= {
                pk: one for pk, one in parsing.shipments(result) if one.order_id in wanted
            }
        elif kind is Kind.SOURCES:
            for order_id, platform_id in parsing.sources(result):
                if order_id in wanted:
                    self._platforms.setdefault(order_id, platform_id)
        else:
            for row in parsing.rows(result, "propertyValues"):
                if parsing.identifier(row.get("orderId")) in wanted:
                    self._properties[parsing.identifier(row.get("id"))] = row

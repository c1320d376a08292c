"""Orders and what hangs on them, read in blocks of up to 50.

A block is asked for by the orders' IDs, or by references to an earlier answer that holds them. Long
lists of payments, shipments or properties are read to their end by follow-ups. Orders that did not
come although they were referred to are asked for again by ID: perhaps this portal resolves no
references.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from b24app.bitrix24 import ask, batch, errors
from b24app.bitrix24.ask import Ask, Refusal
from b24app.bitrix24.batch import Reference
from b24app.bitrix24.client import Answer, Command
from b24app.orders import parsing
from b24app.orders.types import Customer, Order, Payment, Shipment

MAX_PAGES: Final = 20
"""Pages of one list: a portal that always promises a further one must not keep us reading for ever."""


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


Late = tuple[type[errors.BitrixError], ...]
"""Errors that mean the time for the page is over: what is still missing counts as not read."""

Pages = Sequence[Answer | Refusal]


@dataclass(frozen=True, slots=True)
class Content:
    """What has been read. ``refused`` is the portal's refusal to show orders at all.

    ``read`` holds, by kind, the orders of which everything of that kind came. ``cut_short`` says
    that the time for the page was over before that.
    """

    orders: Mapping[int, Order] = field(default_factory=dict)
    payments: Mapping[int, Payment] = field(default_factory=dict)
    shipments: Mapping[int, Shipment] = field(default_factory=dict)
    properties: Mapping[int, Mapping[str, object]] = field(default_factory=dict)
    platforms: Mapping[int, int] = field(default_factory=dict)
    read: Mapping[Kind, frozenset[int]] = field(default_factory=dict)
    refused: errors.AccessDenied | None = None
    cut_short: bool = False

    def __or__(self, other: "Content") -> "Content":
        """Both together; what ``other`` says of the same thing is newer."""
        return Content(
            {**self.orders, **other.orders},
            {**self.payments, **other.payments},
            {**self.shipments, **other.shipments},
            {**self.properties, **other.properties},
            {**other.platforms, **self.platforms},
            {
                kind: self.read.get(kind, frozenset()) | other.read.get(kind, frozenset())
                for kind in {*self.read, *other.read}
            },
            other.refused or self.refused,
            self.cut_short or other.cut_short,
        )

    def built(self, ids: Iterable[int]) -> tuple[Order, ...]:
        """Whole orders in the order of ``ids``, without those the portal did not give."""
        payments, shipments = defaultdict(list), defaultdict(list)
        for payment in self.payments.values():
            payments[payment.order_id].append(payment)
        for shipment in self.shipments.values():
            shipments[shipment.order_id].append(shipment)
        customers = parsing.customers(self.properties.values())
        return tuple(
            replace(
                self.orders[order_id],
                payments=tuple(payments[order_id]) if self._has(Kind.PAYMENTS, order_id) else None,
                shipments=tuple(shipments[order_id])
                if self._has(Kind.SHIPMENTS, order_id)
                else None,
                customer=customers.get(order_id, Customer()),
                platform_id=self.platforms.get(order_id, 0),
            )
            for order_id in ids
            if order_id in self.orders
        )

    def _has(self, kind: Kind, order_id: int) -> bool:
        return order_id in self.read.get(kind, ())


def joined(parts: Iterable[Content]) -> Content:
    """All parts together."""
    found = Content()
    for part in parts:
        found |= part
    return found


def content_of(
    order_ids: Iterable[int], kinds: Sequence[Kind], *, late: Late = (errors.OutOfTime,)
) -> Ask[Content]:
    """What ``kinds`` names of any number of orders.

    A refusal of the portal leaves its part out, see :class:`Content`. Raises a failure that is not
    the portal's own answer about it (no connection, the app's own permissions), except that payments
    and the like stay unread where it is one of ``late``.
    """
    return ask.many(order_ids, lambda ids: _block(ids, kinds, late)).map(joined)


def strictly(order_ids: Iterable[int], kinds: Sequence[Kind]) -> Ask[Content]:
    """As :func:`content_of`; raises whatever keeps the orders themselves from being read."""

    def block(ids: Sequence[int]) -> Ask[Content]:
        rows = ask.of(_command(Kind.ORDERS, ids, 0), lambda answer: answer)
        others = [kind for kind in kinds if kind is not Kind.ORDERS]
        return ask.together(
            rows.map(lambda answer: _stored(Kind.ORDERS, ids, [answer])),
            _block(ids, others, (errors.OutOfTime,)),
        ).map(joined)

    return ask.many(order_ids, block).map(joined)


def _block(ids: Sequence[int], kinds: Sequence[Kind], late: Late) -> Ask[Content]:
    return ask.every(
        first_pages(kind, ids).then(_finishing(kind, ids, late)) for kind in kinds
    ).map(joined)


def first_pages(kind: Kind, ids: Sequence[int | Reference]) -> Ask[Pages]:
    """The pages of ``kind`` that are fetched ahead for at most 50 orders, for :func:`referenced`."""
    return ask.every(
        ask.of(_command(kind, ids, page), lambda answer: answer).attempt()
        for page in range(SOURCES[kind].pages)
    )


def referenced(ids: Sequence[int], read: Mapping[Kind, Pages], *, late: Late) -> Ask[Content]:
    """The content of orders that were asked for by reference, once their IDs are known.

    ``read`` holds the :func:`first_pages` of each kind. As :func:`content_of` otherwise.
    """

    def rest(found: Content) -> Ask[Content]:
        shown = [order_id for order_id in ids if order_id in found.orders]
        missing = [] if found.refused else [pk for pk in ids if pk not in found.orders]
        others = ask.every(
            _finished(kind, shown, pages, late)
            for kind, pages in read.items()
            if kind is not Kind.ORDERS
        )
        again = _again(missing, list(read), late)
        return ask.together(others, again).map(lambda parts: joined([found, *parts[0], parts[1]]))

    return _finished(Kind.ORDERS, ids, read.get(Kind.ORDERS, ()), late).then(rest)


def _again(ids: Sequence[int], kinds: Sequence[Kind], late: Late) -> Ask[Content]:
    """Orders by ID that did not come by reference; nothing where there is no time left for them."""
    if not ids:
        return ask.known(Content())
    return _block(ids, kinds, late).otherwise(Content(cut_short=True), *late)


def _command(kind: Kind, ids: Sequence[int | Reference], page: int, after: int = 0) -> Command:
    """A page of rows by id. A later request continues after the ID ``after``.

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
            "start": 0 if after else page * batch.SIZE,
        },
    )


def _finishing(kind: Kind, ids: Sequence[int], late: Late) -> Callable[[Pages], Ask[Content]]:
    return lambda pages: _finished(kind, ids, pages, late)


def _finished(kind: Kind, ids: Sequence[int], pages: Pages, late: Late) -> Ask[Content]:
    """What ``pages`` hold, and what is behind them, as far as the portal gives it."""
    answers: list[Answer] = []
    for page in pages:
        if isinstance(page, Refusal):
            unread = _without(kind, page, late)
            return unread.map(lambda part: _stored(kind, ids, answers, whole=False) | part)
        answers.append(page)
    found = _stored(kind, ids, answers)
    ends = any(not answer.next for answer in answers)
    if kind is Kind.ORDERS or ends or len(answers) >= MAX_PAGES or not ids:
        return ask.known(found)
    last = max(parsing.last_id(answer.result) for answer in answers)
    further = ask.of(_command(kind, ids, len(answers), last), lambda answer: answer).attempt()
    return further.then(lambda page: _finished(kind, ids, [*pages, page], late))


def _without(kind: Kind, refusal: Refusal, late: Late) -> Ask[Content]:
    """What goes on without the rows that were refused; fails for what may not be missing."""
    error = refusal.error
    if isinstance(error, late) and kind is not Kind.ORDERS:
        return ask.known(Content(cut_short=True))
    if (
        refusal.whole
        or not isinstance(error, errors.ApiError)
        or isinstance(error, errors.MissingScope | errors.Wait)
    ):
        # An administrator has to know which of the app's own permissions is missing, and a job
        # comes back after a wait: neither means that an order is missing.
        return ask.refused(refusal)
    if kind is Kind.ORDERS and isinstance(error, errors.AccessDenied):
        return ask.known(Content(refused=error))
    return ask.known(Content())


def _stored(
    kind: Kind, ids: Sequence[int], answers: Iterable[Answer], *, whole: bool = True
) -> Content:
    """The rows of these orders only, whatever the portal made of the filter."""
    wanted, results = frozenset(ids), [answer.result for answer in answers]
    read = {kind: wanted} if whole else {}
    if kind is Kind.ORDERS:
        rows = (row for result in results for row in parsing.orders(result))
        return Content(orders={row.id: row for row in rows if row.id in wanted}, read=read)
    if kind is Kind.PAYMENTS:
        payments = (pair for result in results for pair in parsing.payments(result))
        return Content(
            payments={pk: payment for pk, payment in payments if payment.order_id in wanted},
            read=read,
        )
    if kind is Kind.SHIPMENTS:
        shipments = (pair for result in results for pair in parsing.shipments(result))
        return Content(
            shipments={pk: shipment for pk, shipment in shipments if shipment.order_id in wanted},
            read=read,
        )
    if kind is Kind.SOURCES:
        sources = (pair for result in results for pair in parsing.sources(result))
        first: dict[int, int] = {}
        for order_id, platform_id in sources:
            if order_id in wanted:
                first.setdefault(order_id, platform_id)
        return Content(platforms=first, read=read)
    values = (row for result in results for row in parsing.rows(result, "propertyValues"))
    return Content(
        properties={
            parsing.identifier(row.get("id")): row
            for row in values
            if parsing.identifier(row.get("orderId")) in wanted
        },
        read=read,
    )

"""Search for orders to link: by number, ID, or the client's name, phone and e-mail, with filters.

Two requests: the first searches every field that may contain the text, the second reads the orders
found, their links and the titles of the linked cards. A third applies filters that leave out many
orders. The portal silently drops conditions that it does not know, so every row is checked again.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from b24app.bitrix24 import ask, batch, references
from b24app.bitrix24.ask import Ask
from b24app.bitrix24.client import Answer, Command
from b24app.orders import cards, clients, content, links, normalization, parsing
from b24app.orders.clients import Lookup
from b24app.orders.content import Kind
from b24app.orders.matching import Buyer
from b24app.orders.types import DEAL, INVOICE, Card, Order, Owner

IN_PICKER = (Kind.ORDERS, Kind.PROPERTIES, Kind.PAYMENTS, Kind.SOURCES)
"""What is read of the orders found; 200 of them and their places fit into one request."""

MAX_ID_DIGITS = 15
FILTERED_PAGES = 4
"""Pages asked for at once where a filter will leave out much of what is found."""

ALL_PAGES = 10
"""Pages of each place asked for at once where all that is found is wanted."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A search from ``card``: for orders of its client only (``mine``), for unlinked ones only.

    ``since`` and ``until`` are whole days (UTC). ``below`` is the order to go on under, 0 to begin.
    """

    card: Owner
    text: str = ""
    mine: bool = False
    unlinked: bool = False
    since: date | None = None
    until: date | None = None
    below: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """An order and the card it is linked to; ``at`` is None for a card the person may not open."""

    order: Order
    place: Owner | None
    at: Card | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Orders found beside ``card``: those whose number, ID or telephone was given, then the newest.

    ``more`` is the order to go on under, 0 at the end. ``client_known`` is False where only the
    client's orders were wanted and the card has no client to look for.
    """

    card: Card
    found: tuple[Found, ...]
    more: int
    client_known: bool = True


def search(wanted: Wanted) -> Ask[Finding]:
    """At most 50 orders matching ``wanted``; the newest of all for an empty one.

    Raises the portal's refusal when the card may not be opened or orders may not be read.
    """
    if wanted.mine:
        return _of_client(wanted)
    narrow = _leaves_little(wanted)
    # The last digits of a telephone match many other numbers.
    phone = normalization.looks_like_phone(wanted.text)
    looks = _looks(_places(wanted), FILTERED_PAGES if narrow or phone else 1)

    def found(card: Card, ids: list[int], more: int) -> Ask[Finding]:
        if len(ids) > batch.SIZE:
            ids, more = ids[: batch.SIZE], max(ids[batch.SIZE :]) + 1
        return found_by_id(ids).map(lambda orders: Finding(card, orders, more))

    def kept(card: Card, looked: Sequence[_Look]) -> Ask[Finding]:
        ids, more = _candidates(looked, wanted.below)
        filtered = _filtered(ids, wanted) if narrow else ask.known(ids)
        return filtered.then(lambda left: found(card, left, more))

    return ask.together(cards.card_of(wanted.card), looks).then(lambda read: kept(*read))


def ids_matching(wanted: Wanted) -> Ask[tuple[list[int], int]]:
    """IDs of orders matching ``wanted``, for work on all of them: no card is opened, nothing else read.

    A piece of them, newest first, and the order to go on under, 0 at the end. One request, two with
    filters. Raises the portal's refusal when orders may not be read.
    """
    filters = wanted.unlinked or wanted.since is not None or wanted.until is not None

    def kept(looked: Sequence[_Look]) -> Ask[tuple[list[int], int]]:
        ids, more = _candidates(looked, wanted.below)
        filtered = _filtered(ids, wanted) if filters else ask.known(ids)
        return filtered.map(lambda left: (left, more))

    return _looks(_places(wanted), ALL_PAGES).then(kept)


def _of_client(wanted: Wanted) -> Ask[Finding]:
    """Orders that hold the text and are the client's; without a text, those that hold the client's data."""
    buyers = clients.buyers_of(wanted.card)
    if wanted.text:
        looks = _looks(_places(wanted), FILTERED_PAGES)
        return ask.together(buyers, looks).then(
            lambda read: _buyers_orders(wanted, *read[0], read[1])
        )

    def with_data(buyers: Sequence[Buyer], card: Card) -> Ask[Finding]:
        places = [_value_place(lookup, wanted.below) for lookup in clients.lookups(buyers)]
        pages = max(1, min(FILTERED_PAGES, batch.SIZE // max(len(places), 1)))
        return _looks(places, pages).then(
            lambda looked: _buyers_orders(wanted, buyers, card, looked)
        )

    return buyers.then(lambda found: with_data(*found))


def _buyers_orders(
    wanted: Wanted, buyers: Sequence[Buyer], card: Card, looked: Sequence["_Look"]
) -> Ask[Finding]:
    """The buyers' orders among those that were ``looked`` up."""
    if not clients.lookups(buyers):
        return ask.known(Finding(card, (), 0, client_known=False))
    ids, more = _candidates(looked, wanted.below)
    read = ids[: batch.SIZE * FILTERED_PAGES]

    def kept(orders: Iterable[Found]) -> Finding:
        found = tuple(
            match
            for match in orders
            if _fits(match, wanted) and clients.is_buyers(buyers, match.order.customer)
        )
        if len(found) > batch.SIZE:
            rest = max(match.order.id for match in found[batch.SIZE :])
            return Finding(card, found[: batch.SIZE], rest + 1)
        return Finding(card, found, read[-1] if len(ids) > len(read) else more)

    return found_by_id(read).map(kept)


def _fits(match: Found, wanted: Wanted) -> bool:
    return not (wanted.unlinked and match.place is not None) and _within(match.order, wanted)


def _within(order: Order, wanted: Wanted) -> bool:
    if order.created is None:
        return wanted.since is None and wanted.until is None
    made = order.created.date()
    return (wanted.since is None or made >= wanted.since) and (
        wanted.until is None or made <= wanted.until
    )


def _holds(value: str, text: str) -> bool:
    """Whether the value contains every word of the text, in any order."""
    whole = normalization.folded(value)
    return all(word in whole for word in normalization.folded(text).split())


def _longest_word(text: str) -> str:
    """What to ask the portal for: it searches for words in exactly the order given."""
    return max(text.split(), key=len, default=text)


@dataclass(frozen=True, slots=True)
class _Place:
    """A field that may contain the text: how to search it, and which orders of an answer match.

    An ``exact`` match (of a whole number or ID) comes first, however old it is; then come the
    ``best`` matches of a part (of a whole telephone).
    """

    command: Command
    orders: Callable[[object], set[int]]
    everything: Callable[[object], list[int]]
    exact: bool = False
    best: Callable[[object], set[int]] = lambda result: set()


def _leaves_little(wanted: Wanted) -> bool:
    """Whether the filters deserve a request of their own, before orders are read."""
    dated = wanted.since is not None or wanted.until is not None
    return wanted.unlinked or (dated and bool(wanted.text))


def _places(wanted: Wanted) -> list[_Place]:
    text, below = references.plain(wanted.text), wanted.below
    period = _period(wanted)
    if not text:
        return [_order_place(period, lambda order: _within(order, wanted), below)]

    def numbered(order: Order) -> bool:
        return _holds(order.number, text) and _within(order, wanted)

    found = [_order_place({"%accountNumber": text, **period}, numbered, below)]
    if not below:
        found.append(
            _order_place({"=accountNumber": text}, lambda order: order.number == text, exact=True)
        )
    if not below and text.isascii() and text.isdecimal() and len(text) <= MAX_ID_DIGITS:
        pk = int(text)
        found.append(_order_place({"=id": pk}, lambda order: order.id == pk, exact=True))
    customers = Lookup(
        _longest_word(text), parsing.CUSTOMER_CODES, lambda value: _holds(value, text)
    )
    found.append(_value_place(customers, below))
    if normalization.looks_like_phone(text):
        found += [_phone_place(part, text, below) for part in normalization.phone_fragments(text)]
    return found


def _phone_place(part: str, text: str, below: int) -> _Place:
    """Where ``part`` of a telephone stands; the best matches have the whole one, in any spelling."""
    some = Lookup(part, parsing.PHONE_CODES, lambda value: normalization.phone_holds(value, text))
    whole = replace(some, holds=lambda value: normalization.same_phone(value, text))
    return replace(_value_place(some, below), best=whole.orders)


def _period(wanted: Wanted) -> dict[str, object]:
    """The days asked for and a day before and after them: the portal counts in its own time zone."""
    found: dict[str, object] = {}
    day = timedelta(days=1)
    if wanted.since is not None:
        found[">=dateInsert"] = (wanted.since - day).isoformat()
    if wanted.until is not None:
        found["<=dateInsert"] = (wanted.until + 2 * day).isoformat()
    return found


def _order_place(
    narrowed: Mapping[str, object],
    holds: Callable[[Order], bool],
    below: int = 0,
    *,
    exact: bool = False,
) -> _Place:
    """sale/order/sale-order-list.md"""
    command = Command(
        "sale.order.list",
        {
            "select": ["id", "accountNumber", "dateInsert"],
            "filter": {**narrowed, **({"<id": below} if below else {})},
            "order": {"id": "desc"},
        },
    )
    return _Place(
        command,
        lambda result: {order.id for order in parsing.orders(result) if holds(order)},
        lambda result: [order.id for order in parsing.orders(result)],
        exact,
    )


def _value_place(lookup: Lookup, below: int) -> _Place:
    return _Place(
        lookup.command(below),
        lookup.orders,
        lambda result: [
            parsing.identifier(row.get("orderId")) for row in parsing.rows(result, "propertyValues")
        ],
    )


@dataclass(frozen=True, slots=True)
class _Look:
    """The pages that were read of a place."""

    place: _Place
    answers: tuple[Answer, ...]


def _looks(places: Iterable[_Place], pages: int) -> Ask[tuple[_Look, ...]]:
    """``pages`` of each place at once, of an exact one the first only. Raises any refusal."""
    return ask.every(_look(place, 1 if place.exact else pages) for place in places)


def _look(place: _Place, pages: int) -> Ask[_Look]:
    method, params = place.command.method, place.command.params
    commands = (Command(method, {**params, "start": page * batch.SIZE}) for page in range(pages))
    answers = ask.every(ask.of(command, lambda answer: answer) for command in commands)
    return answers.map(lambda read: _Look(place, read))


def _candidates(looked: Iterable[_Look], below: int) -> tuple[list[int], int]:
    """Orders that hold the text, the best matches before the newest, and the order to go on under.

    That is 0 at the end. A place with more pages than were read is known down to its last order only,
    and so is the whole.
    """
    ids: set[int] = set()
    exact: set[int] = set()
    best: set[int] = set()
    known_to = 0
    for look in looked:
        place, results = look.place, [answer.result for answer in look.answers]
        for result in results:
            (exact if place.exact else ids).update(place.orders(result))
            if not below:
                best |= place.best(result)
        seen = [pk for result in results for pk in place.everything(result)]
        if seen and not place.exact and look.answers[-1].next is not None:
            known_to = max(known_to, min(seen))
    first = [*sorted(exact, reverse=True), *sorted(best - exact, reverse=True)]
    kept = {pk for pk in ids.difference(first) if pk >= known_to and (not below or pk < below)}
    found = first + sorted(kept, reverse=True)
    # A portal that ignores the requested sorting must not make the search loop.
    return found, known_to if not below or known_to < below else 0


def _filtered(ids: Sequence[int], wanted: Wanted) -> Ask[list[int]]:
    """Those of the candidates that the filters leave."""
    nowhere: Ask[dict[int, Owner | None]] = ask.known({})
    owners = links.owners_of(ids) if wanted.unlinked else nowhere
    dates = ask.many(ids, lambda page: _within_dates(page, wanted))

    def kept(places: Mapping[int, Owner | None], pages: Iterable[set[int]]) -> list[int]:
        within = {pk for page in pages for pk in page}
        return [pk for pk in ids if pk in within and places.get(pk) is None]

    return ask.together(owners, dates).map(lambda found: kept(*found))


def _within_dates(ids: Sequence[int], wanted: Wanted) -> Ask[set[int]]:
    params = {"select": ["id", "dateInsert"], "filter": {"@id": list(ids)}}
    return ask.of(
        Command("sale.order.list", params),
        lambda answer: {
            order.id for order in parsing.orders(answer.result) if _within(order, wanted)
        },
    )


def found_by_id(ids: Sequence[int]) -> Ask[tuple[Found, ...]]:
    """At most 200 orders by ID with their places and those places' titles, in the order given.

    One request; another where the portal left anything out. Raises the portal's refusal.
    """
    # The places are listed from the lowest order on, whatever the order here.
    pages = ask.pages(sorted(set(ids)))
    places = ask.every(_places_of(page) for page in pages).then(_with_titles)

    def found(orders: Iterable[Order], placed: _Placed) -> tuple[Found, ...]:
        owners, known = placed
        return tuple(
            Found(order, owners.get(order.id), known.get(owners.get(order.id) or Owner(0, 0)))
            for order in orders
        )

    return ask.together(content.strictly(ids, IN_PICKER), places).map(
        lambda read: found(read[0].built(ids), read[1])
    )


_Placed = tuple[dict[int, Owner | None], Mapping[Owner, Card]]


def _places_of(ids: Sequence[int]) -> Ask[_Placed]:
    """Where at most 50 orders are linked, and the cards of those places by reference."""
    command = links.of_orders(ids)
    owner_ids = [command.at("orderEntity", row, "ownerId") for row in range(len(ids))]
    return ask.together(
        ask.of(command, links.read_links).map(lambda found: links.read_owners(ids, [found])),
        cards.referenced(DEAL, owner_ids),
        cards.referenced(INVOICE, owner_ids),
    ).map(lambda read: (read[0], {**read[1], **read[2]}))


def _with_titles(pages: Iterable[_Placed]) -> Ask[_Placed]:
    """All pages as one. Titles are asked for by ID where not one came by reference."""
    places: dict[int, Owner | None] = {}
    known: dict[Owner, Card] = {}
    for owners, titled in pages:
        places |= owners
        known |= titled
    wanted = {owner for owner in places.values() if owner is not None}
    if not wanted or wanted & known.keys():
        return ask.known((places, known))
    return cards.cards_of(wanted).map(lambda read: (places, {**known, **read.found}))

"""Finding orders to link: by number, id, or the customer's name, phone and e-mail, narrowed by chips.

Two requests: the first asks every place where the text may stand, the second reads the orders found,
where each is linked, and what those deals are called. A third narrows what a chip leaves little of.
No condition of ours is believed to have been kept: the portal drops the ones it does not know in
silence, so every row is compared again here.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from b24app.bitrix24 import batch, errors, references
from b24app.bitrix24.client import Answer, Client, Command
from b24app.orders import cards, clients, content, links, normalization, parsing
from b24app.orders.clients import BRIEF, Lookup
from b24app.orders.types import DEAL, INVOICE, Card, Order, Owner

PAGE = 50
SHORTEST_PART = 2
LONGEST_ID = 15
# Pages asked for at once where a chip will leave out much of what is found.
DEEP = 4
# Pages of each place asked for at once where all that is found is wanted.
WIDE = 10

Outcomes = Mapping[str, Answer | errors.BitrixError]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person looks for beside ``card``: its client's orders only (``mine``), unlinked ones only.

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
    """An order with the place it stands at now; ``at`` is None for a place the person may not open."""

    order: Order
    place: Owner | None
    at: Card | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Orders found beside ``card``: the one whose number was given, then the newest.

    ``more`` is the order to go on under, 0 at the end. ``client_known`` is False where only the
    client's orders were wanted and the card has no client to look for.
    """

    card: Card
    found: tuple[Found, ...]
    more: int
    client_known: bool = True


def search(client: Client, wanted: Wanted) -> Finding:
    """At most 50 orders matching ``wanted``; the newest of all for an empty one.

    Raises the portal's refusal when the card may not be opened or orders may not be read.
    """
    if wanted.mine:
        return _of_client(client, wanted)
    narrow = _leaves_little(wanted)
    # The end of a telephone finds many others' too.
    places = _places(wanted)
    depth = DEEP if narrow or normalization.looks_like_phone(wanted.text) else 1
    answers = client.batch(cards.opening(wanted.card) | _questions(places, depth))
    card = cards.opened(wanted.card, answers)
    ids, more = _candidates(places, depth, answers, wanted.below)
    if narrow:
        ids = _narrowed(client, ids, wanted)
    if len(ids) > PAGE:
        ids, more = ids[:PAGE], ids[PAGE - 1]
    return Finding(card, read_found(client, ids), more)


def every_id(client: Client, wanted: Wanted) -> tuple[list[int], int]:
    """Ids of orders matching ``wanted``, for work on all of them: no card is opened, nothing else read.

    A piece of them, newest first, and the order to go on under, 0 at the end. One request, two where
    chips narrow. Raises the portal's refusal when orders may not be read.
    """
    places = _places(wanted)
    ids, more = _candidates(places, WIDE, client.batch(_questions(places, WIDE)), wanted.below)
    narrow = wanted.unlinked or wanted.since is not None or wanted.until is not None
    return (_narrowed(client, ids, wanted) if narrow else ids), more


def _of_client(client: Client, wanted: Wanted) -> Finding:
    """Orders that hold the text and are the client's; without a text, those that hold the client's data."""
    asked = clients.commands(wanted.card)
    if _is_text(wanted.text):
        places, depth = _places(wanted), DEEP
        answers = client.batch(asked | _questions(places, depth))
        buyer, card = clients.read(client, wanted.card, answers)
    else:
        buyer, card = clients.read(client, wanted.card, client.batch(asked))
        places = {
            f"lookup{at}": _value_place(lookup, wanted.below)
            for at, lookup in enumerate(clients.lookups(buyer))
        }
        depth = max(1, min(DEEP, batch.SIZE // max(len(places), 1)))
        answers = client.batch(_questions(places, depth)) if places else {}
    if not clients.lookups(buyer):
        return Finding(card, (), 0, client_known=False)
    ids, more = _candidates(places, depth, answers, wanted.below)
    looked = ids[: PAGE * DEEP]
    found = tuple(
        one
        for one in read_found(client, looked)
        if _fits(one, wanted) and clients.is_buyers(buyer, one.order.customer)
    )
    if len(found) > PAGE:
        return Finding(card, found[:PAGE], found[PAGE - 1].order.id)
    return Finding(card, found, looked[-1] if len(ids) > len(looked) else more)


def _fits(one: Found, wanted: Wanted) -> bool:
    return not (wanted.unlinked and one.place is not None) and _within(one.order, wanted)


def _within(order: Order, wanted: Wanted) -> bool:
    if order.created is None:
        return wanted.since is None and wanted.until is None
    made = order.created.date()
    return (wanted.since is None or made >= wanted.since) and (
        wanted.until is None or made <= wanted.until
    )


def _holds(value: str, text: str) -> bool:
    """Whether every word of the text stands in the value, in whatever order."""
    whole = normalization.folded(value)
    return all(word in whole for word in normalization.folded(text).split())


def _longest_word(text: str) -> str:
    """What to ask the portal for: it would look for the words in just this order."""
    return max(text.split(), key=len, default=text)


@dataclass(frozen=True, slots=True)
class _Place:
    """One place where the text may stand: how to ask, and which orders of an answer really hold it.

    What was meant exactly (``exact``: a whole number or id) stands first, however old it is.
    """

    command: Command
    orders: Callable[[object], set[int]]
    everything: Callable[[object], list[int]]
    exact: bool = False


def _leaves_little(wanted: Wanted) -> bool:
    """Whether the chips are worth a request that only says which of the candidates they leave."""
    dated = wanted.since is not None or wanted.until is not None
    return wanted.unlinked or (dated and _is_text(wanted.text))


def _is_text(text: str) -> bool:
    return len(text) >= SHORTEST_PART or text.isdecimal()


def _places(wanted: Wanted) -> dict[str, _Place]:
    text, below = references.plain(wanted.text), wanted.below
    period = _period(wanted)
    if not _is_text(text):
        return {"numbers": _order_place(period, lambda order: _within(order, wanted), below)}

    def numbered(order: Order) -> bool:
        return _holds(order.number, text) and _within(order, wanted)

    found = {"numbers": _order_place({"%accountNumber": text, **period}, numbered, below)}
    if not below:
        found["number"] = _order_place(
            {"=accountNumber": text}, lambda order: order.number == text, exact=True
        )
    if not below and text.isascii() and text.isdecimal() and len(text) <= LONGEST_ID:
        pk = int(text)
        found["id"] = _order_place({"=id": pk}, lambda order: order.id == pk, exact=True)
    found["customers"] = _value_place(
        Lookup(_longest_word(text), parsing.CUSTOMER_CODES, lambda value: _holds(value, text)),
        below,
    )
    if normalization.looks_like_phone(text):
        for number, part in enumerate(normalization.phone_fragments(text)):
            lookup = Lookup(
                part, parsing.PHONE_CODES, lambda value: normalization.phone_holds(value, text)
            )
            found[f"phone{number}"] = _value_place(lookup, below)
    return found


def _period(wanted: Wanted) -> dict[str, object]:
    """The days asked for with one more on either side: the portal counts in a time zone of its own."""
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


def _questions(places: Mapping[str, _Place], depth: int) -> dict[str, Command]:
    return {
        f"{key}:{page}": Command(
            place.command.method, {**place.command.params, "start": page * PAGE}
        )
        for key, place in places.items()
        for page in range(1 if place.exact else depth)
    }


def _candidates(
    places: Mapping[str, _Place], depth: int, answers: Outcomes, below: int
) -> tuple[list[int], int]:
    """Orders that hold the text, those meant exactly before the newest, and the order to go on under.

    That is 0 at the end. A place with more pages than were read is known down to its last order only,
    and so is the whole.
    """
    ids: set[int] = set()
    exact: set[int] = set()
    known_to = 0
    for key, place in places.items():
        seen: list[int] = []
        further = False
        for page in range(1 if place.exact else depth):
            answer = answers[f"{key}:{page}"]
            if isinstance(answer, errors.BitrixError):
                raise answer
            (exact if place.exact else ids).update(place.orders(answer.result))
            seen += place.everything(answer.result)
            further = answer.next is not None and not place.exact
        if further and seen:
            known_to = max(known_to, min(seen))
    kept = {pk for pk in ids - exact if pk >= known_to and (not below or pk < below)}
    found = sorted(exact, reverse=True) + sorted(kept, reverse=True)
    # A portal that does not keep to the order we asked for would send us round in circles.
    return found, known_to if not below or known_to < below else 0


def _narrowed(client: Client, ids: Sequence[int], wanted: Wanted) -> list[int]:
    """Those of the candidates that the chips leave."""
    if not ids:
        return []
    asked = links.place_commands(ids) if wanted.unlinked else {}
    dates = {
        f"dates{at}": Command(
            "sale.order.list",
            {"select": ["id", "dateInsert"], "filter": {"@id": list(ids[at : at + PAGE])}},
        )
        for at in range(0, len(ids), PAGE)
    }
    answers = client.batch(asked | dates)
    known: set[int] = set()
    for key in dates:
        answer = answers[key]
        if isinstance(answer, errors.BitrixError):
            raise answer
        known |= {one.id for one in parsing.orders(answer.result) if _within(one, wanted)}
    places = links.places(ids, answers) if wanted.unlinked else dict[int, Owner | None]()
    return [pk for pk in ids if pk in known and places.get(pk) is None]


def read_found(client: Client, ids: Sequence[int]) -> tuple[Found, ...]:
    """At most 200 orders by id with their places and those places' titles, in the order given.

    One request; another where the portal left anything out. Raises the portal's refusal.
    """
    if not ids:
        return ()
    blocks = {at: ids[at : at + PAGE] for at in range(0, len(ids), PAGE)}
    # The places are listed from the lowest order on, whatever the order here.
    asked = links.place_commands(ids)
    for at, block in blocks.items():
        owners = [f"$result[place{at}][orderEntity][{row}][ownerId]" for row in range(len(block))]
        asked |= content.commands(list(block), f"found{at}", BRIEF)
        asked |= cards.listing(DEAL, owners, str(at)) | cards.listing(INVOICE, owners, str(at))
    answers = client.batch(asked)
    gathered = clients.gather({f"found{at}": block for at, block in blocks.items()}, answers)
    places, known = links.places(ids, answers), cards.listed(answers)
    missing = gathered.gaps() | _untitled(places.values(), known)
    if missing:
        more = client.batch(missing)
        gathered.take(more)
        known |= cards.listed(more)
    return tuple(
        Found(order, places[order.id], known.get(places[order.id] or Owner(0, 0)))
        for order in gathered.built(ids)
    )


def _untitled(places: Iterable[Owner | None], known: Mapping[Owner, Card]) -> dict[str, Command]:
    """Titles by number, where not one came: perhaps this portal resolves no references."""
    owners = {one for one in places if one is not None}
    return {} if not owners or owners & known.keys() else cards.listing_of(owners)

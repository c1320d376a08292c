"""Finding orders to link: by number, id, or the customer's name, phone and e-mail, narrowed by chips.

Two requests a page: the first asks every place where the text may stand, the second reads the
orders found, where each is linked, and what those deals are called.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from b24app.bitrix24 import errors, references
from b24app.bitrix24.client import Answer, Client, Command
from b24app.orders import cards, clients, content, links, rows
from b24app.orders.matching import Buyer, phone_fragments, phone_holds
from b24app.orders.narrowing import holds
from b24app.orders.types import DEAL, INVOICE, Card, Order, Owner

PAGE = 50
SHORTEST_PART = 2
# Pages read for one answer while a chip leaves nearly nothing of them; a person can ask for more.
MOST_PAGES = 3
ENOUGH = 10

Outcomes = Mapping[str, Answer | errors.BitrixError]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person looks for. ``buyer`` and the period narrow; ``page`` counts from 0."""

    text: str = ""
    buyer: Buyer | None = None
    since: date | None = None
    until: date | None = None
    unlinked: bool = False
    page: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """An order with the place it stands at now; a place the person may not open has no title."""

    order: Order
    place: Owner | None
    place_title: str = ""
    place_responsible: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """Orders found, newest first. ``next_page`` is the page to go on with, None at the end."""

    found: tuple[Found, ...]
    next_page: int | None


def search(client: Client, wanted: Wanted) -> Finding:
    """Orders matching ``wanted``, newest first; the newest of all for an empty one.

    Raises the portal's refusal when orders may not be read.
    """
    if wanted.buyer is not None:
        return _of_buyer(client, wanted, wanted.buyer)
    found: list[Found] = []
    page = wanted.page
    for _ in range(MOST_PAGES):
        answers = client.batch(_questions(wanted, page))
        refusal = answers["numbers"]
        if isinstance(refusal, errors.BitrixError):
            raise refusal
        ids = sorted(_candidates(wanted, answers), reverse=True)
        found += [one for one in read_found(client, ids) if _fits(one, wanted)]
        page += 1
        if not _continues(answers):
            return Finding(tuple(found), None)
        if len(found) >= ENOUGH:
            break
    return Finding(tuple(found), page)


def _of_buyer(client: Client, wanted: Wanted, buyer: Buyer) -> Finding:
    """The buyer's own orders hold the text; there are few of them, so they are compared here."""
    ids = clients.order_ids(client, buyer)
    start = wanted.page * PAGE
    found = read_found(client, ids[start : start + PAGE])
    kept = tuple(one for one in found if _fits(one, wanted) and holds(one.order, wanted.text))
    return Finding(kept, wanted.page + 1 if len(ids) > start + PAGE else None)


def _fits(found: Found, wanted: Wanted) -> bool:
    if wanted.unlinked and found.place is not None:
        return False
    made = found.order.created.date() if found.order.created else None
    if made is None:
        return True
    return (wanted.since is None or made >= wanted.since) and (
        wanted.until is None or made <= wanted.until
    )


def read_found(client: Client, ids: Sequence[int]) -> tuple[Found, ...]:
    """Orders by id with their places and those places' titles, in the order given."""
    if not ids:
        return ()
    gathered, asked = content.Content(), links.place_commands(ids)
    for at in range(0, len(ids), PAGE):
        chunk = ids[at : at + PAGE]
        gathered.expect(f"found{at}", chunk, content.EVERYTHING, by_number=True)
        asked |= content.commands(chunk, f"found{at}", content.EVERYTHING)
        owners = [f"$result[place{at}][orderEntity][{row}][ownerId]" for row in range(len(chunk))]
        for type_id in (DEAL, INVOICE):
            asked |= cards.listing(type_id, owners, str(at))
    answers = client.batch(asked)
    gathered.take(answers)
    while missing := gathered.gaps():
        gathered.take(client.batch(missing))
    if gathered.refused is not None:
        raise gathered.refused
    places, known = links.places(ids, answers), cards.listed(answers)
    return tuple(_found(order, places[order.id], known) for order in gathered.built(ids))


def _found(order: Order, place: Owner | None, known: Mapping[Owner, Card]) -> Found:
    card = known.get(place) if place is not None else None
    return Found(order, place, card.title if card else "", card.responsible_id if card else 0)


def _questions(wanted: Wanted, page: int) -> dict[str, Command]:
    text, start = references.plain(wanted.text.strip()), page * PAGE
    period: dict[str, object] = {}
    if wanted.since is not None:
        period[">=dateInsert"] = wanted.since.isoformat()
    if wanted.until is not None:
        period["<=dateInsert"] = f"{wanted.until.isoformat()}T23:59:59"
    newest = {"select": ["id"], "order": {"id": "desc"}, "start": start}
    if len(text) < SHORTEST_PART and not text.isdecimal():
        return {"numbers": Command("sale.order.list", {**newest, "filter": period})}
    asked = {
        "numbers": Command(
            "sale.order.list", {**newest, "filter": {"%accountNumber": text, **period}}
        )
    }
    if text.isdecimal() and len(text) < 16 and page == 0:
        asked["id"] = Command("sale.order.list", {**newest, "filter": {"=id": int(text)}})
    asked["customers"] = _properties(text, rows.CUSTOMER_CODES, start)
    for number, part in enumerate(phone_fragments(text)):
        asked[f"phone{number}"] = _properties(part, rows.PHONE_CODES, start)
    return asked


def _properties(text: str, codes: Sequence[str], start: int) -> Command:
    return Command(
        "sale.propertyvalue.list",
        {
            "select": ["id", "orderId", "code", "value"],
            "filter": {"%value": text, "@code": list(codes)},
            "order": {"id": "desc"},
            "start": start,
        },
    )


def _candidates(wanted: Wanted, answers: Outcomes) -> set[int]:
    ids: set[int] = set()
    for key, answer in answers.items():
        if not isinstance(answer, Answer):
            continue
        ids |= {order.id for order in rows.orders(answer.result)}
        ids |= {
            rows.integer(row.get("orderId"))
            for row in rows.rows(answer.result, "propertyValues")
            # A fragment of a telephone number finds others' too.
            if not key.startswith("phone") or phone_holds(rows.text(row.get("value")), wanted.text)
        }
    return ids - {0}


def _continues(answers: Outcomes) -> bool:
    return any(isinstance(answer, Answer) and bool(answer.next) for answer in answers.values())

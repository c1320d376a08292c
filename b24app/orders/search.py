"""Finding orders to link: by number, id, or the customer's name, phone and e-mail.

Two requests: the first asks every place where the text may stand, the second reads the orders
found, where each is linked, and what those deals are called.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from b24app.bitrix24 import errors, references
from b24app.bitrix24.client import Answer, Client, Command
from b24app.orders import content, links, rows
from b24app.orders.types import Order, Owner

MOST = 50
SHORTEST_PART = 2


@dataclass(frozen=True, slots=True)
class Found:
    """An order with the place it stands at now; ``place_title`` is empty where the person may not see it."""

    order: Order
    place: Owner | None
    place_title: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    found: tuple[Found, ...]
    more: bool


def search(client: Client, text: str) -> Finding:
    """Orders matching ``text``, newest first, at most 50; the newest orders of all for an empty text.

    Raises the portal's refusal when orders may not be read.
    """
    answers = client.batch(_questions(references.plain(text.strip())))
    refusal = answers["numbers"]
    if isinstance(refusal, errors.BitrixError):
        raise refusal
    ids = sorted(_candidates(answers), reverse=True)
    found = read_found(client, ids[:MOST])
    return Finding(found, more=len(ids) > MOST or _continues(answers))


def read_found(client: Client, ids: Sequence[int]) -> tuple[Found, ...]:
    """Orders by id with their places and those places' titles, in the order given."""
    if not ids:
        return ()
    gathered = content.Content()
    gathered.expect("found", ids, content.EVERYTHING, by_number=True)
    references = [f"$result[place0][orderEntity][{row}][ownerId]" for row in range(len(ids))]
    titles = Command(
        "crm.deal.list", {"select": ["ID", "TITLE"], "filter": {"@ID": references}, "start": -1}
    )
    answers = client.batch(
        content.commands(ids, "found", content.EVERYTHING)
        | links.place_commands(ids)
        | {"titles": titles}
    )
    gathered.take(answers)
    while asked := gathered.gaps():
        gathered.take(client.batch(asked))
    if gathered.refused is not None:
        raise gathered.refused
    places, named = links.places(ids, answers), _titles(answers["titles"])
    return tuple(
        Found(order, places[order.id], named.get(places[order.id], ""))
        for order in gathered.built(ids)
    )


def _titles(outcome: Answer | errors.BitrixError) -> dict[Owner | None, str]:
    if isinstance(outcome, errors.BitrixError):
        return {}
    return dict(rows.deal_titles(outcome.result).items())


def _questions(text: str) -> dict[str, Command]:
    newest = {"select": ["id"], "order": {"id": "desc"}}
    if len(text) < SHORTEST_PART and not text.isdecimal():
        return {"numbers": Command("sale.order.list", {**newest, "filter": {}})}
    questions = {
        "numbers": Command("sale.order.list", {**newest, "filter": {"%accountNumber": text}})
    }
    if text.isdecimal() and len(text) < 16:
        questions["id"] = Command("sale.order.list", {**newest, "filter": {"=id": int(text)}})
    questions["customers"] = Command(
        "sale.propertyvalue.list",
        {
            "select": ["id", "orderId", "code", "value"],
            "filter": {"%value": text, "@code": list(rows.CUSTOMER_CODES)},
            "order": {"id": "desc"},
        },
    )
    return questions


def _candidates(answers: Mapping[str, Answer | errors.BitrixError]) -> set[int]:
    ids: set[int] = set()
    for answer in answers.values():
        if isinstance(answer, Answer):
            ids |= {order.id for order in rows.orders(answer.result)}
            ids |= {
                rows.integer(row.get("orderId"))
                for row in rows.rows(answer.result, "propertyValues")
            }
    return ids - {0}


def _continues(answers: Mapping[str, Answer | errors.BitrixError]) -> bool:
    return any(isinstance(answer, Answer) and bool(answer.next) for answer in answers.values())

"""Cards that orders are linked to: deals (``crm.deal.*``) and invoices (``crm.item.*``).

The order link calls check no right on the card, so whether a person may open one is always asked
with that person's own token (crm/deals/crm-deal-get.md, crm/universal/crm-item-get.md).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from b24app.bitrix24 import ask, errors
from b24app.bitrix24.ask import Ask, Refusal
from b24app.bitrix24.batch import Reference
from b24app.bitrix24.client import Answer, Command
from b24app.orders import parsing
from b24app.orders.types import DEAL, INVOICE, Card, Owner

_TITLE = {DEAL: ["ID", "TITLE", "ASSIGNED_BY_ID"]}
_ITEM_TITLE = ["id", "title", "assignedById"]


@dataclass(frozen=True, slots=True)
class CardList:
    """Cards read by their IDs. ``asked`` are the cards asked for; ``refusals`` are the lists refused."""

    asked: frozenset[Owner]
    found: Mapping[Owner, Card]
    refusals: Mapping[int, errors.BitrixError]

    def missing(self) -> set[Owner]:
        """Cards that did not come although the portal answered.

        To an administrator they do not exist; to anybody else they may be closed. A type whose list
        was refused, even in part, proves nothing.
        """
        return {
            owner
            for owner in self.asked
            if owner.type_id not in self.refusals and owner not in self.found
        }

    def complete(self) -> Mapping[Owner, Card]:
        """The cards found. Raises the refusal of a list: a gap would look like a missing right."""
        for error in self.refusals.values():
            raise error
        return self.found


def get_command(owner: Owner) -> Command:
    """The command that reads one card."""
    if owner.is_deal:
        return Command("crm.deal.get", {"id": owner.id})
    return Command("crm.item.get", {"entityTypeId": owner.type_id, "id": owner.id})


def card_of(owner: Owner) -> Ask[Card]:
    """One card. Raises the portal's refusal, ``errors.NotFound`` for an answer that is another card."""
    return ask.of(get_command(owner), lambda answer: read_card(owner, answer))


def read_card(owner: Owner, answer: Answer) -> Card:
    """The card in the answer of :func:`get_command`; raises ``errors.NotFound`` for another one."""
    row = answer.result
    if not owner.is_deal:
        row = row.get("item") if isinstance(row, Mapping) else None
    found = parsing.card(owner.type_id, row)
    if found is None or found.owner != owner:
        raise errors.NotFound("", "not the card asked for", method="crm.deal.get")
    return found


def cards_of(owners: Iterable[Owner]) -> Ask[CardList]:
    """Titles and responsible persons of deals and invoices. A refused list is no error: see the result."""
    return cards_of_any_type(readable(owners))


def cards_of_any_type(owners: Iterable[Owner]) -> Ask[CardList]:
    """As :func:`cards_of`, and cards of other types are asked for as well."""
    asked = frozenset(owners)
    types = sorted({owner.type_id for owner in asked})
    return ask.every(
        ask.many(
            sorted(owner.id for owner in asked if owner.type_id == type_id),
            partial(_page, type_id),
        )
        for type_id in types
    ).map(lambda pages: _card_list(asked, dict(zip(types, pages, strict=True))))


def referenced(type_id: int, ids: Sequence[Reference]) -> Ask[Mapping[Owner, Card]]:
    """As :func:`cards_of` for at most 50 IDs that the portal takes from an earlier command's result.

    Empty where the list is refused, or where the portal resolves no references.
    """
    return ask.of(_list_command(type_id, ids), lambda answer: _read(type_id, answer)).otherwise({})


def _page(type_id: int, ids: Sequence[int]) -> Ask[Mapping[Owner, Card] | Refusal]:
    return ask.of(_list_command(type_id, ids), lambda answer: _read(type_id, answer)).attempt(
        whole=False
    )


def _list_command(type_id: int, ids: Sequence[int | Reference]) -> Command:
    """crm/deals/crm-deal-list.md, crm/universal/crm-item-list.md"""
    if type_id == DEAL:
        params = {"select": _TITLE[DEAL], "filter": {"@ID": list(ids)}, "start": -1}
        return Command("crm.deal.list", params)
    params = {"entityTypeId": type_id, "select": _ITEM_TITLE, "filter": {"@id": list(ids)}}
    return Command("crm.item.list", params)


def _read(type_id: int, answer: Answer) -> Mapping[Owner, Card]:
    rows = parsing.rows(answer.result, None if type_id == DEAL else "items")
    found = (parsing.card(type_id, row) for row in rows)
    return {card.owner: card for card in found if card is not None}


def _card_list(
    asked: frozenset[Owner], pages: Mapping[int, Sequence[Mapping[Owner, Card] | Refusal]]
) -> CardList:
    found: dict[Owner, Card] = {}
    refusals: dict[int, errors.BitrixError] = {}
    for type_id, read in pages.items():
        for page in read:
            if isinstance(page, Refusal):
                refusals.setdefault(type_id, page.error)
            else:
                found |= page
    return CardList(asked, found, refusals)


def readable(owners: Iterable[Owner]) -> list[Owner]:
    """Those of a type whose cards can be asked for by number."""
    return [owner for owner in owners if owner.type_id in (DEAL, INVOICE)]


def add_note(owner: Owner, text: str) -> Ask[None]:
    """Write a comment into the card's timeline (crm/timeline/comments/crm-timeline-comment-add.md)."""
    kind = "deal" if owner.is_deal else f"dynamic_{owner.type_id}"
    fields = {"ENTITY_ID": owner.id, "ENTITY_TYPE": kind, "COMMENT": text}
    command = Command("crm.timeline.comment.add", {"fields": fields}, write=True)
    return ask.of(command, lambda answer: None)

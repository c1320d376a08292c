"""Cards that orders are linked to: deals (``crm.deal.*``) and invoices (``crm.item.*``).

The order link calls check no right on the card, so whether a person may open one is always asked
with that person's own token (crm/deals/crm-deal-get.md, crm/universal/crm-item-get.md).
"""

from collections.abc import Iterable, Mapping

from b24app.bitrix24 import errors, references
from b24app.bitrix24.client import Answer, Command
from b24app.orders import parsing
from b24app.orders.types import DEAL, INVOICE, Card, Owner

PAGE = 50

_TITLE = {DEAL: ["ID", "TITLE", "ASSIGNED_BY_ID"]}
_ITEM_TITLE = ["id", "title", "assignedById"]

Outcomes = Mapping[str, Answer | errors.BitrixError]


def opening(owner: Owner) -> dict[str, Command]:
    """The command that reads one card, for :func:`opened`."""
    if owner.is_deal:
        return {"card": Command("crm.deal.get", {"id": owner.id})}
    return {"card": Command("crm.item.get", {"entityTypeId": owner.type_id, "id": owner.id})}


def opened(owner: Owner, outcomes: Outcomes) -> Card:
    """The card; raises the portal's refusal, or ``errors.NotFound`` for an answer that is not one."""
    outcome = outcomes["card"]
    if isinstance(outcome, errors.BitrixError):
        raise outcome
    found = parsing.card(owner.type_id, _row(owner.type_id, outcome.result))
    if found is None or found.owner != owner:
        raise errors.NotFound("", "not the card asked for", method="crm.deal.get")
    return found


def _row(type_id: int, result: object) -> object:
    if type_id == DEAL:
        return result
    return result.get("item") if isinstance(result, Mapping) else None


def listing(type_id: int, ids: Iterable[int | str], tag: str = "") -> dict[str, Command]:
    """Commands that read titles and who is responsible, for :func:`listed`; 50 cards each.

    ``ids`` may be references ``$result[…]`` of the same batch. A card the person may not see does
    not come back.
    """
    wanted, commands = list(ids), dict[str, Command]()
    for at in range(0, len(wanted), PAGE):
        chunk = wanted[at : at + PAGE]
        if type_id == DEAL:
            command = Command(
                "crm.deal.list", {"select": _TITLE[DEAL], "filter": {"@ID": chunk}, "start": -1}
            )
        else:
            command = Command(
                "crm.item.list",
                {"entityTypeId": type_id, "select": _ITEM_TITLE, "filter": {"@id": chunk}},
            )
        commands[f"cards:{type_id}:{tag}:{at}"] = command
    return commands


def listing_of(owners: Iterable[Owner]) -> dict[str, Command]:
    """:func:`listing` for cards of several types."""
    by_type: dict[int, set[int]] = {}
    for owner in owners:
        by_type.setdefault(owner.type_id, set()).add(owner.id)
    return {
        key: command
        for type_id, ids in by_type.items()
        for key, command in listing(type_id, sorted(ids)).items()
    }


def listed(outcomes: Outcomes) -> dict[Owner, Card]:
    """The cards that :func:`listing` brought. One that is missing may not be opened, or is gone."""
    found: dict[Owner, Card] = {}
    for key, outcome in outcomes.items():
        if key.startswith("cards:") and isinstance(outcome, Answer):
            type_id = int(key.split(":")[1])
            for row in parsing.rows(outcome.result, None if type_id == DEAL else "items"):
                card = parsing.card(type_id, row)
                if card is not None:
                    found[card.owner] = card
    return found


def readable(owners: Iterable[Owner]) -> list[Owner]:
    """Those of a type whose cards can be asked for by number."""
    return [one for one in owners if one.type_id in (DEAL, INVOICE)]


def missing(outcomes: Outcomes, owners: Iterable[Owner]) -> set[Owner]:
    """Owners that :func:`listing_of` did not bring although the portal answered.

    To an administrator they do not exist; to anybody else they may be closed. A type whose list was
    refused, even in part, proves nothing.
    """
    asked = {key.split(":")[1] for key in outcomes if key.startswith("cards:")}
    failed = {
        key.split(":")[1]
        for key, one in outcomes.items()
        if key.startswith("cards:") and isinstance(one, errors.BitrixError)
    }
    known = listed(outcomes)
    return {one for one in owners if str(one.type_id) in asked - failed and one not in known}


def note(owner: Owner, text: str) -> Command:
    """A comment in the card's timeline (crm/timeline/comments/crm-timeline-comment-add.md)."""
    kind = "deal" if owner.is_deal else f"dynamic_{owner.type_id}"
    fields = {"ENTITY_ID": owner.id, "ENTITY_TYPE": kind, "COMMENT": references.plain(text)}
    return Command("crm.timeline.comment.add", {"fields": fields}, write=True)

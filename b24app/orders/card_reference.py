"""Which deal or invoice a text names: the one parser for every place where people name a card."""

import re
from dataclasses import dataclass
from enum import StrEnum

from b24app.orders.types import DEAL, INVOICE, Owner
from b24app.orders.visible_text import visible


class CardProblem(StrEnum):
    NOT_A_CARD = "bad_card"
    OTHER_PORTAL = "other_portal"


@dataclass(frozen=True, slots=True)
class CardValue:
    """What a text names. ``owner`` is None for an empty text and where there is a ``problem``."""

    written: str
    owner: Owner | None = None
    problem: CardProblem | None = None


_ID = re.compile(r"[1-9][0-9]{0,14}", re.ASCII)
# A full URL, one without its scheme, or a path alone. What follows "?" or "#" says nothing of the card.
_URL = re.compile(
    r"(?:(?:https?:)?//(?P<host>[^/?#\s]*)|(?P<bare>[^/?#\s]*))(?P<path>/[^?#\s]*)(?:[?#]\S*)?",
    re.IGNORECASE,
)
# A portal may serve its pages from a folder: up to two names before /crm/.
_PATH = re.compile(
    r"(?:/[\w-]{1,50}){0,2}?/crm/(?:deal|type/(?P<type>\d{1,5}))/(?:details|show)/"
    r"(?P<id>\d{1,15})(?:/.*)?",
    re.ASCII | re.IGNORECASE,
)
_NAMED = re.compile(
    r"(?P<deal>deal|сделка|auftrag|угода)|(?P<invoice>invoice|сч[её]т|rechnung)", re.IGNORECASE
)
_NAMED_ID = re.compile(
    r"(?P<word>[^\W\d_]+)\s*(?:#|№|nr\.?|no\.?|id)?\s*:?\s*(?P<id>[1-9]\d{0,14})", re.IGNORECASE
)
_TEXT_IN_FORMULA = re.compile(r"""=\s*"([^"]*)\"""")
_FIELD = re.compile(r"(?P<type>\d{1,5}):(?P<id>[1-9]\d{0,14})", re.ASCII)


def card_value(text: str, host: str, *, type_id: int | None = DEAL, link: str = "") -> CardValue:
    """The card a person or a table cell names: by ID, by a link, or by a word and an ID (deal 101).

    ``host`` is the portal's own (``Portal.host``); a link to another portal is a problem. ``type_id``
    is what a bare ID means, None if nobody knows. ``link`` is the cell's hyperlink; it counts
    where the text is no ID.
    """
    written = visible(text)
    formula = _TEXT_IN_FORMULA.fullmatch(written)
    bare = formula[1].strip() if formula else written
    if not bare and not link:
        return CardValue(written)
    if _ID.fullmatch(bare) and type_id is not None:
        return CardValue(written, Owner(type_id, int(bare)))
    if found := _linked(bare, host) or (link and _linked(link.strip(), host)):
        return CardValue(written, found.owner, found.problem)
    if named := _named(bare):
        return CardValue(written, named)
    return CardValue(written, problem=CardProblem.NOT_A_CARD) if bare else CardValue(written)


def card_of_field(raw: str, host: str) -> CardValue:
    """The card in a form's field: as :func:`card_value`, or ``31:118`` as our own pages write it."""
    match = _FIELD.fullmatch(raw.strip())
    if match is None:
        return card_value(raw, host)
    owner = Owner(int(match["type"]), int(match["id"]))
    if owner.type_id not in (DEAL, INVOICE):
        return CardValue(raw, problem=CardProblem.NOT_A_CARD)
    return CardValue(raw, owner)


def field_of_card(owner: Owner) -> str:
    """The value of a hidden field that :func:`card_of_field` reads: a deal's bare ID, or ``31:118``."""
    return str(owner.id) if owner.is_deal else f"{owner.type_id}:{owner.id}"


def _linked(text: str, host: str) -> CardValue | None:
    """The card a link leads to; None if the text is not a link to a card."""
    url = _URL.fullmatch(text)
    card = _PATH.fullmatch(url["path"]) if url else None
    if url is None or card is None or int(card["id"]) == 0:
        return None
    type_id = int(card["type"] or DEAL)
    if type_id not in (DEAL, INVOICE):
        return CardValue(text, problem=CardProblem.NOT_A_CARD)
    named = url["host"] if url["host"] is not None else url["bare"] or host
    if named.lower() != host.lower():
        return CardValue(text, problem=CardProblem.OTHER_PORTAL)
    return CardValue(text, Owner(type_id, int(card["id"])))


def type_of_word(text: str) -> int | None:
    """The type of card that a word stands for (deal, Счёт, Rechnung); None for any other word."""
    kind = _NAMED.fullmatch(visible(text))
    if kind is None:
        return None
    return DEAL if kind["deal"] else INVOICE


def _named(text: str) -> Owner | None:
    """The card in ``deal 101`` or ``Счёт № 2``, as people and our exports write it."""
    match = _NAMED_ID.fullmatch(text)
    type_id = type_of_word(match["word"]) if match else None
    return Owner(type_id, int(match["id"])) if match and type_id is not None else None

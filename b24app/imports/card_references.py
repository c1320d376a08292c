"""Which deal or invoice a text names: by ID, by a link into the portal, or as our own exports write it."""

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from b24app.imports.values import visible
from b24app.orders.types import DEAL, INVOICE, Owner


class CardProblem(StrEnum):
    NOT_A_CARD = "bad_card"
    OTHER_PORTAL = "other_portal"


@dataclass(frozen=True, slots=True)
class CardValue:
    """``owner`` is None for an empty cell and where there is a ``problem``."""

    written: str
    owner: Owner | None = None
    problem: CardProblem | None = None


_ID = re.compile(r"[1-9][0-9]{0,14}", re.ASCII)
_LINK = re.compile(
    r"/crm/(?:(?P<deal>deal)|type/(?P<type>\d{1,5}))/(?:details|show)/(?P<id>\d{1,15})(?![\d])",
    re.ASCII,
)
_NAMED = re.compile(
    r"(?P<deal>deal|сделка|auftrag|угода)|(?P<invoice>invoice|сч[её]т|rechnung)", re.IGNORECASE
)
_NAMED_ID = re.compile(
    r"(?P<word>[^\W\d_]+)\s*(?:#|№|nr\.?|no\.?|id)?\s*:?\s*(?P<id>[1-9]\d{0,14})", re.IGNORECASE
)
_TEXT_IN_FORMULA = re.compile(r"""=\s*"([^"]*)\"""")


def card_value(text: str, host: str, *, type_id: int = DEAL, link: str = "") -> CardValue:
    """The card in a cell. ``host`` is the portal's own; a link to another portal is refused.

    ``type_id`` is what a bare number means. ``link`` is the cell's hyperlink: it counts where the text
    itself is no number.
    """
    written = visible(text)
    formula = _TEXT_IN_FORMULA.fullmatch(written)
    bare = formula[1].strip() if formula else written
    if not bare and not link:
        return CardValue(written)
    if _ID.fullmatch(bare):
        return CardValue(written, Owner(type_id, int(bare)))
    if found := _linked(bare, host) or (link and _linked(link, host)):
        return CardValue(written, found.owner, found.problem)
    if named := _named(bare):
        return CardValue(written, named)
    return CardValue(written, problem=CardProblem.NOT_A_CARD) if bare else CardValue(written)


def _linked(text: str, host: str) -> CardValue | None:
    """The card a link leads to; None for what is no link to a card."""
    match = _LINK.search(text)
    if match is None or int(match["id"]) == 0:
        return None
    kind = DEAL if match["deal"] else int(match["type"])
    if kind not in (DEAL, INVOICE):
        return CardValue(text, problem=CardProblem.NOT_A_CARD)
    named = _host(text)
    if named and named != host.lower():
        return CardValue(text, problem=CardProblem.OTHER_PORTAL)
    return CardValue(text, Owner(kind, int(match["id"])))


def _host(link: str) -> str:
    """The host a link names, in lower case; empty for a path alone."""
    try:
        return urlsplit(
            link if "//" in link or link.startswith("/") else f"//{link}"
        ).netloc.lower()
    except ValueError:
        return "?"


def _named(text: str) -> Owner | None:
    """``deal 101`` and ``Счёт № 2``: the kind of a card and its ID, as people and our exports write it."""
    match = _NAMED_ID.fullmatch(text)
    kind = _NAMED.fullmatch(match["word"]) if match else None
    if match is None or kind is None:
        return None
    return Owner(DEAL if kind["deal"] else INVOICE, int(match["id"]))

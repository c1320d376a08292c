"""What people ask for, checked before anything is stored."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from b24app.bitrix24 import filters
from b24app.changes.properties import COMMENT, MAX_COMMENT_CHARACTERS, place_text
from b24app.imports import pasted
from b24app.imports.table import Unreadable
from b24app.jobs import texts
from b24app.jobs.creation import Order
from b24app.jobs.models import TO_CARD, WITH_CARD, Job
from b24app.orders.card_reference import CardProblem, card_of_field
from b24app.orders.types import DEAL, INVOICE, Owner
from b24app.web.forms import BadForm, day, search_text, typed
from b24app.web.uploads import LARGEST_FILE

MAX_CHOSEN = 1000

K = Job.Kind
FROM_CARD = frozenset({K.LINK, K.UNLINK, K.MOVE, K.STATUS, K.RESPONSIBLE, K.COMMENT, K.EXPORT})
# What takes orders out of a card leaves alone those that have gone from it meanwhile.
OUT_OF_CARD = frozenset({K.UNLINK, K.MOVE})
# Lines of a pasted list that lack something are named, up to so many.
MAX_LINES_NAMED = 10

# Rows that are undone together.
MAX_ROWS_UNDONE = 50

_ROW = re.compile(r"[1-9]\d{0,6}", re.ASCII)
_ORDER = re.compile(r"(\d{1,15})(?:\|(?:(\d{1,5}):(\d{1,15}))?)?", re.ASCII)
_STATUS = re.compile(r"[A-Za-z0-9_]{1,16}", re.ASCII)
_PERSON = re.compile(r"[1-9]\d{0,9}", re.ASCII)


class Mistake(Exception):
    """The person has to mend something; ``text`` says what, in their words."""

    def __init__(self, text: "str | Promise") -> None:
        super().__init__(str(text))
        self.text = text


@dataclass(frozen=True, slots=True)
class Chosen:
    """A job from a card's tab: these orders, each with its place as seen, or all of the card's."""

    asked: Order
    orders: tuple[tuple[int, str | None], ...] | None


@dataclass(frozen=True, slots=True)
class Listed:
    """A job from a file or a pasted list."""

    asked: Order
    content: bytes


@dataclass(frozen=True, slots=True)
class Searched:
    """A job over what a search finds; ``search`` is where its gathering starts."""

    asked: Order
    search: Mapping[str, object]


def read(
    form: QueryDict, file: "UploadedFile[bytes] | None", card: Owner | None, host: str
) -> Chosen | Listed | Searched:
    """The job asked for. ``card`` is the one the page was opened for, ``host`` the portal's.

    Raises :class:`Mistake` for what the person can mend, :class:`BadForm` for the rest.
    """
    source = form.get("from", "")
    if source == Job.Origin.CARD:
        return _chosen(form, card, host)
    if source == Job.Origin.FILE:
        return _file(form, file, host)
    if source == Job.Origin.LIST:
        return _pasted(form, host)
    if source == Job.Origin.SEARCH:
        return _searched(form, host)
    raise BadForm


def _chosen(form: QueryDict, card: Owner | None, host: str) -> Chosen:
    if card is None or card.type_id not in (DEAL, INVOICE):
        raise BadForm
    kind = _kind(form, FROM_CARD)
    wanted = place_text(card) if kind == K.LINK else _wanted(form, kind, host)
    asked = Order(kind, Job.Origin.CARD, card=card, wanted=wanted, may_move=_agreed(form, kind))
    if form.get("all") == "on" and kind != K.LINK:
        return Chosen(asked, None)
    here = place_text(card) if kind in OUT_OF_CARD else None
    found: dict[int, str | None] = {}
    for raw in form.getlist("order"):
        match = _ORDER.fullmatch(raw)
        if match is None or int(match[1]) == 0:
            raise BadForm
        found[int(match[1])] = here
    if not 0 < len(found) <= MAX_CHOSEN:
        raise BadForm
    return Chosen(asked, tuple(found.items()))


def _file(form: QueryDict, file: "UploadedFile[bytes] | None", host: str) -> Listed:
    if file is None:
        raise Mistake(_("Choose a file first."))
    if (file.size or 0) > LARGEST_FILE:
        raise Mistake(_("The file is larger than 10 MB. Split it into several files."))
    asked = _asked(form, Job.Origin.FILE, file.name or "", host)
    return Listed(asked, file.read())


def _pasted(form: QueryDict, host: str) -> Listed:
    text = form.get("text", "").replace("\x00", "")
    asked = _asked(form, Job.Origin.LIST, "", host)
    # Said here, where the person can still correct the text.
    try:
        if pasted.as_table(text) is None:
            _check_list(text, asked, host)
    except Unreadable as problem:
        known = texts.LIST_REASONS.get(problem.reason)
        raise Mistake(known or texts.unreadable(problem.reason, problem.facts)) from None
    return Listed(asked, text.encode())


def _check_list(text: str, asked: Order, host: str) -> None:
    rows = list(pasted.rows(text, host, cards=asked.kind in WITH_CARD))
    if not rows:
        raise Mistake(_("Paste at least one order."))
    if not any(char.isdigit() for row in rows for char in row.order.written):
        raise Mistake(texts.LIST_REASONS["no_order_column"])
    lacking = [row.number for row in rows if not (row.card.written or row.problem)]
    if lacking and _needs_card(asked):
        lines = ", ".join(map(str, lacking[:MAX_LINES_NAMED])) + (
            "…" if lacking[MAX_LINES_NAMED:] else ""
        )
        raise Mistake(texts.words(texts.LIST_REASONS, "no_card_column") % {"lines": lines})


def _needs_card(asked: Order) -> bool:
    """Whether every row of the job has to name a card of its own."""
    return asked.kind in TO_CARD and not asked.wanted


def _searched(form: QueryDict, host: str) -> Searched:
    if "links" in form:
        return _explored(form, host)
    text, since, until = search_text(form), day(form, "since"), day(form, "until")
    unlinked = form.get("unlinked") == "on"
    if not (text or since or until or form.get("every") == "on"):
        raise Mistake(_("Enter a search text or a start date."))
    asked = _to_one_card(_asked(form, Job.Origin.SEARCH, text, host))
    return Searched(
        asked,
        {
            "text": text,
            "since": since.isoformat() if since else "",
            "until": until.isoformat() if until else "",
            "unlinked": unlinked,
        },
    )


def _explored(form: QueryDict, host: str) -> Searched:
    """All links that match the conditions of the console's explorer, as its page has written them.

    ``gone``: those of them alone whose cards are no more, as its report finds them.
    """
    asked = _to_one_card(_asked(form, Job.Origin.SEARCH, "", host))
    try:
        found = filters.parsed(form.get("links", ""))
        filters.conditions(found, filters.ORDER_ENTITY_FIELDS)
    except ValueError:
        raise BadForm from None
    links = [[filter_.field, filter_.op, filter_.value] for filter_ in found]
    return Searched(asked, {"links": links, "gone": form.get("gone") == "on"})


def _to_one_card(asked: Order) -> Order:
    if _needs_card(asked):
        raise Mistake(_("Choose the deal to link the orders to."))
    return asked


def _asked(form: QueryDict, origin: str, title: str, host: str) -> Order:
    kind = _kind(form, frozenset(K) - {K.RESTORE, K.COMMENT})
    wanted, may_move = _wanted(form, kind, host), _agreed(form, kind)
    return Order(kind, origin, title, wanted=wanted, may_move=may_move)


def _kind(form: QueryDict, allowed: frozenset[Job.Kind]) -> Job.Kind:
    kind = form.get("kind", "")
    if kind not in allowed:
        raise BadForm
    return Job.Kind(kind)


def _agreed(form: QueryDict, kind: Job.Kind) -> bool:
    """Whoever asks for a move has said that orders leave other cards."""
    return kind == K.MOVE or form.get("move") == "on"


def _wanted(form: QueryDict, kind: Job.Kind, host: str) -> str:
    """The card, status, person or comment of ``to``; empty where there is none, or every row has its own."""
    if kind in TO_CARD:
        return card_for_all(form, host)
    raw = form.get("to", "").strip()
    if kind == K.STATUS:
        return _matching(_STATUS, raw, _("Choose a status."))
    if kind == K.RESPONSIBLE:
        return _matching(_PERSON, raw, _("Choose a person."))
    if kind == K.COMMENT:
        return _comment(raw)
    return ""


def _comment(raw: str) -> str:
    text = typed(COMMENT.value(raw)).strip()
    if not text:
        raise Mistake(_("Write a comment."))
    if len(text) > MAX_COMMENT_CHARACTERS:
        raise BadForm
    return text


def card_for_all(form: QueryDict, host: str) -> str:
    """The card of ``to`` as rows keep it, empty where none is given; raises :class:`Mistake`."""
    raw = form.get("to", "").strip()
    return place_text(_card(raw, host)) if raw else ""


def _matching(pattern: re.Pattern[str], raw: str, mistake: "str | Promise") -> str:
    if not raw:
        raise Mistake(mistake)
    if not pattern.fullmatch(raw):
        raise BadForm
    return raw


def _card(raw: str, host: str) -> Owner:
    """The deal or invoice that a field names; raises :class:`Mistake` with the reason."""
    value = card_of_field(raw, host)
    if value.owner is None:
        raise Mistake(texts.ITEM_REASONS[value.problem or CardProblem.NOT_A_CARD])
    return value.owner


def row_numbers(form: QueryDict) -> list[int]:
    """The rows named by ``row``, at most 50 of them; raises :class:`BadForm`."""
    raw = form.getlist("row")
    if len(raw) > MAX_ROWS_UNDONE or not all(_ROW.fullmatch(text) for text in raw):
        raise BadForm
    return [int(text) for text in raw]

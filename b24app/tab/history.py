"""Who changed what at a card, or with one order, and Undo beside it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from b24app import dictionaries
from b24app.bitrix24 import ask
from b24app.bitrix24.ask import Ask
from b24app.connect import client_of
from b24app.journal import audit, recorded_values
from b24app.journal.models import AuditEntry
from b24app.orders import cards, current_link, links
from b24app.orders.types import ORDER, Owner
from b24app.portals.models import PortalUser
from b24app.portals.rights import Asks
from b24app.tab import forms, region
from b24app.tab.responses import undo_url
from b24app.web import entry
from b24app.web.session import Session


@dataclass(frozen=True, slots=True)
class Place:
    """A card as the history names it; ``title`` is empty where the person may not open it."""

    owner: Owner
    title: str
    here: bool


@dataclass(frozen=True, slots=True)
class Line:
    """What one click did to some orders in the same way."""

    entries: tuple[int, ...]
    kind: str
    at: datetime
    person: str
    through: str
    right: str
    certain: bool
    numbers: tuple[str, ...]
    source: Place | None
    target: Place | None
    before: str
    after: str
    undoable: bool
    undone: bool


@entry.in_session("GET", asks=Asks.ALONG)
def history(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """The latest changes of this card, or of one order where it is named; titles as far as readable.

    Shown to whoever may open the card and read orders now: one request. Raises what is refused of these.
    """
    owner = region.subject_of(opened)
    order_id = owner.id if owner.type_id == ORDER else forms.order_number(request.GET)
    entries = (
        audit.of_order(user.portal, order_id) if order_id else audit.of_card(user.portal, owner)
    )
    titles, people = _names_once_allowed(user, owner, order_id, entries)
    names = _status_names(user, opened.language, entries) | people
    context = {
        "lines": _lines(entries, owner, titles, names),
        "number": entries[0].order_number if order_id and entries else "",
        "of_order": bool(order_id),
        "undo_url": undo_url(opened),
        "portal_origin": user.portal.origin,
    }
    return render(request, "tab/history.html", context)


def _lines(
    entries: Sequence[AuditEntry],
    here: Owner,
    titles: Mapping[Owner, str],
    names: Mapping[str, str],
) -> list[Line]:
    groups: dict[tuple[object, ...], list[AuditEntry]] = {}
    for item in entries:
        key = (
            item.change,
            item.kind,
            item.source,
            item.target,
            *item.values,
            item.certain,
        )
        groups.setdefault(key, []).append(item)

    def place(owner: Owner | None) -> Place | None:
        return Place(owner, titles.get(owner, ""), owner == here) if owner else None

    return [
        Line(
            entries=tuple(item.pk for item in group),
            kind=first.kind,
            at=first.at,
            person=first.user_name,
            through=first.through,
            right=first.right,
            certain=all(item.certain for item in group),
            numbers=tuple(item.order_number for item in reversed(group)),
            source=place(first.source),
            target=place(first.target),
            before=before,
            after=after,
            undoable=_undoable(group, here),
            undone=any(back.certain for item in group for back in item.undone_by.all()),
        )
        for group in groups.values()
        for first in group[:1]
        for before, after in [recorded_values.shown(first, names)]
    ]


def _undoable(group: Sequence[AuditEntry], here: Owner) -> bool:
    """A job is undone on its own page, an entry of another card on that card."""
    first = group[0]
    return (
        first.through != AuditEntry.Through.JOB
        and first.kind not in recorded_values.WITHOUT_UNDO
        and len(group) <= forms.MAX_ORDERS
        and not any(back.certain for item in group for back in item.undone_by.all())
        and (here.type_id == ORDER or here in (first.source, first.target))
    )


def _names_once_allowed(
    user: PortalUser, owner: Owner, order_id: int | None, entries: Sequence[AuditEntry]
) -> tuple[Mapping[Owner, str], dict[str, str]]:
    """Titles of the cards and names of the people, by one request; what cannot be read stays a number.

    Raises the portal's refusal to open the card of ``owner`` or to read the order or any orders, and
    ``errors.OrderNotFound`` for an order that is not shown to this person.
    """
    named = {place for item in entries for place in (item.source, item.target) if place}
    card: Ask[object] = cards.card_of(owner) if owner.type_id != ORDER else ask.known(None)
    orders: Ask[object] = (
        current_link.order_of(order_id) if order_id else links.links_of_card(owner)
    )
    people = {
        int(value)
        for item in entries
        if item.kind == AuditEntry.Kind.RESPONSIBLE
        for value in (item.before, item.after)
        if value.isdecimal()
    }
    _, _, known, names = client_of(user).answer(
        ask.together(
            card, orders, cards.cards_of(named), dictionaries.names_of(user.portal, people)
        )
    )
    titles = {item: card.title for item, card in known.found.items()}
    return titles, {str(pk): name for pk, name in names.items()}


def _status_names(user: PortalUser, language: str, entries: Iterable[AuditEntry]) -> dict[str, str]:
    if not any(item.kind == AuditEntry.Kind.STATUS for item in entries):
        return {}
    known = dictionaries.remembered_statuses(user.portal)
    return {status.id: status.name(language) for status in known.values()}

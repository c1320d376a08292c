"""Changing the status of chosen orders, on the person's own right only."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import ngettext

from b24app import dictionaries
from b24app.connect import client_of
from b24app.journal.audit import Entry
from b24app.journal.models import AuditEntry
from b24app.orders import cards, existence, links, status
from b24app.orders.links import Result
from b24app.orders.status import StatusChange, StatusChanged, StatusOutcome
from b24app.orders.types import ORDER, Owner
from b24app.portals.models import PortalUser
from b24app.portals.rights import Asks
from b24app.tab import forms, problem_texts, region, selection, write_locks
from b24app.tab.responses import answer, kept, undo_url
from b24app.web import entry
from b24app.web.session import Session


def carry_out(user: PortalUser, owner: Owner, changes: Sequence[StatusChange]) -> StatusOutcome:
    """Set the statuses that still hold; an order that has left the card ``owner`` is not touched.

    Raises the portal's refusal to open ``owner``, and whatever keeps the orders from being read.
    """
    try:
        names = write_locks.of_orders(change.order_id for change in changes)
        with write_locks.claimed(user.portal, names) as send_before:
            return _carried_out(user, owner, changes, send_before)
    except write_locks.BeingChanged as error:
        busy = (StatusChanged(one, Result.FAILED, one.seen, one.seen, error) for one in changes)
        return StatusOutcome(tuple(busy), {})


def _carried_out(
    user: PortalUser, owner: Owner, changes: Sequence[StatusChange], send_before: float
) -> StatusOutcome:
    client, ids = client_of(user), [change.order_id for change in changes]
    of_card = {} if owner.type_id == ORDER else cards.opening(owner) | links.place_commands(ids)
    looked = client.batch(of_card | status.reading(ids))
    known = status.looked(looked)
    here = dict(known)
    if of_card:
        cards.opened(owner, looked)
        places = links.places(ids, looked)
        here = {pk: order for pk, order in known.items() if places[pk] == owner}
    changed = status.apply(client, changes, here, send_before=send_before)
    conflicts = {one.change.order_id for one in changed if one.result is Result.CONFLICT}
    gone = existence.gone(client, conflicts - known.keys())
    told = (
        replace(one, result=Result.FAILED, error=existence.error())
        if one.change.order_id in gone
        else one
        for one in changed
    )
    return StatusOutcome(tuple(told), {pk: order.number for pk, order in known.items()})


def written_down(
    user: PortalUser, through: str, outcome: StatusOutcome, owner: Owner, undoes: Mapping[int, int]
) -> uuid.UUID | None:
    """Record what was done to statuses at the card ``owner``; returns what to take back."""
    card = None if owner.type_id == ORDER else owner
    entries = [
        Entry(
            AuditEntry.Kind.STATUS,
            one.change.order_id,
            outcome.numbers.get(one.change.order_id, ""),
            card,
            card,
            one.before,
            one.change.wanted,
            certain=one.result is Result.DONE,
            undoes=undoes.get(one.change.order_id),
        )
        for one in outcome.written
    ]
    return kept(user, through, entries, [card] if card else [])


@entry.in_session("POST", asks=Asks.ALONG, limits=entry.reading)
def confirm(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Ask which status the chosen orders shall have, and say what a status sets off."""
    context = selection.asked(request, opened, user)
    asked = dictionaries.status_commands(user.portal)
    outcomes = client_of(user).batch(asked) if asked else {}
    choices = dictionaries.named(dictionaries.statuses(user.portal, outcomes), opened.language)
    return render(request, "tab/status.html", context | {"kind": "status", "choices": choices})


@entry.in_session("POST", asks=Asks.ALONG)
def change(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Set the status of the chosen orders."""
    wanted, owner = forms.status_code(request.POST), region.owner_of(opened)
    changes = [
        StatusChange(pick.order_id, pick.seen, wanted) for pick in forms.status_picks(request.POST)
    ]
    outcome = carry_out(user, owner, changes)
    made = written_down(user, AuditEntry.Through.TAB, outcome, owner, {})
    count = sum(one.result in (Result.DONE, Result.ALREADY) for one in outcome.changed)
    text = ngettext(
        "Status of %(count)d order changed", "Status of %(count)d orders changed", count
    ) % {"count": count}
    told = problem_texts.of_statuses(user, outcome, made, undo_url(opened))
    return answer(request, opened, user, told, text if count else "", made)

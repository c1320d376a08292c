"""Changing the status of chosen orders, with the person's own token only."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import ngettext

from b24app import dictionaries
from b24app.bitrix24 import ask
from b24app.changes import applying
from b24app.changes.outcomes import Change, Result
from b24app.changes.properties import STATUS
from b24app.connect import client_of
from b24app.journal.models import AuditEntry
from b24app.orders import cards, existence, links, status
from b24app.orders.types import ORDER, Owner
from b24app.portals.models import PortalUser
from b24app.portals.rights import Asks
from b24app.tab import forms, order_changes, problem_texts, region, selection
from b24app.tab.order_changes import Outcome
from b24app.tab.responses import answer, kept, undo_url
from b24app.web import entry
from b24app.web.session import Session


def carry_out(user: PortalUser, owner: Owner, changes: Sequence[Change[int, str]]) -> Outcome[str]:
    """Set the statuses that still hold; an order that has left the card ``owner`` is not touched.

    Raises the portal's refusal to open ``owner``, and whatever keeps the orders from being read.
    """
    return order_changes.once(
        user.portal, STATUS, changes, partial(_carried_out, user, owner, changes)
    )


def _carried_out(
    user: PortalUser, owner: Owner, changes: Sequence[Change[int, str]], send_before: float
) -> Outcome[str]:
    client, ids = client_of(user), [change.key for change in changes]
    card = None if owner.type_id == ORDER else owner
    looked = ask.together(
        cards.card_of(card) if card else ask.known(None),
        links.owners_of(ids) if card else ask.known(None),
        status.orders_of(ids),
    )
    _card, places, known = client.answer(looked, strict=True)
    here = {
        pk: order.status_id
        for pk, order in known.items()
        if order.status_id and (places is None or places[pk] == card)
    }
    changed = applying.apply(client, STATUS, changes, here, send_before=send_before)
    gone = existence.gone(client, set(ids) - known.keys())
    # What is not here has left the card, unless the portal says that it was deleted.
    settled = (
        item
        if item.change.key in here.keys() | gone
        else replace(item, result=Result.CONFLICT, error=None)
        for item in changed
    )
    return Outcome(STATUS, tuple(settled), known)


def recorded(
    user: PortalUser, through: str, outcome: Outcome[str], owner: Owner, undoes: Mapping[int, int]
) -> uuid.UUID | None:
    """Record the changes made at the card ``owner``; returns the click to undo, None for nothing.

    ``undoes`` maps an order to the entry that is undone.
    """
    card = None if owner.type_id == ORDER else owner
    return kept(user, through, outcome.entries(undoes, card), [card] if card else [])


@entry.in_session("POST", asks=Asks.ALONG, limits=entry.reading)
def confirm(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Ask which status the chosen orders shall have, and say what a status sets off."""
    context = selection.asked(request, opened, user)
    known = client_of(user).answer(dictionaries.order_statuses(user.portal), strict=True)
    choices = dictionaries.named(known, opened.language)
    return render(request, "tab/status.html", context | {"kind": "status", "choices": choices})


@entry.in_session("POST", asks=Asks.ALONG)
def change(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Set the status of the chosen orders."""
    wanted, owner = forms.status_code(request.POST), region.owner_of(opened)
    changes = [
        Change(pick.order_id, pick.seen, wanted) for pick in forms.status_picks(request.POST)
    ]
    outcome = carry_out(user, owner, changes)
    made = recorded(user, AuditEntry.Through.TAB, outcome, owner, {})
    count = len(outcome.done)
    text = ngettext(
        "Status of %(count)d order changed", "Status of %(count)d orders changed", count
    ) % {"count": count}
    notices = problem_texts.of_statuses(user, outcome, made, undo_url(opened))
    return answer(request, opened, user, notices, text if count else "", made)

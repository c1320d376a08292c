"""Changing a field of chosen orders (status, responsible person, comment, cancellation) from a card.

Always with the person's own token. One request reads the card, the links and the values; the next one
writes and reads back. An order that has left the card, or whose value is not the one the person saw,
is not touched.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from django.http import HttpRequest, HttpResponse

from b24app.bitrix24 import ask
from b24app.changes import applying
from b24app.changes.outcomes import Change, Result, V
from b24app.changes.properties import Property
from b24app.connect import client_of
from b24app.journal.models import AuditEntry
from b24app.orders import cards, existence, links, status
from b24app.orders.types import ORDER, Owner
from b24app.portals.models import PortalUser
from b24app.tab import field_problems, order_changes, region
from b24app.tab.order_changes import Outcome
from b24app.tab.responses import answer, kept, undo_url
from b24app.web.session import Session


def carry_out(
    user: PortalUser, owner: Owner, prop: Property[int, V], changes: Sequence[Change[int, V]]
) -> Outcome[V]:
    """Set the values that still hold; an order that has left the card ``owner`` is not touched.

    Raises the portal's refusal to open ``owner``, and whatever keeps the orders from being read.
    """
    return order_changes.once(
        user.portal, prop, changes, partial(_carried_out, user, owner, prop, changes)
    )


def _carried_out(
    user: PortalUser,
    owner: Owner,
    prop: Property[int, V],
    changes: Sequence[Change[int, V]],
    send_before: float,
) -> Outcome[V]:
    client, ids = client_of(user), [change.key for change in changes]
    card = None if owner.type_id == ORDER else owner
    looked = ask.together(
        cards.card_of(card) if card else ask.known(None),
        links.owners_of(ids) if card else ask.known(None),
        status.orders_of(ids),
        applying.values_of(prop, ids),
    )
    _card, places, known, values = client.answer(looked, strict=True)
    here = {pk: value for pk, value in values.items() if pk in known and _stands(places, pk, card)}
    changed = applying.apply(client, prop, changes, here, send_before=send_before)
    gone = existence.gone(client, set(ids) - known.keys())
    # What is not here has left the card, unless the portal says that it was deleted.
    settled = (
        item
        if item.change.key in here.keys() | gone
        else replace(item, result=Result.CONFLICT, error=None)
        for item in changed
    )
    return Outcome(prop, tuple(settled), known)


def _stands(places: Mapping[int, Owner | None] | None, order_id: int, card: Owner | None) -> bool:
    return places is None or places[order_id] == card


def recorded(
    user: PortalUser, through: str, outcome: Outcome[V], owner: Owner, undoes: Mapping[int, int]
) -> uuid.UUID | None:
    """Record the changes made at the card ``owner``; returns the click to undo, None for nothing.

    ``undoes`` maps an order to the entry that is undone.
    """
    card = None if owner.type_id == ORDER else owner
    return kept(user, through, outcome.entries(undoes, card), [card] if card else [])


def finished(
    request: HttpRequest, opened: Session, user: PortalUser, outcome: Outcome[V], text: str
) -> HttpResponse:
    """The region after the change, with a toast ``text`` and Undo if anything was done."""
    made = recorded(user, AuditEntry.Through.TAB, outcome, region.owner_of(opened), {})
    notices = field_problems.of_outcome(user, outcome, made, undo_url(opened))
    return answer(request, opened, user, notices, text if outcome.done else "", made)

"""Link, move, unlink and undo: with the person's own token, or the installer's where they are named.

Each action is two requests: one that checks the cards and reads where the orders are linked, one that
reads once more, writes and reads back. An order that moved since the person looked is not touched;
a click that is sent twice is carried out once. The order link methods check no right on a card
(crm/universal/order-entity/*), so every card an order goes to is opened with the person's own token
first.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from django.core.cache import cache
from redis.exceptions import RedisError

from b24app.bitrix24 import ask
from b24app.bitrix24.client import Client
from b24app.changes.borrowing import LinkAttempt
from b24app.changes.outcomes import Result
from b24app.changes.properties import LINK, LinkChange, LinkChanged
from b24app.connect import client_of, installer_client
from b24app.orders import cards, existence, links, status
from b24app.orders.types import Order, Owner
from b24app.portals import access
from b24app.portals.models import PortalUser
from b24app.tab import order_changes
from b24app.tab.forms import BadForm, Pick

logger = logging.getLogger(__name__)

DENIAL_SECONDS = 3600
"""How long the app remembers that the portal has refused somebody's own permission to link.

For the named, every change in that time goes to the installer's token at once: nothing is sent that
is known to be refused.
"""

LinkOutcome = order_changes.Outcome[Owner | None]


class MoveNotConfirmed(BadForm):
    """Some of the orders are linked elsewhere, and the person has not said that they may be moved."""


def link(user: PortalUser, owner: Owner, chosen: Sequence[Pick], *, may_move: bool) -> LinkOutcome:
    """Link the chosen orders to ``owner``. Raises :class:`MoveNotConfirmed` before anything is done."""
    if not may_move and any(pick.seen not in (None, owner) for pick in chosen):
        raise MoveNotConfirmed
    return carry_out(user, owner, [LinkChange(pick.order_id, pick.seen, owner) for pick in chosen])


def move(user: PortalUser, owner: Owner, chosen: Sequence[Pick], to: Owner) -> LinkOutcome:
    """Take the chosen orders out of ``owner`` and link them to ``to``."""
    return carry_out(user, owner, [LinkChange(pick.order_id, owner, to) for pick in chosen])


def unlink(user: PortalUser, owner: Owner, chosen: Sequence[Pick]) -> LinkOutcome:
    """Take the chosen orders out of ``owner``; they are linked to nothing afterwards."""
    return carry_out(user, owner, [LinkChange(pick.order_id, owner, None) for pick in chosen])


def carry_out(user: PortalUser, owner: Owner | None, changes: Sequence[LinkChange]) -> LinkOutcome:
    """Make the changes that still hold; ``owner`` is the card whose tab they come from, if any.

    Raises the portal's refusal to open ``owner``, and whatever keeps the places from being read.
    """
    return order_changes.once(
        user.portal, LINK, changes, partial(_carried_out, user, owner, changes)
    )


def _carried_out(
    user: PortalUser, owner: Owner | None, changes: Sequence[LinkChange], send_before: float
) -> LinkOutcome:
    own = client_of(user)
    ids = [change.key for change in changes]
    # Where the app may act for the person, they have to be able to open what they take from as well.
    concerned = {item for change in changes for item in (change.seen, change.wanted) if item} - {
        owner
    }
    looked = ask.together(
        cards.card_of(owner) if owner else ask.known(None),
        cards.cards_of_any_type(concerned),
        links.owners_of(ids),
        status.orders_of(ids).otherwise({}, whole=False),
        access.is_named(user.portal),
    )
    _card, listed, places, orders, named = own.answer(looked, strict=True)
    known = listed.found
    attempt = LinkAttempt(
        own,
        partial(installer_client, user.portal),
        places,
        set(known) | ({owner} if owner else set()),
        send_before,
        named=named,
    )
    changed = attempt.carry_out(changes, refused_lately=_denied_lately(user))
    if attempt.refused:
        _remember_denial(user)
    titles = {item: card.title for item, card in known.items()}
    settled = _with_deleted(own, changed, orders)
    return LinkOutcome(LINK, tuple(settled), orders, attempt.used, titles)


def _with_deleted(
    client: Client, changed: Sequence[LinkChanged], known: Mapping[int, Order]
) -> list[LinkChanged]:
    """The same; orders that have left their card because they were deleted have failed as deleted.

    One more request, only where an order that was linked is linked to nothing and is not listed.
    """
    unsure = {
        change.change.key
        for change in changed
        if change.now is None
        and change.change.seen
        and change.result in (Result.CONFLICT, Result.ALREADY)
    }
    gone = existence.gone(client, unsure - known.keys())
    return [
        replace(change, result=Result.FAILED, error=existence.error())
        if change.change.key in gone
        else change
        for change in changed
    ]


def _denied_lately(user: PortalUser) -> bool:
    try:
        return bool(cache.get(_denial(user)))
    except RedisError:
        return False


def _remember_denial(user: PortalUser) -> None:
    try:
        cache.set(_denial(user), True, DENIAL_SECONDS)
    except RedisError:
        logger.warning("cache away, a refused right is asked about again next time")


def _denial(user: PortalUser) -> str:
    return f"denied:{user.pk}"

"""Link, move, unlink and take back: on the person's own right, or on the installer's where named.

Each action is two requests: one that checks the cards and reads where the orders stand, one that
reads once more, writes and reads back. An order that moved since the person looked is not touched;
a click that is sent twice is carried out once. The order link
calls check no right on a card (crm/universal/order-entity/*), so every card an order shall go to is
opened with the person's own token first.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from django.core.cache import cache
from redis.exceptions import RedisError

from b24app.bitrix24 import errors
from b24app.bitrix24.client import Answer, Client
from b24app.changes import credentials
from b24app.changes.credentials import LINK, Credentials
from b24app.connect import client_of, installer_client
from b24app.journal.models import AuditEntry
from b24app.orders import cards, existence, links, status
from b24app.orders.links import Change, Changed, Result
from b24app.orders.types import Order, Owner
from b24app.portals import access
from b24app.portals.models import PortalUser
from b24app.tab import write_locks
from b24app.tab.forms import BadForm, Pick

logger = logging.getLogger(__name__)

# How long a refused right is believed without asking again. For whom the app may act, every change
# in that time goes to the installer's token at once: nothing is sent that is known to be refused.
DENIAL_LASTS = 3600

Right = AuditEntry.Right
Outcomes = Mapping[str, Answer | errors.BitrixError]


class MoveNotConfirmed(BadForm):
    """Some of the orders are linked elsewhere, and the person has not said that they may be moved."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of every chosen order. ``orders`` are known by id where the person may read them."""

    changed: tuple[Changed, ...]
    right: str = Right.OWN
    orders: Mapping[int, Order] = field(default_factory=dict)
    titles: Mapping[Owner, str] = field(default_factory=dict)

    def having(self, *results: Result) -> tuple[Changed, ...]:
        return tuple(one for one in self.changed if one.result in results)

    @property
    def done(self) -> tuple[Changed, ...]:
        """Orders that stand where they were wanted, whoever brought them there."""
        return self.having(Result.DONE, Result.ALREADY)

    @property
    def written(self) -> tuple[Changed, ...]:
        """Changes to be written down: made, or made perhaps."""
        return tuple(
            one
            for one in self.changed
            if (one.result is Result.DONE and one.before != one.now) or one.result is Result.UNKNOWN
        )

    @property
    def denied(self) -> bool:
        return any(isinstance(one.error, errors.AccessDenied) for one in self.having(Result.FAILED))

    def number(self, order_id: int) -> str:
        return self.orders[order_id].number if order_id in self.orders else str(order_id)


def link(user: PortalUser, owner: Owner, chosen: Sequence[Pick], *, may_move: bool) -> Outcome:
    """Link the chosen orders to ``owner``. Raises :class:`MoveNotConfirmed` before anything is done."""
    if not may_move and any(pick.seen not in (None, owner) for pick in chosen):
        raise MoveNotConfirmed
    return carry_out(user, owner, [Change(pick.order_id, pick.seen, owner) for pick in chosen])


def move(user: PortalUser, owner: Owner, chosen: Sequence[Pick], to: Owner) -> Outcome:
    """Take the chosen orders out of ``owner`` and link them to ``to``."""
    return carry_out(user, owner, [Change(pick.order_id, owner, to) for pick in chosen])


def unlink(user: PortalUser, owner: Owner, chosen: Sequence[Pick]) -> Outcome:
    """Take the chosen orders out of ``owner``; they are linked to nothing afterwards."""
    return carry_out(user, owner, [Change(pick.order_id, owner, None) for pick in chosen])


def carry_out(user: PortalUser, owner: Owner | None, changes: Sequence[Change]) -> Outcome:
    """Make the changes that still hold; ``owner`` is the card whose tab they come from, if any.

    Raises the portal's refusal to open ``owner``, and whatever keeps the places from being read.
    """
    try:
        names = write_locks.of_orders(change.order_id for change in changes)
        with write_locks.claimed(user.portal, names) as send_before:
            return _carried_out(user, owner, changes, send_before)
    except write_locks.BeingChanged as error:
        busy = (Changed(one, Result.FAILED, one.seen, one.seen, error) for one in changes)
        return Outcome(tuple(busy))


def _carried_out(
    user: PortalUser, owner: Owner | None, changes: Sequence[Change], send_before: float
) -> Outcome:
    own = client_of(user)
    ids = [change.order_id for change in changes]
    # Where the app may act for the person, they have to be able to open what they take from as well.
    concerned = {one for change in changes for one in (change.seen, change.wanted) if one} - {owner}
    looked = own.batch(
        (cards.opening(owner) if owner else {})
        | cards.listing_of(concerned)
        | links.place_commands(ids)
        | status.reading(ids)
        | access.question(user.portal)
    )
    if owner is not None:
        cards.opened(owner, looked)
    known, places = cards.listed(looked), links.places(ids, looked)
    open_to_them = set(known) | ({owner} if owner else set())
    named = access.named(looked)
    attempt = _Attempt(user, own, places, open_to_them, send_before, named=named)
    orders = status.read(looked)
    changed = _deleted_told(own, attempt.carry_out(changes), orders)
    titles = {one: card.title for one, card in known.items()}
    return Outcome(tuple(changed), attempt.right, orders, titles)


def _deleted_told(
    client: Client, changed: Sequence[Changed], known: Mapping[int, Order]
) -> list[Changed]:
    """The same; orders that have left their card because they were deleted are told as deleted.

    One more request, only where an order that was linked is linked to nothing and is not listed.
    """
    unsure = {
        one.change.order_id
        for one in changed
        if one.now is None and one.change.seen and one.result in (Result.CONFLICT, Result.ALREADY)
    }
    gone = existence.gone(client, unsure - known.keys())
    return [
        replace(one, result=Result.FAILED, error=existence.error())
        if one.change.order_id in gone
        else one
        for one in changed
    ]


@dataclass(slots=True)
class _Attempt:
    """One try with the person's token and, where it is not enough and they are named, the installer's."""

    user: PortalUser
    own: Client
    places: Mapping[int, Owner | None]
    open_to_them: set[Owner]
    send_before: float
    named: bool
    right: str = Right.OWN

    def carry_out(self, changes: Sequence[Change]) -> list[Changed]:
        allowed = [one for one in changes if one.wanted is None or one.wanted in self.open_to_them]
        found = {one.order_id: _closed(one, self.places) for one in changes if one not in allowed}
        if self._credentials(refused=_denied_lately(self.user)) is Credentials.OWN:
            found |= self._with(self.own, allowed)
        else:
            found |= {one.order_id: _refused(one, self.places) for one in allowed}
        refused = [
            one for one in allowed if isinstance(found[one.order_id].error, errors.AccessDenied)
        ]
        if refused:
            _remember_denial(self.user)
            if self._credentials(refused=True) is Credentials.INSTALLER:
                found |= self._for_them(refused)
        return [found[change.order_id] for change in changes]

    def _credentials(self, *, refused: bool) -> Credentials:
        return credentials.chosen(LINK, named=self.named, refused=refused)

    def _for_them(self, changes: Sequence[Change]) -> dict[int, Changed]:
        client = installer_client(self.user.portal)
        if client is None:
            return {}
        mine = [
            one
            for one in changes
            if credentials.cards_needed(
                Credentials.INSTALLER, self.places[one.order_id], one.wanted
            )
            <= self.open_to_them
        ]
        found = {one.order_id: _closed(one, self.places) for one in changes if one not in mine}
        self.right = Right.INSTALLER
        return found | self._with(client, mine)

    def _with(self, client: Client, changes: Sequence[Change]) -> dict[int, Changed]:
        done = links.apply(client, changes, self.places, send_before=self.send_before)
        return {one.change.order_id: one for one in done}


def _closed(change: Change, places: Mapping[int, Owner | None]) -> Changed:
    place = places[change.order_id]
    error = errors.NotFound("", "a card this person cannot open", method="crm.deal.list")
    return Changed(change, Result.FAILED, place, place, error)


def _refused(change: Change, places: Mapping[int, Owner | None]) -> Changed:
    place = places[change.order_id]
    error = errors.WriteDenied("200040300020", "refused a while ago", method="crm.orderentity.add")
    return Changed(change, Result.FAILED, place, place, error)


def _denied_lately(user: PortalUser) -> bool:
    try:
        return bool(cache.get(_denial(user)))
    except RedisError:
        return False


def _remember_denial(user: PortalUser) -> None:
    try:
        cache.set(_denial(user), True, DENIAL_LASTS)
    except RedisError:
        logger.warning("cache away, a refused right is asked about again next time")


def _denial(user: PortalUser) -> str:
    return f"denied:{user.pk}"

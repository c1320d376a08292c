"""Link, move, unlink and take back, with the person's own token.

Each action is two requests: one that checks the card and reads where the orders stand, one that
writes and reads back. An order that moved since the person looked is not touched.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.core import signing

from b24app.bitrix24 import errors
from b24app.bitrix24.client import Client
from b24app.orders import cards, links
from b24app.orders.links import Change, Changed, Result
from b24app.orders.types import Owner
from b24app.portals.models import PortalUser
from b24app.tab.forms import BadForm, Pick

UNDO_LIFETIME = 15 * 60

_SALT = "b24app.tab.undo"


class MoveNotConfirmed(BadForm):
    """Some of the orders are linked elsewhere, and the person has not said that they may be moved."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the chosen orders, sorted by what the person has to know."""

    done: tuple[Changed, ...]
    conflicts: tuple[Changed, ...]
    failed: tuple[Changed, ...]
    unknown: tuple[Changed, ...]

    @property
    def denied(self) -> bool:
        return any(isinstance(one.error, errors.WriteDenied) for one in self.failed)


def link(client: Client, owner: Owner, chosen: Sequence[Pick], *, may_move: bool) -> Outcome:
    """Link the chosen orders to ``owner``. Raises :class:`MoveNotConfirmed` before anything is done."""
    if not may_move and any(pick.seen not in (None, owner) for pick in chosen):
        raise MoveNotConfirmed
    return _carry_out(client, owner, [Change(pick.order_id, pick.seen, owner) for pick in chosen])


def unlink(client: Client, owner: Owner, chosen: Sequence[Pick]) -> Outcome:
    """Take the chosen orders out of ``owner``; they are linked to nothing afterwards."""
    return _carry_out(client, owner, [Change(pick.order_id, owner, None) for pick in chosen])


def undo_token(user: PortalUser, owner: Owner, done: Sequence[Changed]) -> str:
    """What a person has just done, signed, to be taken back within 15 minutes."""
    steps = [[one.change.order_id, _pair(one.before), _pair(one.now)] for one in done]
    return signing.dumps([user.pk, _pair(owner), steps], salt=_SALT, compress=True)


def undo(client: Client, user: PortalUser, owner: Owner, token: str) -> Outcome:
    """Put orders back where they were, unless somebody has moved them since.

    Raises :class:`BadForm` for a token that is not this person's for this card, or too old.
    """
    try:
        pk, pair, steps = signing.loads(token, salt=_SALT, max_age=UNDO_LIFETIME)
    except signing.BadSignature:
        raise BadForm from None
    if pk != user.pk or pair != _pair(owner):
        raise BadForm
    return _carry_out(
        client,
        owner,
        [Change(order_id, _owner(now), _owner(before)) for order_id, before, now in steps],
    )


def _carry_out(client: Client, owner: Owner, changes: Sequence[Change]) -> Outcome:
    ids = [change.order_id for change in changes]
    looked = client.batch(cards.opening(owner) | links.place_commands(ids))
    cards.opened(owner, looked)
    changed = links.apply(client, changes, links.places(ids, looked))

    def having(*results: Result) -> tuple[Changed, ...]:
        return tuple(one for one in changed if one.result in results)

    return Outcome(
        done=having(Result.DONE, Result.ALREADY),
        conflicts=having(Result.CONFLICT),
        failed=having(Result.FAILED),
        unknown=having(Result.UNKNOWN),
    )


def _pair(owner: Owner | None) -> list[int]:
    return [owner.type_id, owner.id] if owner is not None else []


def _owner(pair: list[int]) -> Owner | None:
    return Owner(pair[0], pair[1]) if pair else None

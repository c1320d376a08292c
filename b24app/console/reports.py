"""Ready reports: orders that no deal has, and links whose deal is no more.

Neither can be asked of the portal in one call, so each is looked through in steps of up to 500, each
of two or three requests; a person sees how far it has come and goes on when they like.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from b24app.bitrix24.client import Client
from b24app.console import described, pages, scanning
from b24app.console.described import Described
from b24app.orders import cards, links
from b24app.orders.types import OrderLink
from b24app.portals.models import PortalUser


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a report has come: the order it goes on below (0: from the top), and counts so far.

    ``total`` is what the portal said at the beginning, None where it said nothing.
    """

    below: int = 0
    looked: int = 0
    found: int = 0
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What one step found, and where the report stands now."""

    rows: tuple[Described, ...]
    progress: Progress
    finished: bool


def without_deal(user: PortalUser, client: Client, before: Progress) -> Step:
    """Orders that are linked to nothing. Raises what keeps orders or links from being read."""
    outcomes = client.batch(scanning.order_commands(before.below))
    orders = scanning.found_orders(outcomes)
    places = links.read_places(client, (order.id for order in orders))
    rows = [Described(one.id, None, one) for one in orders if places[one.id] is None]
    total = scanning.total(outcomes) if not before.below else before.total
    return _step(before, total, [order.id for order in orders], rows)


def without_owner(user: PortalUser, client: Client, before: Progress) -> Step:
    """Links whose deal or invoice the portal does not know.

    A card that is not shown proves that it is gone only to an administrator, so the portal is asked
    for that in the same request. Raises :class:`Refused` for anybody else.
    """
    asked = scanning.link_commands([], before.below)
    outcomes = pages.recheck(user, client, asked)
    found = scanning.found_links(outcomes)
    owners = described.readable(link.owner for link in found)
    listed = client.batch(cards.listing_of(owners)) if owners else {}
    gone = described.gone(listed, owners)
    rows = [_row(link) for link in found if link.owner in gone]
    total = scanning.total(outcomes) if not before.below else before.total
    return _step(before, total, [link.order_id for link in found], rows)


def _row(link: OrderLink) -> Described:
    return Described(link.order_id, link.owner, gone=True)


def _step(
    before: Progress, total: int | None, ids: Sequence[int], rows: Sequence[Described]
) -> Step:
    looked = before.looked + len(ids)
    progress = Progress(ids[-1] if ids else 0, looked, before.found + len(rows), total)
    # A page that came back short may also be a reference that led nowhere: the total decides.
    finished = not ids or (total is not None and looked >= total)
    return Step(tuple(rows), progress, finished)

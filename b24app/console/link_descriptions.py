"""Links with what their orders and owners are called, and who made them through the app."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from b24app.bitrix24 import errors
from b24app.bitrix24.client import Answer, Client
from b24app.journal import audit
from b24app.journal.models import AuditEntry
from b24app.orders import cards
from b24app.orders.content import PAGE, Content, Kind, commands
from b24app.orders.types import Order, OrderLink, Owner
from b24app.portals.models import Portal

KINDS = (Kind.ORDERS, Kind.PROPERTIES)

Outcomes = Mapping[str, Answer | errors.BitrixError]


@dataclass(frozen=True, slots=True)
class Described:
    """A link as the explorer shows it.

    ``title`` is None where the owner was not read, and ``gone`` says that the portal knows no such
    card. ``entry`` is the change that brought the order there, where the app made it.
    """

    order_id: int
    owner: Owner | None
    order: Order | None = None
    title: str | None = None
    gone: bool = False
    entry: AuditEntry | None = None


def of(
    client: Client, portal: Portal, found: Sequence[OrderLink]
) -> tuple[tuple[Described, ...], bool]:
    """Up to 500 links with their names; True behind them where not all could be read.

    One request for a page of 50; the names of what could not be read are left out.
    """
    if not found:
        return (), False
    ids, content = [link.order_id for link in found], Content()
    asked = cards.listing_of(cards.readable(link.owner for link in found))
    for at in range(0, len(ids), PAGE):
        chunk = ids[at : at + PAGE]
        content.expect(str(at), chunk, KINDS, by_number=True)
        asked |= commands(chunk, str(at), KINDS)
    try:
        outcomes: Outcomes = client.batch(asked)
        content.take(outcomes)
    except errors.AuthError:
        raise
    except errors.BitrixError:
        outcomes = {}
    orders = {order.id: order for order in content.built(ids)}
    titles = titles_of(outcomes)
    missing = cards.missing(outcomes, (link.owner for link in found))
    entries = audit.latest_of(portal, ids)
    rows = tuple(
        Described(
            link.order_id,
            link.owner,
            orders.get(link.order_id),
            titles.get(link.owner),
            link.owner in missing,
            _through(entries.get(link.order_id), link),
        )
        for link in found
    )
    return rows, len(orders) < len(ids)


def titles_of(outcomes: Outcomes) -> dict[Owner, str]:
    return {owner: card.title for owner, card in cards.listed(outcomes).items()}


def _through(entry: AuditEntry | None, link: OrderLink) -> AuditEntry | None:
    """The entry, if it is what put the order where it stands."""
    return entry if entry is not None and entry.target == link.owner else None

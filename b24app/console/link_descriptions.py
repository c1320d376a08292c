"""Links with what their orders and owners are called, and who made them through the app."""

from collections.abc import Sequence
from dataclasses import dataclass

from b24app.bitrix24 import ask, errors
from b24app.bitrix24.ask import Refusal
from b24app.bitrix24.client import Client
from b24app.journal import audit
from b24app.journal.models import AuditEntry
from b24app.orders import cards, content
from b24app.orders.cards import CardList
from b24app.orders.content import Content, Kind
from b24app.orders.types import Order, OrderLink, Owner
from b24app.portals.models import Portal

KINDS = (Kind.ORDERS, Kind.PROPERTIES)


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
    ids = [link.order_id for link in found]
    titled, read = client.answer(
        ask.together(
            cards.cards_of(link.owner for link in found).attempt(),
            content.content_of(ids, KINDS).attempt(),
        )
    )
    if isinstance(read, Refusal):
        if isinstance(read.error, errors.AuthError):
            raise read.error
        read = Content()
    if isinstance(titled, Refusal):
        titled = CardList(frozenset(), {}, {})
    orders = {order.id: order for order in read.built(ids)}
    titles = {owner: card.title for owner, card in titled.found.items()}
    missing = titled.missing()
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


def _through(entry: AuditEntry | None, link: OrderLink) -> AuditEntry | None:
    """The entry, if it made the current link of the order."""
    return entry if entry is not None and entry.target == link.owner else None

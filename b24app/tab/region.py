"""The region of the page that shows the orders: read anew after every change, and on every look."""

from collections.abc import Mapping

from django.http import QueryDict

from b24app.bitrix24 import errors
from b24app.bitrix24.client import Answer, Client
from b24app.orders import cards
from b24app.orders.gateway import OrderReader
from b24app.orders.types import DEAL, INVOICE, Card, Owner
from b24app.portals.models import PortalUser
from b24app.portals.session import Session
from b24app.tab import dictionaries, presenting
from b24app.tab.forms import BadForm

Outcomes = Mapping[str, Answer | errors.BitrixError]


def owner_of(opened: Session) -> Owner:
    """The deal or invoice a page was opened for; raises :class:`BadForm` for a page of another kind."""
    if opened.owner_type not in (DEAL, INVOICE):
        raise BadForm
    return Owner(opened.owner_type, opened.entity_id)


def context(
    opened: Session, user: PortalUser, client: Client, query: QueryDict
) -> dict[str, object]:
    """What ``tab/orders.html`` needs, read from the portal now; raises what keeps it from being read."""
    owner = owner_of(opened)
    reader = OrderReader(client, owner)
    outcomes = client.batch(
        cards.opening(owner) | dictionaries.status_commands(user.portal) | reader.opening()
    )
    return drawn(opened, user, client, cards.opened(owner, outcomes), reader, outcomes)


def drawn(
    opened: Session,
    user: PortalUser,
    client: Client,
    card: Card,
    reader: OrderReader,
    outcomes: Outcomes,
) -> dict[str, object]:
    """The same from outcomes that are here already."""
    listing = reader.finish(outcomes)
    statuses = dictionaries.statuses(user.portal, outcomes)
    region = presenting.region(client, user.portal, card, listing, statuses, opened.language)
    return {
        "region": region,
        "grid": region.grid,
        "may_link": user.may_link is not False,
        "portal_origin": user.portal.origin,
    }

"""Processes changes that a portal has reported: finds the orders and cards they concern for open tabs."""

import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

from django.utils import timezone

from b24app.automation import catch_up
from b24app.bitrix24 import ask, errors
from b24app.bitrix24.ask import Ask
from b24app.connect import installer_client
from b24app.events import echoes
from b24app.events.models import ChangeNotice
from b24app.jobs import running_orders
from b24app.live import watching
from b24app.orders import links, origins
from b24app.orders.types import DEAL, INVOICE, Owner
from b24app.portals.bindings import (
    DEAL_EVENTS,
    ORDER_EVENTS,
    PAYMENT_EVENTS,
    SHIPMENT_EVENTS,
)
from b24app.portals.models import Portal

logger = logging.getLogger(__name__)

ORDER_SAVED = "ONSALEORDERSAVED"

CARDS_WITH_ORDERS = frozenset({DEAL, INVOICE})
"""Types of cards whose tab shows a list of orders."""

WRITE_IS_RECORDED_WITHIN = timedelta(seconds=20)
"""How long the event of an order waits while a job writes that order."""

_NO_ACCESS = (
    errors.AuthError,
    errors.AccessDenied,
    errors.MissingScope,
    errors.MethodNotFound,
    errors.StoreMissing,
)
"""The installer's access or one of their rights has ended. Other errors pass, and the changes wait."""


def process(portal: Portal, notices: Sequence[ChangeNotice]) -> list[ChangeNotice]:
    """Process a group of changes of one portal.

    Returns those that have to wait, because a job is writing their orders at this moment. Raises
    ``errors.BitrixError`` if the portal cannot be asked.
    """
    catch_up.nudge(portal, _entities(notices, [ORDER_SAVED]))
    waiting = _being_written(portal, notices)
    saved = {
        notice.entity: notice.told
        for notice in notices
        if notice.name == ORDER_SAVED and notice not in waiting
    }
    foreign = echoes.changed_by_others(portal, saved)
    deleted = _entities(notices, ORDER_EVENTS) - _entities(notices, [ORDER_SAVED])
    deals = [Owner(DEAL, deal) for deal in _entities(notices, DEAL_EVENTS)]
    watching.record(portal.pk, orders=foreign | deleted, owners=deals)
    parts = {
        "payments": _entities(notices, PAYMENT_EVENTS),
        "shipments": _entities(notices, SHIPMENT_EVENTS),
    }
    orders, owners = _read_from_portal(portal, parts, foreign)
    watching.record(portal.pk, orders=orders, owners=owners)
    return waiting


def _entities(notices: Sequence[ChangeNotice], names: Collection[str]) -> set[int]:
    return {notice.entity for notice in notices if notice.name in names}


def _being_written(portal: Portal, notices: Sequence[ChangeNotice]) -> list[ChangeNotice]:
    since = timezone.now() - WRITE_IS_RECORDED_WITHIN
    recent = {
        notice.entity: notice
        for notice in notices
        if notice.name == ORDER_SAVED and notice.received_at > since
    }
    if not recent:
        return []
    return [recent[order] for order in running_orders.orders_being_written(portal.pk, recent)]


def _read_from_portal(
    portal: Portal, parts: Mapping[str, Collection[int]], saved: Collection[int]
) -> tuple[set[int], set[Owner]]:
    """The orders of payments and shipments, and the cards that saved orders are linked to.

    All in one request, and only while somebody has a tab open; cards only while that is the tab of a
    deal or an invoice. Otherwise tabs that come into view later are marked as outdated.
    """
    orders: Ask[set[int]] = ask.known(set())
    owners: Ask[dict[int, Owner | None]] = ask.known({})
    if any(parts.values()) and watching.somebody_looks(portal.pk):
        orders = origins.orders_of(parts)
    if saved and watching.somebody_looks(portal.pk, CARDS_WITH_ORDERS):
        owners = links.owners_of(saved)
    elif saved:
        watching.record_unknown(portal.pk)
    question = ask.together(orders, owners)
    client = installer_client(portal) if question.commands else None
    if client is None:
        return set(), set()
    try:
        found, linked = client.answer(question)
        return found, {owner for owner in linked.values() if owner is not None}
    except _NO_ACCESS as error:
        # The console shows it, and an administrator can mend it there.
        logger.warning("changed orders at %s not read: %s", portal.host, error.code)
        return set(), set()

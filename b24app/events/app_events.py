"""What each event means for us. Handlers may run twice and in any order."""

import json
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta

from django.utils import timezone
from redis.exceptions import RedisError

from b24app import upkeep
from b24app.bitrix24 import errors
from b24app.bitrix24.client import Command
from b24app.connect import background_client, installer_client
from b24app.events import echoes, uninstall_checks
from b24app.events.models import ChangeNotice, InboxEvent
from b24app.install import lifecycle
from b24app.install.removal import Verdict
from b24app.jobs import running_orders
from b24app.live import watching
from b24app.orders import links, origins
from b24app.orders.types import DEAL, INVOICE, Owner
from b24app.portals import launch
from b24app.portals.bindings import (
    DEAL_EVENTS,
    ORDER_EVENTS,
    PAYMENT_EVENTS,
    SHIPMENT_EVENTS,
)
from b24app.portals.fields import Secret
from b24app.portals.models import Portal
from b24app.portals.tokens import settle

logger = logging.getLogger(__name__)

# Cards whose tab shows a list of orders.
LINKED_TO = frozenset({DEAL, INVOICE})


# The installer's own access, or a right of theirs. Anything else passes: the changes wait for it.
_ENDED = (
    errors.AuthError,
    errors.AccessDenied,
    errors.MissingScope,
    errors.MethodNotFound,
    errors.StoreMissing,
)


class NotYet(Exception):
    """The event cannot be worked now; it is tried again later."""


class NotBelieved(Exception):
    """What the event says is not so, or not yet."""


def handle(event: InboxEvent) -> None:
    """Work one event. Raises :class:`NotYet`, or ``errors.BitrixError`` where the portal is away."""
    auth = json.loads(event.sealed or "{}")
    data = event.data if isinstance(event.data, dict) else {}
    handler = _HANDLERS.get(event.name)
    if handler is not None:
        handler(event.portal, data, auth)


def _installed(portal: Portal, data: Mapping[str, object], auth: Mapping[str, str]) -> None:
    _renew_application_token(portal, auth)


def _updated(portal: Portal, data: Mapping[str, object], auth: Mapping[str, str]) -> None:
    """After an update all bindings are gone (common/events/on-app-update.md): bind again.

    Not often where nothing proves the event: binding takes several requests to the portal.
    """
    proven = _renew_application_token(portal, auth)
    if portal.installer is None:
        return
    try:
        if not proven and not upkeep.may_bind_unproven(portal.pk):
            raise NotYet("bound a moment ago")
    except RedisError:
        raise NotYet("nobody can tell how often we have bound") from None
    failed = [
        step
        for step in lifecycle.bind(background_client(portal.installer), portal)
        if not step.done
    ]
    if failed:
        raise NotYet(f"not bound: {', '.join(step.name for step in failed)}")


def _uninstalled(portal: Portal, data: Mapping[str, object], auth: Mapping[str, str]) -> None:
    """Erase, once it is proved that the app is gone: the token in the event is no secret.

    Raises :class:`NotBelieved` while any access works.
    """
    verdict = uninstall_checks.told(portal, clean=str(data.get("CLEAN", "0")) == "1")
    if verdict is Verdict.INSTALLED:
        raise NotBelieved(f"uninstall of {portal.host}: our access still works")


def _paid(portal: Portal, data: Mapping[str, object], auth: Mapping[str, str]) -> None:
    """Ask the portal itself; not often where the event carries no proof (common/events/on-app-payment.md)."""
    proven = bool(portal.application_token) and auth.get("application_token") == str(
        portal.application_token
    )
    try:
        if not proven and not upkeep.may_ask_about_payment(portal.pk):
            # It may be the true one, after forged ones: it is asked about when we may ask again.
            raise NotYet("asked a moment ago")
    except RedisError:
        raise NotYet("nobody can tell how often we have asked") from None
    upkeep.check_payment(portal)


def _renew_application_token(portal: Portal, auth: Mapping[str, str]) -> bool:
    """Believe a new application token that comes with an administrator's access token to this app.

    True where the event's token is the portal's, as it was known or is known now. Any employee has an
    access token of their own, and another app in the portal has some too: with those nobody may shut
    out the rest of the portal, whose openings carry the true one.
    """
    claimed = auth.get("application_token", "")
    if not claimed or claimed == portal.application_token:
        return bool(claimed)
    try:
        form = {"member_id": portal.member_id, "AUTH_ID": auth.get("access_token", "")}
        posted = launch.read({}, form)
        outcomes = launch.client_for(posted, portal).batch(launch.identity_commands())
        proven = launch.identified(posted, portal, outcomes).is_admin
    except (launch.Refused, errors.AuthError, errors.AccessDenied):
        proven = False
    if not proven:
        logger.warning("application token of %s not believed", portal.host)
        return False
    settle(portal, application_token=Secret(claimed[:200]))
    return True


_HANDLERS: Mapping[str, Callable[[Portal, Mapping[str, object], Mapping[str, str]], None]] = {
    "ONAPPINSTALL": _installed,
    "ONAPPUPDATE": _updated,
    "ONAPPUNINSTALL": _uninstalled,
    "ONAPPPAYMENT": _paid,
}


SAVED = "ONSALEORDERSAVED"
# How long the event of an order that a job is writing waits for the outcome to be recorded.
WRITE_RECORDED_WITHIN = timedelta(seconds=20)


def notice(portal: Portal, notices: Sequence[ChangeNotice]) -> list[ChangeNotice]:
    """Work a group of changes of one portal.

    Returns those that cannot be judged yet, because a job is writing their orders at this moment.
    Raises ``errors.BitrixError`` where the portal is away.
    """
    early = _being_written(portal, notices)
    saved = {one.entity: one.told for one in notices if one.name == SAVED and one not in early}
    foreign = echoes.foreign(portal, saved)
    gone = _entities(notices, ORDER_EVENTS) - _entities(notices, [SAVED])
    deals = [Owner(DEAL, one) for one in _entities(notices, DEAL_EVENTS)]
    changed(portal, foreign | gone, deals)
    parts = {
        "payments": _entities(notices, PAYMENT_EVENTS),
        "shipments": _entities(notices, SHIPMENT_EVENTS),
    }
    changed(portal, *_found(portal, parts, foreign))
    return early


def _entities(notices: Sequence[ChangeNotice], names: Collection[str]) -> set[int]:
    return {one.entity for one in notices if one.name in names}


def _being_written(portal: Portal, notices: Sequence[ChangeNotice]) -> list[ChangeNotice]:
    since = timezone.now() - WRITE_RECORDED_WITHIN
    fresh = {one.entity: one for one in notices if one.name == SAVED and one.received_at > since}
    if not fresh:
        return []
    writing = running_orders.orders_being_written(portal.pk, fresh)
    return [fresh[order] for order in writing]


def _found(
    portal: Portal, parts: Mapping[str, Collection[int]], saved: Collection[int]
) -> tuple[set[int], set[Owner]]:
    """The orders of payments and shipments, and the cards that saved orders are linked to now.

    One request to the portal for all of them, and only while somebody has a tab open: the cards only
    while a deal or an invoice is looked at. A payment's order is told as saved too; that nobody asked
    where saved orders are linked is kept for the tabs that are looked at later.
    """
    commands: dict[str, Command] = {}
    if any(parts.values()) and watching.somebody_looks(portal.pk):
        commands |= origins.commands(parts)
    if saved and watching.somebody_looks(portal.pk, LINKED_TO):
        commands |= links.place_commands(saved)
    elif saved:
        watching.tell_unread(portal.pk)
    client = installer_client(portal) if commands else None
    if client is None:
        return set(), set()
    try:
        outcomes = client.batch(commands)
        owners = links.places(saved, outcomes).values()
        return origins.order_ids(parts, outcomes), {one for one in owners if one is not None}
    except _ENDED as error:
        # The installer has lost a right or their access: that is shown elsewhere, and mended there.
        logger.warning("changed orders at %s not read: %s", portal.host, error.code)
        return set(), set()


def changed(portal: Portal, orders: Collection[int], owners: Collection[Owner]) -> None:
    """Orders or cards of a portal have changed by somebody else's hand: open tabs notice."""
    watching.tell(portal.pk, orders=orders, owners=owners)

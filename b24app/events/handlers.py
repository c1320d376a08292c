"""What each event means for us. Handlers may run twice and in any order."""

import json
import logging
from collections.abc import Callable, Collection, Mapping, Sequence

from django.utils import timezone
from redis.exceptions import RedisError

from b24app import upkeep
from b24app.bitrix24 import errors
from b24app.connect import background_client, installer_client
from b24app.events import echoes, leaving
from b24app.events.models import ChangeNotice, InboxEvent
from b24app.install import flow
from b24app.journal import watching
from b24app.orders import origins
from b24app.orders.types import DEAL, Owner
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
    """After an update all bindings are gone (common/events/on-app-update.md): bind again."""
    _renew_application_token(portal, auth)
    if portal.installer is None:
        return
    failed = [
        step for step in flow.bind(background_client(portal.installer), portal) if not step.done
    ]
    if failed:
        raise NotYet(f"not bound: {', '.join(step.name for step in failed)}")


def _uninstalled(portal: Portal, data: Mapping[str, object], auth: Mapping[str, str]) -> None:
    """Erase, once our own access proves that the app is gone: the token in the event is no secret.

    Raises :class:`NotBelieved` while any access works.
    """
    proved = timezone.now()
    if flow.still_installed(portal):
        raise NotBelieved(f"uninstall of {portal.host}: our access still works")
    clean = str(data.get("CLEAN", "0")) == "1"
    if not leaving.leave(portal, clean=clean, proved=proved):
        raise NotBelieved(f"uninstall of {portal.host}: installed again meanwhile")


def _paid(portal: Portal, data: Mapping[str, object], auth: Mapping[str, str]) -> None:
    """Ask the portal itself; not often where the event carries no proof (common/events/on-app-payment.md)."""
    proven = bool(portal.application_token) and auth.get("application_token") == str(
        portal.application_token
    )
    try:
        if not proven and not upkeep.may_ask_about_payment(portal.pk):
            return
    except RedisError:
        raise NotYet("nobody can tell how often we have asked") from None
    upkeep.check_payment(portal)


def _renew_application_token(portal: Portal, auth: Mapping[str, str]) -> None:
    """Believe a new application token that comes with an administrator's access token to this app.

    Any employee has a token of their own, and another app in the portal has some too: with those nobody
    may shut out the rest of the portal, whose openings carry the true one.
    """
    claimed = auth.get("application_token", "")
    if not claimed or claimed == portal.application_token:
        return
    try:
        form = {"member_id": portal.member_id, "AUTH_ID": auth.get("access_token", "")}
        posted = launch.read({}, form)
        outcomes = launch.client_for(posted, portal).batch(launch.identity_commands())
        proven = launch.identified(posted, portal, outcomes).is_admin
    except (launch.Refused, errors.AuthError, errors.AccessDenied):
        proven = False
    if not proven:
        logger.warning("application token of %s not believed", portal.host)
        return
    settle(portal, application_token=Secret(claimed[:200]))


_HANDLERS: Mapping[str, Callable[[Portal, Mapping[str, object], Mapping[str, str]], None]] = {
    "ONAPPINSTALL": _installed,
    "ONAPPUPDATE": _updated,
    "ONAPPUNINSTALL": _uninstalled,
    "ONAPPPAYMENT": _paid,
}


def notice(portal: Portal, notices: Sequence[ChangeNotice]) -> None:
    """Work a group of changes of one portal. Raises ``errors.BitrixError`` where it is away."""
    saved = {one.entity: one.told for one in notices if one.name == "ONSALEORDERSAVED"}
    gone = _entities(notices, ORDER_EVENTS) - saved.keys()
    deals = [Owner(DEAL, one) for one in _entities(notices, DEAL_EVENTS)]
    changed(portal, echoes.foreign(portal, saved) | gone, deals)
    parts = {
        "payments": _entities(notices, PAYMENT_EVENTS),
        "shipments": _entities(notices, SHIPMENT_EVENTS),
    }
    changed(portal, _orders_of(portal, parts), ())


def _entities(notices: Sequence[ChangeNotice], names: Collection[str]) -> set[int]:
    return {one.entity for one in notices if one.name in names}


def _orders_of(portal: Portal, parts: Mapping[str, Collection[int]]) -> set[int]:
    """The orders of payments and shipments; asked only while somebody has a tab open.

    The order itself is told as saved too, so a tab that is looked at later is not left behind.
    """
    if not any(parts.values()) or not watching.somebody_looks(portal.pk):
        return set()
    client = installer_client(portal)
    if client is None:
        return set()
    try:
        return origins.order_ids(client, parts)
    except errors.ApiError as error:
        if error.retryable:
            raise
        # The installer has lost a right or their access: that is shown elsewhere, and mended there.
        logger.warning("changed parts of orders at %s not read: %s", portal.host, error.code)
        return set()


def changed(portal: Portal, orders: Collection[int], owners: Collection[Owner]) -> None:
    """Orders or cards of a portal have changed by somebody else's hand: open tabs notice."""
    watching.tell(portal.pk, orders=orders, owners=owners)

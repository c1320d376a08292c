"""Handlers of the events about the app itself. They may run twice and in any order."""

import json
import logging
from collections.abc import Callable, Mapping

from redis.exceptions import RedisError

from b24app import upkeep
from b24app.bitrix24 import errors
from b24app.connect import background_client
from b24app.events import uninstall_checks
from b24app.events.models import InboxEvent
from b24app.install import lifecycle
from b24app.install.removal import Verdict
from b24app.portals import launch
from b24app.portals.fields import Secret
from b24app.portals.models import Portal
from b24app.portals.tokens import settle

logger = logging.getLogger(__name__)


class RetryLater(Exception):
    """The event cannot be processed now. It is tried again later."""


class NotConfirmed(Exception):
    """The portal contradicts the event, or does not confirm it yet."""


def handle(event: InboxEvent) -> None:
    """Process one event.

    Raises :class:`RetryLater`, :class:`NotConfirmed`, or ``errors.BitrixError`` if the portal cannot be
    asked.
    """
    auth = json.loads(event.sealed or "{}")
    data = event.data if isinstance(event.data, dict) else {}
    handler = _HANDLERS.get(event.name)
    if handler is not None:
        handler(event.portal, data, auth)


def _installed(portal: Portal, data: Mapping[str, object], auth: Mapping[str, str]) -> None:
    """See common/events/on-app-install.md."""
    _renew_application_token(portal, auth)


def _updated(portal: Portal, data: Mapping[str, object], auth: Mapping[str, str]) -> None:
    """Bind again, because an update removes all bindings (common/events/on-app-update.md).

    An unproven event does this rarely: binding takes several requests to the portal.
    """
    proven = _renew_application_token(portal, auth)
    if portal.installer is None:
        return
    try:
        if not proven and not upkeep.may_bind_unproven(portal.pk):
            raise RetryLater("bound a moment ago")
    except RedisError:
        raise RetryLater("Redis is away, so recent bindings are unknown") from None
    failed = [
        step
        for step in lifecycle.bind(background_client(portal.installer), portal)
        if not step.done
    ]
    if failed:
        raise RetryLater(f"not bound: {', '.join(step.name for step in failed)}")


def _uninstalled(portal: Portal, data: Mapping[str, object], auth: Mapping[str, str]) -> None:
    """Leave the portal once it is proven that the app is gone (common/events/on-app-uninstall.md).

    Employees know the token in the event, so the event proves nothing. Raises :class:`NotConfirmed` while
    any access of the app works.
    """
    verdict = uninstall_checks.report(portal, clean=str(data.get("CLEAN", "0")) == "1")
    if verdict is Verdict.INSTALLED:
        raise NotConfirmed(f"uninstall at {portal.host}: the app still has access")


def _paid(portal: Portal, data: Mapping[str, object], auth: Mapping[str, str]) -> None:
    """Ask the portal about the payment, rarely for an unproven event (common/events/on-app-payment.md)."""
    proven = bool(portal.application_token) and auth.get("application_token") == str(
        portal.application_token
    )
    try:
        if not proven and not upkeep.may_ask_about_payment(portal.pk):
            # It may be the true one after forged ones, so the portal is asked when that is allowed again.
            raise RetryLater("asked a moment ago")
    except RedisError:
        raise RetryLater("Redis is away, so recent questions are unknown") from None
    upkeep.check_payment(portal)


def _renew_application_token(portal: Portal, auth: Mapping[str, str]) -> bool:
    """Store a new application token if the event has an access token of an administrator to this app.

    True if the event has the portal's application token, as it was known or is known now. Employees and
    other apps of the portal have access tokens too. They must not be able to replace the token, because
    all further events and openings of the portal would be refused.
    """
    token = auth.get("application_token", "")
    if not token or token == portal.application_token:
        return bool(token)
    try:
        form = {"member_id": portal.member_id, "AUTH_ID": auth.get("access_token", "")}
        posted = launch.read({}, form)
        identity = launch.client_for(posted, portal).answer(launch.identity())
        proven = launch.person_of(posted, portal, identity).is_admin
    except (launch.Refused, errors.AuthError, errors.AccessDenied):
        proven = False
    if not proven:
        logger.warning("new application token of %s refused", portal.host)
        return False
    settle(portal, application_token=Secret(token[:200]))
    return True


_HANDLERS: Mapping[str, Callable[[Portal, Mapping[str, object], Mapping[str, str]], None]] = {
    "ONAPPINSTALL": _installed,
    "ONAPPUPDATE": _updated,
    "ONAPPUNINSTALL": _uninstalled,
    "ONAPPPAYMENT": _paid,
}

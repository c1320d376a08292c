"""What each event means for us. Handlers may run twice and in any order."""

import json
import logging
from collections.abc import Callable, Mapping

from b24app.bitrix24 import errors
from b24app.connect import client_of
from b24app.events.models import InboxEvent
from b24app.install import flow
from b24app.portals.fields import Secret
from b24app.portals.models import Portal
from b24app.portals.tokens import authorization_server

logger = logging.getLogger(__name__)


class NotYet(Exception):
    """The event cannot be worked now; it is tried again later."""


def handle(event: InboxEvent) -> None:
    """Work one event. Raises :class:`NotYet`, or ``errors.BitrixError`` where the portal is away."""
    handler = _HANDLERS.get(event.name)
    if handler is None:
        logger.info("event %s of %s is not one of ours", event.name, event.portal.host)
        return
    auth = json.loads(event.sealed or "{}")
    handler(event.portal, event.data if isinstance(event.data, dict) else {}, auth)


def _installed(portal: Portal, data: Mapping[str, object], auth: Mapping[str, str]) -> None:
    _renew_application_token(portal, auth)


def _updated(portal: Portal, data: Mapping[str, object], auth: Mapping[str, str]) -> None:
    """After an update all bindings are gone (common/events/on-app-update.md): bind again."""
    _renew_application_token(portal, auth)
    if portal.installer is None:
        return
    failed = [step for step in flow.bind(client_of(portal.installer), portal) if not step.done]
    if failed:
        raise NotYet(f"not bound: {', '.join(step.name for step in failed)}")


def _uninstalled(portal: Portal, data: Mapping[str, object], auth: Mapping[str, str]) -> None:
    """Erase, once our own access proves that the app is gone: the token in the event is no secret."""
    if flow.still_installed(portal):
        logger.warning("uninstall of %s not believed: our access still works", portal.host)
        return
    flow.uninstall(portal, clean=str(data.get("CLEAN", "0")) == "1")


def _renew_application_token(portal: Portal, auth: Mapping[str, str]) -> None:
    claimed = auth.get("application_token", "")
    if not claimed or claimed == portal.application_token:
        return
    try:
        info = authorization_server().app_info(auth.get("access_token", ""))
    except (errors.AuthError, errors.BadRequest):
        logger.warning("application token of %s not believed", portal.host)
        return
    if info.member_id == portal.member_id:
        portal.application_token = Secret(claimed[:200])
        portal.save(update_fields=["application_token"])


_HANDLERS: Mapping[str, Callable[[Portal, Mapping[str, object], Mapping[str, str]], None]] = {
    "ONAPPINSTALL": _installed,
    "ONAPPUPDATE": _updated,
    "ONAPPUNINSTALL": _uninstalled,
}

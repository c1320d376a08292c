"""Events as a portal posts them."""

from collections.abc import Mapping
from urllib.parse import urlencode

from django.test import Client

from b24app.events import tasks, uninstall_checks
from b24app.events.models import InboxEvent
from b24app.events.views import FORM
from demo.server import DemoPortal


def form(
    portal: DemoPortal, name: str, data: Mapping[str, str], auth: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The form of an event; ``auth`` replaces fields of the portal's own block."""
    block = {**portal.event_auth(), **(auth or {})}
    return {
        "event": name,
        "ts": "1736405807",
        **{f"data{key}": value for key, value in data.items()},
        **{f"auth[{key}]": value for key, value in block.items()},
    }


def post(
    client: Client,
    portal: DemoPortal,
    name: str,
    data: Mapping[str, str] | None = None,
    auth: Mapping[str, str] | None = None,
    source: str = "127.0.0.1",
) -> int:
    """The status of our answer to an event of the app's life, from the address ``source``."""
    body = urlencode(form(portal, name, data or {}, auth))
    return client.post("/events/", body, FORM, REMOTE_ADDR=source).status_code


def tell(client: Client, portal: DemoPortal, name: str, entity: object) -> int:
    """The status of our answer to a change of ``entity``."""
    return post(client, portal, name, {"[FIELDS][ID]": str(entity)})


def work() -> None:
    """What the worker does with waiting events of the app's life, and with reported removals."""
    for pk in InboxEvent.objects.filter(state="waiting").values_list("pk", flat=True):
        tasks.process_event(pk)
    for pk in uninstall_checks.due():
        tasks.check_uninstall(pk)

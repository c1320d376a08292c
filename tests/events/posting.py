"""Posts events as a portal does."""

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
    """The form of an event. ``auth`` replaces fields of the portal's ``auth`` block."""
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
    """Post an event from the client address ``source``. Returns the HTTP status."""
    body = urlencode(form(portal, name, data or {}, auth))
    return client.post("/events/", body, FORM, REMOTE_ADDR=source).status_code


def report(client: Client, portal: DemoPortal, name: str, entity: object) -> int:
    """Post an event about a change of ``entity``. Returns the HTTP status."""
    return post(client, portal, name, {"[FIELDS][ID]": str(entity)})


def work() -> None:
    """Process waiting app events and reported uninstalls, as a worker does."""
    for pk in InboxEvent.objects.filter(state="waiting").values_list("pk", flat=True):
        tasks.process_event(pk)
    for pk in uninstall_checks.due():
        tasks.check_uninstall(pk)

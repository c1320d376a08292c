"""Steps of a portal's life with the app, as people and the portal take them."""

from collections.abc import Callable

from django.test import Client

from b24app.portals.models import Portal
from demo.server import DemoPortal
from testing.opening import ANNA, Page, install, launch

Deliveries = Callable[[], list[tuple[str, int]]]


def open_main(client: Client, portal: DemoPortal, user_id: int = ANNA) -> Page:
    return launch(client, portal, "DEFAULT", user_id, 0, "en", {})


def stored() -> Portal:
    return Portal.objects.select_related("installer__portal").get()


def installer_id() -> int:
    installer = stored().installer
    assert installer is not None
    return installer.user_id


def connected(portal: DemoPortal) -> list[str]:
    return sorted(event["event"].upper() for event in portal.state.events)


def finish(client: Client, portal: DemoPortal, deliveries: Deliveries, user_id: int = ANNA) -> None:
    """The app is installed and the portal tells so."""
    install(client, portal, user_id)
    portal.lifecycle.finish(user_id)
    assert ("ONAPPINSTALL", 204) in deliveries()

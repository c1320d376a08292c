"""The console as an administrator, an employee and strangers open it."""

from collections.abc import Mapping

from django.test import Client

from b24app.portals.placements import DEFAULT
from demo.server import DemoPortal
from testing.opening import ANNA, Page, install, launch


def open_main(client: Client, portal: DemoPortal, user_id: int = ANNA, lang: str = "en") -> Page:
    """The app's own page, opened by ``user_id``."""
    return launch(client, portal, DEFAULT, user_id, 0, lang, {})


def at_work(client: Client, portal: DemoPortal, user_id: int = ANNA) -> Page:
    """The app installed by Anna and opened by ``user_id``."""
    install(client, portal)
    return open_main(client, portal, user_id)


SETTINGS: Mapping[str, object] = {
    "who": "own",
    "suggestion_days": "90",
    "notes_language": "en",
    "journal_days": "7",
    "place": ["deal", "invoice", "order", "list_menu", "list_toolbar"],
}

"""The app as a server of its own, to which the demo portal posts its events."""

from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from b24app import celery
from b24app.events import inbox, views
from demo.server import DemoPortal
from testing.opening import install
from testing.waiting import until
from tests.events.posting import work
from tests.install.lives import Deliveries, finish

__all__ = ["celery"]


@pytest.fixture(autouse=True)
def nothing_kept_in_the_process() -> None:
    """No application token counts as good, no task as started, from the test before."""
    inbox.clear_token_cache()
    views.task_timer.clear()


@pytest.fixture
def served(
    live_server: LiveServer, portal: DemoPortal, settings: LazySettings
) -> Iterator[DemoPortal]:
    """The portal, with the app at an address it can reach."""
    settings.APP_URL = portal.app_url = live_server.url
    yield portal
    # What it still has to tell must not come into the next test.
    until(lambda: answered(portal), "every event is answered")


def answered(portal: DemoPortal) -> bool:
    """Whether every event of the portal has had our answer."""
    return all(message.status for message in portal.lifecycle.sent_events)


@pytest.fixture
def events(served: DemoPortal) -> Deliveries:
    """Waits until the portal has posted what it had to tell, works it; (name, our answer) of each."""

    def deliveries() -> list[tuple[str, int]]:
        until(lambda: answered(served), "every event is answered")
        work()
        found = [(message.name, message.status) for message in served.lifecycle.sent_events]
        served.lifecycle.sent_events.clear()
        return found

    return deliveries


@pytest.fixture
def installed(client: Client, served: DemoPortal, events: Deliveries) -> DemoPortal:
    """The portal with the app installed, and nothing counted yet."""
    finish(client, served, events)
    served.reset_counts()
    return served


@pytest.fixture
def neighbour(client: Client, installed: DemoPortal) -> Iterator[DemoPortal]:
    """Another tenant of ours, with an application token of its own."""
    with DemoPortal(app_url=installed.app_url, member_id="b" * 32, oauth_of=installed) as other:
        other.state.app.application_token = "o" * 32
        install(client, other)
        yield other

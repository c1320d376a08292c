"""What tests of the tab begin with."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import time_machine
from django.test import Client

from demo.server import DemoPortal
from testing.opening import Page, install, open_tab


@pytest.fixture
def today() -> Iterator[None]:
    """A day on which the seeded orders are some days old."""
    with time_machine.travel(datetime(2026, 11, 20, 12, tzinfo=UTC), tick=True):
        yield


@pytest.fixture
def office(client: Client, portal: DemoPortal) -> Page:
    """The tab of the deal with nine orders, one of them cancelled."""
    install(client, portal)
    return open_tab(client, portal)

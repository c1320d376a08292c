import pytest
from django.test import Client

from demo.server import DemoPortal
from tests.jobs.driving import Desk, sit_down


@pytest.fixture
def desk(client: Client, portal: DemoPortal) -> Desk:
    """The administrator at the app's main page."""
    return sit_down(client, portal)

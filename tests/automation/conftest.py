"""Fixtures of the tests of automation. Importing ``celery`` sends tasks to the broker of the settings."""

import pytest
from django.test import Client

from b24app import celery
from b24app.portals.models import PortalUser
from demo.server import DemoPortal
from tests.automation import desk

__all__ = ["celery"]


@pytest.fixture
def anna(client: Client, portal: DemoPortal) -> PortalUser:
    """The administrator who has installed the app."""
    return desk.installed(client, portal)

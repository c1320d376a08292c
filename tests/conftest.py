"""Fixtures of the tests that go through the app's edge."""

import pytest
from django.core.cache import cache

from demo.server import DemoPortal
from tests import environment


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    """Each test begins with an empty cache."""
    cache.clear()


@pytest.fixture
def portal() -> DemoPortal:
    """The demo portal, as it was seeded."""
    environment.PORTAL.reset()
    return environment.PORTAL

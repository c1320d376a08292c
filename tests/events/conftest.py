"""Fixtures of event tests. Importing ``celery`` sends tasks to the broker of the settings."""

import pytest
from django.test import Client

from b24app import celery
from b24app.events import inbox, views
from b24app.portals.models import Portal
from demo.server import DemoPortal
from testing.opening import install

__all__ = ["celery"]


@pytest.fixture(autouse=True)
def clear_process_state() -> None:
    """Forget proven application tokens and started tasks of the last test."""
    inbox.clear_token_cache()
    views.task_timer.clear()


@pytest.fixture
def known(client: Client, portal: DemoPortal) -> DemoPortal:
    install(client, portal)
    portal.reset_counts()
    return portal


@pytest.fixture
def stored(known: DemoPortal) -> Portal:
    return Portal.objects.get()


@pytest.fixture
def order(known: DemoPortal) -> int:
    return known.order_id("1193")

"""Fixtures of the tests that go through the app's edge."""

import os
from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.db import connection, connections
from hypothesis import HealthCheck, settings
from pytest_django import DjangoDbBlocker

from demo.server import DemoPortal
from testing import environment
from testing.waiting import until
from tests import on_postgres
from tests.outgoing import Outgoing, watched

# On a fresh clone the first text drawn builds tables of all of Unicode, for seconds on a busy machine:
# how long an example takes says nothing about our code.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", settings.get_profile("tests"), max_examples=20)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "tests"))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what runs on PostgreSQL too; the rule is in ``tests/on_postgres.py``."""
    for item in items:
        if on_postgres.runs_on_postgres(item):
            item.add_marker("postgres")


@pytest.fixture(scope="session")
def services() -> None:
    """Redis and the demo portal, for tests that reach them without any of the fixtures below."""
    environment.start()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The test database; it is removed once PostgreSQL has ended the connections of all threads."""
    yield
    with django_db_blocker.unblock():
        until(_alone, "the last connections of the tests end")


def _alone() -> bool:
    """Whether the test database has no session but this one."""
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        (others,) = cursor.fetchone()
    return bool(others == 0)


@pytest.fixture(autouse=True)
def nothing_remembered(request: pytest.FixtureRequest) -> None:
    """Each test begins with an empty cache; the database and processes come with Redis and the portal."""
    if any(request.node.get_closest_marker(name) for name in ("django_db", "bare")):
        request.getfixturevalue("services")
    if environment.started():
        cache.clear()


@pytest.fixture(autouse=True)
def outgoing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Outgoing]:
    """No HTTP request leaves inside a transaction that others may wait for."""
    with watched(monkeypatch.setattr) as found:
        yield found


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """SQLite in a file: a database in memory is one shared cache, and threads lock its tables."""
    own = connections["default"].settings_dict
    if own["ENGINE"].endswith("sqlite3"):
        own["TEST"]["NAME"] = str(environment.DIRECTORY / "tests.sqlite3")


@pytest.fixture
def portal(services: None) -> DemoPortal:
    """The demo portal, as it was seeded."""
    environment.PORTAL.reset()
    return environment.PORTAL

"""A process that stands still in a transaction does not hold the others up, with PgBouncer in between too."""

from importlib import import_module

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections

from tools import postgres

pytestmark = pytest.mark.bare

LIMITS = {"lock_timeout": "10s", "idle_in_transaction_session_timeout": "20s"}


def test_the_limits_stand_on_the_database_role() -> None:
    with postgres.server() as url, psycopg.connect(url, autocommit=True) as first:
        migration = import_module("b24app.operations.migrations.0001_lock_timeouts")
        editor = Recorder(first.info.dbname)
        migration.limit(None, editor)
        for statement in editor.statements:
            first.execute(statement)
        with psycopg.connect(url) as later:
            shown = {name: later.execute(f"SHOW {name}").fetchone() for name in LIMITS}
    assert shown == {name: (value,) for name, value in LIMITS.items()}


class Recorder:
    """A schema editor of PostgreSQL that keeps what it is to execute."""

    def __init__(self, database: str) -> None:
        self.statements: list[str] = []
        self.connection = self
        self.vendor = "postgresql"
        self.settings_dict = {"NAME": database}

    def quote_name(self, name: str) -> str:
        return f'"{name}"'

    def execute(self, statement: str) -> None:
        self.statements.append(statement)

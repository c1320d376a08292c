"""A process that stands still inside a transaction does not hold the others up for long."""

import os
import subprocess
import sys

import psycopg
import pytest

from b24app.settings import DATABASES
from testing import postgres
from testing.processes import ROOT

pytestmark = pytest.mark.bare

LIMITS = {"lock_timeout": "10s", "idle_in_transaction_session_timeout": "20s"}


def test_migrating_sets_the_limits_on_the_database_role() -> None:
    with postgres.server() as url:
        command = [sys.executable, "manage.py", "migrate", "-v", "0", "operations"]
        subprocess.run(command, cwd=ROOT, env=os.environ | {"DATABASE_URL": url}, check=True)
        with psycopg.connect(url) as connection:
            shown = {name: connection.execute(f"SHOW {name}").fetchone() for name in LIMITS}
        undo = [*command, "zero"]
        subprocess.run(undo, cwd=ROOT, env=os.environ | {"DATABASE_URL": url}, check=True)
        with psycopg.connect(url) as connection:
            assert connection.execute("SHOW lock_timeout").fetchone() == ("0",)
    assert shown == {name: (value,) for name, value in LIMITS.items()}


def test_limits_are_not_connection_options_refused_by_pgbouncer() -> None:
    options = DATABASES["default"].get("OPTIONS")
    assert isinstance(options, dict)
    assert "options" not in options

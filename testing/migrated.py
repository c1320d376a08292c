"""Databases as the migrations leave them: made once in a run, copied for each app of a test."""

import atexit
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from testing import environment
from testing.ports import free_port
from testing.postgres import Postgres, private_folder
from testing.processes import ROOT


def copy_database(path: Path) -> None:
    """Put a migrated SQLite database at ``path``."""
    shutil.copyfile(_sqlite(), path)


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL with a migrated database."""
    with Postgres.made(_cluster()) as server:
        yield server


@cache
def _sqlite() -> Path:
    made = environment.DIRECTORY / "migrated.sqlite3"
    _migrate(f"sqlite:///{made}")
    return made


@cache
def _cluster() -> Path:
    """The data folder of a PostgreSQL that was migrated and stopped."""
    server = Postgres(private_folder(), free_port())
    atexit.register(shutil.rmtree, server.home, ignore_errors=True)
    server.create(None)
    server.start()
    try:
        _migrate(server.url)
    finally:
        server.stop("fast")
    return server.data


def _migrate(url: str) -> None:
    command = [sys.executable, "manage.py", "migrate", "-v", "0"]
    subprocess.run(command, cwd=ROOT, env=os.environ | {"DATABASE_URL": url}, check=True)

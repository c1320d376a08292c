"""A SQLite database as the migrations leave it: made once in a run, copied for each app of a test."""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from testing import environment
from testing.processes import ROOT


def copy_database(path: Path) -> None:
    """Put a migrated database at ``path``."""
    shutil.copyfile(_template(), path)


@cache
def _template() -> Path:
    made = environment.DIRECTORY / "migrated.sqlite3"
    variables = os.environ | {"DATABASE_URL": f"sqlite:///{made}"}
    command = [sys.executable, "manage.py", "migrate", "-v", "0"]
    subprocess.run(command, cwd=ROOT, env=variables, check=True)
    return made

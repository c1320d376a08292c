"""Several workers process the changes of one portal at the same time, on both databases."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from testing import migrated
from testing.processes import ROOT

pytestmark = pytest.mark.bare


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a migrated database."""
    if request.param == "postgres":
        with migrated.postgres() as server:
            yield server.url
    else:
        migrated.copy_database(tmp_path / "db")
        yield f"sqlite:///{tmp_path}/db"


@pytest.fixture
def outcome(database: str) -> dict[str, int]:
    finished = subprocess.run(
        [sys.executable, "-m", "tests.events.concurrent_claims"], cwd=ROOT, check=True,
        env=os.environ | {"TEST_DATABASE_URL": database, "DJANGO_SETTINGS_MODULE": "b24app.settings"},
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    found: dict[str, int] = json.loads(finished.stdout.splitlines()[-1])
    return found


def test_concurrent_claims_share_the_changes_without_deadlock_or_loss(
    outcome: dict[str, int],
) -> None:
    assert outcome["failed"] == 0
    assert outcome["processed"] == outcome["reported"]
    # An audit entry accounts for one event, also if two workers ask at the same moment.
    assert outcome["hidden"] == 0

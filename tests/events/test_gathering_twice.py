"""Two gatherings of one portal at once, on both databases."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from tools import postgres

pytestmark = pytest.mark.bare

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database."""
    own = (
        postgres.server()
        if request.param == "postgres"
        else nullcontext(f"sqlite:///{tmp_path}/db")
    )
    with own as url:
        yield url


@pytest.fixture
def outcome(database: str) -> dict[str, int]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.events.gathering_twice"], cwd=ROOT, check=True,
        env=os.environ | {"TEST_DATABASE_URL": database, "DJANGO_SETTINGS_MODULE": "b24app.settings"},
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    found: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_gatherings_at_once_share_the_changes_without_deadlock_and_without_loss(
    outcome: dict[str, int],
) -> None:
    assert outcome["failures"] == 0
    assert outcome["worked"] == outcome["told"]
    # An entry of the trail answers for one event, also where two gatherings ask at the same moment.
    assert outcome["hidden"] == 0

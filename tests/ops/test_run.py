"""``make run``: the processes of production, a worker for each queue, started and ended together."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from b24app import embedded
from testing.ports import free_port
from testing.processes import ROOT
from testing.waiting import HANG_SECONDS, until
from tests.ops.test_demo import children

pytestmark = pytest.mark.bare


@contextmanager
def running(directory: Path) -> Iterator[subprocess.Popen[str]]:
    """The app started as ``make run`` does, ready, with a database and a Redis of its own."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    embedded.ensure(directory / "redis")
    environment = os.environ | {
        "APP_URL": url,
        "DATABASE_URL": f"sqlite:///{directory / 'app.sqlite3'}",
        "REDIS_URL": f"unix://{embedded.socket_path(directory / 'redis')}",
    }
    command = [sys.executable, "-m", "tools.run", "--port", str(port)]
    with (directory / "log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=log, stderr=log, text=True
        )
    try:
        until(lambda: ready(url), "the app gets ready")
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(HANG_SECONDS)
        embedded.stop(directory / "redis")


def ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/readyz/all/", timeout=5).ok
    except requests.RequestException:
        return False


def gone(pids: dict[int, str]) -> bool:
    for pid in pids:
        try:
            os.killpg(pid, 0)
        except ProcessLookupError:
            continue
        return False
    return True


def test_run_starts_a_worker_per_queue_and_ends_all(tmp_path: Path) -> None:
    with running(tmp_path) as app:
        started = children(app.pid)
        queues = [line.split("-Q ")[1].split()[0] for line in started.values() if "-Q " in line]
        assert sorted(queues) == ["bulk", "events", "interactive"]
        assert len(started) == 5
        app.send_signal(signal.SIGINT)
        assert app.wait(HANG_SECONDS) == 0
    assert gone(started)


def test_end_of_one_process_ends_all(tmp_path: Path) -> None:
    with running(tmp_path) as app:
        started = children(app.pid)
        bulk = next(pid for pid, line in started.items() if "-Q bulk" in line)
        os.killpg(bulk, signal.SIGKILL)
        assert app.wait(HANG_SECONDS) == 1
    assert "bulk ended with -9" in (tmp_path / "log").read_text()
    assert gone(started)

"""The embedded Redis and the health pages."""

import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django.fixtures import Settings
from redis import Redis

from b24app import embedded, heartbeat

ROOT = Path(__file__).resolve().parent.parent.parent
START = (
    "import sys; from pathlib import Path; from b24app import embedded; "
    "embedded.ensure(Path(sys.argv[1]))"
)


def start(directory: Path) -> None:
    subprocess.run([sys.executable, "-c", START, str(directory)], cwd=ROOT, check=True)


def server_pid(directory: Path) -> int:
    client = Redis(unix_socket_path=str(embedded.socket_path(directory)))
    return int(client.info("server")["process_id"])


def test_five_processes_at_once_find_one_server(tmp_path: Path) -> None:
    try:
        with ThreadPoolExecutor(5) as pool:
            list(pool.map(start, [tmp_path] * 5))
        pid = server_pid(tmp_path)
        start(tmp_path)
        assert server_pid(tmp_path) == pid
    finally:
        embedded.stop(tmp_path)


def test_a_killed_server_comes_back_with_its_data(tmp_path: Path) -> None:
    try:
        start(tmp_path)
        client = Redis(unix_socket_path=str(embedded.socket_path(tmp_path)))
        client.rpush("queue", "task")
        time.sleep(1.2)  # appendfsync everysec
        os.kill(server_pid(tmp_path), signal.SIGKILL)
        time.sleep(0.2)
        start(tmp_path)
        assert client.lrange("queue", 0, -1) == [b"task"]
    finally:
        embedded.stop(tmp_path)


def test_a_long_path_gets_a_short_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 60) / ("y" * 60)
    try:
        start(deep)
        assert len(str(embedded.socket_path(deep))) <= embedded.LONGEST_SOCKET
        assert server_pid(deep)
    finally:
        embedded.stop(deep)
    assert not embedded.socket_path(deep).parent.exists()


def test_a_secret_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    made = iter(["first", "second"])
    path = tmp_path / "secret"
    assert (
        embedded.secret(path, lambda: next(made))
        == embedded.secret(path, lambda: next(made))
        == "first"
    )
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.django_db
def test_health(client: Client) -> None:
    assert client.get("/healthz/").content == b"ok"
    cache.clear()
    waiting = client.get("/readyz/")
    assert (waiting.status_code, waiting.json()["worker"]) == (503, "away")
    heartbeat.beat(time.time())
    ready = client.get("/readyz/")
    assert (ready.status_code, ready.json()) == (
        200,
        {"database": "ok", "redis": "ok", "worker": "ok"},
    )
    heartbeat.end()
    assert client.get("/readyz/").status_code == 503


@pytest.mark.django_db
def test_a_hanging_redis_is_said_within_seconds(client: Client, settings: Settings) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": address}}
        began = time.monotonic()
        answer = client.get("/readyz/")
    assert time.monotonic() - began < 15
    assert answer.status_code == 503
    assert answer.json() == {"database": "ok", "redis": "away", "worker": "away"}
    assert client.get("/healthz/").status_code == 200

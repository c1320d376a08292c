"""The embedded Redis and the health pages."""

import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from django.db import connections
from django.test import Client
from pytest_django.fixtures import Settings
from redis import Redis
from redis.exceptions import RedisError

from b24app import embedded, heartbeat
from b24app import redis as redis_door
from b24app.counters import QUEUES
from testing.processes import ROOT
from testing.waiting import no_hang, until

START = (
    "import sys; from pathlib import Path; from b24app import embedded; "
    "embedded.ensure(Path(sys.argv[1]))"
)


def start(directory: Path) -> None:
    subprocess.run([sys.executable, "-c", START, str(directory)], cwd=ROOT, check=True)


def server_pid(directory: Path) -> int:
    client = Redis(unix_socket_path=str(embedded.socket_path(directory)))
    return int(client.info("server")["process_id"])


def answers(client: Redis) -> bool:
    try:
        return bool(client.ping())
    except RedisError:
        return False


def test_five_parallel_processes_share_one_redis(tmp_path: Path) -> None:
    try:
        with ThreadPoolExecutor(5) as pool:
            list(pool.map(start, [tmp_path] * 5))
        pid = server_pid(tmp_path)
        start(tmp_path)
        assert server_pid(tmp_path) == pid
    finally:
        embedded.stop(tmp_path)


def test_killed_redis_restarts_with_its_data(tmp_path: Path) -> None:
    try:
        start(tmp_path)
        client = Redis(unix_socket_path=str(embedded.socket_path(tmp_path)))
        client.rpush("queue", "task")
        os.kill(server_pid(tmp_path), signal.SIGKILL)
        until(lambda: not answers(client), "the server is gone")
        start(tmp_path)
        assert client.lrange("queue", 0, -1) == [b"task"]
    finally:
        embedded.stop(tmp_path)


def test_long_path_gets_a_short_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 60) / ("y" * 60)
    try:
        start(deep)
        assert len(str(embedded.socket_path(deep))) <= embedded.MAX_SOCKET_PATH_CHARACTERS
        assert server_pid(deep)
    finally:
        embedded.stop(deep)
    assert not embedded.socket_path(deep).parent.exists()


def test_secret_is_created_once_and_readable_by_owner_only(tmp_path: Path) -> None:
    made = iter(["first", "second"])
    path = tmp_path / "secret"
    assert (
        embedded.secret(path, lambda: next(made))
        == embedded.secret(path, lambda: next(made))
        == "first"
    )
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.django_db
def test_health_endpoint_reports_parts(client: Client) -> None:
    assert client.get("/healthz/").content == b"ok"
    for queue in QUEUES:
        heartbeat.beat([queue], f"{queue}@here")
    heartbeat.beat([heartbeat.BEAT], "beat@here")
    for path in ("/readyz/", "/readyz/all/"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()) == (
            200,
            {
                "database": "ok",
                "redis": "ok",
                "worker": "ok",
                "beat": "ok",
                "queues": dict.fromkeys(QUEUES, "ok"),
            },
        )


@pytest.mark.django_db
@pytest.mark.parametrize("part", [*QUEUES, heartbeat.BEAT])
def test_one_missing_process_is_reported_and_leaves_the_web_ready(
    client: Client, part: str
) -> None:
    for queue in {*QUEUES, heartbeat.BEAT} - {part}:
        heartbeat.beat([queue], f"{queue}@here")
    ready, everything = client.get("/readyz/"), client.get("/readyz/all/")
    assert (ready.status_code, everything.status_code) == (200, 503)
    assert ready.json() == everything.json()
    named = ready.json()
    assert (named | named["queues"])[part] == "away"
    assert named["worker"] == ("ok" if part == heartbeat.BEAT else "away")


@pytest.mark.django_db
def test_orderly_stop_of_one_worker_leaves_the_other_counted(client: Client) -> None:
    for process in ("interactive@one", "interactive@two"):
        heartbeat.beat(["interactive"], process)
    heartbeat.end(["interactive"], "interactive@one")
    assert client.get("/readyz/").json()["queues"]["interactive"] == "ok"
    assert [sign.process for sign in heartbeat.signs()["interactive"]] == ["interactive@two"]
    heartbeat.end(["interactive"], "interactive@two")
    assert client.get("/readyz/").json()["queues"]["interactive"] == "away"


@pytest.mark.django_db
@pytest.mark.parametrize("part", [QUEUES[0], heartbeat.BEAT])
def test_silently_dead_process_is_reported_after_its_heartbeat_expires(
    client: Client, part: str
) -> None:
    heartbeat.beat([part], "killed@here")
    redis = redis_door.client()
    # The same as waiting: its latest sign is as old as one that is no longer good.
    redis.zincrby(f"heartbeat:{part}", -heartbeat.lives_seconds(part), "killed@here")
    report = client.get("/readyz/all/").json()
    assert (report | report["queues"])[part] == "away"
    (sign,) = heartbeat.signs()[part]
    assert sign.process == "killed@here"
    assert sign.seconds >= heartbeat.lives_seconds(part)


@pytest.mark.django_db
def test_web_process_without_its_database_is_not_ready(client: Client) -> None:
    """Its database is a file that nobody can open."""
    connections["default"].close()
    name = connections["default"].settings_dict["NAME"]
    connections["default"].settings_dict["NAME"] = "/nowhere/at/all.sqlite3"
    try:
        answer = client.get("/readyz/")
    finally:
        connections["default"].settings_dict["NAME"] = name
    assert (answer.status_code, answer.json()["database"]) == (503, "away")


@pytest.mark.django_db
def test_hanging_redis_is_reported_and_not_awaited_again(
    client: Client, settings: Settings
) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        settings.REDIS_URL = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        with no_hang():
            answer = client.get("/readyz/")
        silent.setblocking(False)
        tried = 0
        with suppress(BlockingIOError):
            while silent.accept():
                tried += 1
    assert tried == 2, "once for Redis itself, once for the signs of workers and beat"
    assert answer.status_code == 200
    report = answer.json()
    assert (report["redis"], report["worker"], report["beat"]) == ("away", "away", "away")
    assert client.get("/healthz/").status_code == 200

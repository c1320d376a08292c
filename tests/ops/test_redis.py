"""The Redis client: what it repeats, how counts are combined, and the circuit breaker."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from django.conf import settings
from redis.exceptions import RedisError

from b24app import counters, embedded, redis
from b24app.web import throttle
from testing import environment

COUNT = ("requests", "test", "200")


@pytest.fixture(autouse=True)
def no_open_breaker() -> Iterator[None]:
    redis.breaker.record_success()
    yield
    redis.breaker.record_success()


@pytest.fixture
def counted() -> Iterator[None]:
    """No counts before the test."""
    redis.client().delete(counters.KEY)
    yield
    redis.client().delete(counters.KEY)


@contextmanager
def losing_answers() -> Iterator[str]:
    """The URL of a proxy to Redis that passes every command on and closes before the answer."""

    def lose(listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client, socket.socket(socket.AF_UNIX) as server:
                server.connect(str(embedded.socket_path(environment.DIRECTORY)))
                while command := client.recv(65_536):
                    server.sendall(command)
                    answer = server.recv(65_536)
                    if b"HINCRBYFLOAT" in command:
                        break
                    client.sendall(answer)

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        threading.Thread(target=lose, args=(listener,), daemon=True).start()
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
        listener.shutdown(socket.SHUT_RDWR)


def test_count_whose_answer_is_lost_is_not_counted_twice(
    counted: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with losing_answers() as url, monkeypatch.context() as patched:
        patched.setattr(settings, "REDIS_URL", url)
        counters.add({COUNT: 1})
    assert redis.breaker.is_open
    assert counters.read()[COUNT] == 1


def test_connection_that_redis_closed_is_replaced_without_a_retry(counted: None) -> None:
    client = redis.client()
    client.ping()
    other = redis.client(decode=False)
    other.client_kill_filter(_type="normal", skipme=True)
    counters.add({COUNT: 1})
    assert counters.read()[COUNT] == 1
    assert not redis.breaker.is_open


def test_counts_are_combined_while_another_thread_sends(counted: None) -> None:
    client = redis.client()
    before = client.info("commandstats").get("cmdstat_hincrbyfloat", {"calls": 0})["calls"]
    client.client_pause(600, all=True)
    first = threading.Thread(target=counters.add, args=({COUNT: 1},))
    first.start()
    while not counters._combined._sending:
        time.sleep(0.001)
    time.sleep(0.05)
    for _ in range(100):
        counters.add({COUNT: 1})
    assert first.is_alive()
    first.join()
    assert counters.read()[COUNT] == 101
    assert client.info("commandstats")["cmdstat_hincrbyfloat"]["calls"] == before + 2


def test_no_count_of_many_threads_is_lost(counted: None) -> None:
    def add() -> None:
        for _ in range(50):
            counters.add({COUNT: 1, ("other",): 2})

    threads = [threading.Thread(target=add) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counters.add({COUNT: 1})
    assert counters.read()[COUNT] == 801
    assert counters.read()["other",] == 1600


def test_failure_opens_the_breaker_for_everybody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded.ensure(tmp_path)
    monkeypatch.setattr(
        settings, "REDIS_URL", f"unix://{quote(str(embedded.socket_path(tmp_path)))}"
    )
    try:
        counters.add({("requests",): 1})
        assert not redis.breaker.is_open
        embedded.stop(tmp_path)
        with pytest.raises(RedisError):
            redis.client().ping()
        counters.add({("requests",): 1})
        assert redis.breaker.is_open
        embedded.ensure(tmp_path)
        assert not throttle.exceeds("/", "somebody", 0)
        redis.breaker.record_success()
        assert throttle.exceeds("/", "somebody", 0)
    finally:
        embedded.stop(tmp_path)

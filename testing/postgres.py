"""Private PostgreSQL servers: for a command, and to be killed with -9 and started again where they stood."""

import os
import pwd
import re
import shlex
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

import psycopg

from testing.ports import free_port
from testing.waiting import HANG_SECONDS

# Debian and Homebrew keep the programs of each version in a folder of its own; Fedora has them in the path.
PLACES = (
    (Path("/usr/lib/postgresql"), "*/bin/initdb"),
    (Path("/opt/homebrew/opt"), "postgresql*/bin/initdb"),
)


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


@contextmanager
def server() -> Iterator[str]:
    """The address of a running server with one empty database, as DATABASE_URL takes it."""
    where, port = binaries(), free_port()
    home = Path(tempfile.mkdtemp(prefix="lo-postgres-"))
    # PostgreSQL refuses to run as root; Debian's package made this user.
    as_user = (
        ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        if os.getuid() == 0
        else []
    )
    if as_user:
        owner = pwd.getpwnam("postgres")
        os.chown(home, owner.pw_uid, owner.pw_gid)
    data = home / "data"
    settings = (
        f"listen_addresses=127.0.0.1 unix_socket_directories={home} fsync=off max_connections=150"
    )
    options = " ".join([f"-p {port}", *(f"-c {part}" for part in settings.split())])
    run = [*as_user, str(where / "pg_ctl"), "-D", str(data), "-s", "-w"]
    initdb = [
        *as_user,
        str(where / "initdb"),
        "-D",
        str(data),
        "-U",
        "tests",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--no-sync",
    ]
    subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd=home)
    try:
        subprocess.run(
            [*run, "-o", options, "-l", str(home / "log"), "start"], check=True, cwd=home
        )
        yield f"postgres://tests@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([*run, "-m", "immediate", "stop"], check=False, cwd=home)
        shutil.rmtree(home, ignore_errors=True)


@dataclass
class Postgres:
    url: str
    data: Path

    @classmethod
    @contextmanager
    def made(cls) -> Iterator[Self]:
        with server() as url, psycopg.connect(url) as connection:
            row = connection.execute("SHOW data_directory").fetchone()
            assert row is not None
            connection.close()
            yield cls(url, Path(row[0]))

    def kill(self) -> None:
        """The server and all of its children, at once."""
        leader = int((self.data / "postmaster.pid").read_text().split()[0])
        listing = subprocess.check_output(["ps", "-axo", "pid=,ppid="], text=True)
        rows = (line.split() for line in listing.splitlines())
        family = [leader, *(int(pid) for pid, parent in rows if int(parent) == leader)]
        for pid in family:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def start(self) -> None:
        """As it was started before; recovers what was committed."""
        (self.data / "postmaster.pid").unlink()
        command = shlex.split((self.data / "postmaster.opts").read_text())
        as_user = (
            ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
            if os.getuid() == 0
            else []
        )
        options = shlex.join(command[1:])
        tool = str(binaries() / "pg_ctl")
        start = [*as_user, tool, "-D", str(self.data), "-s", "-w", "-l", f"{self.data}/again.log"]
        for _ in range(HANG_SECONDS):
            command = [*start, "-o", options, "start"]
            if not subprocess.run(command, check=False, cwd=self.data.parent).returncode:
                return
            time.sleep(1)  # somebody of the old family still holds its shared memory
        raise AssertionError((self.data / "again.log").read_text())

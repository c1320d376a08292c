"""A PostgreSQL that can be killed with -9 and started again where it stood."""

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psycopg

from tests.waiting import HANG_SECONDS
from tools import postgres


@dataclass
class Postgres:
    url: str
    data: Path

    @classmethod
    @contextmanager
    def made(cls) -> Iterator[Self]:
        with postgres.server() as url, psycopg.connect(url) as connection:
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
        tool = str(postgres.binaries() / "pg_ctl")
        start = [*as_user, tool, "-D", str(self.data), "-s", "-w", "-l", f"{self.data}/again.log"]
        for _ in range(HANG_SECONDS):
            command = [*start, "-o", options, "start"]
            if not subprocess.run(command, check=False, cwd=self.data.parent).returncode:
                return
            time.sleep(1)  # somebody of the old family still holds its shared memory
        raise AssertionError((self.data / "again.log").read_text())

"""Run a command with a private PostgreSQL: ``tools/postgres.py COMMAND…`` sets TEST_DATABASE_URL for it.

The machine's server binaries, a fresh cluster in a temporary folder, loopback only, gone afterwards.
"""

import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
    where, port = binaries(), _free_port()
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


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def main() -> int:
    with server() as address:
        environment = {**os.environ, "TEST_DATABASE_URL": address}
        return subprocess.run(sys.argv[1:], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())

"""Run a command with a private PostgreSQL: ``tools/postgres.py COMMAND…`` sets TEST_DATABASE_URL for it.

Debian's server binaries, a fresh cluster in a temporary folder, loopback only, gone afterwards.
"""

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent


def binaries() -> Path:
    """The newest installed server; installs Debian's where we may."""
    for _ in range(2):
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        if found:
            return found[-1].parent
        if subprocess.run([HERE / "debian.sh", "postgresql"], check=False).returncode:
            break
    raise SystemExit("PostgreSQL's server is needed, as Debian's package `postgresql` installs it.")


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
    options = " ".join([f"-p {port}", *(f"-c {one}" for one in settings.split())])
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
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def main() -> int:
    with server() as address:
        environment = {**os.environ, "TEST_DATABASE_URL": address}
        return subprocess.run(sys.argv[1:], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())

"""The app behind PgBouncer in transaction mode: a connection serves another client after each transaction."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from testing import postgres
from testing.ports import free_port
from testing.processes import ROOT, ended
from testing.waiting import until

pytestmark = pytest.mark.bare

# Fewer connections than readers, so that no reader keeps its own.
CONFIGURATION = """
[databases]
postgres = host=127.0.0.1 port={server} dbname=postgres user=tests
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
"""
READ_AT_ONCE = """
from concurrent.futures import ThreadPoolExecutor
import psycopg
from django.db import DatabaseError, connection
from b24app.portals.models import Portal
Portal.objects.bulk_create(
    Portal(member_id=f"m{n}", endpoint=f"https://p{n}.example/rest/") for n in range(50)
)
def read(_):
    try:
        return sum(1 for _ in Portal.objects.iterator(chunk_size=5))
    except (DatabaseError, psycopg.Error) as error:
        return type(error).__name__
    finally:
        connection.close()
with ThreadPoolExecutor(10) as pool:
    print(*pool.map(read, range(60)))
"""


def program() -> str:
    """Debian keeps it where an ordinary user's path does not lead."""
    found = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    assert found, "tools/preflight.sh test says how to install pgbouncer"
    return found


@contextmanager
def pgbouncer(server: str) -> Iterator[str]:
    """A pool of three connections in front of ``server``; gives its address, as DATABASE_URL takes it."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="lo-pgbouncer-") as home:
        settings = Path(home) / "pgbouncer.ini"
        settings.write_text(CONFIGURATION.format(server=urlsplit(server).port, port=port), "utf-8")
        Path(home).chmod(0o755)
        # It refuses to run as root; the server's package made this user.
        as_user = ["-u", "postgres"] if os.getuid() == 0 else []
        process = subprocess.Popen([program(), "-q", *as_user, str(settings)])
        try:
            until(lambda: answers(port), "pgbouncer starts")
            yield f"postgres://tests@127.0.0.1:{port}/postgres"
        finally:
            ended([process])


def answers(port: int) -> bool:
    with closing(socket.socket()) as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def test_long_reads_survive_a_pool_in_transaction_mode() -> None:
    with postgres.server() as server, pgbouncer(server) as address:
        environment = os.environ | {"DATABASE_URL": address}

        def manage(*command: str) -> str:
            return subprocess.run(
                [sys.executable, "manage.py", *command],
                cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True,
            ).stdout  # fmt: skip

        manage("migrate", "-v", "0")
        found = manage("shell", "-v", "0", "-c", READ_AT_ONCE).split()
    assert found == ["50"] * 60

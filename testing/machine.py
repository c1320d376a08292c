"""The whole app as processes of its own, each of which can be killed with -9 and started again."""

import os
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import requests
from kombu import Connection
from redis import Redis

from b24app import embedded
from b24app.celery import app
from demo.server import DemoPortal
from testing import migrated
from testing.ports import free_port
from testing.postgres import Postgres
from testing.processes import BIN, ROOT, ready
from testing.waiting import HANG_SECONDS, until

# A quarter of the processor where others want it too, as in deploy/. Linux shares it between sessions first.
BEHIND = (*("sh", "-c", 'echo 6 >/proc/self/autogroup; exec nice -n 6 "$0" "$@"'),)


@dataclass
class Machine:
    """Web, worker, beat, Redis and a database around a demo portal."""

    home: Path
    portal: DemoPortal
    port: int
    postgres: Postgres | None
    rate: tuple[int, int] = (1000, 100)
    workers: int = 2
    children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    events_port: int = field(default_factory=free_port)

    @property
    def redis(self) -> Path:
        return self.home / "redis"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def events_url(self) -> str:
        """The process that takes events, where one was started beside the web."""
        return f"http://127.0.0.1:{self.events_port}"

    @property
    def database_url(self) -> str:
        return self.postgres.url if self.postgres else f"sqlite:///{self.home}/app.sqlite3"

    def environment(self) -> dict[str, str]:
        return os.environ | {
            "APP_URL": self.url,
            "B24_OAUTH_URL": self.portal.oauth_url,
            "B24_RATE_CAPACITY": str(self.rate[0]),
            "B24_RATE_LEAK": str(self.rate[1]),
            "DATABASE_URL": self.database_url,
            "REDIS_URL": f"unix://{embedded.socket_path(self.redis)}",
        }

    def command(self, name: str) -> list[str]:
        celery = [str(BIN / "celery"), "-A", "b24app"]
        gunicorn = [str(BIN / "gunicorn"), "b24app.wsgi"]
        worker = [*celery, "worker", "-c", str(self.workers), "-Q"]
        return {
            "web": [*gunicorn, "-b", f"127.0.0.1:{self.port}"],
            "worker": [*worker, "interactive,bulk,events"],
            # As deploy/ has it: what portals tell is taken and worked apart, behind people and jobs.
            "events": [
                *(*BEHIND, *gunicorn, "-b", f"127.0.0.1:{self.events_port}"),
                *("--workers", "1", "--threads", "16"),
            ],
            "worker-jobs": [*worker, "interactive,bulk"],
            "worker-events": [*BEHIND, *celery, "worker", "-c", "2", "-Q", "events"],
            "second": [*celery, "worker", "-n", "second@%h", "-c", "1", "-Q", "interactive,bulk"],
            "beat": [*celery, "beat", "-s", str(self.home / "schedule")],
        }[name]

    def start(self, name: str) -> None:
        """Start one part; it need not be ready yet."""
        if name == "redis":
            embedded.ensure(self.redis)
        elif name == "database":
            if self.postgres:
                self.postgres.start()
        else:
            with (self.home / f"{name}.log").open("ab") as log:
                self.children[name] = subprocess.Popen(
                    self.command(name), cwd=ROOT, env=self.environment(), stdout=log, stderr=log,
                    start_new_session=True,
                )  # fmt: skip

    def kill(self, name: str) -> None:
        """Kill a part and all of its children with SIGKILL."""
        if name == "redis":
            client = Redis(unix_socket_path=str(embedded.socket_path(self.redis)))
            os.kill(int(client.info("server")["process_id"]), signal.SIGKILL)
        elif name == "database":
            if self.postgres:
                self.postgres.kill()
        else:
            os.killpg(self.children[name].pid, signal.SIGKILL)
            self.children[name].wait()

    def suspend(self, name: str) -> None:
        """Stop one part with everything below it, as a hypervisor does with a whole machine."""
        os.killpg(self.children[name].pid, signal.SIGSTOP)

    def resume(self, name: str) -> None:
        os.killpg(self.children[name].pid, signal.SIGCONT)

    def query(self, sql: str) -> list[tuple[object, ...]]:
        """A statement on the app's database, from outside of the app."""
        if self.postgres:
            with psycopg.connect(self.postgres.url, autocommit=True) as connection:
                done = connection.execute(sql.encode())
                return done.fetchall() if done.description else []
        with sqlite3.connect(self.home / "app.sqlite3", timeout=HANG_SECONDS) as database:
            return database.execute(sql).fetchall()

    def let_time_pass(self) -> None:
        """Two minutes pass: leases are over, lost messages overdue, requests of the dead have ended."""
        past = "2026-01-01 00:00:00+00:00"
        for column, token in (("leased_until", "IS NOT NULL"), ("due_at", "IS NULL")):
            self.query(f"UPDATE jobs_joblane SET {column} = '{past}' WHERE token {token}")  # noqa: S608
        self.query(f"UPDATE jobs_jobitem SET at = '{past}' WHERE state IN ('writing', 'unknown')")  # noqa: S608
        with Connection(f"redis+socket://{embedded.socket_path(self.redis)}") as broker:
            app.send_task("jobs.sweep", queue="interactive", connection=broker)

    def look_after(self) -> None:
        """Start again what has ended by itself, as a supervisor does.

        Celery's worker ends itself when Redis dies while one of its messages is not acknowledged.
        """
        for name, child in list(self.children.items()):
            if child.poll() is not None:
                self.start(name)

    def ready(self) -> bool:
        return ready(self.url)

    def takes_events(self) -> bool:
        try:
            return requests.get(f"{self.events_url}/healthz/", timeout=5).status_code == 200
        except requests.RequestException:
            return False


@contextmanager
def running(
    home: Path, *, postgres: bool, rate: tuple[int, int] = (1000, 100), workers: int = 2
) -> Iterator[Machine]:
    """Everything started and ready; ended in any case. ``rate`` is what the app believes of the portal."""
    port = free_port()
    with ExitStack() as stack:
        portal = stack.enter_context(DemoPortal(f"http://127.0.0.1:{port}"))
        database = stack.enter_context(migrated.postgres()) if postgres else None
        machine = Machine(home, portal, port, database, rate, workers)
        try:
            machine.start("redis")
            if not postgres:
                migrated.copy_database(home / "app.sqlite3")
            for name in ("web", "worker", "beat"):
                machine.start(name)
            until(machine.ready, "ready")
            yield machine
        finally:
            for name in machine.children:
                if machine.children[name].poll() is None:
                    machine.kill(name)
            embedded.stop(machine.redis)

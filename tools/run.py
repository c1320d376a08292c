"""``make run``: the app alone, against real portals, with the settings of ``.env``.

Its processes are those of production, a worker for each queue, and end together.
"""

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
# A task ends within 120 s, a slice of a job within 30.
STOP_SECONDS = 130
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(Exception):
    """Somebody pressed Ctrl-C, closed the terminal, or asked us to end."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="make run", description="the app alone")
    parser.add_argument("--port", type=int, default=8000)
    port = parser.parse_args().port
    migrate = [sys.executable, "manage.py", "migrate", "-v", "0"]
    if subprocess.run(migrate, cwd=ROOT, check=False).returncode:
        return 1
    for one in ENDING:
        signal.signal(one, _stop)
    children: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, command in _commands(port).items():
            # A session of its own: Ctrl-C reaches us alone, and we end them.
            children[name] = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
        return _watch(children)
    except Stopped:
        print("Stopping what runs; once more ends it at once", file=sys.stderr)
        return 0
    finally:
        _end(children)


def _commands(port: int) -> dict[str, list[str]]:
    celery = [str(BIN / "celery"), "-A", "b24app"]
    workers = {
        queue: [*celery, "worker", "-c", "2", "-Q", queue, "-n", f"{queue}@%h", "-l", "INFO"]
        for queue in ("interactive", "bulk")
    }
    return {
        "gunicorn": [str(BIN / "gunicorn"), "b24app.wsgi", "-w", "2", "-b", f"127.0.0.1:{port}"],
        **workers,
        "beat": [*celery, "beat", "-l", "INFO"],
    }


def _watch(children: Mapping[str, subprocess.Popen[bytes]]) -> int:
    """Wait until one of them ends by itself: without it the others are no app."""
    while True:
        for name, child in children.items():
            if child.poll() is not None:
                print(f"{name} ended with {child.returncode}, so all is stopped", file=sys.stderr)
                return 1
        time.sleep(0.5)


def _end(children: Mapping[str, subprocess.Popen[bytes]]) -> None:
    """End them together and let them finish what is under way, unless somebody cannot wait for it."""
    at_once = threading.Event()
    for one in ENDING:
        signal.signal(one, lambda *_: at_once.set())
    running = [child for child in children.values() if child.poll() is None]
    for child in running:
        child.terminate()
    limit = time.monotonic() + STOP_SECONDS
    while running := [child for child in running if child.poll() is None]:
        if at_once.is_set() or time.monotonic() > limit:
            break
        time.sleep(0.1)
    for child in running:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _stop(_: int, __: FrameType | None) -> None:
    raise Stopped


if __name__ == "__main__":
    sys.exit(main())

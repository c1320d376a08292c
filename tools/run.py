"""``make run``: the app alone, against real portals, with the settings of ``.env``.

Its processes are those of production, a worker for each queue, and end together.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from demo.children import BIN, CELERY, Stopped, end, stop_when_asked, workers

ROOT = Path(__file__).resolve().parent.parent
# A task ends within 120 s, a slice of a job within 30.
STOP_SECONDS = 130


def main() -> int:
    parser = argparse.ArgumentParser(prog="make run", description="the app alone")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at; 0.0.0.0 is all")
    options = parser.parse_args()
    migrate = [sys.executable, "manage.py", "migrate", "-v", "0"]
    if subprocess.run(migrate, cwd=ROOT, check=False).returncode:
        return 1
    stop_when_asked()
    children: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, command in _commands(options.host, options.port).items():
            # A session of its own: Ctrl-C reaches us alone, and we end them.
            children[name] = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
        return _watch(children)
    except Stopped:
        print("Stopping what runs; once more ends it at once", file=sys.stderr)
        return 0
    finally:
        end(children.values(), seconds=STOP_SECONDS)


def _commands(host: str, port: int) -> dict[str, list[str]]:
    web = [str(BIN / "gunicorn"), "b24app.wsgi", "-w", "2", "-b", f"{host}:{port}"]
    return {"gunicorn": web, **workers(), "beat": [*CELERY, "beat", "-l", "INFO"]}


def _watch(children: Mapping[str, subprocess.Popen[bytes]]) -> int:
    """Wait until one of them ends by itself: without it the others are no app."""
    while True:
        for name, child in children.items():
            if child.poll() is not None:
                print(f"{name} ended with {child.returncode}, so all is stopped", file=sys.stderr)
                return 1
        time.sleep(0.5)


if __name__ == "__main__":
    sys.exit(main())

"""``make run``: the app alone, against real portals, with the settings of ``.env``."""

import argparse
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


def main() -> int:
    parser = argparse.ArgumentParser(prog="make run", description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    port = parser.parse_args().port
    if subprocess.run(
        [sys.executable, "manage.py", "migrate", "-v", "0"], cwd=ROOT, check=False
    ).returncode:
        return 1
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, _stop)
    celery = [str(BIN / "celery"), "-A", "b24app"]
    children = [
        subprocess.Popen(command, cwd=ROOT)
        for command in (
            [
                str(BIN / "gunicorn"),
                "b24app.wsgi",
                "-b",
                f"127.0.0.1:{port}",
                "-w",
                "2",
                "--threads",
                "4",
            ],
            [*celery, "worker", "-Q", "interactive,bulk", "-c", "2", "-l", "INFO"],
            [*celery, "beat", "-l", "INFO"],
        )
    ]
    try:
        while all(child.poll() is None for child in children):
            time.sleep(0.5)
    except KeyboardInterrupt:
        return 0
    finally:
        for child in children:
            child.terminate()
        for child in children:
            child.wait()
    return 1


def _stop(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())

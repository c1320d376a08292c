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
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, _stop)
    celery = [str(BIN / "celery"), "-A", "b24app"]
    gunicorn = [str(BIN / "gunicorn"), "b24app.wsgi", "-w", "2", "-b", f"127.0.0.1:{port}"]
    worker = [*celery, "worker", "-c", "2", "-Q", "interactive,bulk", "-l", "INFO"]
    commands = {"gunicorn": gunicorn, "worker": worker, "beat": [*celery, "beat", "-l", "INFO"]}
    children = {name: subprocess.Popen(one, cwd=ROOT) for name, one in commands.items()}
    try:
        while True:
            for name, child in children.items():
                if child.poll() is not None:
                    print(
                        f"{name} ended with {child.returncode}, so all is stopped", file=sys.stderr
                    )
                    return 1
            time.sleep(0.5)
    except KeyboardInterrupt:
        return 0
    finally:
        for child in children.values():
            child.terminate()
        for child in children.values():
            child.wait()


def _stop(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())

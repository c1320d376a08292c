"""The processes that ``make demo`` and ``make run`` start: how they are asked to end, and how they end."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from types import FrameType

BIN = Path(sys.executable).parent
CELERY = (str(BIN / "celery"), "-A", "b24app")
# Ctrl-C, a supervisor, a terminal that was closed.
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(Exception):
    """Somebody pressed Ctrl-C, closed the terminal, or asked us to end."""


def stop_when_asked() -> None:
    """From here on :class:`Stopped` is raised when somebody asks us to end."""
    for signals in ENDING:
        signal.signal(signals, _stop)


def workers() -> dict[str, list[str]]:
    """A worker of each queue, as in production: what people wait for is never queued behind a job's slice."""
    return {
        queue: [*CELERY, "worker", "-c", "2", "-Q", queue, "-n", f"{queue}@%h", "-l", "INFO"]
        for queue in ("interactive", "bulk", "events")
    }


def end(*groups: Iterable[subprocess.Popen[bytes]], seconds: float) -> None:
    """End processes, one group after another, each with what is below it in a session of its own.

    They may finish what is under way for so long, unless somebody asks once more.
    """
    at_once = threading.Event()
    for signals in ENDING:
        signal.signal(signals, lambda *_: at_once.set())
    for group in groups:
        _end(group, at_once, seconds)


def _end(
    children: Iterable[subprocess.Popen[bytes]], at_once: threading.Event, seconds: float
) -> None:
    running = [child for child in children if child.poll() is None]
    for child in running:
        child.terminate()
    limit = time.monotonic() + seconds
    while running := [child for child in running if child.poll() is None]:
        if at_once.is_set() or time.monotonic() > limit:
            break
        time.sleep(0.1)
    for child in running:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _stop(_: int, __: FrameType | None) -> None:
    raise Stopped

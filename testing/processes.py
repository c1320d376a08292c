"""Where programs of this checkout are, and how a web process is met and ended."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import requests

from testing.waiting import HANG_SECONDS

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


def ended(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Ask processes to end, wait for them, and kill those that hang."""
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(HANG_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def ready(url: str) -> bool:
    """Whether web, database and workers answer; whether beat runs does not matter."""
    try:
        return bool(requests.get(f"{url}/readyz/", timeout=5).json()["worker"] == "ok")
    except (requests.RequestException, ValueError):
        return False

"""``make demo``: everything starts, is found again, and ends together."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from demo.__main__ import LOOPBACK, SETTINGS, _hosts
from demo.children import ENDING
from testing.ports import free_pair, free_port
from testing.processes import ROOT
from testing.waiting import HANG_SECONDS

pytestmark = pytest.mark.bare

WAITS = f"""
import time
from demo.children import Stopped, stop_when_asked
try:
    stop_when_asked()
    print("ready", flush=True)
    time.sleep({HANG_SECONDS})
except Stopped:
    print("stopped")
"""


def command(port: int, portal_port: int, data: Path) -> list[str]:
    ports = ["--port", str(port), "--portal-port", str(portal_port)]
    return [sys.executable, "-m", "demo", *ports, "--data", str(data)]


@contextmanager
def running(port: int, portal_port: int, data: Path) -> Iterator[subprocess.Popen[str]]:
    """A demo that has printed its addresses; it is ended in any case."""
    process = subprocess.Popen(
        command(port, portal_port, data),
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout
        printed = ""
        while "stops everything" not in printed:
            line = process.stdout.readline()
            assert line, process.communicate()
            printed += line
        assert f"http://127.0.0.1:{portal_port}/marketplace/app/" in printed
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=HANG_SECONDS)


def children(pid: int) -> dict[int, str]:
    """Command lines of the processes that ``pid`` started, by their ids."""
    listing = subprocess.check_output(["ps", "-axwwo", "pid=,ppid=,command="], text=True)
    rows = (line.split(None, 2) for line in listing.splitlines())
    return {int(row[0]): row[2] for row in rows if len(row) == 3 and int(row[1]) == pid}


def free(port: int) -> bool:
    with socket.socket() as taken_socket:
        return taken_socket.connect_ex(("127.0.0.1", port)) != 0


def test_demo_runs_ends_together_and_keeps_its_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A proxy that a machine asks for everything: the demo is on this machine, and goes around it.
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    port, portal_port = free_port(), free_pair()
    data = tmp_path / "a folder"
    with running(port, portal_port, data) as demo:
        with urlopen(f"http://127.0.0.1:{port}/readyz/all/") as ready:
            assert ready.status == 200
        for host in _hosts(LOOPBACK):
            own = f"[{host}]" if ":" in host else host
            with urlopen(f"http://{own}:{port}/healthz/") as alive:
                assert alive.status == 200
            with urlopen(f"http://{own}:{portal_port}/marketplace/app/") as page:
                assert page.status == 200
        # Whatever `localhost` leads to, the portal is shown under the name that the app's frame knows.
        with urlopen(f"http://localhost:{portal_port}/marketplace/app/?a=1") as page:
            assert page.url == f"http://127.0.0.1:{portal_port}/marketplace/app/?a=1"
        first = children(demo.pid)
        assert len(first) == 7
        demo.send_signal(signal.SIGHUP)  # the terminal was closed
        assert demo.wait(HANG_SECONDS) == 0
    assert free(port)
    assert free(portal_port)
    for pid in first:
        with pytest.raises(ProcessLookupError):
            os.killpg(pid, 0)
    state, keys = (data / "portal.json").read_text(), (data / "token_keys").read_text()

    with running(port, portal_port, data) as demo:
        assert (data / "token_keys").read_text() == keys
        assert (data / "portal.json").read_text() == state
        web = next(pid for pid, line in children(demo.pid).items() if "gunicorn" in line)
        subprocess.run(["kill", "-KILL", str(web)], check=True)
        _, said = demo.communicate(timeout=HANG_SECONDS)
    assert demo.returncode == 1
    assert "web ended with -9" in said
    assert free(portal_port)


@pytest.mark.parametrize("ending", ENDING)
def test_each_signal_to_end_stops_the_demo(ending: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WAITS], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    process.send_signal(ending)
    assert process.communicate(timeout=HANG_SECONDS)[0] == "stopped\n"


@pytest.mark.parametrize("taken", [0, 1, 2])
def test_taken_port_is_named(tmp_path: Path, taken: int) -> None:
    with socket.socket() as taken_socket:
        taken_socket.bind(("127.0.0.1", 0))
        taken_socket.listen()
        port = taken_socket.getsockname()[1]
        ports = [(port, free_port()), (free_port(), port), (free_port(), port - 1)][taken]
        done = subprocess.run(
            command(*ports, tmp_path), cwd=ROOT, capture_output=True, text=True, check=False
        )
    assert done.returncode == 1
    assert re.search(rf"\b{port}\b.* taken", done.stderr)
    assert "make demo PORT=" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_invalid_port_is_refused(tmp_path: Path) -> None:
    done = subprocess.run(
        command(70_000, 8070, tmp_path), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "70000 is no port" in done.stderr


def test_no_setting_of_the_real_app_reaches_the_demo() -> None:
    source = (ROOT / "b24app" / "settings.py").read_text("utf-8")
    assert set(re.findall(r'_read\(\s*"(\w+)"', source)) == set(SETTINGS)


def test_demo_imports_nothing_of_the_app() -> None:
    look = (
        "import sys, demo.__main__, demo.portal; print([m for m in sys.modules if 'b24app' in m])"
    )
    printed = subprocess.check_output([sys.executable, "-c", look], cwd=ROOT, text=True)
    assert printed.strip() == "[]"

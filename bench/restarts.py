"""``python -m bench.restarts``: what people get while web nodes reload or restart behind the shipped proxy.

Starts the app as processes of its own and Caddy in front of it: ``deploy/Caddyfile`` for one node,
``deploy/Caddyfile.several`` for two.
Clients ask all the time, half of them with POST; an answer of 500 and more, or none, counts as failed.
Needs Caddy (Debian: caddy).
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import requests

from testing.ports import free_port
from testing.processes import BIN, ROOT, ended
from testing.running import Running, running
from testing.waiting import until

# The file for so many nodes, and how it names them.
SHIPPED = {1: ("Caddyfile", "web:8000"), 2: ("Caddyfile.several", "web-1:8000 web-2:8000")}
CLIENTS = 8
SETTLE_SECONDS = 5
GLOBAL = "{\n\tadmin off\n\tauto_https off\n}\n"


def main() -> None:
    if not shutil.which("caddy"):
        sys.exit("Caddy is needed: apt-get install caddy")
    _write("", "requests", "failed", "how")
    with tempfile.TemporaryDirectory(prefix="lo-restarts-") as home, running(Path(home)) as app:
        for nodes in (1, 2):
            with Nodes(app, Path(home), nodes) as web, proxy(Path(home), web.ports) as url:
                _measure(f"{nodes} node(s): nothing happens", url, lambda: None)
                _measure(f"{nodes} node(s): reload (SIGHUP)", url, web.reload)
                _measure(f"{nodes} node(s): restart of one", url, web.restart)


class Nodes:
    """gunicorn so many times, on one database."""

    def __init__(self, app: Running, home: Path, count: int) -> None:
        self._app, self._home = app, home
        self.ports = [free_port() for _ in range(count)]
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> "Nodes":
        self._processes = [self._start(port) for port in self.ports]
        for port in self.ports:
            until(partial(_answers, f"http://127.0.0.1:{port}"), "a node starts")
        return self

    def __exit__(self, *_: object) -> None:
        ended(self._processes)

    def reload(self) -> None:
        """New workers for all nodes, as a new version gets them."""
        for process in self._processes:
            process.send_signal(signal.SIGHUP)

    def restart(self) -> None:
        """The first node ends in an orderly way and is started again."""
        ended(self._processes[:1])
        self._processes[0] = self._start(self.ports[0])

    def _start(self, port: int) -> subprocess.Popen[bytes]:
        command = [str(BIN / "gunicorn"), "b24app.wsgi", "-w", "2", "-b", f"127.0.0.1:{port}"]
        with (self._home / f"node-{port}.log").open("ab") as log:
            return subprocess.Popen(
                command, cwd=ROOT, env=self._app.environment, stdout=log, stderr=log
            )


@contextmanager
def proxy(home: Path, ports: Sequence[int]) -> Iterator[str]:
    """Caddy with the shipped file, in front of these ports; gives its address."""
    port = free_port()
    name, nodes = SHIPPED[len(ports)]
    text = (ROOT / "deploy" / name).read_text("utf-8")
    text = text.replace("{$DOMAIN} {", f"http://127.0.0.1:{port} {{", 1)
    text = text.replace("Host {$DOMAIN}", "Host 127.0.0.1")
    text = text.replace(nodes, " ".join(f"127.0.0.1:{number}" for number in ports))
    file = home / "Caddyfile"
    file.write_text(GLOBAL + text, "utf-8")
    command = ["caddy", "run", "--adapter", "caddyfile", "--config", str(file)]
    with (home / "caddy.log").open("ab") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env=os.environ | {"XDG_DATA_HOME": str(home)}
        )
    try:
        until(lambda: _answers(f"http://127.0.0.1:{port}"), "Caddy starts")
        yield f"http://127.0.0.1:{port}"
    finally:
        ended([process])


def _measure(name: str, url: str, event: Callable[[], None]) -> None:
    """Ask from all clients before, during and after the event; one line of what they got."""
    stop, found, lock = threading.Event(), Counter[str](), threading.Lock()

    def ask(number: int) -> None:
        with requests.Session() as session:
            while not stop.is_set():
                got = _asked(session, url, post=bool(number % 2))
                with lock:
                    found[got] += 1

    with ExitStack() as stack:
        clients = [threading.Thread(target=ask, args=(n,)) for n in range(CLIENTS)]
        for thread in clients:
            thread.start()
            stack.callback(thread.join)
        stack.callback(stop.set)
        time.sleep(1)
        event()
        time.sleep(SETTLE_SECONDS)
    failed = {what: count for what, count in found.items() if what}
    how = ", ".join(f"{what} {count}" for what, count in failed.items())
    _write(name, found.total(), sum(failed.values()), how)


def _write(name: str, asked: object, failed: object, how: str) -> None:
    sys.stdout.write(f"{name:34}{asked!s:>10}{failed!s:>10}  {how}".rstrip() + "\n")
    sys.stdout.flush()


def _asked(session: requests.Session, url: str, *, post: bool) -> str:
    """How a request failed; "" if it was answered."""
    try:
        if post:
            answer = session.post(f"{url}/session/renew/", timeout=60)
        else:
            answer = session.get(f"{url}/healthz/", timeout=60)
    except requests.RequestException as error:
        return type(error).__name__
    return str(answer.status_code) if answer.status_code >= 500 else ""


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/healthz/", timeout=5).ok
    except requests.RequestException:
        return False


if __name__ == "__main__":
    main()

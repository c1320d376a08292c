"""A process that posts events as a portal's servers do, so that the demo portal itself stays free to answer.

``python -m bench.senders`` reads lines from its input: a number, an address, a body. It posts each at once,
``AT_ONCE`` side by side, each on a connection of its own, and writes the number, the status (0: no answer)
and the seconds it took. A real portal is on another machine, so this one's processor is left to the app.
"""

import asyncio
import subprocess
import sys
import threading
import time
from types import TracebackType
from typing import IO, Self, cast
from urllib.parse import urlsplit

from demo.lifecycle import SentEvent
from testing.machine import BEHIND

AT_ONCE = 48
HEAD = (
    "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\nConnection: close\r\n"
    "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
)


class Outside:
    """Stands for the demo portal's own senders while the context is open."""

    def __init__(self) -> None:
        self._events: list[SentEvent] = []
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._child = subprocess.Popen(
            [*BEHIND, sys.executable, "-m", "bench.senders"], start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._to, self._from = cast(IO[str], self._child.stdin), cast(IO[str], self._child.stdout)
        threading.Thread(target=self._read, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._child.kill()
        self._child.wait()

    def submit(self, event: SentEvent, body: bytes) -> None:
        """Post the event; what is answered is written into ``event``."""
        with self._lock:
            self._events.append(event)
            self._to.write(f"{len(self._events) - 1} {event.handler} {body.decode()}\n")
            self._to.flush()

    def _read(self) -> None:
        for line in self._from:
            number, status, seconds = line.split()
            event = self._events[int(number)]
            event.status, event.seconds, event.ended = int(status), float(seconds), True


async def _main() -> None:
    lines: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    threading.Thread(target=_feed, args=(loop, lines), daemon=True).start()
    await asyncio.gather(*(_send(lines) for _ in range(AT_ONCE)))


def _feed(loop: asyncio.AbstractEventLoop, lines: "asyncio.Queue[str]") -> None:
    for line in sys.stdin:
        loop.call_soon_threadsafe(lines.put_nowait, line)


async def _send(lines: "asyncio.Queue[str]") -> None:
    while True:
        number, address, body = (await lines.get()).rstrip("\n").split(" ", 2)
        began = time.perf_counter()
        status = await _post(address, body)
        sys.stdout.write(f"{number} {status} {time.perf_counter() - began:.6f}\n")
        sys.stdout.flush()


async def _post(address: str, body: str) -> int:
    parts = urlsplit(address)
    try:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        head = HEAD.format(path=parts.path, host=parts.netloc, length=len(body))
        writer.write((head + body).encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        writer.close()
    except (OSError, asyncio.IncompleteReadError):
        return 0
    return int(answer.split(b" ", 2)[1])


if __name__ == "__main__":
    asyncio.run(_main())

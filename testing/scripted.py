"""A scripted HTTP server: real sockets, real bytes, every misbehaviour on demand."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from b24app.bitrix24 import errors
from b24app.bitrix24.client import CallRecord, Client, Outcome, Timeouts
from b24app.bitrix24.token_source import FixedToken, TokenSource
from b24app.bitrix24.transport import Transport


@dataclass(frozen=True)
class Request:
    verb: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    raw: bytes

    @property
    def method(self) -> str:
        return self.path.removeprefix("/rest/")

    @property
    def body(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.raw)
        return found

    @property
    def commands(self) -> dict[str, str]:
        found: dict[str, str] = self.body["cmd"]
        return found


@dataclass
class Reply:
    """What the server answers. ``cut`` announces more bytes than it sends; ``drop`` sends none;
    ``drip`` waits that many seconds after each byte. ``before`` is sent ahead of the answer, with a
    pause of a twentieth of a second after each piece.
    """

    body: object = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    cut: bool = False
    drop: bool = False
    drip: float = 0.0
    before: Sequence[bytes] = ()

    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


def ok(result: object, **envelope: object) -> Reply:
    return Reply({"result": result, "time": {"duration": 0.1, "processing": 0.05}, **envelope})


def refused(code: object, status: int = 400, text: str = "") -> Reply:
    return Reply({"error": code, "error_description": text}, status)


def batched(results: object, failures: object = (), **parts: object) -> Reply:
    return ok(
        {
            "result": results or [],
            "result_error": failures or [],
            "result_total": [],
            "result_next": [],
            "result_time": [],
            **parts,
        }
    )


Script = Callable[[Request], Reply]


class Server:
    """Answers by its list of replies while there are some, then by its script."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self.replies: list[Reply] = []
        self.script: Script = lambda request: ok(request.method)
        self.closed = threading.Event()
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def base(self) -> str:
        return f"{self.url}/rest/"

    def close(self) -> None:
        self.closed.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def answer(self, request: Request) -> Reply:
        with self._lock:
            self.requests.append(request)
            if self.replies:
                return self.replies.pop(0)
        return self.script(request)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1
            disable_nagle_algorithm = True

            def setup(self) -> None:
                super().setup()
                with server._lock:
                    server.connections += 1

            def do_POST(self) -> None:
                parts = urlsplit(self.path)
                reply = server.answer(
                    Request(
                        self.command,
                        parts.path,
                        dict(parse_qsl(parts.query)),
                        dict(self.headers.items()),
                        self.rfile.read(int(self.headers.get("Content-Length", 0))),
                    )
                )
                server.closed.wait(reply.delay)
                if reply.drop:
                    self.close_connection = True
                    return
                content = reply.content()
                for piece in reply.before:
                    self.write(piece, 0)
                    time.sleep(0.05)
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content) + (100 if reply.cut else 0)))
                with contextlib.suppress(OSError):
                    self.end_headers()
                self.write(content, reply.drip)
                self.close_connection = reply.cut

            do_GET = do_POST

            def write(self, content: bytes, pause: float) -> None:
                # The client may have gone: giving up on us is what many tests are about.
                with contextlib.suppress(OSError):
                    for piece in [bytes([byte]) for byte in content] if pause else [content]:
                        self.wfile.write(piece)
                        self.wfile.flush()
                        time.sleep(pause)

            def log_message(self, format: str, *args: object) -> None:
                """The test run's output is not the place for an access log."""

        return Handler


TOKEN = "access-token-SECRET-1"


class Unmetered:
    """The budget of a server that has no limits."""

    def acquire(self, ticket: str, methods: Mapping[str, int]) -> None:
        """There is always room."""

    def settle(self, ticket: str, outcomes: Sequence[tuple[str, Outcome]]) -> None:
        """Nothing is counted."""


@dataclass
class Portal:
    """A server with a client for it; what the client did is in ``records`` and ``slept``."""

    server: Server
    records: list[CallRecord] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    transport: Transport = field(default_factory=Transport)

    def client(self, tokens: TokenSource | None = None, timeouts: Timeouts | None = None) -> Client:
        return Client(
            tokens or FixedToken(self.server.base, TOKEN),
            budget=Unmetered(),
            listener=self.records.append,
            transport=self.transport,
            timeouts=timeouts or Timeouts(call=5, batch=5),
            sleep=self.slept.append,
        )


class Renewing:
    """Refreshes once for all who hold the rejected token, as a stored token source does."""

    def __init__(self, server: Server, confirmed: str = "") -> None:
        self.base = server.base
        self.confirmed = confirmed
        self.token = "expired-token-SECRET"
        self.refreshes = 0
        self.locations: list[str] = []
        self._lock = threading.Lock()

    def endpoint(self) -> str:
        return self.base

    def access_token(self) -> str:
        return self.token

    def renewed(self, rejected: str) -> str:
        with self._lock:
            if self.token == rejected:
                self.refreshes += 1
                self.token = f"fresh-token-SECRET-{self.refreshes}"
            return self.token

    def relocated(self, location: str) -> str:
        from_host = urlsplit(location).netloc
        self.locations.append(location)
        if from_host != urlsplit(self.confirmed).netloc:
            raise errors.UnexpectedRedirect("REDIRECT", "not confirmed")
        return self.confirmed


Start = Callable[[], Server]

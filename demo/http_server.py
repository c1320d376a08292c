"""The web server of the demo portal, whose connections can be broken on command."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from cheroot.server import HTTPConnection
from cheroot.wsgi import Gateway_10, Server
from flask import Flask


def listen(app: Flask, host: str, port: int, threads: int) -> Server:
    """Serve ``app`` in threads of this process; ``threads`` is how many requests it answers at once."""
    server = Server((host, port), app, numthreads=threads, request_queue_size=200)
    server.gateway = Gateway
    server.ConnectionClass = Connection
    server.shutdown_timeout = 1
    server.keep_alive_conn_limit = 100  # beyond ten it would close every connection it answers
    server.prepare()
    threading.Thread(target=server.serve, daemon=True).start()
    return server


class Gateway(Gateway_10):
    """Gives a view the means to break its connection."""

    def get_environ(self) -> Any:
        environ = super().get_environ()  # type: ignore[no-untyped-call]
        environ["demo.reset"] = _breaker(self.req.conn)
        return environ


class Connection(HTTPConnection):
    def close(self) -> None:
        """Close the writer too: it may hold a response that the client did not wait for.

        Python 3.13 reports a writer that is left to the garbage collector with data in it.
        """
        super().close()
        with suppress(OSError):
            self.wfile.close()


def _breaker(connection: HTTPConnection) -> Callable[[], None]:
    def reset() -> None:
        # Cut off, not closed: the server itself closes it, and with nothing to linger for that is a reset.
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.socket.shutdown(socket.SHUT_RDWR)

    return reset

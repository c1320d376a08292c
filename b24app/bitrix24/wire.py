"""Connections whose every wait ends at one moment: look-up, connecting, TLS, sending, reading.

The timeouts of ``requests`` and ``urllib3`` start again with each byte received: a server that drips
its headers, or repeats ``100 Continue``, holds a thread for ever. Here each operation on the socket is
given what is left until the moment :func:`until` names.
"""

import http.client
import io
import math
import queue
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util import connection as connecting

LONGEST_SECONDS: Final = 120.0
"""How long one operation may take where no end is set."""

_PIECE: Final = 16 * 1024
_end: ContextVar[float | None] = ContextVar("end of this request", default=None)


@contextmanager
def until(moment: float) -> Iterator[None]:
    """What is done on connections inside ends at ``moment`` of the monotonic clock."""
    token = _end.set(moment)
    try:
        yield
    finally:
        _end.reset(token)


def _left(seconds: float = LONGEST_SECONDS) -> float:
    """Seconds that are left, at most ``seconds``. Raises ``TimeoutError`` when none are."""
    end = _end.get()
    left = math.inf if end is None else end - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return min(left, seconds)


class _Reading(io.RawIOBase):
    """The bytes of a socket, none of which is waited for beyond the end."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(_left())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = io.BufferedReader(_Reading(sock))


class _Bounded(HTTPConnection):
    response_class = _Response

    def _new_conn(self) -> socket.socket:
        """As the original, with one time for the look-up and all addresses of the name together."""
        timeout = self.timeout if isinstance(self.timeout, int | float) else LONGEST_SECONDS
        end = time.monotonic() + _left(timeout)
        problem: OSError | None = None
        try:
            for address in _addresses(self._dns_host, self.port, end):
                try:
                    return connecting.create_connection(
                        address,
                        max(0.01, end - time.monotonic()),
                        source_address=self.source_address,
                        socket_options=self.socket_options,
                    )
                except OSError as error:
                    problem = error
                if time.monotonic() >= end:
                    raise TimeoutError("timed out")
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, f"no connection to {self.host} in time") from error
        if isinstance(problem, TimeoutError):
            raise ConnectTimeoutError(self, f"no connection to {self.host} in time") from problem
        raise NewConnectionError(self, f"no connection: {problem}") from problem

    def send(self, data: Any) -> None:
        if self.sock is None or not isinstance(data, bytes):
            super().send(data)
            return
        # TLS restarts its timeout with each record it sends.
        for at in range(0, len(data), _PIECE):
            self.sock.settimeout(_left())
            super().send(data[at : at + _PIECE])


class _BoundedTLS(_Bounded, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Bounded


class _PoolTLS(HTTPSConnectionPool):
    ConnectionCls = _BoundedTLS


class Adapter(HTTPAdapter):
    """An adapter of ``requests`` whose connections keep to :func:`until`."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _PoolTLS}


def _addresses(host: str, port: int, end: float) -> list[tuple[str, int]]:
    """The addresses of a name. The resolver has no timeout of its own, so it is left behind at the end.

    Raises ``socket.gaierror``, ``TimeoutError``.
    """
    found: queue.Queue[list[tuple[str, int]] | OSError] = queue.Queue()

    def look_up() -> None:
        try:
            infos = socket.getaddrinfo(
                host, port, connecting.allowed_gai_family(), socket.SOCK_STREAM
            )
            found.put([(str(info[4][0]), port) for info in infos])
        except OSError as error:
            found.put(error)
        except UnicodeError:
            found.put(socket.gaierror(socket.EAI_NONAME, "not a name"))

    threading.Thread(target=look_up, daemon=True, name="look-up").start()
    try:
        answer = found.get(timeout=max(0.01, end - time.monotonic()))
    except queue.Empty:
        raise TimeoutError("timed out") from None
    if isinstance(answer, OSError):
        raise answer
    return answer

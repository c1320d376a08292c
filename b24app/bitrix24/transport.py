"""The wire: one pooled ``requests`` session per process, and a verdict for every way it breaks.

What callers get is either a complete answer of so many bytes at most, whatever its status, or
``errors.NotSent`` (nothing left this machine), ``errors.OutcomeUnknown`` (it may have arrived),
``errors.IncompleteAnswer`` (too large to be a real answer). Redirects are returned as they are: only the
caller knows which address is confirmed, and ``requests`` would turn a POST into a GET
(settings/how-to-call-rest-api/change-domen.md).
"""

import io
import logging
import os
import ssl
import time
import tomllib
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import requests
import urllib3

from b24app.bitrix24 import deadline, errors, masking, wire
from b24app.bitrix24.answers import WAITED_FOR

CONNECT_TIMEOUT: Final = 3.0
LOST: Final = "CONNECTION_LOST"
"""The code where a connection broke before its answer ended."""

VERSION: Final[str] = tomllib.loads(
    (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
)["project"]["version"]
USER_AGENT: Final = f"LinkedOrders/{VERSION}"
_PIECE = 64 * 1024
_HOSTS_KEPT = 64
_CONNECTIONS_PER_HOST = 64

logger = logging.getLogger(__name__)

# Its DEBUG lines hold the whole path, and the authorization server takes secrets in the query.
logging.getLogger("urllib3.connectionpool").addFilter(masking.MaskingFilter())


class Transport:
    """Sends one HTTP request at a time; safe for threads, and for processes that fork."""

    def __init__(self, *, connect_timeout: float = CONNECT_TIMEOUT) -> None:
        self._connect_timeout = connect_timeout
        # Keyed by process: a child must not write into the sockets of its parent. A plain dict
        # needs no lock (setdefault is atomic), and a lock could be held at the moment of the fork.
        self._sessions: dict[int, requests.Session] = {}

    def send(
        self,
        verb: str,
        url: str,
        *,
        read_timeout: float,
        request_id: str,
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
        max_bytes: int = WAITED_FOR.max_bytes,
    ) -> requests.Response:
        """The answer, read to its end, redirects included.

        ``read_timeout`` (seconds of wall clock) bounds the whole of it, from looking up the name to
        the last byte of at most ``max_bytes``; the deadline of the page it is for may be sooner.
        Raises ``errors.NotSent``, ``errors.OutcomeUnknown``, ``errors.IncompleteAnswer``, and
        ``errors.OutOfTime`` where that deadline allows no request any more.
        """
        deadline.take()
        seconds = deadline.left(read_timeout)
        headers = {
            "Accept": "application/json",
            "User-Agent": USER_AGENT,
            "X-Request-Id": request_id,
        }
        if body is not None:
            headers["Content-Type"] = "application/json"
        parts = urlsplit(url)
        where = f"{verb} {parts.hostname}{parts.path}"
        try:
            with wire.until(time.monotonic() + seconds):
                response = self._session().request(
                    verb,
                    url,
                    params=params,
                    data=body,
                    headers=headers,
                    timeout=(self._connect_timeout, seconds),
                    allow_redirects=False,
                    stream=True,
                )
                with response:
                    content = _read(response, max_bytes)
        except (requests.RequestException, urllib3.exceptions.HTTPError, UnicodeError) as problem:
            failure = _failure(problem)
        else:
            response.raw = io.BytesIO(content)
            size, status = len(content), response.status_code
            logger.debug("%s: HTTP %s, %s bytes, request %s", where, status, size, request_id)
            return response
        logger.debug("%s: %s, request %s", where, failure.code, request_id)
        # Raised out here so that the library's exception, whose text holds the URL with its query,
        # is not chained to ours.
        raise failure

    def _session(self) -> requests.Session:
        pid = os.getpid()
        return self._sessions.get(pid) or self._sessions.setdefault(pid, _new_session())


SHARED: Final = Transport()
"""The transport of this process; its connections are kept for all callers."""


def _read(response: requests.Response, max_bytes: int) -> bytes:
    content = bytearray()
    # read1 returns what has arrived, so that the bytes are counted as they come.
    while piece := response.raw.read1(_PIECE, decode_content=True):
        content += piece
        if len(content) > max_bytes:
            raise errors.IncompleteAnswer("TOO_LARGE", f"more than {max_bytes} bytes")
    return bytes(content)


def _new_session() -> requests.Session:
    session = requests.Session()
    # No proxies, .netrc or CA bundles picked up from the environment: a .netrc would add an
    # Authorization header to our calls, and a proxy would see every token. An operator who needs
    # a proxy routes at the network level.
    session.trust_env = False
    # Users of one portal share this session: a cookie set for one would log in another.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = wire.Adapter(
        pool_connections=_HOSTS_KEPT, pool_maxsize=_CONNECTIONS_PER_HOST, max_retries=0
    )
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _failure(problem: Exception) -> errors.TransportError:
    reason = _innermost(problem)
    if isinstance(problem, requests.ConnectTimeout):
        return errors.NotSent("CONNECT_TIMEOUT", "no connection in time")
    if isinstance(reason, urllib3.exceptions.NewConnectionError):
        return errors.NotSent("CONNECT_FAILED", "no connection")
    if isinstance(reason, ssl.SSLCertVerificationError):
        return errors.NotSent("CERTIFICATE", "the server's certificate is not valid for its name")
    if isinstance(problem, ValueError):
        return errors.NotSent("BAD_ADDRESS", "not an address that can be called")
    if isinstance(problem, requests.Timeout | urllib3.exceptions.ReadTimeoutError):
        return errors.OutcomeUnknown("READ_TIMEOUT", "no answer in time")
    return errors.OutcomeUnknown(LOST, "the connection broke before the answer ended")


def _innermost(problem: BaseException) -> BaseException:
    """The cause that the libraries have wrapped: as an argument, or as MaxRetryError's reason."""
    while True:
        wrapped = getattr(problem, "reason", None)
        if not isinstance(wrapped, Exception):
            wrapped = next(
                (exception for exception in problem.args if isinstance(exception, Exception)), None
            )
        if wrapped is None:
            return problem
        problem = wrapped

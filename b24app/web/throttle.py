"""Limits of requests per minute and client address, for the addresses that are open to everybody.

Requests are counted in Redis, for all processes together. Each process reports a thousandth of a limit
at a time, so a flood of events costs Redis little. While Redis is away nothing is limited: the events of
a portal and the openings of people matter more than the limit.

The client's address is the peer's. Behind proxies every peer is a proxy, so ``TRUSTED_PROXIES`` says how
many of them add to ``X-Forwarded-For``. The entry that the outermost of our proxies added is used, and
nothing before it, because a client may have written that. Private addresses (a proxy that was not
declared, an office beside its own server) are not limited: many people would share one count.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from redis.exceptions import RedisError

from b24app import redis
from b24app.web import entry, error_states
from b24app.web.frame_headers import allow_frame

logger = logging.getLogger(__name__)

MINUTE = 60
MAX_LOCAL_COUNTS = 10_000
# Requests per minute. One queue of the vendor posts the events of many portals, and many people in one
# office open cards.
LIMITS = {
    "/events/": 60_000,
    "/placements/": 3_000,
    "/install/": 120,
    "/oauth/": 60,
    "/": 600,
}


class Throttle:
    """Middleware that answers 429 to a client address above its limit."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        kind = _kind(request.path_info)
        address = address_of(request) if kind else ""
        if not address or not exceeds(kind, address, LIMITS[kind]):
            return self._get_response(request)
        logger.warning("too many requests to %s from %s", kind, address)
        response = _refused(request, kind)
        response["Retry-After"] = str(MINUTE - int(time.time()) % MINUTE)
        return response


def exceeds(kind: str, client: str, limit: int) -> bool:
    """Count one request of this kind by ``client``: whether it is above ``limit`` in this minute.

    Each process may let through up to a thousandth of the limit more. Raises nothing.
    """
    if redis.breaker.is_open:
        return False
    key = f"throttle:{kind}:{client}:{int(time.time()) // MINUTE}"
    unreported, total = _local_counts.add(key, limit // 1_000)
    if unreported:
        try:
            with redis.client().pipeline(transaction=False) as pipe:
                pipe.incrby(key, unreported)
                pipe.expire(key, MINUTE)
                total = int(pipe.execute()[0])
        except RedisError:
            redis.breaker.record_failure()
            logger.warning("Redis away: requests are not counted")
            return False
        _local_counts.set_total(key, total)
    return total > limit


@dataclass(slots=True)
class _Count:
    unreported: int = 0
    total: int = 0
    """As Redis answered last."""


class _LocalCounts:
    """Requests that this process has counted and not reported to Redis."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, _Count] = {}

    def add(self, key: str, step: int) -> tuple[int, int]:
        """Count one: how many to report now (0 until there are ``step``), and the known total."""
        if step <= 1:
            return 1, 0
        with self._lock:
            if len(self._counts) >= MAX_LOCAL_COUNTS:
                self._counts.clear()
            count = self._counts.setdefault(key, _Count())
            count.unreported += 1
            if count.unreported < step:
                return 0, count.total + count.unreported
            unreported, count.unreported = count.unreported, 0
            return unreported, count.total

    def set_total(self, key: str, total: int) -> None:
        with self._lock:
            if count := self._counts.get(key):
                count.total = total


_local_counts = _LocalCounts()


def address_of(request: HttpRequest) -> str:
    """The client's address, or its /64 network for IPv6; empty if many clients share the address."""
    peer = str(request.META.get("REMOTE_ADDR", ""))
    hops = settings.TRUSTED_PROXIES
    forwarded = str(request.META.get("HTTP_X_FORWARDED_FOR", "")).split(",")
    if hops and len(forwarded) >= hops:
        peer = forwarded[-hops].strip()
    try:
        address = ip_address(peer)
    except ValueError:
        return ""
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    if not address.is_global:
        return ""
    return str(ip_network((address, 64), strict=False) if address.version == 6 else address)


def _kind(path: str) -> str:
    if path == "/":
        return path
    return next((limit for limit in LIMITS if limit != "/" and path.startswith(limit)), "")


def _refused(request: HttpRequest, kind: str) -> HttpResponse:
    if kind == "/events/":
        return HttpResponse(status=429)
    # Any frame may show the reason; the page has no data.
    allow_frame(request, None)
    with translation.override(entry.language(request.GET.get("LANG", ""))):
        return entry.page(request, error_states.State("crowded", 429))

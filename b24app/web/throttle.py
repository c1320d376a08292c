"""How often one client address may come to the addresses that are open to everybody.

Counted in Redis by the minute, for all processes together. Without Redis nobody is counted: a
portal's events and people's openings matter more than the limit.

The address is the peer's. Behind proxies every peer is the proxy, so ``TRUSTED_PROXIES`` says how
many of them add to ``X-Forwarded-For``; the entry the outermost of ours has added is believed, and
nothing before it, which a client may have written. Addresses that are not of the open internet (a
proxy that was not declared, an office beside its own server) are not counted: many people would
share one count.
"""

import logging
import time
from collections.abc import Callable
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
# Requests a minute. One queue of the vendor's posts the events of many portals, and one office of
# many people opens cards.
LIMITS = {
    "/events/": 60_000,
    "/placements/": 3_000,
    "/install/": 120,
    "/oauth/": 60,
    "/": 600,
}


class Throttle:
    """Middleware that answers 429 to an address that comes too often."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        kind = _kind(request.path_info)
        address = address_of(request) if kind else ""
        if not address or not over(kind, address, LIMITS[kind]):
            return self._get_response(request)
        logger.warning("too many requests to %s from %s", kind, address)
        response = _refused(request, kind)
        response["Retry-After"] = str(MINUTE - int(time.time()) % MINUTE)
        return response


def over(kind: str, who: str, limit: int) -> bool:
    """Count one more of ``kind`` by ``who``; whether that is more than ``limit`` in this minute."""
    if redis.breaker.is_open:
        return False
    key = f"throttle:{kind}:{who}:{int(time.time()) // MINUTE}"
    try:
        with redis.client().pipeline(transaction=False) as pipe:
            pipe.incr(key)
            pipe.expire(key, MINUTE)
            count, _ = pipe.execute()
    except RedisError:
        redis.breaker.record_failure()
        logger.warning("Redis away: requests are not counted")
        return False
    return int(count) > limit


def address_of(request: HttpRequest) -> str:
    """The client's address, an IPv6 one as its /64 network; empty where clients cannot be told apart."""
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
    return next((one for one in LIMITS if one != "/" and path.startswith(one)), "")


def _refused(request: HttpRequest, kind: str) -> HttpResponse:
    if kind == "/events/":
        return HttpResponse(status=429)
    # Whoever is in a frame reads why; the page holds no data.
    allow_frame(request, None)
    with translation.override(entry.language(request.GET.get("LANG", ""))):
        return entry.page(request, error_states.State("crowded", 429))

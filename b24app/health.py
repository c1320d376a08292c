"""Is it alive, and is it ready: for process supervisors and load balancers."""

import logging
from collections.abc import Callable

from django.core.cache import cache
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from redis.exceptions import RedisError

from b24app import heartbeat

logger = logging.getLogger(__name__)


def alive(request: HttpRequest) -> HttpResponse:
    """200 while the process answers; asks nobody."""
    return HttpResponse("ok", content_type="text/plain")


def ready(request: HttpRequest) -> JsonResponse:
    """200 when database, Redis and a worker are there, 503 otherwise, with each one's state."""
    parts = {"database": _database, "redis": _redis, "worker": heartbeat.alive}
    states = {name: _holds(check) for name, check in parts.items()}
    report = {name: "ok" if state else "away" for name, state in states.items()}
    if all(states.values()):
        return JsonResponse(report)
    logger.warning("not ready: %s away", ", ".join(name for name in states if not states[name]))
    return JsonResponse(report, status=503)


def _holds(check: Callable[[], bool]) -> bool:
    try:
        return check()
    except (DatabaseError, RedisError, OSError):
        return False


def _database() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return bool(cursor.fetchone() == (1,))


def _redis() -> bool:
    cache.get("ready")
    return True

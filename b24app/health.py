"""Is it alive, is it ready, is all well: for process supervisors, load balancers and monitoring."""

import logging

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from redis.exceptions import RedisError

from b24app import heartbeat

logger = logging.getLogger(__name__)

OK, AWAY = "ok", "away"


def alive(request: HttpRequest) -> HttpResponse:
    """200 while the process answers; asks nobody."""
    return HttpResponse("ok", content_type="text/plain")


def ready(request: HttpRequest) -> JsonResponse:
    """200 while this process reaches the database: requests may be sent to it. 503 otherwise.

    The body also reports the state of everything else. A missing worker makes no web process unready:
    tabs work without it, and taking every web process out of service would end that too.
    """
    report = _report()
    return JsonResponse(report, status=200 if report["database"] == OK else 503)


def all_well(request: HttpRequest) -> JsonResponse:
    """200 when nothing is missing: database, Redis, a worker for each queue, beat. 503 otherwise."""
    report = _report()
    away = [name for name, state in report.items() if state == AWAY]
    if away:
        logger.warning("not all well: %s away", ", ".join(away))
    return JsonResponse(report, status=503 if away else 200)


def _report() -> dict[str, object]:
    """The state of each part; ``worker`` is that of all queues together."""
    try:
        lives = heartbeat.alive()
        redis = OK
    except (RedisError, OSError):
        lives, redis = dict.fromkeys(heartbeat.parts(), False), AWAY
    queues = {name: _word(here) for name, here in lives.items() if name != heartbeat.BEAT}
    return {
        "database": _word(_database()),
        "redis": redis,
        "worker": _word(AWAY not in queues.values()),
        "beat": _word(lives[heartbeat.BEAT]),
        "queues": queues,
    }


def _word(here: bool) -> str:
    return OK if here else AWAY


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return bool(cursor.fetchone() == (1,))
    except (DatabaseError, OSError):
        return False

"""Messages to the workers about slots that are due. The sweep sends later what cannot be sent now."""

import logging
from collections.abc import Iterable
from functools import partial

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

from b24app import redis
from b24app.jobs import worker_slots

logger = logging.getLogger(__name__)

# A worker reserves a message with a countdown, and the broker counts it as lost after five minutes.
# A longer wait takes several messages.
MAX_COUNTDOWN_SECONDS = 120.0

QUEUE = "bulk"

# Stores the run ID of the Redis that was seen last.
RUN_KEY = "jobs:redis-run"


def send(due: Iterable[tuple[int, int]], after: float = 0.0) -> None:
    """Queue a message for each of these (slot, ticket), behind all other bulk work.

    Workers take it after ``after`` seconds, at most :data:`MAX_COUNTDOWN_SECONDS`. While the broker is
    away the slots are left to the sweep; nothing is raised.
    """
    messages = list(due)
    for at, (slot_pk, ticket) in enumerate(messages):
        try:
            current_app.send_task(
                "jobs.slice",
                (slot_pk, ticket),
                queue=QUEUE,
                countdown=min(after, MAX_COUNTDOWN_SECONDS) or None,
            )
        except OperationalError:
            logger.warning("broker away, %d worker slots wait for the sweep", len(messages) - at)
            worker_slots.unsent(messages[at:], after)
            return


def restarted() -> bool:
    """Whether Redis was replaced or restarted since the last call, so that messages may be lost.

    Raises ``RedisError`` while it is away.
    """
    server = redis.client()
    run = str(server.info("server")["run_id"])
    known = server.get(RUN_KEY)
    server.set(RUN_KEY, run)
    return bool(known != run)


def send_on_commit(due: Iterable[tuple[int, int]]) -> None:
    """As :func:`send`, after the current transaction has been committed."""
    transaction.on_commit(partial(send, list(due)))

"""Messages to the workers: which slot is due. What cannot be sent now, the sweep sends later."""

import logging
from collections.abc import Iterable
from functools import partial

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

from b24app import redis
from b24app.jobs import worker_slots

logger = logging.getLogger(__name__)

# A worker keeps a message with a countdown in its hands, and the broker believes it lost after five
# minutes. Longer waits are looked at again in between.
MAX_COUNTDOWN_SECONDS = 120.0

QUEUE = "bulk"

# Where the id of the Redis that was last seen running is kept.
RUN_KEY = "jobs:redis-run"


def send(due: Iterable[tuple[int, int]], after: float = 0.0) -> None:
    """Tell the workers to take these slots (slot, ticket), at the end of the queue of bulk work."""
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
    """Whether Redis is another one than at the last question, or was started again, perhaps without its
    data: then messages may be lost. Raises ``RedisError`` while it is away.
    """
    server = redis.client()
    run = str(server.info("server")["run_id"])
    known = server.get(RUN_KEY)
    server.set(RUN_KEY, run)
    return bool(known != run)


def send_on_commit(due: Iterable[tuple[int, int]]) -> None:
    transaction.on_commit(partial(send, list(due)))

"""Messages to the workers: which lane is due. What cannot be sent now, the sweep sends later."""

import logging
from collections.abc import Iterable
from functools import partial

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)

# A worker keeps a message with a countdown in its hands, and the broker believes it lost after five
# minutes. Longer waits are looked at again in between.
LONGEST_COUNTDOWN = 120.0

QUEUE = "bulk"


def send(due: Iterable[tuple[int, int]], after: float = 0.0) -> None:
    """Tell the workers to take these lanes (lane, ticket), at the end of the queue of bulk work."""
    for lane, ticket in due:
        try:
            current_app.send_task(
                "jobs.slice",
                (lane, ticket),
                queue=QUEUE,
                countdown=min(after, LONGEST_COUNTDOWN) or None,
            )
        except OperationalError:
            logger.warning("broker away, lane %s waits for the sweep", lane)
            return


def send_on_commit(due: Iterable[tuple[int, int]]) -> None:
    transaction.on_commit(partial(send, list(due)))

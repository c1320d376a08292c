"""The Celery app: queues ``interactive``, ``bulk`` and ``events``; signs of life of workers and beat."""

import logging
import os
import socket
import threading
import time
from typing import Any, Self

from celery import Celery
from celery.app.amqp import AMQP
from celery.signals import (
    after_setup_logger,
    after_setup_task_logger,
    after_task_publish,
    beat_init,
    celeryd_init,
    worker_ready,
    worker_shutting_down,
)
from django.conf import settings
from kombu import Connection, Exchange, Queue

from b24app import counters, embedded, heartbeat, logs
from b24app.bitrix24.masking import MaskingFilter

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "b24app.settings")

RECONNECT_SECONDS = 4


class BrokerConnection(Connection):
    """Looks every :data:`RECONNECT_SECONDS` for a broker that is away; the library waits up to 30 s."""

    def ensure_connection(self, *args: Any, **kwargs: Any) -> Self:
        return super().ensure_connection(*args, **{"interval_max": RECONNECT_SECONDS, **kwargs})


class Messages(AMQP):
    Connection = BrokerConnection


app = Celery("b24app", amqp=Messages)
app.config_from_object("django.conf:settings", namespace="CELERY")
# With exchange and key spelled out: a bare Queue("bulk") is bound to the default queue's own.
app.conf.task_queues = [Queue(name, Exchange(name), routing_key=name) for name in counters.QUEUES]
app.autodiscover_tasks(
    [
        "b24app.automation",
        "b24app.events",
        "b24app.jobs",
        "b24app.journal",
        "b24app.portals",
        "b24app.tab",
    ]
)

_filters = (MaskingFilter(), logs.Traced())
_stopping = threading.Event()


@after_setup_logger.connect
@after_setup_task_logger.connect
def _as_everywhere(logger: logging.Logger, **_: Any) -> None:
    # Worker and beat put handlers of their own in place of those that the settings made.
    for handler in (*logger.handlers, *logging.getLogger("multiprocessing").handlers):
        handler.setFormatter(logs.formatter(settings.LOG_FORMAT))
        for filter_ in _filters:
            handler.addFilter(filter_)


@celeryd_init.connect
@beat_init.connect
def _start_embedded(**_: Any) -> None:
    if settings.EMBEDDED_REDIS_DIR:
        embedded.ensure(settings.EMBEDDED_REDIS_DIR)


@worker_ready.connect
def _begin_beating(sender: Any, **_: Any) -> None:
    """Give signs of life for the queues this worker takes tasks from."""
    _stopping.clear()
    queues = [name for name in counters.QUEUES if name in app.amqp.queues.consume_from]
    threading.Thread(
        target=_beat_until_stopped, args=(queues, sender.hostname), name="heartbeat", daemon=True
    ).start()


@worker_shutting_down.connect
def _stop_beating(**_: Any) -> None:
    _stopping.set()


def _beat_until_stopped(queues: list[str], process: str) -> None:
    while not _stopping.is_set():
        heartbeat.beat(queues, process)
        _stopping.wait(heartbeat.EVERY_SECONDS)
    heartbeat.end(queues, process)


@beat_init.connect
def _begin_schedule(**_: Any) -> None:
    """Give a sign of life now and whenever a task of the schedule has been sent, not more often."""
    process = f"{heartbeat.BEAT}@{socket.gethostname()}"
    latest = time.monotonic()
    heartbeat.beat([heartbeat.BEAT], process)

    def sent(**_: Any) -> None:
        nonlocal latest
        if time.monotonic() - latest >= heartbeat.EVERY_SECONDS:
            latest = time.monotonic()
            heartbeat.beat([heartbeat.BEAT], process)

    after_task_publish.connect(sent, weak=False)

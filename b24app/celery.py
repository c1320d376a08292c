"""The Celery app: two queues, ``interactive`` and ``bulk``, and the worker's sign of life."""

import os
import threading
import time
from typing import Any

from celery import Celery
from celery.signals import beat_init, celeryd_init, worker_ready, worker_shutting_down
from django.conf import settings
from kombu import Queue

from b24app import embedded, heartbeat

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "b24app.settings")

app = Celery("b24app")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.task_queues = [Queue("interactive"), Queue("bulk")]
app.autodiscover_tasks(["b24app.events", "b24app.portals"])

_stopping = threading.Event()


@celeryd_init.connect
@beat_init.connect
def _start_embedded(**_: Any) -> None:
    if settings.EMBEDDED_REDIS_DIR:
        embedded.ensure(settings.EMBEDDED_REDIS_DIR)


@worker_ready.connect
def _begin_beating(**_: Any) -> None:
    _stopping.clear()
    threading.Thread(target=_beat_until_stopped, name="heartbeat", daemon=True).start()


@worker_shutting_down.connect
def _stop_beating(**_: Any) -> None:
    _stopping.set()


def _beat_until_stopped() -> None:
    while not _stopping.is_set():
        heartbeat.beat(time.time())
        _stopping.wait(heartbeat.EVERY)
    heartbeat.end()

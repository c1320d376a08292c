"""The Celery worker: its queues stay apart, and its log holds no secrets."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from kombu import Connection

from b24app import embedded
from b24app.celery import app
from testing.processes import ROOT
from testing.waiting import HANG_SECONDS, until

pytestmark = pytest.mark.bare

SECRET = "5f2c-never-to-be-read"
LOGGERS = """
import logging
from celery.utils.log import get_task_logger
from b24app.celery import app
app.log.setup("INFO")
for logger in (logging.getLogger("b24app.any"), get_task_logger("any"), logging.getLogger("multiprocessing")):
    try:
        raise RuntimeError("client_secret={0}")
    except RuntimeError:
        logger.exception("refused refresh_token={0}")
"""


def test_each_queue_has_its_own_routing() -> None:
    ways = {
        name: (queue.exchange.name, queue.routing_key) for name, queue in app.amqp.queues.items()
    }
    assert ways == {name: (name, name) for name in ("interactive", "bulk", "events")}
    assert app.amqp.router.route({}, "events.gather")["queue"].name == "events"
    assert app.amqp.router.route({}, "jobs.sweep")["queue"].name == "interactive"


def test_every_logger_of_a_worker_masks() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOGGERS.replace("{0}", SECRET)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stderr.count("refused refresh_token=***") == 3
    assert done.stderr.count("RuntimeError: client_secret=***") == 3
    assert SECRET not in done.stderr


def test_running_worker_shows_no_secret_of_a_task_it_does_not_know(tmp_path: Path) -> None:
    log, redis = tmp_path / "log", tmp_path / "redis"
    embedded.ensure(redis)
    socket = embedded.socket_path(redis)
    command = [sys.executable, "-m", "celery", "-A", "b24app", "worker", "-P", "solo", "-l", "INFO"]
    try:
        with Connection(f"redis+socket://{socket}") as broker:
            app.send_task(
                "no.such.task", kwargs={"access_token": SECRET}, queue="bulk", connection=broker
            )
        with log.open("wb") as out:
            worker = subprocess.Popen(
                command, cwd=ROOT, env=os.environ | {"REDIS_URL": f"unix://{socket}"},
                stdout=out, stderr=out,
            )  # fmt: skip
        try:
            until(
                lambda: "KeyError: 'no.such.task'" in log.read_text("utf-8") or worker.poll(),
                "the worker logs the unknown task",
            )
            assert worker.poll() is None, log.read_text("utf-8")
        finally:
            worker.terminate()
            worker.wait(HANG_SECONDS)
    finally:
        embedded.stop(redis)
    assert SECRET not in log.read_text("utf-8")

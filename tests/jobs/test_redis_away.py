"""Redis stopped while a job is at work: the job says so, and the first sweep afterwards takes it up."""

from collections import Counter
from pathlib import Path

import pytest

from b24app.celery import RECONNECT_SECONDS
from b24app.celery import app as celery
from testing import machine
from testing.persons import Person, added, slow
from testing.waiting import until

pytestmark = pytest.mark.bare

ORDERS = 200
WORDS = "The app’s task queue is unavailable."


def test_job_reports_missing_redis_and_continues_after_its_return(tmp_path: Path) -> None:
    with machine.running(tmp_path, postgres=False) as server:
        slow(server.portal)
        person = Person(server)
        orders, (deal,) = server.portal.many(orders=ORDERS, deals=1)
        job = person.started(orders, deal)
        until(lambda: len(added(server.portal)) > 0, "work before Redis stops")
        server.kill("redis")

        def said() -> bool:
            page = person.get(f"/jobs/{job}/live/")
            return 'data-job-reason="queue_away"' in page and WORDS in page

        until(said, "the reason on the job's page")
        page = person.get(f"/jobs/{job}/live/")
        assert "Waiting for the app’s queue" in page
        assert "as often as it allows" not in page
        assert "data-job-minutes" not in page
        # A job asked for meanwhile says it as well.
        second = person.asked(f"order id,deal\n{orders[0]},{deal}\n")
        assert server.query(f"SELECT state, reason FROM jobs_job WHERE id = {int(second)}") == [  # noqa: S608
            ("waiting_portal", "queue_away")
        ]
        server.start("redis")

        def ended() -> bool:
            server.look_after()
            return person.state(job) == "done" and person.state(second) == "planned"

        until(server.ready, "a worker")
        until(ended, "the end after Redis is back, with no clock helped")
        assert {server.portal.link_of(order) for order in orders} == {(2, deal)}
        assert added(server.portal) == Counter(orders)


class Enough(Exception):
    """The first pause is known."""


def test_worker_and_beat_never_pause_long_between_two_looks_for_the_broker() -> None:
    pauses: list[float] = []

    def on_error(error: Exception, pause: float) -> None:
        pauses.append(pause)
        raise Enough

    assert celery.conf.broker_connection_max_retries is None
    with (
        celery.connection_for_read("redis+socket:///nowhere.sock") as away,
        pytest.raises(Enough),
    ):
        away.ensure_connection(on_error, interval_start=RECONNECT_SECONDS + 1)
    assert pauses[0] <= RECONNECT_SECONDS

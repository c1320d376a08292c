"""Redis stopped, hanging, back again: people go on with care, jobs wait."""

import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from b24app import embedded
from b24app.bitrix24 import errors
from b24app.bitrix24.budget import AWAY_WAIT
from b24app.bitrix24.portal_limits import Priority
from b24app.redis import OPEN_SECONDS
from testing.metered import Metered

AWAY = "Redis away"


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[Path]:
    """The directory of a server that a test may stop."""
    embedded.ensure(tmp_path)
    yield tmp_path
    embedded.stop(tmp_path)


def connected(directory: Path) -> Redis:
    return Redis(
        unix_socket_path=str(embedded.socket_path(directory)),
        socket_timeout=0.5,
        retry=Retry(NoBackoff(), 0),
    )


@pytest.fixture
def stoppable(metered: Metered, own_redis: Path) -> Metered:
    """The same portal, with its budget in the Redis that may be stopped."""
    return Metered(metered.portal, connected(own_redis))


def test_people_work_and_jobs_wait_while_redis_is_stopped(
    stoppable: Metered, own_redis: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    person, job = stoppable.client(), stoppable.client(Priority.BULK)
    person.call("profile")
    assert stoppable.budget().view().shared
    embedded.stop(own_redis)
    # A quarter of 50 at once, and one a second beyond it.
    began = stoppable.clock()
    for _ in range(13):
        person.call("profile")
    assert stoppable.clock() - began >= 0.5
    assert sum(stoppable.slept) <= 0.5
    with pytest.raises(errors.Wait) as caught:
        job.call("profile")
    assert caught.value.seconds == AWAY_WAIT
    assert stoppable.portal.http_requests == 14
    view = stoppable.budget().view()
    assert not view.shared
    assert view.level > 10
    assert sum(AWAY in record.message for record in caplog.records) == 1


def test_budget_is_shared_again_after_redis_returns(
    stoppable: Metered, own_redis: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    person = stoppable.client()
    embedded.stop(own_redis)
    person.call("profile")
    embedded.ensure(own_redis)
    stoppable.later(OPEN_SECONDS)
    person.call("profile")
    stoppable.client(Priority.BULK).call("profile")
    view = stoppable.budget().view()
    assert view.shared
    assert view.of("profile").operating > 0
    assert "Redis is back" in caplog.text


def test_refusal_blocks_without_redis_too(stoppable: Metered, own_redis: Path) -> None:
    embedded.stop(own_redis)
    stoppable.portal.misbehave("rate")
    began = stoppable.clock()
    stoppable.client().call("profile")
    assert stoppable.clock() - began >= 1
    assert stoppable.portal.http_requests == 2


def test_hanging_redis_delays_people_once(
    stoppable: Metered, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stoppable, "clock", lambda: 1.0)
    stoppable.__post_init__()
    person = stoppable.client()
    person.call("profile")
    pid = int(stoppable.redis.info("server")["process_id"])
    timeouts = Mock(side_effect=stoppable.redis.execute_command)
    monkeypatch.setattr(stoppable.redis, "execute_command", timeouts)
    os.kill(pid, signal.SIGSTOP)
    try:
        for _ in range(10):
            person.call("profile")
    finally:
        os.kill(pid, signal.SIGCONT)
    assert timeouts.call_count == 1


def test_redis_stopped_during_request_loses_no_answer(stoppable: Metered, own_redis: Path) -> None:
    person = stoppable.client()
    budget = stoppable.budget()
    budget.acquire("ticket", {"profile": 1})
    embedded.stop(own_redis)
    budget.settle("ticket", [("profile", errors.RateLimited("QUERY_LIMIT_EXCEEDED"))])
    assert person.call("profile").result


def test_forked_child_counts_in_the_same_bucket(metered: Metered) -> None:
    metered.believe(leak=0.1)
    client = metered.client()
    client.call("profile")
    pid = os.fork()
    if pid == 0:
        os._exit(0 if client.call("profile").result else 1)
    assert os.waitpid(pid, 0)[1] == 0
    client.call("profile")
    assert metered.budget().view().level == pytest.approx(3, abs=0.9)

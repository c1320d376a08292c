"""The bucket: filled by all processes together, never over its brim, with room left for people."""

import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from b24app import embedded
from b24app.bitrix24 import errors
from b24app.bitrix24.budget import SharedBudget
from b24app.bitrix24.client import Client
from b24app.bitrix24.portal_limits import Limits, Priority
from demo.server import DemoPortal
from testing import environment
from testing.metered import Metered
from testing.processes import ROOT

FAST = Limits(capacity=100, leak=40)
FLOOD = """
import sys, threading, time
from redis import Redis
from b24app.bitrix24 import errors
from b24app.bitrix24.budget import Budgets
from b24app.bitrix24.client import Client
from b24app.bitrix24.portal_limits import Limits, Priority
from b24app.bitrix24.token_source import FixedToken
from b24app.redis import CircuitBreaker

socket, member_id, base, token, priority, seconds = sys.argv[1:]
budgets = Budgets(Redis(unix_socket_path=socket), CircuitBreaker())
budget = budgets.of(member_id, Limits(100, 40), Priority(priority))
client = Client(FixedToken(base, token), budget=budget)
end = time.monotonic() + float(seconds)

def call():
    while time.monotonic() < end:
        try:
            client.call("profile")
        except errors.Wait as wait:
            time.sleep(min(wait.seconds, 0.05))
        except errors.RateLimited as refused:
            assert refused.code == "BUDGET", refused

threads = [threading.Thread(target=call) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def flood(metered: Metered, *priorities: Priority, seconds: float) -> None:
    """A process of four threads for each priority, all calling the portal as fast as they may."""
    socket = str(embedded.socket_path(environment.DIRECTORY))
    known = [socket, metered.portal.member_id, metered.base, metered.token]
    running = [
        subprocess.Popen(
            [sys.executable, "-c", FLOOD, *known, priority.value, str(seconds)], cwd=ROOT
        )
        for priority in priorities
    ]
    assert [process.wait() for process in running] == [0] * len(priorities)


def test_three_processes_share_one_bucket_without_refusals(metered: Metered) -> None:
    metered.allow(FAST)
    began = metered.now()
    flood(metered, *[Priority.INTERACTIVE] * 3, seconds=3)
    most = FAST.brim + FAST.leak * (metered.now() - began)
    assert metered.portal.rest.refused == 0
    # How much of the leak they use up depends on how busy the machine is.
    assert FAST.brim <= metered.portal.http_requests <= most


def test_jobs_use_full_leak_rate_and_leave_the_burst_to_people(metered: Metered) -> None:
    limits = Limits(capacity=100, leak=10)
    metered.allow(limits)
    metered.believe(capacity=100, leak=10)
    person, job = metered.client(), metered.client(Priority.BULK)
    comes(person, 12)
    first_wait(lambda: job.call("profile"))
    before, began = metered.portal.http_requests, metered.now()
    for _ in range(100):
        reached = metered.now()
        metered.later(first_wait(lambda: job.call("profile")).seconds)
    served = metered.portal.http_requests - before
    # Between a reading of the clock and the request after it a busy machine may let any time pass.
    least, most = limits.leak * (reached - began), limits.leak * (metered.now() - began)
    assert least - 1.1 <= served <= most + 1
    comes(person, 12)
    assert metered.slept == [], "people need not wait for what leaks out"
    assert metered.portal.rest.refused == 0


def test_jobs_leave_room_for_recent_bursts_of_people(metered: Metered) -> None:
    metered.believe(capacity=50, leak=2)
    job, brim = metered.budget(Priority.BULK), metered.limits.brim

    def left() -> float:
        return brim - job.view().line

    assert left() == 3
    comes(metered.client(), 2)
    assert left() == 3
    comes(metered.client(), 10)
    wanted = left()
    assert 12 < wanted <= 15
    metered.later(600)
    assert left() == pytest.approx(wanted / 2, abs=0.01)
    metered.later(3 * 600)
    assert left() == 3
    # However many come, half of the bucket is for work that somebody has asked for too.
    comes(metered.client(), 40)
    assert left() == brim / 2
    # What a job sends is nobody's rush.
    metered.later(2 * 3600)
    first_wait(lambda: metered.client(Priority.BULK).call("profile"))
    assert left() == 3


def comes(person: Client, requests: int) -> None:
    for _ in range(requests):
        person.call("profile")


def first_wait(step: Callable[[], object]) -> errors.Wait:
    """The error a job gets when it continues until the budget is full."""
    while True:
        try:
            step()
        except errors.Wait as wait:
            return wait


def test_full_bucket_tells_job_how_long_to_wait_and_sends_nothing(metered: Metered) -> None:
    # So slow a leak that the time this test takes frees no room: 46 requests fit, half of one is missing.
    metered.believe(capacity=50.5, leak=0.001)
    client = metered.client(Priority.BULK)
    wait = first_wait(lambda: client.call("profile"))
    assert metered.portal.http_requests == 46
    assert 300 < wait.seconds <= 0.54 / 0.001
    assert wait.not_applied
    metered.later(wait.seconds)
    client.call("profile")


def test_person_waits_briefly_then_gets_busy_error(metered: Metered) -> None:
    small = Limits(capacity=10, leak=2)
    metered.allow(small)
    metered.believe(capacity=10, leak=2)
    person = metered.client()
    # 8.5 fit, and 2 a second leak out.
    began = metered.now()
    comes(person, 11)
    assert metered.now() - began >= (11 - 8.5) / 2
    assert sum(metered.slept) <= (11 - 8.5) / 2 + 0.001
    assert metered.portal.rest.refused == 0
    metered.budget().settle("other", [("profile", errors.RateLimited("QUERY_LIMIT_EXCEEDED"))])
    metered.believe(leak=0.1)
    with pytest.raises(errors.RateLimited) as caught:
        metered.client().call("profile")
    assert (caught.value.code, caught.value.method) == ("BUDGET", "profile")
    assert metered.portal.http_requests == 11


def test_refusal_fills_bucket_and_jobs_wait(metered: Metered) -> None:
    metered.portal.misbehave("rate")
    with pytest.raises(errors.Wait):
        metered.client(Priority.BULK).call("profile")
    assert metered.portal.http_requests == 1
    assert metered.budget().view().level == pytest.approx(50, abs=2)


def test_refused_person_waits_as_long_as_bucket_needs(metered: Metered) -> None:
    metered.portal.misbehave("rate")
    began = metered.now()
    metered.client().call("profile")
    # The bucket of 50 is full, a person's request fits at 47.5, and 2 a second leak out.
    assert metered.now() - began >= 1.25
    assert sum(metered.slept) <= 1.26
    assert metered.portal.http_requests == 2


def test_overload_blocks_all_requests_for_minutes(metered: Metered) -> None:
    metered.portal.misbehave("overload")
    with pytest.raises(errors.Overloaded):
        metered.client().call("profile")
    with pytest.raises(errors.Overloaded) as caught:
        metered.client().call("profile")
    assert caught.value.code == "BUDGET"
    with pytest.raises(errors.Wait) as waiting:
        metered.client(Priority.BULK).call("profile")
    assert 590 < waiting.value.seconds <= 600
    assert waiting.value.why == "overload"
    assert metered.portal.http_requests == 1
    metered.later(601)
    metered.client().call("profile")


def test_full_bucket_of_one_portal_does_not_delay_others(metered: Metered) -> None:
    with DemoPortal(member_id="other", oauth_of=metered.portal) as portal:
        other = Metered(portal, metered.redis)
        metered.budget().settle("x", [("profile", errors.Overloaded("OVERLOAD_LIMIT"))])
        other.client(Priority.BULK).call("profile")
        with pytest.raises(errors.Overloaded):
            metered.client().call("profile")


def test_budget_needs_two_round_trips_and_its_keys_expire(metered: Metered) -> None:
    client = metered.client()
    client.call("profile")
    metered.redis.config_resetstat()
    client.call("profile")
    stats = metered.redis.info("commandstats")
    assert stats["cmdstat_evalsha"]["calls"] == 2
    assert "cmdstat_script|load" not in stats
    keys = metered.redis.keys("budget:*")
    assert len(keys) == 1
    assert 3500 < metered.redis.ttl(keys[0]) <= 3600


class Textbook:
    """A leaky bucket whose requests came at a moment we know only roughly: bounds of its level."""

    def __init__(self, leak: float, now: float) -> None:
        self.leak = leak
        self.low = self.high = 0.0
        self.low_at = self.high_at = now

    def lowest(self, now: float) -> float:
        return max(0.0, self.low - (now - self.low_at) * self.leak)

    def highest(self, now: float) -> float:
        return max(0.0, self.high - (now - self.high_at) * self.leak)

    def filled(self, before: float, after: float) -> None:
        """One more request, between two moments."""
        self.low, self.low_at = self.lowest(before) + 1, before
        self.high, self.high_at = self.highest(after) + 1, after


def wait_of(budget: SharedBudget, ticket: str) -> float:
    """Seconds a request has to wait; 0 when it was counted."""
    try:
        budget.acquire(ticket, {"profile": 1})
    except errors.Wait as wait:
        return wait.seconds
    return 0.0


@profile(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(
    steps=st.lists(st.tuples(st.booleans(), st.floats(0, 20)), min_size=1, max_size=60),
    capacity=st.integers(1, 60),
    leak=st.integers(1, 5),
)
def test_bucket_matches_leaky_bucket_model(
    metered: Metered, steps: list[tuple[bool, float]], capacity: int, leak: int
) -> None:
    metered.redis.flushdb()
    metered.believe(capacity=capacity, leak=leak)
    job, person, model = (
        metered.budget(Priority.BULK),
        metered.budget(),
        Textbook(leak, metered.now()),
    )
    nearly = 0.01
    for number, (pauses, pause) in enumerate(steps):
        if pauses:
            metered.later(pause)
        before = metered.now()
        # A person would wait in here, so they come only where the model has room for them.
        if model.highest(before) + 1 < metered.limits.brim:
            assert wait_of(person, f"person{number}") == 0
            model.filled(before, metered.now())
        line = job.view().line
        before = metered.now()
        wait = wait_of(job, f"job{number}")
        after = metered.now()
        assert wait * leak >= model.lowest(after) + 1 - line - nearly
        assert wait * leak <= max(0, model.highest(before) + 1 - line) + nearly
        if wait == 0:
            model.filled(before, after)
        before = metered.now()
        level = job.view().level
        assert model.lowest(metered.now()) - nearly <= level <= model.highest(before) + nearly
        assert level <= max(1, capacity)

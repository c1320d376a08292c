"""Operating time: a method's limit is approached by jobs, and not hit; a portal's own limit is learnt."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush

import pytest

from b24app.bitrix24 import errors
from b24app.bitrix24.answers import CallTime
from b24app.bitrix24.client import Answer, Client, Command, Outcome
from b24app.bitrix24.portal_limits import (
    BULK_SHARE,
    LENT_SHARE,
    WINDOW,
    Limits,
    Priority,
    seconds_for,
)
from testing.metered import ADD, Metered, refusals

SCALED = Limits(operating=30)
WHOLE = 2.0
"""Seconds that a time reported in whole seconds may be off; the budget adds them."""


@pytest.fixture(params=[True, False], ids=["from-first-call", "from-minute"], autouse=True)
def shape(metered: Metered, request: pytest.FixtureRequest) -> Iterator[None]:
    """A minute falls out ten minutes after its first call, or after its start: nobody knows which."""
    limits = metered.portal.rest.limits
    limits.from_first_call = request.param
    yield
    limits.from_first_call = True


def peak(outcomes: Sequence[Outcome]) -> float:
    """The highest sum the portal reported."""
    return max(
        answer.time.operating or 0.0
        for answer in outcomes
        if isinstance(answer, Answer) and answer.time is not None
    )


def until_wait(job: Client, commands: Callable[[], Mapping[str, Command]]) -> list[Outcome]:
    """The outcomes of batches, until the budget makes the job wait."""
    outcomes: list[Outcome] = []
    while True:
        try:
            outcomes += job.batch(commands()).values()
        except errors.Wait:
            return outcomes


def test_job_stays_below_operating_limit(metered: Metered) -> None:
    metered.allow(SCALED)
    metered.believe(operating=30)
    took, outcomes = metered.job(300, per_batch=10)
    assert len(outcomes) == 300
    assert refusals(outcomes) == []
    assert 0.85 * 30 < peak(outcomes) <= LENT_SHARE * 30 + 1e-9
    # 99 s of work at 30 s in ten minutes: three full windows, and the fourth begun; minutes are whole.
    assert 3 * WINDOW - 60 < took < 3 * WINDOW + 60


@pytest.mark.parametrize("second", [0, 29, 57])
def test_job_may_start_at_any_second_of_a_minute(metered: Metered, second: int) -> None:
    metered.turned = second - datetime.now(UTC).timestamp() % 60
    metered.allow(SCALED)
    metered.believe(operating=30)
    took, outcomes = metered.job(200, per_batch=10)
    assert refusals(outcomes) == []
    assert 0.85 * 30 < peak(outcomes) <= LENT_SHARE * 30 + 1e-9
    # 66 s of work: two full windows and the third begun.
    assert 2 * WINDOW - 60 < took < 2 * WINDOW + 60


def falls(metered: Metered) -> list[float]:
    """In how many seconds each minute falls out, oldest first."""
    return [after for after, _ in metered.budget().view().of(ADD).falls]


def test_call_across_minutes_does_not_start_second_minute(metered: Metered) -> None:
    began = (datetime.now(UTC).timestamp() // 60 + 1) * 60
    predicted = []
    for number, second in enumerate((0.2, 30, 40)):
        time = CallTime(0.5, 0.5, 2.0 * (number + 1), finish=began + second)
        metered.budget().settle(str(number), [(ADD, Answer(True, time=time))])
        predicted += falls(metered)
    assert predicted == [pytest.approx(WINDOW + 1 - passed, abs=0.5) for passed in (0, 0, 10)]


def test_older_minute_of_portal_does_not_change_ours(metered: Metered) -> None:
    metered.allow(SCALED)
    metered.somebody_else_spends(ADD, 10)
    metered.later(300)
    metered.client(Priority.BULK).batch(metered.adds(5))
    assert falls(metered) == [pytest.approx(WINDOW + 1, abs=0.5)]
    # Once that has fallen out, the portal's oldest is ours.
    metered.later(300)
    metered.client(Priority.BULK).batch(metered.adds(5))
    oldest, newest = falls(metered)
    assert 240 <= oldest <= 300 + WHOLE
    assert newest == pytest.approx(WINDOW + 1, abs=0.5)


@pytest.mark.parametrize("clock", [-300.0, 0.0, 290.0])
def test_portal_clock_may_differ_by_minutes(metered: Metered, clock: float) -> None:
    metered.turned = clock
    metered.allow(SCALED)
    metered.believe(operating=30)
    took, outcomes = metered.job(120, per_batch=10)
    assert refusals(outcomes) == []
    assert WINDOW - 60 < took < WINDOW + 60


def test_wait_for_operating_time_ends_in_the_right_minute(metered: Metered) -> None:
    metered.allow(SCALED)
    metered.believe(operating=30)
    job = metered.client(Priority.BULK)
    for _ in range(9):
        job.batch(metered.adds(10))
    with pytest.raises(errors.Wait) as caught:
        job.batch(metered.adds(10))
    assert WINDOW - 60 <= caught.value.seconds <= WINDOW + WHOLE
    metered.later(caught.value.seconds - 1)
    with pytest.raises(errors.Wait):
        job.batch(metered.adds(10))
    metered.later(1.1)
    assert refusals(job.batch(metered.adds(10))) == []


def test_people_can_use_the_share_jobs_leave(metered: Metered) -> None:
    metered.allow(SCALED)
    metered.believe(operating=30)
    person = metered.client()
    person.batch(metered.adds(1))
    metered.job(79, per_batch=10)
    with pytest.raises(errors.Wait):
        metered.client(Priority.BULK).batch(metered.adds(10))
    assert refusals(person.batch(metered.adds(10))) == []
    with pytest.raises(errors.OperatingLimit) as caught:
        person.batch(metered.adds(10))
    assert caught.value.code == "BUDGET"
    # Other methods go on, and a page that can do without the exhausted one is not refused.
    metered.client(Priority.BULK).call("profile")
    found = person.batch({"me": Command("profile"), **metered.adds(2)})
    assert isinstance(found["me"], Answer)


def test_job_may_use_peoples_share_after_an_idle_hour(metered: Metered) -> None:
    def line() -> float:
        return metered.budget(Priority.BULK).view().of(ADD).line

    metered.client(Priority.BULK).batch(metered.adds(1))
    assert line() == LENT_SHARE * 480
    metered.client().batch(metered.adds(1))
    assert line() == BULK_SHARE * 480
    metered.later(3590)
    metered.client(Priority.BULK).batch(metered.adds(1))
    assert line() == BULK_SHARE * 480
    metered.later(20)
    assert line() == LENT_SHARE * 480


def test_shorter_period_of_portal_is_used(metered: Metered) -> None:
    """An on-premise portal sets how long a minute's work counts; its answers tell when it is forgotten."""
    quick = Limits(capacity=500, leak=20, operating=20)
    metered.allow(quick)
    metered.limits = quick
    metered.portal.rest.limits.costs[ADD] = 0.1
    metered.portal.rest.limits.scale(10)
    took, outcomes = metered.job(560, per_batch=1)
    assert refusals(outcomes) == []
    # 56 s of work at 20 s in one minute: two full terms, and the third one's 16 s.
    assert 2 * WINDOW / 10 < took < 2 * WINDOW / 10 + 30


def test_reset_without_room_is_probed_within_the_limit(metered: Metered) -> None:
    """A portal whose word on its reset is not true: what its sums leave free is all that is used."""
    metered.believe(operating=30)
    budget, sent = metered.budget(Priority.BULK), 0.0
    for number in range(40):
        try:
            budget.acquire(str(number), {ADD: 5})
        except errors.Wait as wait:
            metered.later(min(wait.seconds, 30))
            continue
        sent += 0.25 * 5
        soon = datetime.now(UTC) + timedelta(seconds=metered.turned + 5)
        finish = soon.timestamp() - 5
        time = CallTime(0.25, 0.25, sent, operating_reset_at=soon, finish=finish)
        budget.settle(str(number), [(ADD, Answer(True, time=time))] * 5)
        assert sent <= 30
    assert sent > LENT_SHARE * 30 - 0.25 * 5


def test_lower_limit_is_learnt_from_one_refusal(metered: Metered) -> None:
    metered.allow(Limits(operating=20))
    metered.believe(operating=30)
    _, outcomes = metered.job(60, per_batch=10)
    assert refusals(outcomes) == []
    _, outcomes = metered.job(150, per_batch=10)
    refused = refusals(outcomes)
    # The batch in which it happened, and none after it.
    assert 0 < len(refused) <= 10
    assert {type(error) for error in refused} == {errors.OperatingLimit}
    account = metered.budget().view().of(ADD)
    assert 18 < account.limit <= 20.5
    _, outcomes = metered.job(150, per_batch=10)
    assert refusals(outcomes) == []


def test_spending_by_another_server_costs_at_most_one_refusal(metered: Metered) -> None:
    metered.allow(SCALED)
    metered.believe(operating=30)
    metered.job(20, per_batch=10)
    metered.somebody_else_spends(ADD, 30)
    batches = [metered.job(10, per_batch=10)[1] for _ in range(10)]
    assert sum(1 for outcomes in batches if refusals(outcomes)) <= 1


def test_limit_learnt_too_low_is_dropped_when_portal_allows_more(metered: Metered) -> None:
    metered.allow(SCALED)
    metered.believe(operating=30)
    metered.job(60, per_batch=10)
    metered.portal.misbehave("operating", ADD)
    metered.job(1, per_batch=1)
    assert metered.budget().view().of(ADD).limit == pytest.approx(60 * 0.33)
    metered.later(WINDOW)
    metered.somebody_else_spends(ADD, 25)
    metered.job(1, per_batch=1)
    assert 25 < metered.budget().view().of(ADD).limit < 26


def test_learnt_limit_lasts_an_hour(metered: Metered) -> None:
    metered.believe(operating=30)
    metered.job(60, per_batch=10)
    budget = metered.budget()
    budget.settle("one", [(ADD, errors.OperatingLimit("OPERATION_TIME_LIMIT"))])
    assert budget.view().of(ADD).limit < 20
    metered.later(3500)
    assert budget.view().of(ADD).limit < 20
    metered.later(101)
    assert budget.view().of(ADD).limit == 30


def test_portal_without_operating_sum_is_counted_by_answer_times(metered: Metered) -> None:
    metered.believe(operating=30)
    budget = metered.budget(Priority.BULK)
    for number in range(14):
        budget.acquire(f"t{number}", {ADD: 1})
        budget.settle(
            f"t{number}", [(ADD, Answer(True, time=CallTime(duration=2.5, processing=2)))]
        )
    with pytest.raises(errors.Wait):
        budget.acquire("one more", {ADD: 1})
    account = budget.view().of(ADD)
    assert account.operating == pytest.approx(28)
    assert account.cost == pytest.approx(2)


@pytest.mark.parametrize("nonsense", [float("nan"), float("inf"), -5.0, 1e300])
def test_invalid_operating_values_are_ignored(metered: Metered, nonsense: float) -> None:
    budget = metered.budget()
    time = CallTime(nonsense, nonsense, nonsense, datetime.max.replace(tzinfo=UTC), nonsense)
    budget.settle("one", [("profile", Answer(1, time=time))])
    budget.settle("two", [("profile", errors.OperatingLimit("OPERATION_TIME_LIMIT"))])
    view = budget.view()
    assert view.shared
    assert view.of("profile").blocked <= 60


def test_reset_in_the_far_future_is_ignored(metered: Metered) -> None:
    budget, now = metered.budget(), datetime.now(UTC).timestamp()
    time = CallTime(1, 1, 300, datetime.max.replace(tzinfo=UTC), now)
    budget.settle("one", [("profile", Answer(1, time=time))])
    budget.settle("two", [("profile", errors.OperatingLimit("OPERATION_TIME_LIMIT"))])
    assert budget.view().of("profile").blocked <= WINDOW + 60 + WHOLE


def test_portal_clock_set_back_causes_no_wait(metered: Metered) -> None:
    metered.believe(operating=30)
    metered.turned = 86_400
    metered.allow(SCALED)
    metered.job(80, per_batch=10)
    metered.portal.misbehave("operating", ADD)
    metered.job(1, per_batch=1)
    metered.turned = 0
    metered.allow(SCALED)
    metered.client().call("profile")
    assert refusals(metered.client(Priority.BULK).batch(metered.adds(10))) == []


def test_late_answer_does_not_undo_a_newer_one(metered: Metered) -> None:
    budget, now = metered.budget(), datetime.now(UTC)
    for ticket, sum_, finish in (("new", 12.0, 0.0), ("old", 10.0, -3.0)):
        time = CallTime(2, 2, sum_, now + timedelta(minutes=5), now.timestamp() + finish)
        budget.settle(ticket, [(ADD, Answer(True, time=time))])
    assert budget.view().of(ADD).operating == pytest.approx(12)


def test_refused_method_is_not_called_until_its_reset(metered: Metered) -> None:
    job = metered.client(Priority.BULK)
    job.call("profile")
    metered.portal.misbehave("operating", "profile")
    with pytest.raises(errors.OperatingLimit) as refused:
        job.call("profile")
    assert refused.value.code == "OPERATION_TIME_LIMIT"
    with pytest.raises(errors.Wait) as caught:
        job.call("profile")
    assert WINDOW - 61 < caught.value.seconds <= WINDOW + WHOLE
    # Far below the limit it was not our doing: the limit stays what it was.
    assert metered.budget().view().of("profile").limit == 480
    metered.later(caught.value.seconds)
    job.call("profile")
    assert len(metered.portal.calls) == 3


def test_requests_in_flight_are_counted_before_their_answer(metered: Metered) -> None:
    metered.believe(operating=30)
    metered.client(Priority.BULK).batch(metered.adds(10))
    budget = metered.budget(Priority.BULK)
    budget.acquire("one", {ADD: 75})
    with pytest.raises(errors.Wait):
        budget.acquire("two", {ADD: 10})
    # A worker that died with its request holds nothing for ever.
    metered.later(91)
    budget.acquire("two", {ADD: 10})
    # What may have run is counted as if it had, until the portal says otherwise.
    budget.settle("two", [(ADD, errors.OutcomeUnknown("READ_TIMEOUT"))] * 10)
    assert budget.view().of(ADD).operating == pytest.approx(2 * 10 * 0.33, abs=0.01)


def test_parallel_jobs_stay_below_the_limit_together(metered: Metered) -> None:
    metered.allow(SCALED)
    metered.believe(operating=30)
    metered.client(Priority.BULK).batch(metered.adds(1))

    def work(number: int) -> list[Outcome]:
        job = metered.client(Priority.BULK)
        return until_wait(job, lambda: metered.adds(5, skip=10 * number))

    with ThreadPoolExecutor(4) as pool:
        outcomes = [item for found in pool.map(work, range(4)) for item in found]
    assert refusals(outcomes) == []
    assert 0.7 * 30 < peak(outcomes) <= LENT_SHARE * 30 + 1e-9


def test_failed_commands_without_times_are_counted(metered: Metered) -> None:
    metered.allow(SCALED)
    metered.believe(operating=30)
    job = metered.client(Priority.BULK)
    job.batch(metered.adds(5))
    standing = {
        key: Command(ADD, {"fields": {"orderId": order, "ownerId": owner[1], "ownerTypeId": 2}})
        for order in [*metered.portal.state.orders][:10]
        if (owner := metered.portal.link_of(order)) and (key := f"add{order}")
    }
    ends = until_wait(job, lambda: standing)
    assert {type(end) for end in ends} == {errors.LinkExists}
    assert 0.33 * len(ends) > 20


def test_cost_of_a_command_is_measured(metered: Metered) -> None:
    budget = metered.budget()
    assert budget.cost(ADD) == 1.0
    metered.client().batch(metered.adds(5))
    assert budget.cost(ADD) == pytest.approx(0.33)
    assert budget.cost("CRM.OrderEntity.Add") == pytest.approx(0.33)


def test_next_answer_restores_operating_time_lost_with_redis(metered: Metered) -> None:
    metered.believe(operating=30)
    metered.allow(SCALED)
    metered.job(70, per_batch=10)
    metered.redis.flushdb()
    metered.client(Priority.BULK).batch(metered.adds(1))
    with pytest.raises(errors.Wait):
        metered.client(Priority.BULK).batch(metered.adds(20))


@pytest.mark.parametrize("count", [100, 300, 1000])
def test_time_left_matches_operating_limit(metered: Metered, count: int) -> None:
    metered.allow(SCALED)
    metered.believe(operating=30)
    metered.job(10, per_batch=10)
    predicted = seconds_for({ADD: count}, metered.budget().view(), per_batch=10)
    took, _ = metered.job(count, per_batch=10)
    # Nobody knows to the minute when that falls out which is not spent yet.
    assert predicted == pytest.approx(took, rel=0.03, abs=60)


def test_time_left_matches_request_rate(metered: Metered) -> None:
    view = metered.budget(Priority.BULK).view()
    assert seconds_for({"profile": 40}, view, per_batch=1) == 40 * 1.0
    metered.client().call("profile")
    view = metered.budget(Priority.BULK).view()
    assert seconds_for({"profile": 1040}, view, per_batch=1) == pytest.approx(498, abs=2)
    assert seconds_for({"profile": 0}, view, per_batch=50) == 0


@pytest.mark.parametrize("second", [0, 25, 50])
def test_parallel_worker_slots_are_never_refused(metered: Metered, second: int) -> None:
    """Batches of four lanes overlap: an answer's sum holds a part of what the others have under way."""
    metered.turned = second - datetime.now(UTC).timestamp() % 60
    limits = metered.portal.rest.limits
    metered.limits = Limits(capacity=500, leak=20)
    metered.allow(metered.limits)
    limits.costs[ADD] = 1.0
    budget, passed, left, refused = metered.budget(Priority.BULK), 0.0, 2400, 0
    due = [(0.0, lane, 0, 0) for lane in range(4)]  # when, which lane, commands to come, and done
    heard: dict[int, list[tuple[str, Outcome]]] = {lane: [] for lane in range(4)}
    while due:
        when, lane, coming, batch = heappop(due)
        metered.later(when - passed)
        passed = when
        if coming:
            spent = limits.spend(ADD)
            refused += not spent.allowed
            reset = datetime.fromtimestamp(spent.resets_at, UTC)
            time = CallTime(1, 1, spent.seconds, reset, finish=limits.now())
            heard[lane].append((ADD, Answer(True, time=time)))
            heappush(due, (when + 1, lane, coming - 1, batch))
            continue
        if batch:
            budget.settle(f"{lane}-{batch}", heard[lane])
            heard[lane] = []
        account = budget.view().of(ADD)
        size = min(24, left, max(1, int(min(account.room, 1000) / (account.cost or 1))))
        if not size:
            continue
        try:
            budget.acquire(f"{lane}-{batch + 1}", {ADD: size})
        except errors.Wait as wait:
            heappush(due, (when + wait.seconds, lane, 0, 0))
            continue
        left -= size
        heappush(due, (when + 1, lane, size, batch + 1))
    assert (left, refused) == (0, 0)
    # Five full terms of 475 s, and what is left over.
    assert passed < 5 * (WINDOW + 15) + 60

"""Request rate, execution time, time of one request: as limits.md has them, and as fast as a test wants."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import pytest
import requests

from demo.server import DemoPortal
from testing.waiting import HANG_SECONDS
from tests.demo.calls import OFFICE, Json, caller

LINK = "crm.orderentity.add"


def test_full_bucket_refuses_until_it_has_leaked(portal: DemoPortal) -> None:
    now = [portal.rest.limits.clock()]
    portal.rest.limits.clock = lambda: now[0]
    portal.rest.limits.capacity = 3
    ask = caller(portal)
    assert [ask("profile").status for _ in range(4)] == [200, 200, 200, 503]
    assert ask("profile").error == "QUERY_LIMIT_EXCEEDED"
    now[0] += 0.6
    assert ask("profile").status == 200


def test_batch_is_one_request_for_the_bucket(portal: DemoPortal) -> None:
    portal.rest.limits.capacity = 1
    answer = caller(portal).batch({f"c{n}": "user.admin" for n in range(50)})
    assert len(answer.part("result")) == 50


def test_operating_time_is_spent_per_method_and_recovers(portal: DemoPortal) -> None:
    now = [portal.rest.limits.clock()]
    portal.rest.limits.clock = lambda: now[0]
    portal.rest.limits.operating = 0.05
    ask = caller(portal)
    assert [ask("user.admin").status for _ in range(3)] == [200, 200, 429]
    assert ask("user.admin").error == "OPERATION_TIME_LIMIT"
    assert ask("profile").status == 200
    inner = ask.batch({"a": "user.admin", "b": "scope"})
    assert set(inner.part("result_error")) == {"a"}
    assert set(inner.part("result")) == {"b"}
    now[0] += 660
    assert ask("user.admin").status == 200


def test_operating_period_starts_with_its_first_call(portal: DemoPortal) -> None:
    now = [1_800_000_030.0]
    portal.rest.limits.clock = lambda: now[0]
    portal.rest.limits.reset()
    ask = caller(portal)
    told = []
    for later in (0, 10, 40):
        now[0] += later
        told.append(cast(Json, ask("user.admin").body["time"])["operating_reset_at"])
    # The third call is in the next minute; the oldest basket is still the first one.
    assert told == [1_800_000_630] * 3
    now[0] = 1_800_000_631
    answer = cast(Json, ask("user.admin").body["time"])
    assert answer["operating"] == pytest.approx(0.06)
    assert answer["operating_reset_at"] == 1_800_000_680


def test_each_command_of_a_batch_reports_operating_time(portal: DemoPortal) -> None:
    times = caller(portal).batch({"a": "user.admin", "b": "user.admin"}).part("result_time")
    told = [cast(Json, times[key])["operating"] for key in ("a", "b")]
    assert told == [pytest.approx(0.03), pytest.approx(0.06)]
    assert all("operating_reset_at" in cast(Json, times[key]) for key in ("a", "b"))


def test_older_kernel_counts_operating_time_without_reporting_it(portal: DemoPortal) -> None:
    portal.grow_old()
    portal.rest.limits.operating = 0.02
    ask = caller(portal)
    assert not {"operating", "operating_reset_at"} & set(cast(Json, ask("profile").body["time"]))
    assert ask("profile").error == "OPERATION_TIME_LIMIT"


def test_costs_are_configurable(portal: DemoPortal) -> None:
    portal.rest.limits.costs["profile"] = 7.5
    assert cast(Json, caller(portal)("profile").body["time"])["operating"] == 7.5


def test_time_scale_is_configurable(portal: DemoPortal) -> None:
    limits = portal.rest.limits
    now = [limits.clock()]
    limits.clock = lambda: now[0]
    limits.reset()
    limits.scale(60)
    limits.capacity, limits.operating = 2, 0.02
    ask = caller(portal)
    first = cast(Json, ask("user.admin").body["time"])
    # Ten minutes of the portal are ten seconds of ours.
    assert cast(int, first["operating_reset_at"]) - now[0] == pytest.approx(10, abs=1)
    assert ask("user.admin").error == "OPERATION_TIME_LIMIT"
    assert ask("user.admin").error == "QUERY_LIMIT_EXCEEDED"
    now[0] += 1 / 60
    assert ask("profile").status == 200
    now[0] += 10
    assert ask("user.admin").status == 200


def links(portal: DemoPortal, count: int) -> dict[str, str]:
    """Commands that link so many free orders to the office deal."""
    free = [pk for pk in portal.state.orders if pk not in portal.state.links][:count]
    place = f"fields[ownerId]={OFFICE}&fields[ownerTypeId]=2"
    return {f"c{pk}": f"{LINK}?{place}&fields[orderId]={pk}" for pk in free}


def test_request_over_a_minute_is_cut_off_but_applied(portal: DemoPortal) -> None:
    portal.rest.limits.costs[LINK] = 7
    commands, ask = links(portal, 10), caller(portal)
    url = f"{portal.url}/rest/batch"
    answer = requests.post(url, json={"cmd": commands, "auth": ask.token}, timeout=HANG_SECONDS)
    assert (answer.status_code, answer.headers["Content-Type"]) == (504, "text/html")
    done = [portal.link_of(int(key[1:])) for key in commands]
    assert done == [(2, OFFICE)] * 8 + [None] * 2


def test_slow_request_does_not_block_others(portal: DemoPortal) -> None:
    limits = portal.rest.limits
    limits.costs[LINK], limits.time_scale = 5, 0.4
    works, ends, slept = threading.Event(), threading.Event(), list[float]()

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if seconds > 1:
            works.set()
            ends.wait(HANG_SECONDS)

    limits.sleep = sleep
    writing, reading = caller(portal), caller(portal)
    (command,) = links(portal, 1).values()
    with ThreadPoolExecutor(1) as pool:
        write = pool.submit(lambda: writing.batch({"a": command}).part("result_error"))
        assert works.wait(HANG_SECONDS)
        assert reading("profile").status == 200
        assert not write.done()
        ends.set()
        assert write.result() == {}
    assert slept[0] == 2


def test_reset_restores_defaults(portal: DemoPortal) -> None:
    portal.rest.limits.capacity = 1
    portal.rest.limits.scale(100)
    portal.reset()
    assert portal.rest.limits.capacity == 50
    assert [caller(portal)("scope").status for _ in range(2)] == [200, 200]


def test_thousands_of_orders_are_made_and_linked(portal: DemoPortal) -> None:
    _orders, deals = portal.many(orders=20_000, deals=100, link=True)
    ask = caller(portal)
    answer = ask("crm.orderentity.list", {"filter": {"=ownerId": deals[0], "ownerTypeId": 2}})
    assert answer.body["total"] == 200

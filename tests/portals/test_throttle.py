"""Public addresses are limited per client; people, portals and an absent Redis are not punished."""

import pytest
import time_machine
from django.conf import LazySettings
from django.test import Client

from b24app import embedded, redis
from b24app.web import throttle
from demo.server import DemoPortal
from testing import environment
from testing.opening import install, seen

pytestmark = pytest.mark.django_db

ONE, OTHER = "151.101.1.7", "151.101.1.8"
PROXY = "10.0.0.1"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits a test reaches, within one minute of the clock, asking Redis afresh."""
    for kind in throttle.LIMITS:
        monkeypatch.setitem(throttle.LIMITS, kind, 3)
    redis.breaker.record_success()


def come(path: str, address: str, *, post: bool = False, forwarded: str = "") -> int:
    client = Client(REMOTE_ADDR=address)
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    answer = client.post(path, headers=headers) if post else client.get(path, headers=headers)
    return answer.status_code


@pytest.mark.parametrize(
    ("path", "post"),
    [
        ("/", False),
        ("/install/", False),
        ("/placements/deal-tab/", False),
        ("/placements/order-tab/", False),
        ("/oauth/connect/", False),
        ("/oauth/callback/", False),
        ("/events/", True),
    ],
)
def test_throttle_is_per_address(path: str, post: bool) -> None:
    with time_machine.travel(1_900_000_000, tick=False):
        answers = [come(path, ONE, post=post) for _ in range(5)]
        assert 429 not in answers[:3]
        assert answers[3:] == [429, 429]
        assert come(path, OTHER, post=post) != 429
    with time_machine.travel(1_900_000_060, tick=False):
        assert come(path, ONE, post=post) != 429


def test_throttled_answer_has_retry_after() -> None:
    # Twenty seconds into a minute.
    with time_machine.travel(1_900_000_040 // 60 * 60 + 20, tick=False):
        client = Client(REMOTE_ADDR=ONE)
        for _ in range(3):
            client.get("/?LANG=de")
        response = client.get("/?LANG=de")
    page = seen(response)
    assert (page.response["Retry-After"], page.state) == ("40", "crowded")
    assert '<html lang="de">' in page.text
    assert "frame-ancestors http" in page.response["Content-Security-Policy"]


def test_kinds_are_counted_apart() -> None:
    with time_machine.travel(1_900_000_000, tick=False):
        for _ in range(4):
            come("/install/", ONE)
        assert come("/oauth/connect/", ONE) != 429


@pytest.mark.parametrize("path", ["/healthz/", "/tab/orders/", "/session/renew/", "/nowhere/"])
def test_requests_with_credentials_are_not_throttled(path: str) -> None:
    assert 429 not in [come(path, ONE) for _ in range(6)]


@pytest.mark.parametrize("address", ["127.0.0.1", PROXY, "192.168.1.7", "::1", "fd00::1", ""])
def test_shared_addresses_are_not_throttled(address: str) -> None:
    assert 429 not in [come("/install/", address) for _ in range(6)]


def test_forwarded_address_is_ignored_without_a_proxy() -> None:
    with time_machine.travel(1_900_000_000, tick=False):
        answers = [come("/install/", ONE, forwarded=f"151.101.2.{n}") for n in range(5)]
    assert answers[3:] == [429, 429]


def test_behind_a_proxy_its_entry_is_used(settings: LazySettings) -> None:
    settings.TRUSTED_PROXIES = 1
    with time_machine.travel(1_900_000_000, tick=False):
        # What a client writes in front changes nothing.
        forged = [come("/install/", PROXY, forwarded=f"151.101.2.{n}, {ONE}") for n in range(5)]
        assert forged[3:] == [429, 429]
        assert come("/install/", PROXY, forwarded=OTHER) != 429
        assert come("/install/", PROXY, forwarded="nonsense") != 429


def test_behind_two_proxies_outer_entry_is_used(settings: LazySettings) -> None:
    settings.TRUSTED_PROXIES = 2
    with time_machine.travel(1_900_000_000, tick=False):
        answers = [
            come("/install/", PROXY, forwarded=f"1.1.1.{n}, {ONE}, 10.0.0.2") for n in range(5)
        ]
        assert answers[3:] == [429, 429]
        # Fewer entries than proxies: somebody came past them.
        assert [come("/install/", OTHER, forwarded=f"1.1.1.{n}") for n in range(5)][3:] == [
            429,
            429,
        ]


def test_ipv6_network_counts_as_one_client() -> None:
    with time_machine.travel(1_900_000_000, tick=False):
        answers = [come("/install/", f"2a00:1450:4001::{n}") for n in range(1, 6)]
        assert answers[3:] == [429, 429]
        assert come("/install/", "2a00:1450:4002::1") != 429
        assert come("/install/", f"::ffff:{ONE}") != 429


def test_throttle_is_open_without_redis(client: Client, portal: DemoPortal) -> None:
    embedded.stop(environment.DIRECTORY)
    try:
        assert 429 not in [come("/oauth/connect/", ONE) for _ in range(20)]
    finally:
        embedded.ensure(environment.DIRECTORY)
    redis.breaker.record_success()
    assert install(client, portal).response.status_code == 200


def test_large_limit_is_reported_to_redis_in_steps() -> None:
    limit, client = 5_000, redis.client()
    before = client.info("commandstats").get("cmdstat_incrby", {"calls": 0})["calls"]
    with time_machine.travel(1_900_000_120, tick=False):
        results = [throttle.exceeds("/steps/", ONE, limit) for _ in range(limit + 50)]
        assert not any(results[:limit])
        assert all(results[limit:])
        assert not throttle.exceeds("/steps/", OTHER, limit)
    assert client.info("commandstats")["cmdstat_incrby"]["calls"] == before + (limit + 50) // 5

"""What comes out of Redis is data: JSON or nothing, never code, never an exception."""

import pickle
from pathlib import Path

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

from b24app import dictionaries
from b24app.orders.types import Owner
from b24app.portals.models import Portal
from demo.server import DemoPortal
from testing.opening import ask, install, open_tab
from tests.hostile import JSON

pytestmark = pytest.mark.usefixtures("services")

HOSTILE = [b"", b"\x80\x04.", b"{", b"[" * 100_000, b"9" * 5_000, b'"\xff"', b"null", b"NaN", b"7"]


class Bomb:
    """Creates a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self._path,)


@pytest.fixture
def redis() -> Redis:
    return Redis.from_url(settings.REDIS_URL)


def entries(redis: Redis) -> list[bytes]:
    """Keys of the cache as they stand in Redis."""
    return list(redis.scan_iter(":1:*"))


@pytest.mark.parametrize("value", [True, 0, -1, 1.5, "Ärger", [1, None], {"a": [{}]}, 10**30])
def test_json_values_round_trip(value: object) -> None:
    cache.set("one", value)
    assert cache.get("one") == value
    assert cache.get_many(["one", "two"]) == {"one": value}


@pytest.mark.parametrize("value", [{1, 2}, b"bytes", object(), Path("x")])
def test_value_json_cannot_encode_is_refused_on_store(value: object) -> None:
    with pytest.raises(TypeError):
        cache.set("one", value)


def test_pickle_in_redis_is_not_run(redis: Redis, tmp_path: Path) -> None:
    target = tmp_path / "was-run"
    cache.set("one", 1)
    (key,) = entries(redis)
    redis.set(key, pickle.dumps(Bomb(target)))
    assert cache.get("one") is None
    assert cache.get("one", "missing") == "missing"
    assert cache.get_many(["one"]) == {}
    assert not target.exists()


@given(st.binary(max_size=200))
def test_any_cached_bytes_are_a_value_or_a_miss(raw: bytes) -> None:
    redis = Redis.from_url(settings.REDIS_URL)
    redis.set(":1:any", raw)
    cache.get("any")
    assert all(value is not None for value in cache.get_many(["any"]).values())


@pytest.mark.django_db
@pytest.mark.parametrize("raw", HOSTILE)
def test_pages_render_with_any_cache_content(
    client: Client, portal: DemoPortal, redis: Redis, raw: bytes
) -> None:
    install(client, portal)
    page = open_tab(client, portal)
    ask(client, page, "/tab/suggestions/")
    assert entries(redis)
    for key in entries(redis):
        redis.set(key, raw)
    again = open_tab(client, portal)
    assert (again.response.status_code, again.order_ids) == (200, page.order_ids)
    assert ask(client, again, "/tab/orders/").order_ids == page.order_ids
    assert ask(client, again, "/tab/suggestions/").response.status_code == 200


@pytest.mark.django_db
def test_cache_entry_of_the_wrong_kind_is_a_miss(
    client: Client, portal: DemoPortal, redis: Redis
) -> None:
    install(client, portal)
    page = open_tab(client, portal)
    for key in entries(redis):
        redis.delete(key)
        redis.rpush(key, "a list")
    again = open_tab(client, portal)
    assert (again.response.status_code, again.order_ids) == (200, page.order_ids)


@given(value=JSON)
def test_statuses_and_platforms_of_any_json_can_be_shown(value: object) -> None:
    known = Portal(pk=1, member_id="a", endpoint="https://a.example/rest/")
    for name in ("statuses:1", "platforms:1", "links:1:2:7"):
        cache.set(name, value)
    statuses = dictionaries.named(dictionaries.remembered_statuses(known), "en")
    assert all(isinstance(text, str) for pair in statuses for text in pair)
    platforms = dictionaries.remembered_platforms(known)
    assert all(isinstance(pk, int) and isinstance(text, str) for pk, text in platforms.items())
    assert isinstance(dictionaries.expected_links(known, Owner(2, 7)), int)

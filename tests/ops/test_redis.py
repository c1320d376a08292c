"""The door to Redis: one client, and a circuit breaker that opens when Redis goes away."""

from pathlib import Path
from urllib.parse import quote

import pytest
from django.conf import settings
from redis.exceptions import RedisError

from b24app import counters, embedded, redis
from b24app.web import throttle


def test_a_failure_opens_the_breaker_for_everybody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded.ensure(tmp_path)
    monkeypatch.setattr(
        settings, "REDIS_URL", f"unix://{quote(str(embedded.socket_path(tmp_path)))}"
    )
    try:
        counters.add({("requests",): 1})
        assert not redis.breaker.is_open
        embedded.stop(tmp_path)
        with pytest.raises(RedisError):
            redis.client().ping()
        counters.add({("requests",): 1})
        assert redis.breaker.is_open
        embedded.ensure(tmp_path)
        assert not throttle.over("/", "somebody", 0)
        redis.breaker.record_success()
        assert throttle.over("/", "somebody", 0)
    finally:
        redis.breaker.record_success()
        embedded.stop(tmp_path)

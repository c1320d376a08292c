"""Fixtures of the demo portal's own tests."""

from collections.abc import Iterator

import pytest

from tests.demo.handler import Handler


@pytest.fixture
def handler() -> Iterator[Handler]:
    made = Handler()
    yield made
    made.server.shutdown()
    made.server.server_close()

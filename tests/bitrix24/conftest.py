"""Fixtures: a scripted server and a client that talks to it."""

from collections.abc import Callable, Iterator

import pytest
from redis import Redis

from b24app import embedded
from testing import environment
from testing.metered import Metered
from testing.scripted import Portal, Server


@pytest.fixture
def start_server() -> Iterator[Callable[[], Server]]:
    servers: list[Server] = []

    def start() -> Server:
        servers.append(Server())
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def server(start_server: Callable[[], Server]) -> Server:
    return start_server()


@pytest.fixture
def portal(server: Server) -> Portal:
    return Portal(server)


@pytest.fixture
def redis(services: None) -> Redis:
    """The run's Redis, emptied."""
    client = Redis(unix_socket_path=str(embedded.socket_path(environment.DIRECTORY)))
    client.flushdb()
    return client


@pytest.fixture
def metered(redis: Redis) -> Iterator[Metered]:
    """The demo portal behind a budget, its own limits put back afterwards."""
    portal, limits = environment.PORTAL, environment.PORTAL.rest.limits
    portal.reset()
    before = limits.capacity, limits.leak, limits.operating, limits.clock
    yield Metered(portal, redis)
    limits.capacity, limits.leak, limits.operating, limits.clock = before
    limits.reset()

"""Fixtures: a scripted server and a client that talks to it."""

from collections.abc import Callable, Iterator

import pytest

from tests.bitrix24.scripted import Portal, Server


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

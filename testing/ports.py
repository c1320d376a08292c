"""Ports of this machine that nobody uses."""

import socket


def free_port() -> int:
    with socket.socket() as first:
        first.bind(("127.0.0.1", 0))
        return int(first.getsockname()[1])


def free_pair() -> int:
    """A free port whose next one is free too: the demo portal takes both."""
    while True:
        with socket.socket() as first, socket.socket() as two:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            try:
                two.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port

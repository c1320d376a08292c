"""``python -m demo.portal``: the demo portal in the foreground, until it is interrupted."""

import argparse
import shutil
import signal
import threading
from pathlib import Path

from demo.server import DemoPortal


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--port", type=int, default=8070, help="portal; the next port is the authorization server"
    )
    parser.add_argument("--host", action="append", help="address to listen at, any number")
    parser.add_argument("--name", default="127.0.0.1", help="what browsers and the app call it")
    parser.add_argument("--app-url", default="http://127.0.0.1:8000")
    parser.add_argument("--data", type=Path, default=Path("var/demo"))
    parser.add_argument("--reset", action="store_true", help="start with fresh data")
    parser.add_argument("--latency-ms", type=int, default=0, help="time every REST request takes")
    options = parser.parse_args()
    if options.reset:
        shutil.rmtree(options.data, ignore_errors=True)
    ended = threading.Event()
    for signals in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signals, lambda *_: ended.set())
    with DemoPortal(
        options.app_url,
        port=options.port,
        data=options.data,
        latency=options.latency_ms / 1000,
        hosts=options.host or ("127.0.0.1",),
        name=options.name,
    ) as portal:
        print(f"portal {portal.url}, authorization server {portal.oauth_url}", flush=True)
        ended.wait()


if __name__ == "__main__":
    main()

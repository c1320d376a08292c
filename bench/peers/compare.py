"""``make bench-peers``: the public clients at the task of ``bench.jobs``, on the same bad day.

b24pysdk (the vendor's own) and fast_bitrix24, both MIT, each in the way its README recommends for many
calls, in a process and a virtual environment of its own that is made here from hash-pinned packages.
The demo portal has its limits on. On the way every access token expires, 3 % of the links have been
made by somebody else before, and one answer is lost after the portal has carried the request out. What
such a client does not survive, its user starts again: a second line shows up to three tries of the whole.

``--links`` and ``--cost`` (seconds a link) take several values each. Time is real time.
"""

import argparse
import json
import math
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flask import Response, after_this_request
from werkzeug.wrappers import Response as BaseResponse

from demo.limits import Limits, Spent
from demo.server import THREADS, DemoPortal

HERE = Path(__file__).resolve().parent
PACKAGES = HERE / "requirements.txt"
VENV = HERE.parent.parent / "var" / "peers"

ADD = "crm.orderentity.add"
BATCH, DEALS = 50, 100
MADE_BEFORE = 33  # every so manieth link
# A client that is not through after so many times the floor, and this more, is ended.
PATIENCE, MORE = 3, 60.0

COLUMNS = (
    "links", "cost", "client", "seconds", "floor", "of floor", "requests", "503", "429",
    "connections", "once", "again", "missing", "said",
)  # fmt: skip


@dataclass(frozen=True)
class Peer:
    """A client and how many of its requests are under way at once, as far as the demo takes them."""

    name: str
    at_once: int
    tries: int

    @property
    def label(self) -> str:
        return self.name if self.tries == 1 else f"{self.name} ×{self.tries}"


PEERS = tuple(
    Peer(name, at_once, tries)
    for name, at_once in (("b24pysdk", 1), ("fast_bitrix24", THREADS))
    for tries in (1, 3)
)


class BadDay(Limits):
    """Limits that count how often a method was refused, and spoil the day.

    With the request that has come to 30 % of the links all tokens expire; the answer to the one that
    makes the link at 50 % is lost. Neither goes by time: clients that send one request after another
    are hit as well as those that send all at once.
    """

    def __init__(self, portal: DemoPortal, links: int) -> None:
        self._portal = portal
        self._expires_at, self._lost_at = links * 3 // 10 // BATCH + 1, links // 2
        self.blocked = self.admitted = self.made = 0
        self._counting = threading.Lock()
        super().__init__()

    def admits(self) -> bool:
        admitted = super().admits()
        with self._counting:
            self.admitted += admitted
            if admitted and self.admitted == self._expires_at:
                self._portal.expire_tokens()
        return admitted

    def spend(self, method: str) -> Spent:
        spent = super().spend(method)
        with self._counting:
            self.blocked += not spent.allowed
            self.made += spent.allowed
            if spent.allowed and self.made == self._lost_at:
                after_this_request(_cut)
        return spent


def _cut(_: BaseResponse) -> BaseResponse:
    """The beginning of an answer, as ``cut`` of demo.faults."""
    return Response('{"result":{"result":{"or', content_type="application/json")


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-peers")
    parser.add_argument("--links", type=int, nargs="+", default=[1000])
    parser.add_argument("--cost", type=float, nargs="+", default=[0.002, 0.05])
    options = parser.parse_args()
    _row(COLUMNS)
    for links in options.links:
        for cost in options.cost:
            for row in rows(links, cost):
                _row(row)


def rows(links: int, cost: float) -> Iterator[tuple[object, ...]]:
    """A line of :data:`COLUMNS` for each client: ``links`` of ``cost`` seconds each."""
    for peer in PEERS:
        yield _measured(peer, links, cost)


def _measured(peer: Peer, links: int, cost: float) -> tuple[object, ...]:
    python = _python()
    with _portal(links) as (portal, pairs):
        limits = portal.rest.limits = BadDay(portal, links)
        limits.costs[ADD], limits.time_scale = cost, 1.0
        limit = links * cost / peer.at_once * PATIENCE + MORE
        tries = list(_tries(python, peer, portal, pairs, limit))
        seconds = sum(number for _, number in tries)
        done = sum(portal.link_of(order) == (2, deal) for order, deal in pairs)
        asked = _asked(portal)
        floor = _floor(peer, limits, len(tries), cost)
        return (
            links, f"{cost * 1000:.0f} ms", peer.label, f"{seconds:.1f}", f"{floor:.1f}",
            f"{floor / seconds:.2f}", portal.http_requests, portal.rest.refused, limits.blocked,
            portal.connections, f"{done}/{links}", asked.total() - len(asked), links - done,
            ", then ".join(said for said, _ in tries),
        )  # fmt: skip


@contextmanager
def _portal(links: int) -> Iterator[tuple[DemoPortal, list[tuple[int, int]]]]:
    """A portal with the orders and deals, and which order shall go to which deal."""
    with DemoPortal() as portal:
        orders, deals = portal.many(orders=links, deals=DEALS)
        pairs = [(order, deals[at % DEALS]) for at, order in enumerate(orders)]
        for order, deal in pairs[::MADE_BEFORE]:
            portal.state.links[order] = (2, deal)
        yield portal, pairs


def _tries(
    python: str, peer: Peer, portal: DemoPortal, pairs: list[tuple[int, int]], limit: float
) -> Iterator[tuple[str, float]]:
    """What the client said at the end of each try, and how long that took."""
    for more in reversed(range(peer.tries)):
        began = time.monotonic()
        said = _run(python, peer, portal, pairs, limit)
        yield said, time.monotonic() - began
        _quiet(portal)
        if said.startswith("ok"):
            return
        if more:
            # Nobody starts it again at once: until then the bucket has run empty.
            time.sleep(portal.rest.limits.capacity / portal.rest.limits.leak)


def _run(
    python: str, peer: Peer, portal: DemoPortal, pairs: list[tuple[int, int]], limit: float
) -> str:
    """What the client said at the end; ``limit`` is how long (seconds) that may take."""
    opened = portal.open("INSTALL").form
    task = {
        "url": portal.url, "oauth_url": portal.oauth_url, "pairs": pairs,
        "client_id": portal.client_id, "client_secret": portal.client_secret,
        "access": opened["AUTH_ID"], "refresh": opened["REFRESH_ID"],
    }  # fmt: skip
    try:
        ran = subprocess.run(
            [python, str(HERE / f"with_{peer.name}.py")], input=json.dumps(task), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False, timeout=limit,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"nothing in {limit:.0f} s"
    return f"exit {ran.returncode}" if ran.returncode else str(json.loads(ran.stdout)["said"])


def _quiet(portal: DemoPortal) -> None:
    """Wait until the portal has worked off what a client that gave up had under way."""
    seen = -1
    while seen != (seen := len(portal.calls)):
        time.sleep(1 + 2 * portal.rest.limits.cost(ADD))


def _asked(portal: DemoPortal) -> Counter[str]:
    """How often each order's link was asked for."""
    calls = [call.params for call in portal.calls if call.method == ADD]
    return Counter(str(item["fields"]["orderId"]) for item in calls if isinstance(item, dict))


def _floor(peer: Peer, limits: BadDay, tries: int, cost: float) -> float:
    """Seconds that what was let in takes at least: bucket, operating time, execution.

    More than the client took where it was gone before the portal had worked off what it had sent.
    """
    # A method is refused once its sum is over the limit: the last call of a window may go beyond.
    spent = (limits.made - 1) * cost
    full = max(0, math.ceil(spent / limits.operating - 1e-9) - 1)
    operating = full * 600 + (spent - full * limits.operating) / peer.at_once if full else 0.0
    bucket = (limits.admitted - tries * limits.capacity) / limits.leak
    return max(bucket, operating, limits.made * cost / peer.at_once, 0.1)


def _python() -> str:
    """The interpreter of the peers' own environment, made again when its packages have changed."""
    python, done = VENV / "bin" / "python", VENV / "packages"
    wanted = PACKAGES.read_text()
    if not done.exists() or done.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--require-hashes", "-r", str(PACKAGES)], check=True)
        done.write_text(wanted)
    return str(python)


def _row(cells: tuple[object, ...]) -> None:
    *figures, said = cells
    sys.stdout.write(
        "".join(f"{cell!s:>12}" if at != 2 else f"{cell!s:>18}" for at, cell in enumerate(figures))
        + f"  {said}\n"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    main()

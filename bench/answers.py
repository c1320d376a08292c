"""What a hostile portal's answer costs: memory of the process that reads it.

``python -m bench.answers`` has a server send the largest body a job takes, full of empty lists, and
reads it in a process of its own, once with the bounds for what people wait for, once with those for
jobs, once with nothing but the bound on bytes.
"""

import json
import resource
import subprocess
import sys
from contextlib import suppress

from b24app.bitrix24 import errors
from b24app.bitrix24.answers import IN_JOBS, WAITED_FOR, Bounds
from b24app.bitrix24.client import Client, Timeouts
from b24app.bitrix24.token_source import FixedToken
from testing.scripted import TOKEN, Reply, Server, Unmetered

BODY = b'{"result": [' + b"[]," * 10_300_000 + b"0]}"
CASES = {
    "people": WAITED_FOR,
    "jobs": IN_JOBS,
    "bytes alone": Bounds(IN_JOBS.max_bytes, sys.maxsize),
}


def main() -> None:
    if len(sys.argv) == 3:
        _read(sys.argv[1], CASES[sys.argv[2]])
        return
    server = Server()
    server.script = lambda _: Reply(BODY)
    try:
        peaks = {name: _peak(server, name) for name in CASES}
    finally:
        server.close()
    for name, peak in peaks.items():
        sys.stdout.write(f"{name:<14}{peak:>8.0f} MB {peak / peaks['bytes alone']:>6.2f}\n")


def _peak(server: Server, name: str) -> float:
    command = [sys.executable, "-m", "bench.answers", server.base, name]
    return float(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))


def _read(base: str, bounds: Bounds) -> None:
    """Print what reading the answer has added to the peak memory of this process, in MB."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    client = Client(
        FixedToken(base, TOKEN), budget=Unmetered(), timeouts=Timeouts(call=60), bounds=bounds
    )
    with suppress(errors.IncompleteAnswer):
        client.call("crm.deal.list", {"start": -1})
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sys.stdout.write(json.dumps((after - before) / 1024))


if __name__ == "__main__":
    main()

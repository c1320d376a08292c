"""The inbox of events under load: events a second and how long each answer takes.

``tools/postgres.py .venv/bin/python -m bench.events`` runs gunicorn on PostgreSQL and Redis, and posts
to it as the portal's queue does: at a steady rate, whether earlier answers have come or not. A time
counts from the moment an event was due, so waiting in line counts too. The figures are this
machine's: load, server, database and Redis share its cores. The last lines are what one event costs the
processes that receive it.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import time
from collections import Counter
from urllib.parse import urlencode

from testing import environment, ports  # isort: skip  (sets what the settings read)

import django
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from redis import Redis

from bench import processes

CONNECTIONS = 64
WARM_UP = 2.0
STATISTICS_SECONDS = 1.5
"""How long PostgreSQL may take to publish its statistics."""
MEMBER, TOKEN = "b" * 32, "t" * 32
HEAD = (
    "POST /events/ HTTP/1.1\r\nHost: app.example.com\r\nContent-Length: {length}\r\n"
    "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=500, help="events a second")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--deals", type=int, default=2_000, help="how many deals they are about")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--burst", type=int, default=1, help="events that are due at one moment")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "b24app.settings")
    try:
        django.setup()
        call_command("migrate", verbosity=0)
        _run(options)
    finally:
        environment.pytest_unconfigure()


def _run(options: argparse.Namespace) -> None:
    portals = apps.get_model("portals", "Portal").objects
    portals.create(
        member_id=MEMBER, endpoint="https://portal.example.com/rest/", application_token=TOKEN
    )
    port = ports.free_port()
    command = [sys.executable, "-m", "gunicorn", "b24app.wsgi", "-w", str(options.workers)]
    server = subprocess.Popen([*command, "-b", f"127.0.0.1:{port}", "--log-level", "error"])
    try:
        asyncio.run(_ready(port))
        asyncio.run(_load(port, options, WARM_UP))
        before = _used(server.pid)
        done = asyncio.run(_load(port, options, options.seconds))
        after = _used(server.pid)
    finally:
        server.terminate()
        server.wait()
    times = sorted(spent for _, spent in done)
    wrote = sys.stdout.write
    wrote(f"sent         {len(done):>8}  at {options.rate}/s for {options.seconds} s\n")
    for status, count in sorted(Counter(status for status, _ in done).items()):
        wrote(f"answered {status} {count:>8}\n")
    for share in (0.5, 0.95, 0.99, 1.0):
        at = times[min(len(times) - 1, int(share * len(times)))]
        wrote(f"p{share * 100:<11g} {at * 1000:>8.1f}  ms\n")
    for name, value in after.items():
        wrote(f"{name:<12} {(value - before[name]) / len(done):>8.2f}  an event\n")
    rows = apps.get_model("events", "ChangeNotice").objects.count()
    wrote(f"rows kept    {rows:>8}  of {options.deals} deals\n")


def _used(pid: int) -> dict[str, float]:
    """Processor milliseconds of the server, transactions, and commands that Redis has carried out."""
    milliseconds = processes.cpu(pid) * 1000
    commands = float(Redis.from_url(settings.REDIS_URL).info("stats")["total_commands_processed"])
    time.sleep(STATISTICS_SECONDS)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT xact_commit + xact_rollback FROM pg_stat_database"
            " WHERE datname = current_database()"
        )
        (transactions,) = cursor.fetchone()
    return {"cpu ms": milliseconds, "commits": float(transactions), "redis": commands}


async def _ready(port: int) -> None:
    limit = time.monotonic() + 30
    while time.monotonic() < limit:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
            continue
        writer.close()
        return
    raise SystemExit("gunicorn does not start")


async def _load(port: int, options: argparse.Namespace, seconds: float) -> list[tuple[int, float]]:
    """Status and seconds of every event."""
    rate, burst = options.rate, options.burst
    due: asyncio.Queue[float | None] = asyncio.Queue()
    done: list[tuple[int, float]] = []
    senders = [
        asyncio.create_task(_send(port, due, done, options.deals)) for _ in range(CONNECTIONS)
    ]
    began = time.perf_counter()
    for number in range(int(rate * seconds)):
        at = began + number // burst * burst / rate
        await asyncio.sleep(max(0.0, at - time.perf_counter()))
        due.put_nowait(at)
    for _ in senders:
        due.put_nowait(None)
    await asyncio.gather(*senders)
    return done


async def _send(
    port: int, due: asyncio.Queue[float | None], done: list[tuple[int, float]], deals: int
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while (at := await due.get()) is not None:
        if reader.at_eof():
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(_event(len(done) * 7919 % deals))
        answer = await reader.readuntil(b"\r\n\r\n")
        done.append((int(answer.split(b" ", 2)[1]), time.perf_counter() - at))
    writer.close()


def _event(deal: int) -> bytes:
    form = {
        "event": "ONCRMDEALUPDATE", "event_handler_id": "201", "data[FIELDS][ID]": str(deal + 1),
        "ts": "1736405807", "auth[access_token]": "a" * 32, "auth[expires_in]": "3600",
        "auth[scope]": "crm,sale", "auth[domain]": "portal.example.com", "auth[status]": "F",
        "auth[server_endpoint]": "https://oauth.example.com/rest/", "auth[member_id]": MEMBER,
        "auth[client_endpoint]": "https://portal.example.com/rest/",
        "auth[refresh_token]": "r" * 32, "auth[application_token]": TOKEN,
    }  # fmt: skip
    body = urlencode(form)
    return (HEAD.format(length=len(body)) + body).encode()


if __name__ == "__main__":
    main()

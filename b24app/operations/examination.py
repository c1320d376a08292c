"""What the doctor looks at, each part by itself."""

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import IntEnum
from pathlib import Path

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from redis.exceptions import RedisError

from b24app import counters, heartbeat, redis
from b24app.bitrix24 import errors
from b24app.bitrix24.transport import SHARED
from b24app.portals.fields import UnreadableSecret
from b24app.portals.models import Portal, PortalUser
from b24app.portals.tokens import authorization_server

TROUBLES = (DatabaseError, RedisError, OSError, errors.BitrixError)

# Seconds our clock may be wrong: tokens are renewed a minute before their end.
MAX_CLOCK_DIFFERENCE_SECONDS = 20
BACKLOG = 1_000


class Grade(IntEnum):
    OK = 0
    WARN = 1
    WRONG = 2


@dataclass(frozen=True, slots=True)
class Finding:
    grade: Grade
    name: str
    text: str


def no_settings() -> str:
    """What to say where nothing is set and nothing of the embedded default has ever run, else ""."""
    path = settings.DATABASES["default"]["NAME"]
    if not settings.EMBEDDED or Path(str(path)).exists():
        return ""
    return (
        "neither DATABASE_URL nor REDIS_URL is set, and the app has not run here without them: "
        "start this command with the app's own settings (docs/operations.md, Commands)"
    )


def the_settings() -> Iterable[Finding]:
    if settings.DEBUG:
        yield Finding(Grade.WRONG, "settings", "DEBUG is on: its pages show what must stay inside")
    if settings.B24_ALLOW_HTTP:
        yield Finding(
            Grade.WARN, "settings", "B24_ALLOW_HTTP is on: tokens may travel in the clear"
        )
    if not settings.APP_URL.startswith("https:"):
        yield Finding(Grade.WARN, "settings", f"APP_URL {settings.APP_URL} is not https")
    if settings.EMBEDDED:
        yield Finding(Grade.WARN, "settings", "embedded SQLite and Redis: for trying the app")
    if not settings.PUBLISHER:
        yield Finding(Grade.WARN, "settings", "PUBLISHER is not set: the licence names no company")
    yield Finding(Grade.OK, "settings", f"read; the app answers at {settings.APP_URL}")


def files() -> Iterable[Finding]:
    manifest = Path(settings.STATIC_ROOT) / "staticfiles.json"
    if manifest.exists():
        yield Finding(Grade.OK, "static files", "collected")
    else:
        yield Finding(Grade.WRONG, "static files", "not collected: manage.py collectstatic")
    for language in ("ru", "de"):
        text = Path(settings.LOCALE_PATHS[0]) / language / "LC_MESSAGES" / "django.mo"
        if not text.exists():
            yield Finding(Grade.WRONG, "texts", f"{language} is not compiled")


def the_database() -> Iterable[Finding]:
    connection.ensure_connection()
    yield Finding(Grade.OK, "database", f"{connection.vendor} answers")
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        yield Finding(Grade.WRONG, "database", f"{len(plan)} migrations wait: manage.py migrate")


def secrets() -> Iterable[Finding]:
    """Whether the keys in force read what is stored: an old key dropped too early is seen here."""
    readable = 0
    for rows in (Portal.objects.all(), PortalUser.objects.all()):
        try:
            readable += sum(1 for _ in rows.iterator())
        except UnreadableSecret as error:
            yield Finding(Grade.WRONG, "keys", f"{error}; put the old key back behind the new one")
            return
    yield Finding(Grade.OK, "keys", f"TOKEN_KEYS read all of {readable} rows")


def the_redis() -> Iterable[Finding]:
    server = redis.client()
    seconds, _ = server.time()
    difference = abs(seconds - datetime.now(UTC).timestamp())
    grade = Grade.OK if difference < MAX_CLOCK_DIFFERENCE_SECONDS else Grade.WARN
    yield Finding(grade, "redis", f"answers, its clock is {difference:.0f} s from ours")
    policy = server.info("memory").get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        yield Finding(Grade.WRONG, "redis", f"maxmemory-policy {policy} throws waiting tasks away")
    for queue in counters.QUEUES:
        waiting = counters.waiting(queue)
        if waiting > BACKLOG:
            yield Finding(Grade.WARN, "queue", f"{waiting} tasks wait in {queue}")


def processes() -> Iterable[Finding]:
    """A worker for each queue, and beat: the same signs of life that health pages and metrics show."""
    for part, signs in heartbeat.signs().items():
        here = [sign for sign in signs if sign.alive]
        name = "beat" if part == heartbeat.BEAT else f"worker {part}"
        start = "beat" if part == heartbeat.BEAT else f"worker -Q {part}"
        if here:
            latest = f"latest sign {here[0].seconds:.0f} s ago"
            yield Finding(Grade.OK, name, f"{', '.join(sign.process for sign in here)}; {latest}")
        elif signs:
            gone = f"{signs[0].process} gave no sign for {signs[0].seconds:.0f} s"
            yield Finding(Grade.WRONG, name, f"{gone}: celery -A b24app {start}")
        else:
            yield Finding(Grade.WRONG, name, f"no sign of life: celery -A b24app {start}")


def the_authorization_server() -> Iterable[Finding]:
    """Is it there, does it know us, is our clock right? Asked with a refresh token that is none."""
    where = settings.B24_OAUTH_URL
    try:
        authorization_server().refresh(f"doctor-{uuid.uuid4().hex}")
    except errors.InvalidClient:
        yield Finding(
            Grade.WRONG, "authorization server", "B24_CLIENT_ID or B24_CLIENT_SECRET is not known"
        )
    except (errors.TransportError, errors.ServerFault) as error:
        yield Finding(Grade.WRONG, "authorization server", f"{where}: {error.code}")
        return
    except errors.BitrixError as error:
        yield Finding(Grade.OK, "authorization server", f"{where} answers ({error.code})")
    yield from _clock(where)


def _clock(where: str) -> Iterable[Finding]:
    answer = SHARED.send("GET", f"{where}/", read_timeout=10, request_id=uuid.uuid4().hex)
    try:
        server_time = parsedate_to_datetime(answer.headers.get("Date", ""))
    except ValueError:
        yield Finding(Grade.WARN, "clock", "the authorization server does not tell its time")
        return
    difference = abs((datetime.now(UTC) - server_time.astimezone(UTC)).total_seconds())
    grade = Grade.OK if difference < MAX_CLOCK_DIFFERENCE_SECONDS else Grade.WRONG
    yield Finding(grade, "clock", f"{difference:.0f} s from the authorization server's")


ALL: tuple[Callable[[], Iterable[Finding]], ...] = (
    the_settings,
    files,
    the_database,
    secrets,
    the_redis,
    processes,
    the_authorization_server,
)

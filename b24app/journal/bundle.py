"""The support bundle of a portal: a ZIP file without secrets, customers and names of people.

It is downloaded from the console or written by ``manage.py support_bundle``. Data is filtered three times:
settings by a list of those that may be shown, rows by leaving out encrypted fields, and the finished text
by the names and values of secrets.
"""

import io
import json
import platform
import zipfile
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import celery
import django
from django.conf import settings
from django.core.cache import cache
from django.db import connection, models
from redis.exceptions import RedisError

from b24app import counters, heartbeat
from b24app.bitrix24 import masking
from b24app.bitrix24.portal_limits import Priority
from b24app.bitrix24.transport import USER_AGENT
from b24app.journal import calls, request_log
from b24app.portals.budgets import budget_of
from b24app.portals.fields import SecretField
from b24app.portals.models import Portal, PortalUser

MAX_CALLS = 2_000
MAX_EVENTS = 500
MAX_PEOPLE = 1_000

SETTINGS = (
    "APP_URL",
    "B24_ALLOW_HTTP",
    "B24_OAUTH_URL",
    "B24_OPERATING_LIMIT",
    "B24_RATE_CAPACITY",
    "B24_RATE_LEAK",
    "DEBUG",
    "EMBEDDED",
    "LOG_FORMAT",
)

ABOUT = """What Linked Orders knows of one portal, for support.

versions.json   the app and what it runs on
settings.json   settings that are no secret
health.json     database, Redis, worker, the portal's budget
portal.json     the portal as it is stored; of secrets only whether there is one
people.jsonl    who has opened the app: ids and the state of their tokens, no names
calls.jsonl     the latest requests to the portal, newest first; no parameters, no results
requests.jsonl  what was in requests and answers of the last three days, newest first: ids, filters,
                codes and dates as they are, everything else as keyed hashes
events.jsonl    the latest events the portal sent, newest first; secrets masked
"""


def made(portal: Portal) -> bytes:
    """The bytes of the ZIP file. Raises ``DatabaseError``. If Redis is away, the bundle says so."""
    files = {
        "about.txt": ABOUT,
        "versions.json": _text(_versions()),
        "settings.json": _text({name: getattr(settings, name) for name in SETTINGS}),
        "health.json": _text(_health(portal)),
        "portal.json": _text(_portal(portal)),
        "people.jsonl": _lines(_people(portal)),
        "calls.jsonl": _lines(calls.search(portal)[:MAX_CALLS].values()),
        "requests.jsonl": _lines(request_log.read(portal)),
        "events.jsonl": _lines(_events(portal)),
    }
    secrets = _secrets(portal)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, masking.scrub(text, secrets))
    return packed.getvalue()


def file_name(portal: Portal) -> str:
    """``linked-orders-HOST-DATE.zip``, safe for a header and a file system."""
    host = "".join(text if text.isascii() and text.isalnum() else "-" for text in portal.host)
    return f"linked-orders-{host}-{datetime.now(UTC):%Y%m%d-%H%M}.zip"


def _versions() -> dict[str, object]:
    with connection.cursor() as cursor:
        version = "sqlite_version()" if connection.vendor == "sqlite" else "version()"
        cursor.execute(f"SELECT {version}")
        row = cursor.fetchone()
    return {
        "app": USER_AGENT,
        "made_at": datetime.now(UTC),
        "python": platform.python_version(),
        "system": platform.platform(),
        "django": django.get_version(),
        "celery": celery.__version__,
        "database": f"{connection.vendor} {row[0] if row else ''}",
    }


def _health(portal: Portal) -> dict[str, object]:
    view = budget_of(portal, Priority.INTERACTIVE).view()
    health: dict[str, object] = {
        "database": "ok",
        "budget": {
            "level": view.level,
            "blocked_seconds": view.blocked,
            "shared": view.shared,
            "methods": {
                name: {"operating": item.operating, "limit": item.limit, "blocked": item.blocked}
                for name, item in (view.methods or {}).items()
            },
        },
    }
    try:
        cache.get("ready")
        return health | {
            "redis": "ok",
            "processes": {
                name: "ok" if here else "away" for name, here in heartbeat.alive().items()
            },
            "waiting_tasks": {name: counters.waiting(name) for name in counters.QUEUES},
        }
    except RedisError as error:
        return health | {"redis": f"away: {type(error).__name__}"}


def _portal(portal: Portal) -> dict[str, object]:
    return _fields(portal) | {
        # The codes of people and departments that were named, without their names.
        "named": portal.named_codes,
        "installer": portal.installer.user_id if portal.installer else None,
    }


def _people(portal: Portal) -> Iterable[Mapping[str, object]]:
    for user in PortalUser.objects.of(portal).order_by("-renewed_at")[:MAX_PEOPLE]:
        yield {name: value for name, value in _fields(user).items() if name != "name"}


def _events(portal: Portal) -> Iterable[Mapping[str, object]]:
    for event in portal.events.order_by("-pk")[:MAX_EVENTS]:
        yield _fields(event)


def _fields(row: models.Model) -> dict[str, object]:
    """All fields of a row; an encrypted field is replaced by whether it has a value."""
    found: dict[str, object] = {}
    for field in row._meta.concrete_fields:
        value = getattr(row, field.attname)
        if isinstance(field, SecretField):
            found[f"has_{field.name}"] = bool(value)
        else:
            found[field.name] = value
    return found


def _text(value: Mapping[str, object]) -> str:
    return json.dumps(masking.mask(value), indent=2, ensure_ascii=False, default=str)


def _lines(rows: Iterable[Mapping[str, object]]) -> str:
    return "".join(
        json.dumps(masking.mask(row), ensure_ascii=False, default=str) + "\n" for row in rows
    )


def _secrets(portal: Portal) -> list[str]:
    """Values of secrets, which are removed from the text wherever they are."""
    found = [settings.B24_CLIENT_SECRET, settings.SECRET_KEY, settings.METRICS_TOKEN]
    found += [*settings.TOKEN_KEYS, str(portal.application_token)]
    if portal.installer is not None:
        owner = portal.installer
        found += map(str, (owner.access_token, owner.refresh_token, owner.offered_token))
    return [text for text in found if len(text) >= 8]

"""The only reader of the environment. What is missing or malformed is said in one line each, at once.

``.env`` beside ``manage.py`` is read if present; the environment wins over it. Instead of a value,
``NAME_FILE`` may name a file that holds it. docs/settings.md lists every setting. Without DATABASE_URL
and REDIS_URL the app runs on an embedded SQLite and Redis under ``var/`` and makes its own secrets
there; with either of them set, secrets have to be given.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, urlsplit

import environ
from cryptography.fernet import Fernet
from django.utils.crypto import get_random_string

from b24app import embedded
from b24app.setting_values import (
    base_address,
    bearer_token,
    broker_address,
    choice,
    database,
    email_address,
    fernet_keys,
    is_loopback,
    redis_address,
    secret,
    switch,
    whole_number,
)

T = TypeVar("T")

BASE_DIR = Path(__file__).resolve().parent.parent
VAR = BASE_DIR / "var"

environ.Env.read_env(BASE_DIR / ".env")
# Read unchanged: Env itself would take a value that begins with $ for the name of another one.
_environment = environ.FileAwareEnv().ENVIRON

_problems: list[str] = []


def _given(name: str) -> bool:
    return any(os.environ.get(text, "").strip() for text in (name, f"{name}_FILE"))


def _read(name: str, parse: Callable[[str], T], default: str | None) -> T | None:
    """A setting parsed, or None with a line among the problems."""
    try:
        raw = str(_environment.get(name, "")).strip() or default
        if raw is None:
            raise ValueError("is missing")
        return parse(raw)
    except OSError as error:
        _problems.append(f"{name}_FILE cannot be read: {error.strerror}")
    except ValueError as error:
        _problems.append(f"{name} {error}")
    return None


# Commands that read and write no row: what they are started with may be no settings at all.
LOOKING = frozenset({"check", "collectstatic", "doctor", "makemessages", "makemigrations"})
EMBEDDED = not _given("DATABASE_URL") and not _given("REDIS_URL")
EMBEDDED_REDIS_DIR = None if _given("REDIS_URL") else VAR / "redis"


def _own(name: str, make: Callable[[], str]) -> str | None:
    """The secret of the embedded default, unless one is given; outside of it there is none."""
    if not EMBEDDED or _given(name.upper()):
        return None
    # A command that only looks leaves no keys behind.
    looks = sys.argv[1:2] and Path(sys.argv[0]).name == "manage.py" and sys.argv[1] in LOOKING
    return make() if looks and not (VAR / name).exists() else embedded.secret(VAR / name, make)


DEBUG = bool(_read("DEBUG", switch, "off"))
SECRET_KEY = _read("SECRET_KEY", secret, _own("secret_key", lambda: get_random_string(64))) or ""
TOKEN_KEYS = (
    _read("TOKEN_KEYS", fernet_keys, _own("token_keys", lambda: Fernet.generate_key().decode()))
    or []
)
APP_URL = _read("APP_URL", base_address, "http://127.0.0.1:8000") or ""
B24_CLIENT_ID = _read("B24_CLIENT_ID", str, None) or ""
B24_CLIENT_SECRET = _read("B24_CLIENT_SECRET", str, None) or ""
B24_OAUTH_URL = _read("B24_OAUTH_URL", base_address, "https://oauth.bitrix.info") or ""
B24_ALLOW_HTTP = bool(_read("B24_ALLOW_HTTP", switch, "off"))
TRUSTED_PROXIES = _read("TRUSTED_PROXIES", whole_number(0, 9), "0") or 0
B24_RATE_CAPACITY = _read("B24_RATE_CAPACITY", whole_number(1, 10_000), "50") or 0
B24_RATE_LEAK = _read("B24_RATE_LEAK", whole_number(1, 1_000), "2") or 0
B24_OPERATING_LIMIT = _read("B24_OPERATING_LIMIT", whole_number(1, 600), "480") or 0
LOG_FORMAT = _read("LOG_FORMAT", choice("plain", "json"), "plain") or "plain"
# Whoever reads /metrics/ shows it as a bearer token; without one there is no such page.
METRICS_TOKEN = _read("METRICS_TOKEN", bearer_token, "") or ""
# Who the licence and the privacy policy name.
PUBLISHER = _read("PUBLISHER", str, "") or ""
PUBLISHER_EMAIL = _read("PUBLISHER_EMAIL", email_address, "") or ""
OPERATOR_ADMIN = bool(_read("OPERATOR_ADMIN", switch, "off"))
REDIS_URL = (
    f"unix://{quote(str(embedded.socket_path(EMBEDDED_REDIS_DIR)))}"
    if EMBEDDED_REDIS_DIR
    else _read("REDIS_URL", redis_address, None) or ""
)
DATABASES = {
    "default": _read("DATABASE_URL", database, f"sqlite:///{quote(str(VAR / 'db.sqlite3'))}") or {}
}

if B24_OAUTH_URL.startswith("http:") and not B24_ALLOW_HTTP:
    _problems.append(
        "B24_OAUTH_URL must be https, or B24_ALLOW_HTTP on: the client secret goes there"
    )
if not (B24_ALLOW_HTTP or DEBUG) and APP_URL.startswith("http:") and not is_loopback(APP_URL):
    _problems.append("APP_URL must be https, or B24_ALLOW_HTTP on: tokens come in through it")
if _problems:
    # No traceback: whoever starts the app reads what to mend, under every kind of process alike.
    sys.stderr.write("The settings are not right:\n  " + "\n  ".join(_problems) + "\n")
    raise SystemExit(1)

if str(DATABASES["default"]["ENGINE"]).endswith("sqlite3"):
    VAR.mkdir(exist_ok=True)
    # Writers queue instead of failing half-way through a transaction that began with a read.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
    }
else:
    _options = DATABASES["default"].get("OPTIONS")
    DATABASES["default"] |= {
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        # A cursor of the server does not outlive its transaction, after which PgBouncer in transaction
        # mode lends the connection to somebody else.
        "DISABLE_SERVER_SIDE_CURSORS": True,
        # Seconds. A database that does not answer is said by /readyz/, not waited for by it.
        "OPTIONS": {"connect_timeout": 5} | (_options if isinstance(_options, dict) else {}),
    }

ROOT_URLCONF = "b24app.urls"
WSGI_APPLICATION = "b24app.wsgi.application"
INSTALLED_APPS = [
    "django.contrib.staticfiles",
    "b24app.portals",
    "b24app.journal",
    "b24app.tab",
    "b24app.jobs",
    "b24app.events",
    "b24app.automation",
    "b24app.operations",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # Adds a random number of bytes to each answer. See docs/decisions/0072-html-compression-and-breach.md.
    "django.middleware.gzip.GZipMiddleware",
    "b24app.collecting.Collect",
    "b24app.web.frame_headers.FrameHeaders",
    "b24app.web.throttle.Throttle",
    "b24app.web.portal_slots.PortalSlots",
    "b24app.web.server_errors.FailurePages",
]
_CONTEXT_PROCESSORS = ["django.template.context_processors.request"]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "context_processors": _CONTEXT_PROCESSORS,
            "libraries": {"shown": "b24app.portals.templatetags.shown"},
        },
    }
]
CACHES = {
    "default": {
        "BACKEND": "b24app.caching.JsonCache",
        "LOCATION": REDIS_URL,
        # Seconds. A person waits for the portal then, not for a cache that hangs.
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1},
    }
}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("ru", "Русский"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "b24app" / "locale"]
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static" / "dist"]
# The operator's process has files of its own: the public one must not serve those of the admin site.
STATIC_ROOT = VAR / ("operator" if OPERATOR_ADMIN else "static")
STORAGES = {
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

ALLOWED_HOSTS = [urlsplit(APP_URL).hostname or "", "127.0.0.1", "localhost"]
# TLS ends at the proxy, which says so in this header; the app itself never redirects, because a
# redirected POST would lose its body. The proxy does that for browsers.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 31_536_000 if APP_URL.startswith("https:") else 0
SECURE_REFERRER_POLICY = "same-origin"
SILENCED_SYSTEM_CHECKS = [
    "security.W002",  # X-Frame-Options would forbid the portal's frame; CSP frame-ancestors rules it
    "security.W003",  # no cookie grants anything (the one of connecting is no login): nothing to forge
    "security.W004",  # HSTS follows APP_URL: on whenever it is https
    "security.W005",  # subdomains of the app's host are not ours to decide about
    "security.W008",  # see SECURE_PROXY_SSL_HEADER
    "security.W021",  # no preload list: that decision belongs to the domain's owner
]
# Seconds of wall clock in which a page the portal opens is answered, and requests it may make for that.
OPENING_SECONDS = 10.0
OPENING_REQUESTS = 5
# The same for what an open page reads. What it changes is not cut off.
READING_SECONDS = 60.0
READING_REQUESTS = 20
# And for a file that somebody saves: up to 2,000 rows, each with what belongs to it.
SAVING_SECONDS = 300.0
SAVING_REQUESTS = 60
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
# A thousand chosen orders, each with its number and its status.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 4_000
FILE_UPLOAD_HANDLERS = ["b24app.web.uploads.BoundedUpload"]

CELERY_BROKER_URL = broker_address(REDIS_URL)
CELERY_IMPORTS = ["b24app.collecting"]
CELERY_TASK_DEFAULT_QUEUE = "interactive"
# Portal events have a queue of their own, so a flood of them blocks nothing else.
CELERY_TASK_ROUTES = {"events.*": {"queue": "events"}, "automation.*": {"queue": "bulk"}}
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_TIME_LIMIT = 120
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# For ever, every few seconds: see BrokerConnection in celery.py.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 300,
    "socket_timeout": 5,
    "socket_connect_timeout": 3,
}
# A person's request waits for the broker this long at most; the sweep picks up what was not sent.
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0.1}
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR / "celerybeat-schedule")
CELERY_BEAT_SCHEDULE = {
    "jobs": {"task": "jobs.sweep", "schedule": 10.0},
    "old-jobs": {"task": "jobs.forget", "schedule": 3600.0},
    "events": {"task": "events.sweep", "schedule": 60.0},
    "automation": {"task": "automation.sweep", "schedule": 30.0},
    "old-automation": {"task": "automation.forget", "schedule": 86_400.0},
    "tokens": {"task": "portals.keep_alive", "schedule": 86_400.0},
    "calls": {"task": "journal.purge", "schedule": 21_600.0},
    "requests": {"task": "journal.forget_requests", "schedule": 3_600.0},
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "masked": {"()": "b24app.bitrix24.masking.MaskingFilter"},
        "traced": {"()": "b24app.logs.Traced"},
        "foreseen": {"()": "b24app.logs.Foreseen"},
    },
    "formatters": {"ours": {"()": "b24app.logs.formatter", "kind": LOG_FORMAT}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "ours",
            "filters": ["masked", "traced"],
        }
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        # Django's own handlers go: every line of the log has passed the filters above.
        "django": {"level": "INFO", "handlers": []},
        "django.server": {"level": "INFO", "handlers": ["console"], "propagate": False},
        "django.request": {"level": "ERROR", "filters": ["foreseen"]},
        "celery": {"level": "INFO"},
    },
}

if OPERATOR_ADMIN:
    _processors = ("auth.context_processors.auth", "messages.context_processors.messages")
    TEMPLATES[0]["APP_DIRS"] = True
    _CONTEXT_PROCESSORS.extend(f"django.contrib.{processor}" for processor in _processors)
    # First, so that our apps can undo what these register by themselves.
    INSTALLED_APPS[:0] = [
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.messages",
        "django.contrib.sessions",
    ]
    MIDDLEWARE.append("b24app.operations.door.OperatorsDoor")
    AUTH_PASSWORD_VALIDATORS = [
        {
            "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
            "OPTIONS": {"min_length": 12},
        },
        {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    ]
    SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = "/operator/"
    SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Strict"
    SESSION_COOKIE_AGE = 8 * 3600
    SESSION_EXPIRE_AT_BROWSER_CLOSE = True
    SILENCED_SYSTEM_CHECKS += [
        # The three middlewares run behind the operator's door alone, which the checks cannot see.
        "admin.E408",
        "admin.E409",
        "admin.E410",
        # The door takes direct connections of this machine only, and those are plain http.
        "security.W010",
        "security.W012",
        "security.W016",
    ]

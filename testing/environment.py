"""What the settings read in tests; a private Redis and a demo portal, once something needs them.

The database is of the kind TEST_DATABASE_URL names. Loaded as pytest's first plugin, because the settings
read the environment once. Programs that are no test (benches) have Redis and the portal at once.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet
from django.conf import settings

from b24app import embedded
from demo.__main__ import SETTINGS
from demo.server import DemoPortal

DIRECTORY = Path(tempfile.mkdtemp(prefix="lo-tests-"))
PORTAL = DemoPortal("http://app.example.com")

# Whatever a developer has in .env stays out: an empty value is the default.
os.environ.update({name: "" for setting in SETTINGS for name in (setting, f"{setting}_FILE")})
os.environ.update(
    REDIS_URL=f"unix://{embedded.socket_path(DIRECTORY)}",
    DATABASE_URL=os.environ.get("TEST_DATABASE_URL", f"sqlite:///{DIRECTORY}/tests.sqlite3"),
    SECRET_KEY="only-for-tests-" * 5,
    TOKEN_KEYS=Fernet.generate_key().decode(),
    APP_URL=PORTAL.app_url,
    B24_OAUTH_URL="http://127.0.0.1:1",
    B24_CLIENT_ID=PORTAL.client_id,
    B24_CLIENT_SECRET=PORTAL.client_secret,
    B24_ALLOW_HTTP="on",
    # Everything that tests ask is on this machine.
    no_proxy="*",
)


def started() -> bool:
    """Whether Redis and the demo portal were needed already."""
    return bool(PORTAL.url)


def start() -> None:
    """Start Redis and the demo portal, and tell the settings where the portal's authorization server is."""
    embedded.ensure(DIRECTORY)
    PORTAL.__enter__()
    os.environ["B24_OAUTH_URL"] = PORTAL.oauth_url
    if settings.configured:
        settings.B24_OAUTH_URL = PORTAL.oauth_url


def pytest_unconfigure() -> None:
    if started():
        PORTAL.__exit__(None, None, None)
        embedded.stop(DIRECTORY)
    shutil.rmtree(DIRECTORY, ignore_errors=True)


if "pytest" not in sys.modules:
    start()

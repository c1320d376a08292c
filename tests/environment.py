"""A private Redis, a database of the kind TEST_DATABASE_URL names, a demo portal: before Django starts.

Loaded as pytest's first plugin, because the settings read the environment once.
"""

import os
import shutil
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet

from b24app import embedded
from demo.__main__ import SETTINGS
from demo.server import DemoPortal

DIRECTORY = Path(tempfile.mkdtemp(prefix="lo-tests-"))
PORTAL = DemoPortal("http://app.example.com")

embedded.ensure(DIRECTORY)
PORTAL.__enter__()
# Whatever a developer has in .env stays out: an empty value is the default.
os.environ.update({name: "" for one in SETTINGS for name in (one, f"{one}_FILE")})
os.environ.update(
    REDIS_URL=f"unix://{embedded.socket_path(DIRECTORY)}",
    DATABASE_URL=os.environ.get("TEST_DATABASE_URL", f"sqlite:///{DIRECTORY}/tests.sqlite3"),
    SECRET_KEY="only-for-tests-" * 5,
    TOKEN_KEYS=Fernet.generate_key().decode(),
    APP_URL=PORTAL.app_url,
    B24_OAUTH_URL=PORTAL.oauth_url,
    B24_CLIENT_ID=PORTAL.client_id,
    B24_CLIENT_SECRET=PORTAL.client_secret,
    B24_ALLOW_HTTP="on",
)


def pytest_unconfigure() -> None:
    PORTAL.__exit__(None, None, None)
    embedded.stop(DIRECTORY)
    shutil.rmtree(DIRECTORY, ignore_errors=True)

"""The app's own settings with a test portal's credentials; tests/conftest.py sets the rest."""

import os

os.environ.setdefault("B24_CLIENT_ID", "local.demo.0000000000000001")
os.environ.setdefault("B24_CLIENT_SECRET", "demo-secret-not-for-real-portals")
os.environ.setdefault("B24_ALLOW_HTTP", "on")

from b24app.settings import *  # noqa: E402, F403  (the environment has to be set first)

"""Benches that ask the app inside their own process begin and end here.

The app is set up by the import: its models can be imported afterwards.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

from testing import environment  # isort: skip  (sets what the settings read)

import django
from django.core.management import call_command
from django.test.utils import setup_test_environment

from demo.server import DemoPortal

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "b24app.settings")
django.setup()


@contextmanager
def app() -> Iterator[DemoPortal]:
    """The app with an empty database, and the portal it speaks to."""
    try:
        setup_test_environment()
        logging.disable(logging.ERROR)
        call_command("migrate", verbosity=0)
        yield environment.PORTAL
    finally:
        environment.pytest_unconfigure()

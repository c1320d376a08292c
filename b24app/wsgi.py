"""The web application for gunicorn: ``gunicorn b24app.wsgi``."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from b24app import embedded
from b24app.celery import app as celery

__all__ = ["application", "celery"]

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "b24app.settings")

application = get_wsgi_application()

if settings.EMBEDDED_REDIS_DIR:
    embedded.ensure(settings.EMBEDDED_REDIS_DIR)

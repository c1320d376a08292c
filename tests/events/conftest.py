"""Tasks go to the broker of the settings, as they do in the web process."""

from b24app import celery

__all__ = ["celery"]

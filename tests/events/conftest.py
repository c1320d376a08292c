"""Tasks go to the broker of the settings, as they do in the web process."""

import pytest

from b24app import celery
from b24app.events import inbox, views

__all__ = ["celery"]


@pytest.fixture(autouse=True)
def nothing_kept_in_the_process() -> None:
    """No application token counts as good, no task as started, from the test before."""
    inbox.proven_lately.clear()
    views.started.clear()

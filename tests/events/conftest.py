"""Tasks go to the broker of the settings, as they do in the web process."""

import pytest

from b24app import celery
from b24app.events import inbox

__all__ = ["celery"]


@pytest.fixture(autouse=True)
def nothing_proven() -> None:
    """No application token counts as good from the test before."""
    inbox.proven_lately.clear()

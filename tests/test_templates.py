"""How templates are written."""

from pathlib import Path

import pytest
from django.conf import settings

MAX_LENGTH = 160

TEMPLATES = settings.BASE_DIR / "templates"

# The folders whose lines are short already, without drawings (sprite) and one page that is due.
FOLDERS = ("install", "portals", "tab/cells")
LEFT_OUT = {"install/trouble.html", "portals/sprite.html"}


@pytest.mark.parametrize("folder", FOLDERS)
def test_lines_of_templates_are_short(folder: str) -> None:
    """Lines break inside tags, and long texts are ``blocktranslate trimmed``."""
    long = [
        f"{path.relative_to(TEMPLATES)}:{number}"
        for path in sorted(Path(TEMPLATES / folder).glob("*.html"))
        if str(path.relative_to(TEMPLATES)) not in LEFT_OUT
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if len(line) > MAX_LENGTH
    ]
    assert long == []

"""How templates are written."""

from pathlib import Path

import pytest
from django.conf import settings

MAX_LENGTH = 160

FOLDERS = (settings.BASE_DIR / "templates", settings.BASE_DIR / "demo" / "templates")


@pytest.mark.parametrize("folder", FOLDERS, ids=("app", "demo"))
def test_lines_of_templates_are_short(folder: Path) -> None:
    """Lines break inside tags, and long texts are ``blocktranslate trimmed``."""
    long = [
        f"{path.relative_to(folder)}:{number}"
        for path in sorted(folder.rglob("*.html"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > MAX_LENGTH
    ]
    assert long == []

"""Whether Playwright and the browser on this machine were made for each other."""

import json
import os
import re
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

import playwright

# A release a month or so; Playwright speaks to older and newer ones for about a year.
MOST_APART = 12


def browser() -> str:
    """The program to drive; "" if this machine has none. CHROMIUM names another."""
    asked = os.environ.get("CHROMIUM")
    return asked or shutil.which("chromium") or shutil.which("chromium-browser") or ""


def made_for() -> int:
    """The major version of Chromium that the installed Playwright was made for."""
    listing = Path(playwright.__file__).parent / "driver" / "package" / "browsers.json"
    browsers = {load["name"]: load for load in json.loads(listing.read_text("utf-8"))["browsers"]}
    return int(browsers["chromium"]["browserVersion"].partition(".")[0])


def installed(chromium: str) -> int:
    """The major version of this browser. Raises ``AssertionError`` where it does not tell it."""
    output = subprocess.run([chromium, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r" (\d+)\.", output.stdout)
    assert found, f"{chromium} --version tells no version: {output.stdout}{output.stderr}"
    return int(found[1])


def mismatch(found: int, wanted: int) -> str:
    """What to say where the two are too far apart; "" where they fit."""
    if abs(found - wanted) <= MOST_APART:
        return ""
    what = "Chromium" if found < wanted else "playwright in requirements-dev.txt"
    return (
        f"Chromium {found} is too far from Chromium {wanted}, which Playwright {version('playwright')} "
        f"was made for: update {what}. CHROMIUM names another browser."
    )

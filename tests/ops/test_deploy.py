"""The deployment files: nothing they name is missing. They are read here; no container is built."""

import re
import shlex
import socket
import subprocess
from collections.abc import Iterator
from configparser import RawConfigParser
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.core.management import get_commands
from django.urls import resolve

from b24app.celery import app as celery
from b24app.events import views
from b24app.web import uploads
from testing.ports import free_port
from testing.processes import ROOT
from testing.waiting import HANG_SECONDS, until

pytestmark = pytest.mark.bare

DEPLOY = ROOT / "deploy"
BIN = ROOT / ".venv" / "bin"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, record in SERVICES.items() if record["image"] == "linked-orders"]
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
    found += [("Dockerfile", yaml.safe_load(item)) for item in shown]
    return found


@pytest.mark.parametrize(("place", "command"), commands())
def test_every_deployed_command_exists(place: str, command: list[str]) -> None:
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
        group[group.index("-Q") + 1]
        for place, group in commands()
        if "-Q" in group and place in OURS
    ]
    assert sorted(queues) == sorted(queue.name for queue in celery.conf.task_queues)
    assert sum("beat" in command for place, command in commands() if place in OURS) == 1
    target = (DEPLOY / "systemd" / "linked-orders.target").read_text("utf-8")
    wanted = set(re.findall(r"[\w@-]+\.service", target))
    assert {item for item in wanted if "worker@" in item} == {
        f"linked-orders-worker@{name}.service" for name in queues
    }
    assert {re.sub(r"@\w+", "@", item) for item in wanted} == {path.name for path in UNITS}


def test_every_named_setting_exists() -> None:
    example = (DEPLOY / "env.example").read_text("utf-8")
    given = set(re.findall(r"^(\w+)=", example, re.MULTILINE))
    assert given <= READ | THEIRS
    inline = {name for our in OURS for name in SERVICES[our]["environment"]}
    assert inline <= READ
    # What has no default, and what the embedded default makes by itself, is there to be filled in.
    needed = {"B24_CLIENT_ID", "B24_CLIENT_SECRET", "SECRET_KEY", "TOKEN_KEYS", "APP_URL"}
    assert needed <= given
    assert {"DATABASE_URL", "REDIS_URL"} <= inline
    asked = set(re.findall(r"\$\{(\w+)\}", (DEPLOY / "compose.yaml").read_text("utf-8")))
    assert asked <= given
    assert set(re.findall(r"\{\$(\w+)\}", (DEPLOY / "Caddyfile").read_text("utf-8"))) <= given


def test_secrets_reach_only_the_app() -> None:
    for name, record in SERVICES.items():
        assert ("env_file" in record) == (name in OURS)
    assert set(SERVICES["postgres"]["environment"]) <= THEIRS
    assert set(SERVICES["proxy"]["environment"]) == {"DOMAIN"}
    assert [name for name, record in SERVICES.items() if "ports" in record] == ["proxy"]


def test_containers_start_in_order_and_stop_gracefully() -> None:
    for name in OURS:
        assert all(service in SERVICES for service in SERVICES[name]["depends_on"])
        assert SERVICES[name]["read_only"]
        assert SERVICES[name]["cap_drop"] == ["ALL"]
    conf = (ROOT / "gunicorn.conf.py").read_text("utf-8")
    graceful = int(re.findall(r"graceful_timeout = (\d+)", conf)[0])
    seconds = {
        name: int(record["stop_grace_period"].rstrip("s"))
        for name, record in SERVICES.items()
        if "stop_grace_period" in record
    }
    assert seconds["web"] > graceful
    workers = [seconds[name] for name in OURS if "worker" in name]
    assert min(workers) > settings.CELERY_TASK_TIME_LIMIT
    stops = {path.name: int(unit(path)["Service"]["TimeoutStopSec"]) for path in UNITS}
    assert stops["linked-orders-web.service"] > graceful
    assert stops["linked-orders-worker@.service"] > settings.CELERY_TASK_TIME_LIMIT


def test_image_copies_existing_files_and_runs_unprivileged() -> None:
    kept = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").split()
    for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists()
            assert f"!{source}" in kept
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER orders$", last, re.MULTILINE)
    assert last.index("USER orders") < last.index('CMD ["gunicorn"')


def test_one_service_builds_the_image_of_all() -> None:
    """Compose would build it once for each service that asks for it."""
    assert [name for name, record in SERVICES.items() if "build" in record] == ["migrate"]
    build = SERVICES["migrate"]["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).resolve() == DEPLOY / "Dockerfile"


def test_what_answers_requests_is_asked_whether_it_lives() -> None:
    """In compose.yaml: Podman leaves a health check of the image out, and workers do not listen."""
    asked = {name for name in OURS if "healthcheck" in SERVICES[name]}
    assert asked == {"web", "events"}
    for name in asked:
        (path,) = re.findall(
            r"127\.0\.0\.1:8000(/\w+/)", str(SERVICES[name]["healthcheck"]["test"])
        )
        assert resolve(path).view_name == "healthz"
    assert "HEALTHCHECK" not in DOCKERFILE


CADDY = (DEPLOY / "Caddyfile").read_text("utf-8")
PROXIES = pytest.mark.parametrize("name", ["Caddyfile", "Caddyfile.several"])


def size(text: str) -> int:
    """Bytes, as Caddy reads them."""
    found = re.fullmatch(r"(\d+)(KB|MB)", text)
    assert found
    return int(found[1]) * {"KB": 1_000, "MB": 1_000_000}[found[2]]


def test_proxy_limits_time_of_head_and_body() -> None:
    timeouts = dict(re.findall(r"^\t\t\t(\w+) (\d+[sm])$", CADDY, re.MULTILINE))
    assert {"read_header", "read_body", "idle", "write"} == timeouts.keys()


@PROXIES
def test_proxy_passes_only_complete_requests_to_the_app(name: str) -> None:
    text = (DEPLOY / name).read_text("utf-8")
    routes = re.findall(r"reverse_proxy (\w+)\S*:8000.*\{\s*request_buffers (\w+)", text)
    limits = [size(limit) for limit in re.findall(r"max_size (\w+)", text)]
    assert [route for route, _ in routes] == ["events", "web"]
    # A body that stops at the limit would fill a buffer of the same size, and occupy a thread of the app.
    assert all(size(buffer) > limit for (_, buffer), limit in zip(routes, limits, strict=True))
    assert limits[0] >= views.MAX_BODY_BYTES
    assert limits[1] >= uploads.LARGEST_REQUEST


def test_events_have_their_own_route_and_processes() -> None:
    route = re.search(r"handle (/\S+) \{[^}]*\}\s*reverse_proxy events:8000", CADDY)
    assert route
    assert resolve(route[1].rstrip("*")).view_name == "events"
    assert SERVICES["events"]["command"][:2] == ["gunicorn", "b24app.wsgi"]
    assert SERVICES["events"]["cpu_shares"] < 1024
    assert set(SERVICES["proxy"]["depends_on"]) == {"web", "events"}
    service = unit(DEPLOY / "systemd" / "linked-orders-events.service")["Service"]
    assert int(service["CPUWeight"]) < 100
    ports = [
        found[1]
        for path in UNITS
        if (found := re.search(r"--bind 127.0.0.1:(\d+)", unit(path)["Service"]["ExecStart"]))
    ]
    assert len(ports) == len(set(ports)) == 2


def test_documented_nginx_matches_caddyfile() -> None:
    text = (ROOT / "docs" / "operations.md").read_text("utf-8")
    for wanted in (
        "client_header_timeout", "client_body_timeout", "proxy_request_buffering on",
        "client_max_body_size 64m", "location /events/", "location /readyz/",
    ):  # fmt: skip
        assert wanted in text


@pytest.mark.parametrize(
    "head",
    [
        "GET /healthz/?" + "q" * 9_000 + " HTTP/1.1\r\nHost: 127.0.0.1\r\n",
        "GET /healthz/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: " + "x" * 9_000 + "\r\n",
        "GET /healthz/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        + "".join(f"X-{n}: 1\r\n" for n in range(70)),
    ],
)
def test_gunicorn_refuses_oversized_request_heads(web: int, head: str) -> None:
    assert asked(web, "GET /healthz/ HTTP/1.1\r\nHost: 127.0.0.1\r\n").startswith(b"HTTP/1.1 200")
    assert asked(web, head)[9:10] == b"4"


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of gunicorn with the settings it has in production."""
    port = free_port()
    with (tmp_path_factory.mktemp("web") / "log").open("wb") as log:
        command = [str(BIN / "gunicorn"), "b24app.wsgi", "-b", f"127.0.0.1:{port}"]
        child = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    try:
        until(lambda: answers(port), "gunicorn starts")
        yield port
    finally:
        child.terminate()
        child.wait(HANG_SECONDS)


def answers(port: int) -> bool:
    with suppress(OSError):
        return bool(asked(port, "GET /healthz/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"))
    return False


def asked(port: int, head: str) -> bytes:
    """The first bytes of the answer to a request with this head."""
    with socket.create_connection(("127.0.0.1", port), timeout=HANG_SECONDS) as line:
        line.sendall(f"{head}Connection: close\r\n\r\n".encode())
        return line.recv(100)


def test_redis_requires_its_password() -> None:
    command = SERVICES["redis"]["command"]
    assert command[command.index("--requirepass") + 1].startswith("${REDIS_PASSWORD")
    assert SERVICES["redis"]["environment"]["REDISCLI_AUTH"] == "${REDIS_PASSWORD}"
    for name in OURS:
        assert ":${REDIS_PASSWORD}@" in SERVICES[name]["environment"]["REDIS_URL"]
    assert "REDIS_PASSWORD=" in (DEPLOY / "env.example").read_text("utf-8")


@PROXIES
def test_proxy_hides_the_operators_pages_and_lets_metrics_through(name: str) -> None:
    text = (DEPLOY / name).read_text("utf-8")
    (hidden,) = re.findall(r"@inside path (.*)", text)
    assert hidden.split() == ["/readyz/*", "/operator/*"]
    for path in ("/readyz/", "/readyz/all/", "/metrics/"):
        assert resolve(path)
    for asked in re.findall(r"health_uri (.*)", text):
        assert resolve(asked).view_name == "readyz"
    # The app answers to its own name alone, and the proxy's own question is one of these requests.
    assert text.count("Host {$DOMAIN}") == text.count("health_uri")


def test_operator_command_starts_like_the_units() -> None:
    script = (DEPLOY / "systemd" / "linked-orders").read_text("utf-8")
    for path in UNITS:
        service = unit(path)["Service"]
        assert f"--property=EnvironmentFile={service['EnvironmentFile']}" in script
        assert f"--working-directory={service['WorkingDirectory']}" in script
        assert f"--uid={service['User']} --gid={service['Group']}" in script
        assert f"{service['WorkingDirectory']}/.venv/bin/python manage.py" in script


def test_units_have_no_capabilities_and_have_limits() -> None:
    for path in UNITS:
        text = path.read_text("utf-8")
        for line in ("CapabilityBoundingSet=", "SystemCallFilter=@system-service", "UMask=0077"):
            assert re.search(rf"^{line}$", text, re.MULTILINE), (path.name, line)
        assert re.search(r"^MemoryMax=\d+[MG]$", text, re.MULTILINE), path.name

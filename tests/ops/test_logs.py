"""Log records are single lines whatever they contain, plain or JSON, without secrets."""

import io
import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from django.test import Client
from hypothesis import example, given
from hypothesis import strategies as st

from b24app import logs, tracing
from b24app.bitrix24.masking import MaskingFilter
from demo.server import DemoPortal
from testing.opening import ask, install, open_tab
from testing.processes import ROOT

SECRET = "5f2c-never-to-be-read"
# What gunicorn and Django together make of logging in a worker.
HANDLERS = """
import logging, os, sys
sys.argv = ["gunicorn", "b24app.wsgi"]
import django
from gunicorn.app.wsgiapp import WSGIApplication
from gunicorn.glogging import Logger
Logger(WSGIApplication().cfg)
os.environ["DJANGO_SETTINGS_MODULE"] = "b24app.settings"
django.setup()
loggers = [logging.getLogger(), *map(logging.getLogger, logging.root.manager.loggerDict)]
for logger in loggers:
    for handler in logger.handlers:
        if not isinstance(handler, logging.NullHandler):
            print(type(handler.formatter).__name__)
"""


Heard = tuple[logging.Logger, io.StringIO]


@pytest.fixture
def heard() -> Heard:
    """A logger of its own with the handler the settings make for LOG_FORMAT=json."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(logs.formatter("json"))
    handler.addFilter(MaskingFilter())
    handler.addFilter(logs.Traced())
    logger = logging.Logger("tests.logs")
    logger.addHandler(handler)
    return logger, out


def test_each_record_is_one_json_object_with_its_request_id(heard: Heard) -> None:
    logger, out = heard
    logger.warning("before")
    trace = tracing.begin("deal-tab")
    logger.warning("two\nlines of %s", "Ärger", extra={"portal": "a.example"})
    tracing.end()
    first, second = [json.loads(line) for line in out.getvalue().splitlines()]
    assert "request_id" not in first
    assert (second["request_id"], second["origin"]) == (trace.id, "deal-tab")
    assert (second["message"], second["level"]) == ("two\nlines of Ärger", "WARNING")
    assert second["portal"] == "a.example"
    assert second["time"].endswith("+00:00")


def test_tracebacks_are_logged_and_masked(heard: Heard) -> None:
    logger, out = heard
    try:
        raise ValueError(f"https://x.example/?auth={SECRET}")
    except ValueError:
        logger.exception("refused: refresh_token=%s", SECRET)
    (line,) = out.getvalue().splitlines()
    assert SECRET not in line
    assert "Traceback" in json.loads(line)["exception"]


@pytest.fixture(params=["plain", "json"])
def written(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """What the app's own loggers write in one format, as the settings have it."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(logs.formatter(request.param))
    handler.addFilter(MaskingFilter())
    handler.addFilter(logs.Traced())
    logging.getLogger().addHandler(handler)
    yield out
    logging.getLogger().removeHandler(handler)


def is_record(line: str) -> bool:
    return bool(re.match(r"\d{4}-\d\d-\d\d [\d:,]+ [A-Z]+ |\{\"time\"", line))


def is_clean(text: str) -> bool:
    """Nothing but what can be seen, one record or one indented line of a traceback each."""
    lines = text.split("\n")[:-1]
    return all(
        line.isprintable() and (is_record(line) or line.startswith(logs.INDENT)) for line in lines
    )


@pytest.mark.parametrize("kind", ["plain", "json"])
@given(text=st.text(st.characters(), max_size=40), name=st.text(min_size=1, max_size=10))
@example(text="a\n2026-01-01 00:00:00,000 ERROR root [-]: forged", name="b")
@example(text="\r\x85\u2028\u2029\x00\x1b[31m\x7f\ud800\u202e", name="x\n")
def test_outside_text_cannot_break_log_lines(kind: str, text: str, name: str) -> None:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(logs.formatter(kind))
    handler.addFilter(MaskingFilter())
    handler.addFilter(logs.Traced())
    logger = logging.Logger(name)
    logger.addHandler(handler)
    logger.warning("refused: %s", text, extra={"host": text})
    assert out.getvalue().count("\n") == 1
    try:
        raise ValueError(text)
    except ValueError:
        logger.exception(text.replace("%", "%%"), stack_info=True)
    assert is_clean(out.getvalue()), out.getvalue()
    assert sum(map(is_record, out.getvalue().split("\n"))) == 2


@pytest.mark.django_db
def test_portals_error_code_and_a_path_write_no_lines(
    client: Client, portal: DemoPortal, written: io.StringIO
) -> None:
    install(client, portal)
    portal.misbehave("strange_code", times=9)
    assert open_tab(client, portal).state == "failure"
    client.get("/%0a2026-01-01 00:00:00,000 ERROR forged%0d%E2%80%A8/")
    client.get("/", headers={"Host": "a\nb"})
    text = written.getvalue()
    assert "forged" in text
    assert is_clean(text)
    assert not [
        line for line in text.split("\n") if "ERROR forged" in line and "-01-01" in line[:10]
    ]


@pytest.mark.bare
@pytest.mark.parametrize("kind", ["plain", "json"])
def test_every_web_handler_uses_the_json_formatter(kind: str) -> None:
    shown = subprocess.run(
        [sys.executable, "-c", HANDLERS], cwd=ROOT, env=os.environ | {"LOG_FORMAT": kind},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    wanted = "JsonFormatter" if kind == "json" else "PlainFormatter"
    assert set(shown.stdout.split()) == {wanted}


@pytest.mark.django_db
def test_path_writes_no_line_of_its_own(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="b24app.collecting")
    client.get(f"/%0a2026-01-01 ERROR forged%0d/?auth={SECRET}")
    (record,) = [item for item in caplog.records if item.name == "b24app.collecting"]
    assert record.getMessage().startswith("GET /%0A2026-01-01%20ERROR%20forged%0D/: 404")


@pytest.mark.django_db
def test_request_id_of_client_is_ignored(client: Client) -> None:
    own = "f" * 32
    first = client.get("/healthz/", headers={"X-Request-Id": own})["X-Request-Id"]
    assert first != own
    assert client.get("/healthz/")["X-Request-Id"] != first
    assert tracing.current() is None


@pytest.mark.django_db
def test_portal_failure_is_logged_as_one_warning(
    client: Client, portal: DemoPortal, caplog: pytest.LogCaptureFixture
) -> None:
    install(client, portal)
    page = open_tab(client, portal)
    caplog.clear()
    portal.misbehave("html", times=30)
    assert ask(client, page, "/tab/orders/").response.status_code == 504
    logged = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [(record.name, record.levelname) for record in logged] == [
        ("b24app.web.error_states", "WARNING")
    ]
    caplog.clear()
    assert client.get("/readyz/all/").status_code == 503
    logged = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [(record.name, record.levelname) for record in logged] == [("b24app.health", "WARNING")]


def test_server_error_is_logged_as_error() -> None:
    record = logging.makeLogRecord({"status_code": 500, "levelno": logging.ERROR})
    assert logs.Foreseen().filter(record)


@pytest.mark.parametrize(
    ("accepted", "title"),
    [("de-AT,en", "de"), ("ru", "ru"), ("fr", "en"), ("", "en")],
)
def test_unknown_address_is_a_page_in_the_persons_language(
    client: Client, accepted: str, title: str
) -> None:
    answer = client.get("/no/such/<b>page</b>/", headers={"Accept-Language": accepted})
    text = answer.content.decode()
    assert answer.status_code == 404
    assert f'<html lang="{title}">' in text
    assert 'data-state="nowhere"' in text
    assert "<b>page" not in text

"""Lines of the log: one each, whatever is in them; JSON when it is wanted; no secret either way."""

import io
import json
import logging

import pytest
from django.test import Client

from b24app import logs, tracing
from b24app.bitrix24.masking import MaskingFilter
from demo.server import DemoPortal
from tests.opening import ask, install, open_tab

SECRET = "5f2c-never-to-be-read"


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


def test_each_record_is_one_object_with_its_request(heard: Heard) -> None:
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


def test_tracebacks_are_in_the_object_and_masked(heard: Heard) -> None:
    logger, out = heard
    try:
        raise ValueError(f"https://x.example/?auth={SECRET}")
    except ValueError:
        logger.exception("refused: refresh_token=%s", SECRET)
    (line,) = out.getvalue().splitlines()
    assert SECRET not in line
    assert "Traceback" in json.loads(line)["exception"]


@pytest.mark.django_db
def test_a_path_writes_no_line_of_its_own(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="b24app.collecting")
    client.get(f"/%0a2026-01-01 ERROR forged%0d/?auth={SECRET}")
    (record,) = [one for one in caplog.records if one.name == "b24app.collecting"]
    assert record.getMessage().startswith("GET /%0A2026-01-01%20ERROR%20forged%0D/: 404")


@pytest.mark.django_db
def test_an_id_of_the_client_is_not_taken_over(client: Client) -> None:
    own = "f" * 32
    first = client.get("/healthz/", headers={"X-Request-Id": own})["X-Request-Id"]
    assert first != own
    assert client.get("/healthz/")["X-Request-Id"] != first
    assert tracing.current() is None


@pytest.mark.django_db
def test_a_fault_of_the_portal_is_one_warning_and_no_error(
    client: Client, portal: DemoPortal, caplog: pytest.LogCaptureFixture
) -> None:
    install(client, portal)
    page = open_tab(client, portal)
    caplog.clear()
    portal.misbehave("html", times=30)
    assert ask(client, page, "/tab/orders/").response.status_code == 504
    told = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert [(one.name, one.levelname) for one in told] == [("b24app.portals.states", "WARNING")]
    caplog.clear()
    assert client.get("/readyz/all/").status_code == 503
    told = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert [(one.name, one.levelname) for one in told] == [("b24app.health", "WARNING")]


def test_a_500_stays_an_error() -> None:
    record = logging.makeLogRecord({"status_code": 500, "levelno": logging.ERROR})
    assert logs.Foreseen().filter(record)


@pytest.mark.parametrize(
    ("accepted", "title"),
    [("de-AT,en", "de"), ("ru", "ru"), ("fr", "en"), ("", "en")],
)
def test_an_unknown_address_is_a_page_in_the_persons_language(
    client: Client, accepted: str, title: str
) -> None:
    answer = client.get("/no/such/<b>page</b>/", headers={"Accept-Language": accepted})
    text = answer.content.decode()
    assert answer.status_code == 404
    assert f'<html lang="{title}">' in text
    assert 'data-state="nowhere"' in text
    assert "<b>page" not in text

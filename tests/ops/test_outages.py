"""The database away, read-only or full, bodies nobody can read, a bug: a page that says so, everywhere."""

import logging
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
import requests
from cryptography.fernet import Fernet
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, connection
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse
from pytest_django.fixtures import Settings

from demo.server import DemoPortal
from testing import machine
from testing.opening import (
    ANNA,
    CHAIRS_INVOICE,
    ILYA,
    MOCKUP,
    Page,
    ask,
    install,
    launch,
    open_tab,
    seen,
    submit,
)
from testing.ports import free_port
from testing.waiting import HANG_SECONDS, until

pytestmark = pytest.mark.django_db(transaction=True)

UNAVAILABLE = {
    "en": "Linked Orders is temporarily unavailable",
    "ru": "Приложение временно недоступно",
    "de": "Linked Orders ist vorübergehend nicht verfügbar",
}
PLACES = [
    ("CRM_DEAL_DETAIL_TAB", MOCKUP),
    ("CRM_SMART_INVOICE_DETAIL_TAB", CHAIRS_INVOICE),
    ("DEFAULT", 0),
    ("INSTALL", 0),
]
# Answered without the database, and what is no page at all.
ROUTES = sorted(
    reverse(route.name, kwargs=dict.fromkeys(route.pattern.converters, 1))
    for route in get_resolver().url_patterns
    if isinstance(route, URLPattern) and route.name
)


class Outage:
    """A database that fails until it is mended."""

    def __init__(self) -> None:
        self._known = dict(connection.settings_dict)

    def away(self) -> None:
        connection.close()
        nowhere = {"NAME": "/nowhere/app.sqlite3"} if self.sqlite else {"PORT": free_port()}
        connection.settings_dict.update(nowhere)

    def read_only(self) -> None:
        self._run(
            "PRAGMA query_only = ON" if self.sqlite else "SET default_transaction_read_only = on"
        )

    def full(self) -> None:
        """No page is left (SQLite); a job cannot be written for want of room (PostgreSQL)."""
        if not self.sqlite:
            self._run(
                "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END $$"
            )
            self._run(
                "CREATE TRIGGER full_disk BEFORE INSERT ON jobs_job"
                " FOR EACH ROW EXECUTE FUNCTION full_disk()"
            )
            return
        self._run("CREATE TABLE filler (bytes BLOB)")
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA page_count")
            cursor.execute(f"PRAGMA max_page_count = {cursor.fetchone()[0]}")
        for size in (1_000_000, 3_000, 10):
            self._fill(size)

    def mended(self) -> None:
        connection.settings_dict.update(self._known)
        if self.sqlite:
            self._run("PRAGMA max_page_count = 1000000")
            self._run("PRAGMA query_only = OFF")
            self._run("DROP TABLE IF EXISTS filler")
        else:
            self._run("SET default_transaction_read_only = off")
            self._run("DROP FUNCTION IF EXISTS full_disk CASCADE")

    @property
    def sqlite(self) -> bool:
        return connection.vendor == "sqlite"

    def _fill(self, size: int) -> None:
        try:
            while True:
                self._run(f"INSERT INTO filler VALUES (zeroblob({size:d}))")  # noqa: S608
        except DatabaseError:
            return

    def _run(self, sql: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql)


@pytest.fixture
def outage() -> Iterator[Outage]:
    made = Outage()
    yield made
    made.mended()


@pytest.fixture
def tab(client: Client, portal: DemoPortal) -> Page:
    install(client, portal)
    return open_tab(client, portal, user_id=ILYA)


def reference(page: Page, caplog: pytest.LogCaptureFixture) -> str:
    """The reference on a page, which has to be in the log too."""
    found = re.search(r"LO-\w{5}", page.text)
    assert found, page.text
    assert found[0] in caplog.text
    return found[0]


def says(page: Page, state: str, language: str = "en") -> bool:
    return page.state == state and (
        f'<html lang="{language}">' in page.text or "<html" not in page.text
    )


@pytest.mark.parametrize("language", ["en", "ru", "de"])
@pytest.mark.parametrize(("placement", "card"), PLACES)
def test_opening_without_database_shows_retry_page(
    client: Client, portal: DemoPortal, tab: Page, outage: Outage, language: str,
    placement: str, card: int, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    outage.away()
    page = launch(client, portal, placement, ANNA, card, language, {})
    assert page.response.status_code == 503
    assert says(page, "unavailable", language)
    assert UNAVAILABLE[language] in page.text
    assert reference(page, caplog)
    # Whose portal it is cannot be known; the page holds nothing.
    assert "frame-ancestors https: http:" in page.response["Content-Security-Policy"]
    assert portal.domain not in page.text
    action = page.attribute("action")
    again = seen(client.post(action, {"sealed": page.attribute("value")}))
    assert says(again, "unavailable", language)
    outage.mended()
    again = seen(client.post(action, {"sealed": again.attribute("value")}))
    assert again.response.status_code == 200
    assert portal.domain in again.response["Content-Security-Policy"]


# Asked for by programs, which read the status alone.
PLAIN = ("/events/", "/readyz/", "/readyz/all/", "/session/renew/")


def test_every_route_shows_a_page_without_database(
    client: Client, tab: Page, outage: Outage
) -> None:
    outage.away()
    signed = {"Authorization": f"Bearer {tab.session}"}
    for path, headers, send in product(ROUTES, ({}, signed), (client.get, client.post)):
        answer = seen(send(path, headers=headers))
        status = answer.response.status_code
        assert status != 500, path
        if status == 503 and path not in PLAIN:
            assert answer.state == "unavailable", path
            assert answer.response.get("X-Lo-State") == ("1" if headers else None), path


def test_fragment_without_database_reports_it_in_session_language(
    client: Client, portal: DemoPortal, outage: Outage, caplog: pytest.LogCaptureFixture
) -> None:
    install(client, portal)
    page = open_tab(client, portal, lang="de")
    outage.away()
    read = ask(client, page, "/tab/orders/")
    assert (read.response.status_code, read.state) == (503, "unavailable")
    assert UNAVAILABLE["de"] in read.text
    assert reference(read, caplog)
    assert read.attribute("data-again") == "/tab/orders/"
    wrote = submit(client, page, "/tab/link/", {"order": "1|"})
    assert wrote.attribute("data-again") == ""
    assert "gespeichert wurde" in wrote.text
    assert "gespeichert wurde" not in read.text
    job = submit(client, page, "/jobs/1/start/", {})
    assert (job.attribute("data-again"), job.attribute("data-again-in")) == ("/jobs/", "jobs")
    file = submit(client, page, "/tab/export/", {"format": "csv", "all": "on"})
    assert (file.response.status_code, file.state) == (503, "unavailable")
    renewed = submit(client, page, "/session/renew/", {})
    assert (renewed.response.status_code, renewed.response["Content-Type"]) == (
        503,
        "application/json",
    )
    outage.mended()
    assert ask(client, page, "/tab/orders/").order_ids == page.order_ids


def test_public_page_without_the_database_offers_its_own_address_again(
    client: Client, tab: Page, outage: Outage
) -> None:
    outage.away()
    address = "/oauth/connect/?portal=a.example&lang=ru"
    page = seen(client.get(address))
    assert page.response.status_code == 503
    assert says(page, "unavailable", "ru")
    assert 'href="/oauth/connect/?portal=a.example&amp;lang=ru"' in page.text
    assert "frame-ancestors 'none'" in page.response["Content-Security-Policy"]


def test_read_only_database_shows_orders_and_refuses_what_has_to_be_stored(
    client: Client, portal: DemoPortal, tab: Page, outage: Outage
) -> None:
    outage.read_only()
    assert ask(client, tab, "/tab/orders/").order_ids == tab.order_ids
    opened = open_tab(client, portal, user_id=ANNA)
    assert (opened.response.status_code, opened.state) == (503, "unavailable")
    assert submit(client, tab, "/tab/suggestions/dismiss/", {"order": "7"}).state == "unavailable"
    outage.mended()
    assert open_tab(client, portal, user_id=ANNA).order_ids == tab.order_ids


def test_full_database_is_reported_and_job_can_be_created_afterwards(
    client: Client, portal: DemoPortal, tab: Page, outage: Outage
) -> None:
    rows = b"order id,deal\n" + b"".join(b"%d,7021\n" % number for number in range(50_000))
    form = {"kind": "link", "from": "file"}
    outage.full()
    page = submit(client, tab, "/jobs/new/", {**form, "file": SimpleUploadedFile("a.csv", rows)})
    assert (page.response.status_code, page.state) == (503, "unavailable")
    outage.mended()
    page = submit(client, tab, "/jobs/new/", {**form, "file": SimpleUploadedFile("a.csv", rows)})
    assert "data-job-id" in page.text


def too_many_fields(client: Client, headers: dict[str, str]) -> HttpResponse:
    body = {f"f{at}": "" for at in range(5_000)}
    return seen(client.post("/tab/link/" if headers else "/", body, headers=headers)).response


def too_many_bytes(client: Client, headers: dict[str, str]) -> HttpResponse:
    path = "/tab/link/" if headers else "/install/"
    return seen(client.post(path, {"order": "1" * 2_000_000}, headers=headers)).response


def broken_multipart(client: Client, headers: dict[str, str]) -> HttpResponse:
    path, kind = "/tab/link/" if headers else "/", "multipart/form-data; boundary="
    return seen(client.post(path, b"x", content_type=kind, headers=headers)).response


@pytest.mark.parametrize(
    ("send", "status", "state"),
    [
        (too_many_fields, 413, "too-large"),
        (too_many_bytes, 413, "too-large"),
        (broken_multipart, 400, "bad-request"),
    ],
)
def test_unreadable_body_is_answered_with_a_page(
    client: Client, portal: DemoPortal, tab: Page, send: object, status: int, state: str,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    assert callable(send)
    for headers in ({}, {"Authorization": f"Bearer {tab.session}"}):
        page = seen(send(client, headers))
        assert (page.response.status_code, page.state) == (status, state)
        assert reference(page, caplog)
        # In a page that stands, a toast says it, and the page stays.
        assert "X-Lo-State" not in page.response


@pytest.mark.parametrize("path", ["/session/renew/", "/events/"])
def test_a_program_reads_in_the_status_that_its_request_is_at_fault(
    client: Client, tab: Page, path: str
) -> None:
    signed = {"Authorization": f"Bearer {tab.session}"}
    kind = "multipart/form-data; boundary="
    large = client.post(path, {"AUTH_ID": "x" * 2_000_000}, headers=signed)
    many = client.post(path, {f"f{at}": "" for at in range(5_000)}, headers=signed)
    broken = client.post(path, b"x", content_type=kind, headers=signed)
    assert [answer.status_code for answer in (large, many, broken)] == [413, 413, 400]


def test_bug_is_a_page_with_a_reference_that_leads_to_its_traceback(
    client: Client, portal: DemoPortal, tab: Page, settings: Settings,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    client.raise_request_exception = False
    # Stored with a key that nobody has any more.
    settings.TOKEN_KEYS = [Fernet.generate_key().decode()]
    page = open_tab(client, portal, lang="ru")
    assert page.response.status_code == 500
    assert says(page, "unexpected", "ru")
    assert reference(page, caplog)
    assert "UnreadableSecret" not in page.text
    fragment = ask(client, tab, "/tab/orders/")
    assert (fragment.response.status_code, fragment.state) == (500, "unexpected")
    assert fragment.response["X-Lo-State"] == "1"
    assert reference(fragment, caplog)
    logged = [
        record for record in caplog.records if record.levelno >= logging.ERROR and record.exc_info
    ]
    assert logged


@pytest.mark.bare
def test_stopped_postgresql_is_a_page_and_everything_works_once_it_is_back(
    tmp_path: Path,
) -> None:
    with machine.running(tmp_path, postgres=True) as made:

        def opened(placement: str) -> requests.Response:
            opening = made.portal.open(placement, user_id=ANNA, lang="de", entity_id=MOCKUP)
            return requests.post(opening.url, data=dict(opening.form), timeout=HANG_SECONDS)

        assert opened("INSTALL").status_code == 200
        assert opened("CRM_DEAL_DETAIL_TAB").status_code == 200
        made.kill("database")
        for _ in range(3):
            answer = opened("CRM_DEAL_DETAIL_TAB")
            assert answer.status_code == 503
            assert 'data-state="unavailable"' in answer.text
            assert UNAVAILABLE["de"] in answer.text
        found = re.search(r"LO-\w{5}", answer.text)
        assert found
        assert found[0] in (tmp_path / "web.log").read_text("utf-8")
        made.start("database")
        until(lambda: opened("CRM_DEAL_DETAIL_TAB").status_code == 200, "the tab again")

"""The log of requests and answers: what is kept unchanged, hashed or never, and for how long."""

import io
import json
import logging
import re
import zipfile
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from b24app.journal import request_log, tasks
from b24app.journal.models import RequestLog, RequestLogDay, RestCall
from b24app.journal.redaction import MAX_ANSWER, MAX_PARAMETERS, MAX_SHAPE, Redactor
from b24app.portals.models import Portal
from demo.server import DemoPortal
from testing.opening import ANNA, ILYA, MOCKUP, Page, ask, install, open_tab, submit
from tests.console.desk import open_main
from tests.hostile import JSON, TEXT

pytestmark = pytest.mark.django_db

PHONE, MAIL, PERSON = "+7 (916) 123-45-67", "petrov.secret@example.com", "Zinaida Unforgettable"
REMARK = "call after six, 3rd floor"


@pytest.fixture
def known(client: Client, portal: DemoPortal) -> Portal:
    install(client, portal)
    return Portal.objects.get()


@pytest.fixture
def redactor() -> Redactor:
    return Redactor("secret", "member")


def bundle(client: Client, portal: DemoPortal) -> list[Mapping[str, Any]]:
    """The log as the support bundle gives it to an administrator, newest first."""
    page = open_main(client, portal)
    answer = submit(client, page, "/console/support/bundle/", {}).response
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        lines = archive.read("requests.jsonl").decode().splitlines()
    return [json.loads(line) for line in lines]


def work(client: Client, portal: DemoPortal) -> Page:
    """What people do of an afternoon, with customers' data in what they type and in what they see."""
    first = min(portal.state.orders)
    portal.state.orders[first]["userDescription"] = REMARK
    for row in portal.state.properties.of_order(first):
        row["value"] = {"PHONE": PHONE, "EMAIL": MAIL}.get(str(row["code"]), PERSON)
    portal.state.deals[MOCKUP]["TITLE"] = PERSON
    page = open_tab(client, portal, user_id=ILYA)
    ask(client, page, "/tab/suggestions/")
    for text in (PHONE, MAIL, PERSON, "Unforgettable"):
        ask(client, page, "/tab/found/", {"q": text})
    ask(client, page, "/tab/details/", {"order": str(first)})
    ask(client, page, "/tab/details/", {"order": str(page.order_ids[0])})
    submit(client, page, "/tab/unlink/", {"order": f"{page.order_ids[0]}|"})
    return page


def test_ids_codes_and_dates_are_logged_and_customers_hashed(
    client: Client, portal: DemoPortal, known: Portal
) -> None:
    page = work(client, portal)
    entries = bundle(client, portal)
    everything = json.dumps(entries, ensure_ascii=False)
    for hidden in (PHONE, MAIL, PERSON, REMARK, "Unforgettable", "petrov", "9161234567"):
        assert hidden not in everything
    people = [
        text for user in portal.state.users.values() for text in (user.name, user.last_name) if text
    ]
    assert [person for person in people if re.search(rf"\b{person}\b", everything)] == []
    opening = next(
        item for item in reversed(entries) if "crm.deal.get" in item.get("parameters", "")
    )
    assert f'"crm.deal.get":{{"id":{MOCKUP}}}' in opening["parameters"]
    written = next(
        record for record in entries if "crm.orderentity.deleteByFilter" in record["parameters"]
    )
    assert f'"orderId":{page.order_ids[0]}' in written["parameters"]
    assert '"ownerTypeId":2' in written["parameters"]
    assert re.search(r'"dateInsert\W+\d{4}-\d\d-\d\dT', everything)
    # What was typed can be compared with what it was compared with, and read by nobody.
    assert re.search(r"#[0-9a-f]{12}", everything)
    assert opening["bytes"] > 1_000
    assert "×" in opening["shape"]
    assert {record["request"] for record in entries} <= {
        f"{row.request_id}-{row.call_id}" for row in RestCall.objects.all()
    }


def test_no_token_is_stored_even_hashed(
    client: Client, portal: DemoPortal, known: Portal, redactor: Redactor
) -> None:
    work(client, portal)
    everything = json.dumps(bundle(client, portal))
    for secret in (*portal.state.access, portal.client_secret, portal.state.app.application_token):
        assert secret not in everything
    shown = redactor.parameters({"auth": "t0ken-value", "CODE": "oauth-code", "password": "p"})
    assert json.loads(shown) == {"auth": "***", "CODE": "***", "password": "***"}


def test_request_log_is_encrypted_and_only_in_the_bundle(
    client: Client, portal: DemoPortal, known: Portal
) -> None:
    work(client, portal)
    with connection.cursor() as cursor:
        cursor.execute("SELECT content FROM journal_requestlog")
        stored = [row[0] for row in cursor.fetchall()]
    assert stored
    assert not [item for item in stored if "crm." in item or "orderId" in item]
    page = open_main(client, portal)
    assert "parameters" not in ask(client, page, "/console/support/").text
    other = submit(client, open_tab(client, portal, user_id=ILYA), "/console/support/bundle/", {})
    assert other.response.status_code == 403


def test_another_portals_requests_are_in_no_bundle(
    client: Client, portal: DemoPortal, known: Portal
) -> None:
    work(client, portal)
    other = Portal.objects.create(member_id="b" * 32, endpoint="https://other.example/rest/")
    RequestLog.objects.update(portal=other)
    others = {f"{log.request_id}-{log.call_id}" for log in RequestLog.objects.all()}
    latest = bundle(client, portal)
    assert others
    assert not others & {record["request"] for record in latest}
    assert Redactor("s", "a").hashed("x") != Redactor("s", "b").hashed("x")
    assert Redactor("s", "a").hashed("x") == Redactor("s", "a").hashed("x")


def test_error_texts_keep_known_words_and_hash_others(
    client: Client, portal: DemoPortal, known: Portal, redactor: Redactor
) -> None:
    portal.misbehave("no_read", method="crm.orderentity.list")
    open_tab(client, portal)
    assert any("Access Denied" in record.get("errors", "") for record in bundle(client, portal))
    shown = redactor.error_text("Access denied for Ivanov, call +7916")
    assert shown.startswith("Access denied for #")
    assert "Ivanov" not in shown
    assert "7916" not in shown


def test_entries_are_deleted_after_three_days(
    client: Client, portal: DemoPortal, known: Portal
) -> None:
    open_tab(client, portal)
    now = timezone.now()
    for hours in (71, 73):
        RequestLog.objects.create(portal=known, at=now - timedelta(hours=hours), content="{}")
    RequestLogDay.objects.create(portal=known, day=(now - timedelta(days=6)).date())
    count = RequestLog.objects.count()
    tasks.forget_requests()
    assert RequestLog.objects.count() == count - 1
    assert RequestLogDay.objects.count() == 1


def test_erasing_a_portal_erases_its_request_log(
    client: Client, portal: DemoPortal, known: Portal
) -> None:
    open_tab(client, portal)
    assert RequestLog.objects.of(known).exists()
    known.delete()
    assert not RequestLog.objects.exists()
    assert not RequestLogDay.objects.exists()


def test_daily_limit_keeps_shapes_then_nothing(
    client: Client, portal: DemoPortal, known: Portal
) -> None:
    days = RequestLogDay.objects.filter(portal=known)
    days.update(stored=request_log.SHAPES_BEYOND - 10)
    open_tab(client, portal)
    newest = next(iter(request_log.read(known)))
    assert "shape" in newest
    assert not {"parameters", "answer"} & set(newest)
    days.update(stored=request_log.MAX_BYTES - 10)
    count = RequestLog.objects.count()
    open_tab(client, portal)
    assert RequestLog.objects.count() == count
    assert days.get().stored == request_log.MAX_BYTES - 10


def test_day_counts_the_bytes_that_are_stored(
    client: Client, portal: DemoPortal, known: Portal
) -> None:
    work(client, portal)
    with connection.cursor() as cursor:
        cursor.execute("SELECT SUM(LENGTH(content)) FROM journal_requestlog")
        (stored,) = cursor.fetchone()
    assert RequestLogDay.objects.get(portal=known).stored == stored


def test_rotated_keys_decrypt_and_lost_key_hides_only_its_rows(
    client: Client, portal: DemoPortal, known: Portal, settings: Settings
) -> None:
    open_tab(client, portal)
    settings.TOKEN_KEYS = [Fernet.generate_key().decode(), *settings.TOKEN_KEYS]
    call_command("rotate_token_keys", stdout=io.StringIO())
    settings.TOKEN_KEYS = settings.TOKEN_KEYS[:1]
    assert all("shape" in record for record in request_log.read(known))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE journal_requestlog SET content = 'gone' WHERE id = %s", [
            RequestLog.objects.values_list("pk", flat=True).earliest("pk")
        ])  # fmt: skip
    entries = list(request_log.read(known))
    assert [record for record in entries if "unreadable" in record] == entries[-1:]


def test_failed_log_write_does_not_fail_the_request(
    client: Client, portal: DemoPortal, known: Portal, caplog: pytest.LogCaptureFixture
) -> None:
    RestCall.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE journal_requestlog RENAME TO away")
        page = open_tab(client, portal)
        cursor.execute("ALTER TABLE away RENAME TO journal_requestlog")
    assert len(page.order_ids) == 9
    assert RestCall.objects.exists()
    assert [record for record in caplog.records if record.levelno == logging.ERROR]


def test_opening_adds_two_statements_after_the_answer(
    client: Client, portal: DemoPortal, known: Portal
) -> None:
    opening = portal.open("CRM_DEAL_DETAIL_TAB", user_id=ANNA, lang="en", entity_id=MOCKUP)
    with CaptureQueriesContext(connection) as queries:
        client.post(opening.url, dict(opening.form))
    statements = [query["sql"] for query in queries]
    own = [at for at, sql in enumerate(statements) if "journal_requestlog" in sql]
    assert len(own) == 2
    # Nothing of the page follows them.
    assert not [sql for sql in statements[own[0] :] if "journal" not in sql and "POINT" not in sql]


@given(name=TEXT, value=st.text(min_size=3, max_size=40), more=JSON)
def test_text_is_hashed_unless_its_format_is_allowed(name: str, value: str, more: object) -> None:
    redactor = Redactor("secret", "member")
    planted = f"<{value}>"
    body = {
        name: planted,
        "id": planted,
        "dateInsert": planted,
        "filter": {"%title": planted},
        "x": more,
    }
    for text in (redactor.parameters(body), redactor.answer([body]), redactor.shape(body)):
        assert planted not in text
        assert json.dumps(planted)[1:-1] not in text


@given(value=JSON)
def test_any_json_can_be_masked_and_stays_small(value: object) -> None:
    redactor = Redactor("secret", "member")
    assert len(redactor.parameters({"a": [value] * 500})) <= MAX_PARAMETERS
    assert len(redactor.answer({"result": [value] * 500})) <= MAX_ANSWER
    assert len(redactor.shape({"result": [value] * 500})) <= MAX_SHAPE

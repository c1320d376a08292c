"""The operator's commands: portals, doctor, support bundle."""

import io
import json
import re
import socket
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from b24app import heartbeat
from b24app.counters import QUEUES
from b24app.events.models import InboxEvent
from b24app.journal import bundle
from b24app.journal.models import RestCall
from b24app.portals.fields import Secret
from b24app.portals.models import Portal, PortalUser
from demo.server import DemoPortal
from testing.opening import ANNA, MARIA, install, open_tab, submit

pytestmark = pytest.mark.django_db


@pytest.fixture
def known(client: Client, portal: DemoPortal) -> Portal:
    install(client, portal)
    return Portal.objects.get()


@pytest.fixture
def stranger() -> Portal:
    return Portal.objects.create(
        member_id="stranger", endpoint="https://stranger.example/rest/", application_token="s" * 20
    )


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """What the operator types when asked."""
    return lambda text: monkeypatch.setattr("sys.stdin", io.StringIO(f"{text}\n"))


def run(*command: str) -> str:
    out = io.StringIO()
    call_command(*command, stdout=out)
    return out.getvalue()


def failing(*command: str) -> tuple[str, str]:
    """What was printed, and why it ended with 1."""
    out = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command(*command, stdout=out)
    return out.getvalue(), str(caught.value)


def test_portals_are_listed_and_filtered(known: Portal, stranger: Portal) -> None:
    line = f"{known.member_id}  {known.host}  installed "
    both = run("portals", "list")
    assert line in both
    assert "stranger.example" in both
    assert "access live, people 1" in both
    assert run("portals", "list", "stranger.").count("\n") == 1
    assert "access none, people 0" in run("portals", "list", "stranger.")
    assert run("portals", "list", "nowhere") == ""


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("list",), "no portal yet"),
        (("list", "nowhere"), "no portal matches nowhere"),
        (("health",), "no portal has the app installed"),
        (("rebind", "--all"), "no portal has the app installed"),
    ],
)
def test_a_command_that_finds_no_portal_says_so(command: tuple[str, ...], said: str) -> None:
    out, err = io.StringIO(), io.StringIO()
    call_command("portals", *command, stdout=out, stderr=err)
    assert (out.getvalue(), err.getvalue().strip()) == ("", said)


def test_healthy_portal_is_reported(known: Portal) -> None:
    assert run("portals", "health", known.member_id).strip().endswith("ok")


def test_problems_are_named(
    client: Client, portal: DemoPortal, known: Portal, stranger: Portal
) -> None:
    InboxEvent.objects.create(portal=known, name="ONAPPTEST", state="failed")
    InboxEvent.objects.update(received_at=known.installed_at.replace(year=2020))
    portal.state.app.scope = ["crm", "sale", "placement"]
    portal.state.placements.clear()
    output, why = failing("portals", "health")
    assert why == "2 with troubles"
    ours, theirs = output.splitlines()
    assert "permissions alert: missing user_brief" in ours
    assert "places alert: missing CRM_DEAL_DETAIL_TAB" in ours
    assert "1 events failed" in ours
    assert "no installer" in theirs
    portal.misbehave("portal_deleted")
    output, _ = failing("portals", "health", known.member_id)
    assert "does not answer as it should: PORTAL_DELETED" in output
    portal.kill_tokens()
    assert "does not answer" in failing("portals", "health", known.member_id)[0]
    PortalUser.objects.update(tokens=PortalUser.Tokens.DEAD)
    assert "access has ended" in failing("portals", "health", known.member_id)[0]


def test_portal_is_bound_again(portal: DemoPortal, known: Portal, stranger: Portal) -> None:
    before = list(portal.state.placements)
    portal.state.placements.clear()
    assert "tabs: done" in run("portals", "rebind", known.member_id)
    assert len(portal.state.placements) == len(before)
    portal.misbehave("no_scope", method="event.get", times=5)
    output, why = failing("portals", "rebind", known.member_id)
    assert why == "not complete"
    assert "insufficient_scope" in output
    assert "administrator" in failing("portals", "rebind", "stranger")[1]
    assert failing("portals", "rebind", "no'body")[1] == "no portal no'body"


def test_erase_asks_first_and_erases_one_portal(
    client: Client,
    portal: DemoPortal,
    known: Portal,
    stranger: Portal,
    typed: Callable[[str], None],
) -> None:
    open_tab(client, portal)
    typed("yes")
    assert failing("portals", "erase", known.member_id)[1] == "nothing was erased"
    assert Portal.objects.count() == 2
    typed(known.member_id)
    assert f"{known.host} erased" in run("portals", "erase", known.member_id)
    assert list(Portal.objects.all()) == [stranger]
    assert not RestCall.objects.exists()
    assert not PortalUser.objects.exists()
    run("portals", "erase", "stranger", "--yes")
    assert not Portal.objects.exists()


def contents(packed: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_bundle_has_support_data_and_no_secret(
    client: Client,
    portal: DemoPortal,
    known: Portal,
    stranger: Portal,
    settings: Settings,
    tmp_path: Path,
) -> None:
    page = open_tab(client, portal, user_id=MARIA)
    portal.misbehave("no_write", method="crm.orderentity.add")
    free = next(pk for pk in portal.state.orders if portal.link_of(pk) is None)
    submit(client, page, "/tab/link/", {"order": f"{free}|"})
    InboxEvent.objects.create(
        portal=known, name="ONAPPTEST", data={"a": "1"}, sealed=Secret('{"application_token": "x"}')
    )
    InboxEvent.objects.create(portal=stranger, name="ONSTRANGER")
    path = tmp_path / "bundle.zip"
    assert run("support_bundle", known.member_id, str(path)).strip() == str(path)
    files = contents(path.read_bytes())
    assert set(files) == {
        "about.txt", "versions.json", "settings.json", "health.json", "portal.json",
        "people.jsonl", "calls.jsonl", "requests.jsonl", "events.jsonl",
    }  # fmt: skip
    saved = json.loads(files["portal.json"])
    assert (saved["member_id"], saved["has_application_token"]) == (known.member_id, True)
    assert json.loads(files["health.json"])["redis"] == "ok"
    calls = [json.loads(line) for line in files["calls.jsonl"].splitlines()]
    assert {"200040300020": 1} in [call["failures"] for call in calls]
    assert {call["portal_id"] for call in calls} == {known.pk}
    people = [json.loads(line) for line in files["people.jsonl"].splitlines()]
    assert {person["user_id"] for person in people} == {ANNA, MARIA}
    everything = "".join(files.values())
    assert "ONAPPTEST" in everything
    forbidden = {
        *portal.state.access, portal.client_secret, portal.state.app.application_token,
        settings.SECRET_KEY, *settings.TOKEN_KEYS, "ONSTRANGER", "stranger",
        *PortalUser.objects.values_list("name", flat=True),
    }  # fmt: skip
    assert [item for item in forbidden if item in everything] == []


def test_bundle_without_redis_reports_it(known: Portal, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert json.loads(contents(bundle.made(known))["health.json"])["redis"].startswith("away")


def test_bundle_of_unknown_portal_is_refused(known: Portal) -> None:
    assert failing("support_bundle", "nobody")[1] == "no portal nobody"


def everything_runs() -> None:
    heartbeat.beat(QUEUES, "worker@here")
    heartbeat.beat([heartbeat.BEAT], "beat@here")


def test_doctor_reports_all_ok(portal: DemoPortal, known: Portal) -> None:
    everything_runs()
    output = run("doctor")
    for line in (
        "warn  settings: B24_ALLOW_HTTP is on",
        "ok    database: ",
        "ok    keys: TOKEN_KEYS read all of 2 rows",
        "ok    redis: ",
        "ok    worker interactive: worker@here; latest sign",
        "ok    worker bulk: worker@here; latest sign",
        "ok    beat: beat@here; latest sign",
        f"ok    authorization server: {portal.oauth_url} answers (invalid_grant)",
        "ok    clock: ",
    ):
        assert line in output
    assert "wrong" not in output


def test_doctor_reports_problems(portal: DemoPortal, known: Portal, settings: Settings) -> None:
    settings.DEBUG = True
    settings.B24_CLIENT_SECRET = "another"
    settings.TOKEN_KEYS = [Fernet.generate_key().decode()]
    output, why = failing("doctor")
    assert why == "not everything is there"
    assert "wrong settings: DEBUG is on" in output
    assert "wrong authorization server: B24_CLIENT_ID or B24_CLIENT_SECRET is not known" in output
    assert "wrong keys: Portal.application_token" in output
    assert "wrong worker interactive: no sign of life: celery -A b24app worker -Q inter" in output
    assert "wrong beat: no sign of life: celery -A b24app beat" in output


def test_doctor_continues_if_a_part_is_missing(known: Portal, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    settings.B24_OAUTH_URL = "http://127.0.0.1:1"
    output, _ = failing("doctor")
    assert "wrong the redis: ConnectionError" in output
    assert "wrong authorization server: http://127.0.0.1:1: CONNECT_FAILED" in output
    assert "ok    database: " in output


@pytest.fixture
def wrong_clock() -> Iterator[str]:
    """The address of an authorization server that lives in another year."""
    body = b'{"error": "invalid_grant"}'
    head = (
        "HTTP/1.1 400 Bad Request\r\nDate: Tue, 01 Jan 2030 00:00:00 GMT\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )

    def answer() -> None:
        for _ in range(2):
            connection, _ = listening.accept()
            with connection:
                connection.recv(10_000)
                connection.sendall(head.encode() + body)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=answer)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        thread.join(10)


def test_doctor_compares_clocks(known: Portal, settings: Settings, wrong_clock: str) -> None:
    everything_runs()
    settings.B24_OAUTH_URL = wrong_clock
    output, _ = failing("doctor")
    assert re.search(r"wrong clock: \d{5,} s from the authorization server's", output)
    assert [line for line in output.splitlines() if line.startswith("wrong")] == [
        line for line in output.splitlines() if "clock:" in line and "redis" not in line
    ]


def unreadable(portal: Portal) -> None:
    """An old key was dropped too early: no key decrypts what is stored."""
    with connection.cursor() as cursor:
        sealed = Fernet(Fernet.generate_key()).encrypt(b"old").decode()
        cursor.execute(
            "UPDATE portals_portal SET application_token = %s WHERE id = %s", [sealed, portal.pk]
        )


def test_portals_are_listed_in_one_query_whatever_the_keys(known: Portal, stranger: Portal) -> None:
    Portal.objects.bulk_create(
        Portal(member_id=f"m{n}", endpoint=f"https://p{n}.example/rest/") for n in range(20)
    )
    unreadable(stranger)
    with CaptureQueriesContext(connection) as queries:
        output = run("portals", "list")
    assert output.count("\n") == 22
    assert "stranger  stranger.example  installed" in output
    assert len(queries) == 1


def test_unreadable_key_is_reported_and_next_portal_checked(
    known: Portal, stranger: Portal
) -> None:
    unreadable(stranger)
    output, why = failing("portals", "health")
    assert why == "1 with troubles"
    ours, theirs = output.splitlines()
    assert ours.endswith("ok")
    assert "no key of TOKEN_KEYS fits; put the old key back" in theirs
    assert "put the old key back" in failing("portals", "rebind", "stranger")[1]
    for command in (
        ("portals", "erase", "stranger", "--yes"),
        ("support_bundle", "stranger"),
        ("rotate_token_keys",),
    ):
        assert "put the old key back" in failing(*command)[1]


def test_all_portals_are_bound_anew_and_the_failed_ones_are_named(
    portal: DemoPortal, known: Portal, stranger: Portal
) -> None:
    portal.state.placements.clear()
    output, why = failing("portals", "rebind", "--all")
    assert portal.state.placements
    assert why == "1 not complete"
    ours, theirs = output.splitlines()
    assert ours == f"{known.member_id}  {known.host}  done"
    assert theirs.startswith("stranger  stranger.example  nobody's access is left")
    stranger.delete()
    assert run("portals", "rebind", "--all").endswith("done\n")


def test_bundle_goes_to_standard_output_where_no_file_can_be_written(
    known: Portal, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    _, why = failing("support_bundle", known.member_id, str(tmp_path / "none" / "bundle.zip"))
    assert why.endswith(
        "cannot be written (No such file or directory); - writes to standard output"
    )
    capfdbinary.readouterr()
    call_command("support_bundle", known.member_id, "-")
    sys.stdout.flush()
    assert "portal.json" in contents(capfdbinary.readouterr().out)

"""The journal of calls found by what a person was shown, and the bundle for support."""

import re
import zipfile
from io import BytesIO

import pytest
from django.test import Client
from django.urls import reverse

from b24app.journal.models import RestCall
from b24app.portals.models import Portal, PortalUser
from demo.server import DemoPortal
from testing.markup import attributes
from testing.opening import Page, ask, submit
from tests.console.desk import at_work

pytestmark = pytest.mark.django_db

SUPPORT = "/console/support/"


def shown(page: Page) -> list[str]:
    return attributes(page.text, "[data-call]", "data-call")


def test_reference_finds_the_calls(client: Client, portal: DemoPortal) -> None:
    page = at_work(client, portal)
    portal.misbehave("no_read", method="crm.orderentity.list")
    refused = ask(client, page, reverse("console-links"))
    reference = re.findall(r"LO-\w{5}", refused.text)[0]
    found = ask(client, page, f"{SUPPORT}?q={reference.lower()}")
    (call,) = RestCall.objects.filter(reference=reference)
    assert shown(found) == [call.call_id]
    assert "200040300010" in found.text
    assert shown(ask(client, page, f"{SUPPORT}?q={call.request_id}-{call.call_id}")) == [
        call.call_id
    ]
    assert call.call_id in shown(ask(client, page, f"{SUPPORT}?q=crm.orderentity.list&failed=on"))


@pytest.mark.parametrize("text", ["LO-22222", "no.such.method", "f" * 32, "<b>", "x" * 500])
def test_unknown_reference_is_not_found(client: Client, portal: DemoPortal, text: str) -> None:
    page = at_work(client, portal)
    answer = ask(client, page, f"{SUPPORT}?q={text}")
    assert (answer.response.status_code, shown(answer)) == (200, [])
    assert 'value="<b>"' not in answer.text


def test_calls_of_another_portal_are_not_shown(client: Client, portal: DemoPortal) -> None:
    page = at_work(client, portal)
    other = Portal.objects.create(member_id="b" * 32, endpoint=f"{portal.url}/rest/")
    RestCall.objects.update(portal=other, call_id="stranger")
    assert "stranger" not in ask(client, page, SUPPORT).text


def test_support_page_sends_no_portal_request(client: Client, portal: DemoPortal) -> None:
    page = at_work(client, portal)
    requests = portal.rest.requests
    ask(client, page, SUPPORT)
    submit(client, page, reverse("console-bundle"), {})
    assert portal.rest.requests == requests


def test_bundle_contains_no_secret_and_no_name(client: Client, portal: DemoPortal) -> None:
    page = at_work(client, portal)
    answer = submit(client, page, reverse("console-bundle"), {})
    archive = zipfile.ZipFile(BytesIO(answer.response.content))
    text = "".join(archive.read(name).decode() for name in archive.namelist())
    anna = PortalUser.objects.get()
    secrets = [anna.access_token, anna.refresh_token, Portal.objects.get().application_token]
    assert not [secret for secret in [*secrets, "Schmidt"] if secret in text]
    assert "calls.jsonl" in archive.namelist()
    assert answer.response["Content-Disposition"].startswith('attachment; filename="linked-orders-')

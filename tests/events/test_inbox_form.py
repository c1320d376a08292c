"""The form of an event: the fields that are read, and forms that are refused."""

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from b24app.events import inbox
from b24app.events.inbox import BadEvent
from b24app.events.models import ChangeNotice
from demo.server import DemoPortal
from tests.events.posting import form


def test_documented_fields_are_read() -> None:
    incoming = inbox.read(
        {
            "event": "OnAppUninstall",
            "data[CLEAN]": "1",
            "data[FIELDS][ID]": "300",
            "auth[member_id]": "a223c6b3710f85df22e9377d6c4f7553",
            "auth[application_token]": "51856fefc120afa4b628cc82d3935cce",
            "auth[access_token]": "f1a2",
        }
    )
    assert incoming == inbox.Incoming(
        name="ONAPPUNINSTALL",
        member_id="a223c6b3710f85df22e9377d6c4f7553",
        application_token="51856fefc120afa4b628cc82d3935cce",
        access_token="f1a2",
        entity="300",
        clean="1",
    )


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"event": ""},
        {"event": "<script>", "auth[member_id]": "a"},
        {"event": "ONAPPINSTALL", "auth[member_id]": "1" * 1_001},
        {"event": "ONAPPINSTALL", "auth[access_token]": "1" * 1_001},
        {"event": "ONAPPINSTALL", "data[CLEAN]": "nothing\0"},
    ],
)
def test_hostile_forms_are_refused(fields: dict[str, str]) -> None:
    with pytest.raises(BadEvent):
        inbox.read(fields)


@given(st.dictionaries(st.text(alphabet="event[]dataauth\x00 x"), st.text()))
def test_any_event_form_is_read_or_refused(fields: dict[str, str]) -> None:
    try:
        incoming = inbox.read(fields)
    except BadEvent:
        return
    assert incoming.name.isupper()


@pytest.mark.django_db
def test_form_with_too_many_fields_is_refused(client: Client, known: DemoPortal) -> None:
    body = "&".join(f"data[{number}]=1" for number in range(501))
    assert client.post("/events/", body, "application/x-www-form-urlencoded").status_code == 403


@pytest.mark.django_db
def test_multipart_form_is_read_too(client: Client, known: DemoPortal) -> None:
    body = form(known, "ONCRMDEALUPDATE", {"[FIELDS][ID]": "7"})
    assert client.post("/events/", body).status_code == 204
    assert ChangeNotice.objects.get().entity == 7

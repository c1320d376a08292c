"""The event form: PHP's brackets become a tree, hostile forms are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b24app.events import inbox
from b24app.events.inbox import BadEvent


def test_brackets_become_a_tree() -> None:
    incoming = inbox.read(
        [
            ("event", "OnAppUninstall"),
            ("data[CLEAN]", "1"),
            ("data[FIELDS][ID]", "300"),
            ("auth[member_id]", "a223c6b3710f85df22e9377d6c4f7553"),
            ("auth[application_token]", "51856fefc120afa4b628cc82d3935cce"),
        ]
    )
    assert incoming.name == "ONAPPUNINSTALL"
    assert incoming.data == {"CLEAN": "1", "FIELDS": {"ID": "300"}}
    assert incoming.auth["member_id"] == "a223c6b3710f85df22e9377d6c4f7553"


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [("event", "ONAPPINSTALL")],
        [("event", "<script>"), ("auth[member_id]", "a")],
        [("event", "ONAPPINSTALL"), ("auth", "text")],
        [("event", "ONAPPINSTALL"), ("auth[a][b][c][d][e][f]", "deep")],
        [("event", "ONAPPINSTALL"), ("auth", "text"), ("auth[x]", "1")],
        [("event", "ONAPPINSTALL"), ("auth[x]", "1" * 10_001)],
        [("event", "ONAPPINSTALL"), ("auth[x]", "1"), ("data[x]", "nothing\0")],
        [("event", "ONAPPINSTALL"), *((f"data[{n}]", "1") for n in range(501))],
    ],
)
def test_hostile_forms_are_refused(fields: list[tuple[str, str]]) -> None:
    with pytest.raises(BadEvent):
        inbox.read(fields)


@given(st.lists(st.tuples(st.text(alphabet="event[]dataauth\x00 x"), st.text())))
def test_any_form_is_read_or_refused(fields: list[tuple[str, str]]) -> None:
    try:
        incoming = inbox.read(fields)
    except BadEvent:
        return
    assert incoming.name.isupper()

"""Whatever is posted to us as an opening or a session is read into its form, or refused."""

from dataclasses import replace

import pytest
from django.core import signing
from django.test import RequestFactory
from hypothesis import example, given
from hypothesis import strategies as st

from b24app.portals import launch
from b24app.portals.launch import Posted, Refused
from b24app.web import entry, session
from b24app.web.session import NoSession, Session
from testing.opening import MOCKUP
from tests.hostile import TEXT

OPTIONS = TEXT | st.sampled_from(
    ['{"ID":"7"}', '{"ID":7}', '{"ID":-1}', '{"ID":true}', '{"ID":[1]}', '{"ID":"9999999999999999"}',
     '{"ID":1e3}', "[]", "[1]", "[" * 5000, '{"ID":"٣"}', "null", '{"ID":"7","ID":"8"}']
)  # fmt: skip
FIELDS = (
    "member_id", "AUTH_ID", "REFRESH_ID", "AUTH_EXPIRES", "APPLICATION_TOKEN", "PLACEMENT",
)  # fmt: skip
SOUND = {"member_id": "m1", "AUTH_ID": "a" * 20, "REFRESH_ID": "r" * 20, "PLACEMENT": "DEFAULT"}
FORM = st.builds(
    lambda broken, options: {**SOUND, **broken, "PLACEMENT_OPTIONS": options},
    st.dictionaries(st.sampled_from(FIELDS), TEXT, max_size=3),
    OPTIONS,
)
GOOD = Session(7, "CRM_DEAL_DETAIL_TAB", 2, MOCKUP, "en")


@given(st.fixed_dictionaries({"LANG": TEXT}), FORM)
@example({"LANG": "en"}, {})
def test_any_form_becomes_opening_or_is_refused(
    query: dict[str, str], form: dict[str, str]
) -> None:
    try:
        posted = launch.read(query, form)
    except Refused:
        return
    assert 0 <= posted.entity_id < 10**15
    assert posted.placement.isascii()
    assert posted.member_id == form["member_id"]
    assert posted.member_id.isascii()
    assert entry.language(posted.language) in entry.LANGUAGES
    # A token may be made to look like something else that may be read.
    assert form["AUTH_ID"] not in repr(replace(posted, member_id="", placement=""))
    assert launch.unsealed(launch.sealed(posted)) == posted


@given(TEXT | st.text(alphabet="gAAAAAB-_=", max_size=80))
def test_only_own_sealed_values_are_unsealed(text: str) -> None:
    with pytest.raises(Refused):
        launch.unsealed(text)


def read(header: str) -> Session:
    return session.read(RequestFactory().get("/", headers={"Authorization": header}))


@given(TEXT | TEXT.map("Bearer {}".format) | st.text(max_size=60).map("Bearer {}:x:y".format))
def test_invented_session_is_rejected(header: str) -> None:
    with pytest.raises(NoSession) as caught:
        read(header)
    assert not caught.value.ended


@given(st.integers(0, 400), st.characters(codec="ascii", categories=("L", "N")))
def test_session_with_changed_letter_is_rejected(place: int, letter: str) -> None:
    token = GOOD.token()
    place %= len(token)
    changed = token[:place] + letter + token[place + 1 :]
    if changed == token:
        assert read(f"Bearer {token}") == GOOD
        return
    with pytest.raises(NoSession):
        read(f"Bearer {changed}")


@given(
    st.builds(
        Session,
        st.integers(0, 2**62),
        TEXT.filter(lambda text: len(text) < 64),
        st.integers(0, 2**31),
        st.integers(0, 2**62),
        st.sampled_from(entry.LANGUAGES),
    )
)
def test_signed_session_is_read_back(given_: Session) -> None:
    assert read(f"Bearer {given_.token()}") == given_


@given(st.lists(TEXT | st.integers(), max_size=7))
def test_other_signed_value_is_not_accepted_as_session(value: list[object]) -> None:
    """Everything signed here has a salt of its own: an undo token, say, opens nothing."""
    for salt in ("b24app.tab.undo", "b24app.install.oauth_connect", ""):
        with pytest.raises(NoSession):
            read(f"Bearer {signing.dumps(value, salt=salt)}")


@given(TEXT)
def test_any_language_maps_to_supported_language(code: str) -> None:
    assert entry.language(code) in entry.LANGUAGES


def test_opening_hides_its_tokens() -> None:
    posted = launch.read({}, SOUND)
    assert isinstance(posted, Posted)
    assert "aaaa" not in repr(posted)
    assert "rrrr" not in repr(posted)

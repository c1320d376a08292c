"""Any answer of a portal or authorization server is read or raises an error of ours."""

import contextlib
import json
import math

from hypothesis import example, given
from hypothesis import strategies as st

from b24app.bitrix24 import answers, batch, errors
from b24app.bitrix24.answers import Answer
from b24app.bitrix24.batch import Command
from b24app.bitrix24.grants import Grant, TokenInfo
from tests.hostile import JSON, TEXT, objects

SECRET = "token-SECRET-of-ours"
ENVELOPE = objects("result", "error", "error_description", "total", "next", "time")
TIME = objects("duration", "processing", "operating", "operating_reset_at", "finish")
GRANT = objects(
    "access_token", "refresh_token", "expires_in", "client_endpoint", "server_endpoint",
    "member_id", "user_id", "scope", "status", "client_id", "install", "uri",
)  # fmt: skip
STATUS = st.integers(100, 599)


@given(STATUS, st.binary(max_size=60) | ENVELOPE.map(lambda record: json.dumps(record).encode()))
@example(200, b"[" * 100_000)
@example(200, b'{"error": "' + SECRET.encode() + b'"}')
@example(200, b'{"error": 1, "error_description": "' + SECRET.encode() + b'"}')
def test_any_body_becomes_object_or_error(status: int, content: bytes) -> None:
    refusal: errors.BitrixError | None = None
    try:
        payload = answers.decode(status, content, secrets=(SECRET,))
    except errors.BitrixError as error:
        refusal = error
    if refusal is None:
        assert isinstance(payload, dict)
        assert status < 300
    else:
        assert SECRET not in refusal.description
        assert len(refusal.description) <= errors.DESCRIPTION_LIMIT


@given(ENVELOPE | st.fixed_dictionaries({"result": JSON, "time": TIME}))
def test_any_envelope_becomes_answer_or_incomplete_error(payload: dict[str, object]) -> None:
    with contextlib.suppress(errors.IncompleteAnswer):
        answer = answers.answer(payload)
        assert answer.total is None or isinstance(answer.total, int)
        assert answer.next is None or isinstance(answer.next, int)


@given(
    objects("result", "result_error", "result_total", "result_next", "result_time")
    | st.fixed_dictionaries(
        {"result": JSON, "result_error": st.dictionaries(st.sampled_from("ab"), ENVELOPE)}
    ),
    st.booleans(),
)
def test_every_command_of_a_batch_has_its_outcome(result: object, halt: bool) -> None:
    commands = {"a": Command("crm.deal.get"), "b": Command("crm.deal.update", write=True)}
    found = batch.outcomes(commands, result, halt=halt)
    assert list(found) == ["a", "b"]
    assert all(isinstance(item, Answer | errors.BitrixError) for item in found.values())


SOUND = {
    "access_token": "a" * 20,
    "refresh_token": "r" * 20,
    "member_id": "m1",
    "client_endpoint": "https://portal.example/rest/",
    "client_id": "app.1",
}


@given(st.builds(lambda broken: {**SOUND, **broken}, GRANT))
def test_incomplete_grant_is_refused(body: dict[str, object]) -> None:
    for parse in (Grant.parsed, TokenInfo.parsed):
        found: Grant | TokenInfo | None = None
        with contextlib.suppress(errors.IncompleteAnswer):
            found = parse(body)
        if found is None:
            continue
        assert found.client_endpoint.startswith(("https://", "http://"))
        assert found.client_endpoint.endswith("/rest/")
        assert "@" not in found.client_endpoint
        assert found.member_id
        assert found.user_id is None or found.user_id > 0
        assert all(found.scope) or not found.scope
        if isinstance(found, Grant):
            assert found.expires_at.tzinfo is not None
            assert "aaaa" not in repr(found)


@given(TEXT | st.from_regex(r"https?://[^/]{0,20}/rest/?", fullmatch=True))
@example("https://portal.example:99999/rest/")
@example("https://user:pw@portal.example/rest/")
@example("https://portal.example\\@evil.example/rest/")
@example("https://portal.example\\/rest/")
@example("https://portal.example/\\/rest/")
@example("https://[::1/rest/")
@example("https://portal.example/rest/\r\nX: y/rest/")
def test_address_that_could_lead_elsewhere_is_refused(address: str) -> None:
    with contextlib.suppress(errors.IncompleteAnswer):
        found = Grant.parsed({**SOUND, "client_endpoint": address}).client_endpoint
        assert found.isascii()
        assert found.isprintable()
        assert "@" not in found
        assert "\\" not in found


@given(JSON)
def test_invalid_times_are_unknown(value: object) -> None:
    time = answers.call_time({"operating": value, "operating_reset_at": value, "duration": value})
    assert time is not None
    assert time.operating is None or isinstance(time.operating, float)
    assert not math.isnan(time.duration) or value is not None

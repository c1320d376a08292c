"""Batches: packing, outcomes, expired tokens in the middle, and what references do to all of it."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b24app.bitrix24 import encoding, errors, references
from b24app.bitrix24.client import Answer, Command, Timeouts
from testing.scripted import Portal, Renewing, Reply, Request, batched, ok, refused
from testing.waiting import HANG_SECONDS

EXPIRED = {"error": "expired_token", "error_description": ""}


def reads(count: int) -> dict[str, Command]:
    return {f"c{n}": Command("crm.deal.get", {"id": n}) for n in range(count)}


def echo(request: Request) -> Reply:
    return batched(dict(request.commands))


def test_120_commands_take_3_requests(portal: Portal) -> None:
    portal.server.script = echo
    found = portal.client().batch(reads(120))
    assert [len(request.commands) for request in portal.server.requests] == [50, 50, 20]
    assert list(found) == [f"c{n}" for n in range(120)]
    assert found["c77"] == Answer("crm.deal.get?id=77")


def test_failed_command_keeps_other_results(portal: Portal) -> None:
    time = {"c0": {"duration": 1, "processing": 1, "operating": 9.5}}
    portal.server.replies = [
        batched(
            {"c0": [1], "c2": []},
            {"c1": {"error": 200040300010, "error_description": "Access Denied"}},
            result_total={"c0": 70},
            result_next={"c0": 50},
            result_time=time,
        )
    ]
    found = portal.client().batch(reads(3))
    first, second, third = found.values()
    assert isinstance(first, Answer)
    assert (first.result, first.total, first.next) == ([1], 70, 50)
    assert first.time is not None
    assert first.time.operating == 9.5
    assert isinstance(second, errors.ReadDenied)
    assert (second.method, second.request_id) == ("crm.deal.get", portal.records[0].request_id)
    assert third == Answer([])


def test_numeric_keys_come_back_as_a_list(portal: Portal) -> None:
    portal.server.replies = [batched(["a", "b"])]
    found = portal.client().batch({"0": Command("x.y"), "1": Command("x.y")})
    assert found == {"0": Answer("a"), "1": Answer("b")}


def test_only_the_expired_commands_are_repeated(portal: Portal) -> None:
    commands = {f"w{n}": Command("x.add", {"n": n}, write=True) for n in range(4)}
    portal.server.replies = [batched({"w0": 0, "w1": 1}, {"w2": EXPIRED, "w3": EXPIRED})]
    portal.server.script = echo
    tokens = Renewing(portal.server)
    found = portal.client(tokens).batch(commands)
    assert list(portal.server.requests[1].commands) == ["w2", "w3"]
    assert tokens.refreshes == 1
    assert list(found.values()) == [Answer(0), Answer(1), Answer("x.add?n=2"), Answer("x.add?n=3")]


def test_references_of_repeated_commands_get_what_was_read_before(portal: Portal) -> None:
    commands = {
        "list": Command("x.list"),
        "one": Command("x.get", {"id": "$result[list][rows][0][id]", "t": "n $result[list][name]"}),
        "two": Command("x.get", {"id": "$result[one]"}),
    }
    portal.server.replies = [
        batched({"list": {"rows": [{"id": 7}], "name": "A&B"}}, {"one": EXPIRED, "two": EXPIRED})
    ]
    portal.server.script = echo
    portal.client(Renewing(portal.server)).batch(commands)
    assert portal.server.requests[1].commands == {
        "one": "x.get?id=7&t=n%20A%26B",
        "two": "x.get?id=%24result%5Bone%5D",
    }


def test_reference_without_value_is_not_guessed(portal: Portal) -> None:
    commands = {
        "list": Command("x.list"),
        "text": Command("x.text"),
        "one": Command("x.get", {"filter": {"@id": ["$result[list]"], "@n": "$result[list]"}}),
        "two": Command("x.get", {"q": "$result[text]"}),
        "six": Command("x.get", {"q": ["see $result[list] or $result[text][deep]"]}),
    }
    failures = {"one": EXPIRED, "two": EXPIRED, "six": EXPIRED}
    portal.server.replies = [batched({"list": [], "text": "$result[six]"}, failures)]
    portal.server.script = echo
    found = portal.client(Renewing(portal.server)).batch(commands)
    assert len(portal.server.requests) == 1
    assert all(isinstance(found[key], errors.ExpiredToken) for key in failures)


def test_halted_batch_resumes_with_commands_not_run_after_renewal(portal: Portal) -> None:
    portal.server.replies = [batched({"c0": 0}, {"c1": EXPIRED})]
    portal.server.script = echo
    found = portal.client(Renewing(portal.server)).batch(reads(3), halt=True)
    assert list(portal.server.requests[1].commands) == ["c1", "c2"]
    assert all(isinstance(item, Answer) for item in found.values())


def test_finished_commands_survive_failed_renewal(portal: Portal) -> None:
    portal.server.replies = [batched({"c0": 0}, {"c1": EXPIRED})]
    found = portal.client().batch(reads(2))
    assert found["c0"] == Answer(0)
    assert isinstance(found["c1"], errors.DeadToken)


def test_token_expired_twice_is_an_outcome(portal: Portal) -> None:
    portal.server.script = lambda _: batched([], {"c0": EXPIRED})
    tokens = Renewing(portal.server)
    assert isinstance(portal.client(tokens).batch(reads(1))["c0"], errors.ExpiredToken)
    assert (tokens.refreshes, len(portal.server.requests)) == (1, 2)


def test_halted_batch_stops_all_its_requests(portal: Portal) -> None:
    portal.server.replies = [batched({"c0": 0}, {"c1": {"error": "NOT_FOUND"}})]
    found = portal.client().batch(reads(60), halt=True)
    assert len(portal.server.requests) == 1
    assert isinstance(found["c1"], errors.NotFound)
    assert all(isinstance(found[f"c{n}"], errors.NotRun) for n in range(2, 60))


def test_write_without_outcome_is_unknown(portal: Portal) -> None:
    portal.server.replies = [batched({"a": 1}, result_time={"b": {"duration": 1}})]
    found = portal.client().batch(
        {
            "a": Command("x.get"),
            "b": Command("x.add", write=True),
            "c": Command("x.add", write=True),
            "d": Command("x.get"),
        }
    )
    assert isinstance(found["b"], Answer)
    assert isinstance(found["c"], errors.OutcomeUnknown)
    assert isinstance(found["d"], errors.NotRun)


def test_failed_later_request_is_outcome_of_its_commands(portal: Portal) -> None:
    commands = {f"w{n}": Command("x.add", {"n": n}, write=True) for n in range(120)}
    portal.server.replies = [batched({f"w{n}": n for n in range(50)}), Reply(b"<html>", 502)]
    found = portal.client().batch(commands)
    assert len(portal.server.requests) == 2
    assert found["w49"] == Answer(49)
    assert isinstance(found["w50"], errors.OutcomeUnknown)
    assert isinstance(found["w100"], errors.NotRun)
    assert list(found) == list(commands)


def test_failed_first_request_is_raised(portal: Portal) -> None:
    portal.server.replies = [refused("PORTAL_DELETED", 500)]
    with pytest.raises(errors.PortalClosed):
        portal.client().batch(reads(60))
    assert len(portal.server.requests) == 1


@pytest.mark.parametrize(("write", "requests"), [(False, 4), (True, 1)])
def test_request_with_one_write_counts_as_write(portal: Portal, write: bool, requests: int) -> None:
    portal.server.script = lambda _: Reply({}, delay=HANG_SECONDS)
    commands = {**reads(3), "last": Command("x.add", write=write)}
    with pytest.raises(errors.OutcomeUnknown):
        portal.client(timeouts=Timeouts(batch=0.5)).batch(commands)
    assert len(portal.server.requests) == requests


def test_reference_stays_in_request_of_its_source(portal: Portal) -> None:
    portal.server.script = echo
    commands = reads(60)
    commands["c50"] = Command("x.get", {"id": "$result[c45][id]"})
    portal.client().batch(commands)
    assert [len(request.commands) for request in portal.server.requests] == [45, 15]


@pytest.mark.parametrize("source", ["c0", "c59", "nobody"])
def test_reference_across_requests_is_refused(portal: Portal, source: str) -> None:
    commands = {**reads(60), "c55": Command("x.get", {"id": f"$result[{source}]"})}
    with pytest.raises(ValueError, match="refer"):
        portal.client().batch(commands)
    assert portal.server.connections == 0


def test_typed_text_cannot_refer_to_other_commands() -> None:
    assert references.used({"q": references.plain("$result[$result[a]] $RESULT[b]")}) == frozenset()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("[a][0][id]", 5),
        ("[a][1][id]", [{"id": 5}]),
        ("[b]", {"a": [{"id": 5}]}),
        ("[a]", [{"id": 5}]),
    ],
)
def test_missing_step_gives_the_last_value_as_in_the_kernel(path: str, value: object) -> None:
    results = {"k": {"a": [{"id": 5}]}}
    assert references.resolved({"x": f"$result[k]{path}"}, results) == {"x": value}


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"a": True, "b": False, "c": None}, "a=1&b=0&c="),
        ({"a": Decimal("1E+2")}, "a=100"),
        ({"d": date(2026, 1, 2), "t": datetime(2026, 1, 2, 3, 4, 5, 6, UTC)},
         "d=2026-01-02&t=2026-01-02T03%3A04%3A05%2B00%3A00"),
        ({"select": [], "filter": {}}, ""),
        ({"filter": {">=id": 1}}, "filter[%3E%3Did]=1"),
        ({"x": "a&b=c#d+e ü"}, "x=a%26b%3Dc%23d%2Be%20%C3%BC"),
    ],
)  # fmt: skip
def test_query_encoding(params: dict[str, object], text: str) -> None:
    assert encoding.query(params) == text


@pytest.mark.parametrize(
    "params",
    [
        {"filter": {"@id": []}},
        {"a": float("nan")},
        {"t": datetime.fromisoformat("2026-01-01")},
        {"a": {"b]": 1}},
        {"a b": 1},
        {"": 1},
        {"ids": list(range(1001))},
    ],
)
def test_value_that_query_cannot_encode_is_refused(params: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"empty|finite|zone|parameter|values"):
        encoding.query(params)


def test_object_cannot_be_sent(portal: Portal) -> None:
    with pytest.raises(TypeError):
        portal.client().call("x.y", {"a": object()})


NAMES = st.text(st.characters(exclude_characters="[]\0", exclude_categories=["Cs"]), min_size=1)
TOP = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,8}", fullmatch=True)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    TEXT
    | st.integers()
    | st.booleans()
    | st.none()
    | st.decimals(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, min_size=1, max_size=4)
    | st.dictionaries(NAMES, inner, min_size=1, max_size=4),
    max_leaves=12,
)  # fmt: skip


def php_parse_str(query: str) -> dict[str, Any]:
    """PHP's parse_str as its manual describes it, for names with closed brackets."""
    found: dict[str, Any] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        top, bracket, rest = name.partition("[")
        steps = [top, *re.findall(r"\[([^\]]*)\]", bracket + rest)]
        place = found
        for step in steps[:-1]:
            place = place.setdefault(step, {})
        place[steps[-1]] = value
    return found


def as_php(value: object) -> object:
    if isinstance(value, dict):
        return {name: as_php(item) for name, item in value.items()}
    if isinstance(value, list):
        return {str(index): as_php(item) for index, item in enumerate(value)}
    if value is None or value is False:
        return "" if value is None else "0"
    return (
        "1" if value is True else format(value, "f") if isinstance(value, Decimal) else str(value)
    )


@given(st.dictionaries(TOP, VALUES, max_size=4))
def test_php_reads_back_what_was_encoded(params: dict[str, object]) -> None:
    assert php_parse_str(encoding.query(params)) == as_php(params)


def test_answer_without_result_is_not_an_empty_result(portal: Portal) -> None:
    portal.server.replies = [Reply({"hello": 1})]
    with pytest.raises(errors.IncompleteAnswer):
        portal.client().batch({"a": Command("x.add", write=True)})
    portal.server.replies = [ok(None)]
    found = portal.client().batch({"a": Command("x.add", write=True)})
    assert isinstance(found["a"], errors.OutcomeUnknown)


def test_reads_time_out_sooner_than_writes(portal: Portal) -> None:
    portal.server.script = lambda request: Reply(echo(request).body, delay=2)
    client = portal.client(timeouts=Timeouts(call=HANG_SECONDS, batch=HANG_SECONDS, reading=0.5))
    with pytest.raises(errors.OutcomeUnknown):
        client.batch(reads(3))
    with pytest.raises(errors.OutcomeUnknown):
        client.call("profile")
    assert len(client.batch({"last": Command("x.add", write=True)})) == 1
    portal.server.script = lambda _: Reply({"result": 1}, delay=2)
    assert client.call("x.add", write=True).result == 1

"""Answers are bounded while they are read: in bytes, in values before decoding, in rows of a page."""

import json

import pytest

from b24app.bitrix24 import answers, errors
from b24app.bitrix24.answers import IN_JOBS, WAITED_FOR, Bounds
from b24app.bitrix24.client import Answer, Client, Command
from b24app.bitrix24.token_source import FixedToken
from testing.scripted import TOKEN, Portal, Unmetered, batched, ok


def client(portal: Portal, bounds: Bounds = WAITED_FOR) -> Client:
    return Client(
        FixedToken(portal.server.base, TOKEN),
        budget=Unmetered(),
        transport=portal.transport,
        bounds=bounds,
        sleep=portal.slept.append,
    )


def test_answer_above_size_limit_is_refused(portal: Portal) -> None:
    portal.server.replies = [ok("x" * WAITED_FOR.max_bytes)]
    with pytest.raises(errors.IncompleteAnswer) as caught:
        client(portal).call("profile")
    assert caught.value.code == "TOO_LARGE"
    assert client(portal).call("profile").result == "profile"


def test_job_may_get_a_larger_answer(portal: Portal) -> None:
    portal.server.replies = [ok("x" * WAITED_FOR.max_bytes)]
    assert client(portal, IN_JOBS).call("profile").result == "x" * WAITED_FOR.max_bytes


@pytest.mark.parametrize("part", ["[],", "{},", "0,"])
def test_values_are_counted_before_they_are_decoded(portal: Portal, part: str) -> None:
    body = f'{{"result": [{part * 200_000}0]}}'.encode()
    assert len(body) < WAITED_FOR.max_bytes
    portal.server.replies = [ok(json.loads(body)["result"])]
    with pytest.raises(errors.IncompleteAnswer) as caught:
        client(portal).call("x.list", {"start": -1})
    assert caught.value.code == "TOO_LARGE"


ROWS = [{"id": at} for at in range(1001)]


@pytest.mark.parametrize("result", [ROWS, {"orders": ROWS}, {str(at): at for at in range(1001)}])
def test_page_of_more_than_a_thousand_rows_is_refused(portal: Portal, result: object) -> None:
    portal.server.replies = [ok(result), batched({"a": result, "b": [1]})]
    with pytest.raises(errors.IncompleteAnswer):
        client(portal).call("x.list", {"start": 0})
    found = client(portal).batch({"a": Command("x.list"), "b": Command("y.list")})
    assert isinstance(found["a"], errors.IncompleteAnswer)
    assert isinstance(found["b"], Answer)


def test_complete_list_is_read_to_its_end(portal: Portal) -> None:
    portal.server.replies = [ok(ROWS), batched({"a": ROWS})]
    assert client(portal).call("x.list", {"start": -1}).result == ROWS
    found = client(portal).batch({"a": Command("x.list", {"start": -1})})
    assert isinstance(found["a"], Answer)


NO_NUMBERS = [
    "9" * 30, "9" * 400, "9" * 5000, 10**15, 10**400, -(10**15), "١٢", "²", "7.5", 7.5, "7e3", "", " ",
    None, True, [], [7], {"ID": 7}, "0x10", "1_000",
]  # fmt: skip


@pytest.mark.parametrize("value", NO_NUMBERS, ids=lambda value: str(type(value).__name__))
def test_number_longer_than_an_id_is_rejected(value: object) -> None:
    assert answers.whole(value) is None


@pytest.mark.parametrize(
    ("value", "number"),
    [(7, 7), ("7", 7), ("-7", -7), (10**15 - 1, 10**15 - 1), ("9" * 15, 10**15 - 1), ("007", 7)],
)
def test_whole_numbers_are_read(value: object, number: int) -> None:
    assert answers.whole(value) == number

"""REST around its methods: encodings, errors, ``time``, batch, limits (how-to-call-rest-api/*)."""

from collections.abc import Iterator
from typing import cast

import pytest
import requests

from demo.server import DemoPortal
from testing.waiting import HANG_SECONDS
from tests.demo.calls import ANNA, MARIA, OFFICE, Asked, Json, asked, caller

MANY = [f"7{n}" for n in range(51)]


@pytest.fixture(autouse=True)
def generous(portal: DemoPortal) -> Iterator[None]:
    """Limits as they are for each test, whatever the test made of them."""
    limits = portal.rest.limits
    before = limits.capacity, limits.leak, limits.operating, limits.clock
    yield
    limits.capacity, limits.leak, limits.operating, limits.clock = before


def two_of(portal: DemoPortal) -> list[int]:
    return [portal.order_id("1201"), portal.order_id("1196")]


@pytest.mark.parametrize("way", ["json", "form", "query", "json, token in the query"])
def test_every_encoding_gives_the_same_answer(portal: DemoPortal, way: str) -> None:
    token, ids = caller(portal).token, two_of(portal)
    url = f"{portal.url}/rest/sale.order.list"
    brackets = [("filter[@id][]", str(item_id)) for item_id in ids] + [("select[]", "id")]
    body = {"filter": {"@id": ids}, "select": ["id"]}
    response = {
        "json": lambda: requests.post(url, json={**body, "auth": token}, timeout=HANG_SECONDS),
        "form": lambda: requests.post(url, data=[*brackets, ("auth", token)], timeout=HANG_SECONDS),
        "query": lambda: requests.get(url, [*brackets, ("auth", token)], timeout=HANG_SECONDS),
        "json, token in the query": lambda: requests.post(
            url, params={"auth": token}, json=body, timeout=HANG_SECONDS
        ),
    }[way]()
    assert sorted(cast(int, row["id"]) for row in asked(response).rows("orders")) == sorted(ids)


@pytest.mark.parametrize("name", ["PROFILE", "Profile.json", "profile/"])
def test_method_name_ignores_case_and_extension(portal: DemoPortal, name: str) -> None:
    assert caller(portal)(name).status == 200


def test_calls_without_access_are_refused(portal: DemoPortal) -> None:
    url, ask = f"{portal.url}/rest/profile", caller(portal)
    nobody = asked(requests.post(url, json={}, timeout=HANG_SECONDS))
    foreign = asked(requests.post(url, json={"auth": "0" * 32}, timeout=HANG_SECONDS))
    portal.expire_tokens()
    late = ask("profile")
    assert [(question.status, question.error) for question in (nobody, foreign, late)] == [
        (401, "NO_AUTH_FOUND"),
        (401, "invalid_token"),
        (401, "expired_token"),
    ]


def test_method_outside_app_permissions_is_refused(portal: DemoPortal) -> None:
    portal.state.app.scope = ["crm"]
    answer = caller(portal)("sale.order.list")
    assert (answer.status, answer.error) == (403, "insufficient_scope")


@pytest.mark.parametrize("scope", ["user", "user_basic", "user_brief"])
def test_people_may_be_read_with_any_permission_for_them(portal: DemoPortal, scope: str) -> None:
    portal.state.app.scope = [scope]
    answer = caller(portal)("user.get", {"FILTER": {"@ID": [ANNA, MARIA]}})
    assert [row["ID"] for row in answer.rows()] == ["1", "5"]


def test_unknown_method_is_refused(portal: DemoPortal) -> None:
    answer = caller(portal)("crm.orderentity.merge")
    assert (answer.status, answer.error) == (404, "ERROR_METHOD_NOT_FOUND")


def test_every_answer_has_its_time(portal: DemoPortal) -> None:
    time = cast(Json, caller(portal)("profile").body["time"])
    assert cast(float, time["finish"]) >= cast(float, time["start"])
    for name in ("duration", "processing", "operating", "operating_reset_at", "date_start"):
        assert name in time


# --- batch ------------------------------------------------------------------------------------


def test_batch_answers_each_command(portal: DemoPortal) -> None:
    answer = caller(portal).batch(
        {"me": "profile", "wrong": "no.such.method", "orders": "sale.order.list?select[]=id"}
    )
    assert set(answer.part("result")) == {"me", "orders"}
    assert set(answer.part("result_error")) == {"wrong"}
    assert cast(int, answer.part("result_total")["orders"]) > 50
    assert answer.part("result_next") == {"orders": 50}
    assert set(answer.part("result_time")) == {"me", "orders"}


def test_halted_batch_stops_at_the_first_error(portal: DemoPortal) -> None:
    commands = {"a": "profile", "b": "no.such.method", "c": "profile"}
    answer = caller(portal).batch(commands, halt=1)
    assert (set(answer.part("result")), set(answer.part("result_error"))) == ({"a"}, {"b"})


def test_empty_parts_are_arrays(portal: DemoPortal) -> None:
    result = cast(Json, caller(portal).batch({"wrong": "no.such.method"}).result)
    assert [result[name] for name in ("result", "result_total", "result_next")] == [[], [], []]


def test_unnamed_commands_are_answered_as_array(portal: DemoPortal) -> None:
    result = cast(Json, caller(portal).batch(["scope", "user.admin"]).result)
    assert result["result"] == [portal.state.app.scope, True]


def test_fifty_first_command_is_refused(portal: DemoPortal) -> None:
    answer = caller(portal).batch({f"c{n}": "user.admin" for n in range(52)})
    assert len(answer.part("result")) == 50
    codes = {key: cast(Json, value)["error"] for key, value in answer.part("result_error").items()}
    assert codes == dict.fromkeys(("c50", "c51"), "ERROR_BATCH_LENGTH_EXCEEDED")


def test_nested_batch_is_refused(portal: DemoPortal) -> None:
    answer = caller(portal).batch({"inner": "batch?cmd[a]=profile"})
    error = cast(Json, answer.part("result_error")["inner"])
    assert error["error"] == "ERROR_BATCH_METHOD_NOT_ALLOWED"


def referring(portal: DemoPortal, query: str) -> Asked:
    """A list of orders that refers to the links of the office deal."""
    links = f"crm.orderentity.list?filter[ownerId]={OFFICE}&filter[ownerTypeId]=2"
    return caller(portal).batch({"links": links, "orders": f"sale.order.list?{query}"})


def numbers(answer: Asked) -> set[object]:
    rows = cast(Json, answer.part("result")["orders"])["orders"]
    return {row["accountNumber"] for row in cast(list[Json], rows)}


def test_reference_is_replaced_by_the_value_of_an_earlier_command(portal: DemoPortal) -> None:
    path = "$result[links][orderEntity]"
    query = f"filter[@id][]={path}[0][orderId]&filter[@id][]={path}[1][orderId]"
    wanted = sorted(pk for pk, owner in portal.state.links.items() if owner == (2, OFFICE))[:2]
    got = numbers(referring(portal, query))
    assert got == {portal.state.orders[pk]["accountNumber"] for pk in wanted}


def test_reference_past_the_end_gives_last_value(portal: DemoPortal) -> None:
    answer = referring(portal, "filter[@id][]=$result[links][orderEntity][49][orderId]")
    assert answer.status == 200
    # The whole list counts as the number 1, and no order has it.
    assert numbers(answer) == set()


def test_reference_inside_text_inserts_text_only(portal: DemoPortal) -> None:
    number = "a$result[me][NAME]b$result[me][ADMIN]"
    asks = f"sale.order.list?filter[%25accountNumber]={number}"
    caller(portal).batch({"me": "profile", "x": asks})
    params = cast(Json, portal.calls[-1].params)
    assert params["filter"] == {"%accountNumber": "aAnnab$result[me][ADMIN]"}


# --- roads and names --------------------------------------------------------------------------


def test_calls_over_one_session_use_one_connection(portal: DemoPortal) -> None:
    token = caller(portal).token
    portal.reset_counts()
    with requests.Session() as session:
        for _ in range(20):
            session.post(f"{portal.url}/rest/scope", json={"auth": token}, timeout=HANG_SECONDS)
    assert (portal.http_requests, portal.connections) == (20, 1)


def test_renamed_portal_answers_at_its_old_address_with_the_new_one(portal: DemoPortal) -> None:
    ask = caller(portal)
    portal.rename()
    old = requests.post(
        f"{portal.url}/rest/profile",
        json={"auth": ask.token},
        allow_redirects=False,
        timeout=HANG_SECONDS,
    )
    assert (old.status_code, old.headers["Location"]) == (302, f"{portal.current_url}/rest/profile")
    assert "localhost" in portal.domain
    assert ask("profile").status == 200

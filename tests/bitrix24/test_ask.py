"""Asks: what travels together, what a failure spoils, and how references are written."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b24app.bitrix24 import ask, batch, errors
from b24app.bitrix24.answers import Answer
from b24app.bitrix24.ask import Ask, Refusal
from b24app.bitrix24.batch import Command, Outcome
from testing.scripted import Portal, Renewing, Reply, Request, Server, batched, ok, refused

DENIED = errors.ReadDenied("ACCESS_DENIED", "no")


@dataclass
class Sent:
    """Answers every command with its parameter ``id``, or with what ``failures`` has for it."""

    failures: Mapping[object, errors.BitrixError] = field(default_factory=dict)
    requests: list[dict[str, Command]] = field(default_factory=list)

    def __call__(self, commands: Mapping[str, Command], /) -> dict[str, Outcome]:
        self.requests.append(dict(commands))
        return {key: self._outcome(command) for key, command in commands.items()}

    def _outcome(self, command: Command) -> Outcome:
        number = command.params.get("id")
        return (self.failures.get(number) if isinstance(number, int) else None) or Answer(number)

    @property
    def ids(self) -> list[list[object]]:
        """The parameter ``id`` of each command, request by request."""
        return [[command.params.get("id") for command in sent.values()] for sent in self.requests]


def number(pk: int) -> Ask[int]:
    return ask.of(Command("crm.deal.get", {"id": pk}), lambda answer: int(str(answer.result)))


def test_combined_asks_share_one_request() -> None:
    sent = Sent()
    pair = ask.together(number(1), number(2).map(str))
    assert ask.answered(pair, sent) == (1, "2")
    assert sent.ids == [[1, 2]]


def test_asks_of_asks_keep_their_order() -> None:
    sent = Sent()
    found = ask.answered(
        ask.together(number(3), ask.every([number(1), number(2)]), ask.known("x"), number(4)), sent
    )
    assert found == (3, (1, 2), "x", 4)
    assert sent.ids == [[3, 1, 2, 4]]


def test_known_value_sends_no_request() -> None:
    sent = Sent()
    assert ask.answered(ask.known(1).map(lambda item: item + 1), sent) == 2
    assert ask.answered(ask.every([]), sent) == ()
    assert sent.requests == []


def test_follow_ups_of_several_asks_share_a_request() -> None:
    sent = Sent()
    deals = ask.together(
        number(1).then(lambda item: number(item + 10)),
        number(2).then(lambda item: number(item + 10).then(lambda two: number(two + 10))),
        number(3),
    )
    assert ask.answered(deals, sent) == (11, 22, 3)
    assert sent.ids == [[1, 2, 3], [11, 12], [22]]


def test_follow_up_of_known_value_joins_first_request() -> None:
    sent = Sent()
    assert ask.answered(ask.together(ask.known(5).then(number), number(1)), sent) == (5, 1)
    assert sent.ids == [[5, 1]]


def test_command_shared_by_asks_is_sent_once() -> None:
    sent, command = Sent(), Command("crm.deal.get", {"id": 1})
    both = ask.together(
        ask.of(command, lambda answer: answer.result), ask.of(command, lambda answer: answer.total)
    )
    assert ask.answered(both, sent) == (1, None)
    assert sent.ids == [[1]]


def test_many_names_at_most_fifty_keys_in_a_command() -> None:
    sent = Sent()

    def page(keys: object) -> Ask[object]:
        return ask.of(Command("crm.deal.list", {"id": keys}), lambda answer: answer.result)

    found = ask.answered(ask.many(range(120), page), sent)
    assert [len(item) for item in found if isinstance(item, list)] == [50, 50, 20]
    assert len(sent.requests) == 1
    assert ask.answered(ask.many([], page), sent) == ()


def test_refused_ask_raises() -> None:
    with pytest.raises(errors.ReadDenied):
        ask.answered(ask.together(number(1), number(2)), Sent({2: DENIED}))


def test_first_refusal_in_order_is_raised() -> None:
    missing = errors.NotFound("NOT_FOUND")
    with pytest.raises(errors.NotFound):
        ask.answered(ask.together(number(1), number(2)), Sent({1: missing, 2: DENIED}))


def test_refused_part_leaves_other_parts() -> None:
    found = ask.answered(ask.together(number(1), number(2).attempt()), Sent({2: DENIED}))
    assert found == (1, Refusal(DENIED))


def test_default_takes_the_place_of_a_refusal() -> None:
    part = number(2).otherwise("nobody")
    assert ask.answered(part, Sent({2: DENIED})) == "nobody"
    assert ask.answered(part, Sent()) == 2


def test_default_for_one_kind_lets_others_through() -> None:
    part = number(2).otherwise(0, errors.NotFound)
    assert ask.answered(part, Sent({2: errors.OrderNotFound("")})) == 0
    with pytest.raises(errors.ReadDenied):
        ask.answered(part, Sent({2: DENIED}))


def test_reader_error_counts_as_refusal() -> None:
    def read(answer: Answer) -> int:
        raise errors.NotFound("GONE")

    part = ask.of(Command("x.y"), read)
    assert ask.answered(part.otherwise(7), Sent()) == 7
    with pytest.raises(errors.NotFound):
        ask.answered(part, Sent())
    assert ask.answered(ask.known(1).map(lambda _: read(Answer(1))).otherwise(3), Sent()) == 3


def test_refusal_stops_follow_ups() -> None:
    sent = Sent({1: DENIED})
    found = ask.answered(number(1).then(number).attempt(), sent)
    assert found == Refusal(DENIED)
    assert len(sent.requests) == 1


class Broken(Sent):
    """Every request after the first ``good`` ones fails as a whole with ``error``."""

    good = 0
    error: errors.BitrixError = errors.OutcomeUnknown("READ_TIMEOUT")

    def __call__(self, commands: Mapping[str, Command], /) -> dict[str, Outcome]:
        found = super().__call__(commands)
        if len(self.requests) > self.good:
            raise self.error
        return found


def test_failed_request_raises_its_own_error() -> None:
    sent = Broken()
    with pytest.raises(errors.OutcomeUnknown) as raised:
        ask.answered(ask.together(number(1), number(2).otherwise(0)), sent)
    assert raised.value is sent.error


def test_optional_part_survives_failed_request() -> None:
    sent = Broken()
    sent.good = 1
    part = number(1).then(lambda item: ask.together(ask.known(item), number(2).otherwise(0)))
    assert ask.answered(part, sent) == (1, 0)


def test_failed_request_is_no_refusal_of_its_parts() -> None:
    assert ask.answered(number(1).attempt(), Broken()) == Refusal(Broken.error, whole=True)
    for part in (number(1).attempt(whole=False), number(1).otherwise(0, whole=False)):
        with pytest.raises(errors.OutcomeUnknown):
            ask.answered(part, Broken())
        assert ask.answered(part, Sent({1: DENIED})) in (Refusal(DENIED), 0)


@pytest.mark.parametrize("at", [50, 100])
def test_a_later_request_that_failed_says_nothing_about_its_parts(portal: Portal, at: int) -> None:
    """The second request fails, the third is not sent."""
    replies = [
        batched({f"c{pk}": pk for pk in range(50)}),
        refused("PORTAL_DELETED", 500),
    ]
    portal.server.replies = list(replies)
    found = portal.client().answer(ask.every(number(pk).attempt() for pk in range(120)))
    refusals = [item.whole for item in found if isinstance(item, Refusal)]
    assert found[:50] == tuple(range(50))
    assert refusals == [True] * 70
    portal.server.replies = list(replies)
    asks = [number(pk) for pk in range(120)]
    asks[at] = asks[at].otherwise(0, whole=False)
    with pytest.raises(errors.PortalClosed):
        portal.client().answer(ask.every(asks))


def test_a_part_refused_behind_the_first_fifty_is_a_refusal_of_its_own(portal: Portal) -> None:
    denied = {"error": "ACCESS_DENIED", "error_description": ""}
    portal.server.replies = [
        batched({f"c{pk}": pk for pk in range(50)}),
        batched({"c50": 50}, {"c51": denied}),
    ]
    found = portal.client().answer(ask.every(number(pk).attempt(whole=False) for pk in range(52)))
    assert isinstance(found[51], Refusal)
    assert not found[51].whole


def test_what_a_renewed_token_could_not_ask_says_nothing_either(server: Server) -> None:
    expired = {"error": "expired_token", "error_description": ""}
    server.replies = [
        batched({"c0": 1}, {"c1": expired}),
        refused("PORTAL_DELETED", 500),
    ]
    client = Portal(server).client(Renewing(server))
    one, two = client.answer(ask.together(number(1), number(2).attempt()))
    assert one == 1
    assert isinstance(two, Refusal)
    assert two.whole


def test_a_wait_for_room_of_a_later_request_is_nobodys_refusal() -> None:
    """Parts that do without a refusal, in two requests: the second finds no room."""
    wait: dict[object, errors.BitrixError] = {
        pk: errors.Wait(3).copied(method="x") for pk in range(50, 60)
    }
    with pytest.raises(errors.Wait):
        ask.answered(ask.every(number(pk).otherwise(0) for pk in range(60)), Sent(wait))


def test_a_wait_for_room_does_not_lose_what_was_written_before_it() -> None:
    writes = [
        ask.of(Command("x.add", {"id": pk}, write=True), lambda answer: answer.result).attempt()
        for pk in range(60)
    ]
    found = ask.answered(ask.every(writes), Sent({pk: errors.Wait(3) for pk in range(50, 60)}))
    assert found[:50] == tuple(range(50))
    assert all(isinstance(item, Refusal) for item in found[50:])


def test_strict_asks_raise_errors_of_whole_requests() -> None:
    with pytest.raises(errors.OutcomeUnknown):
        ask.answered(number(1).otherwise(0), Broken(), strict=True)


def test_budget_wait_is_not_a_refusal() -> None:
    sent = Broken()
    sent.error = errors.Wait(3)
    with pytest.raises(errors.Wait):
        ask.answered(number(1).otherwise(0), sent)


def test_commands_after_failed_request_are_not_run() -> None:
    writes = [
        ask.of(Command("x.add", {"id": pk}, write=True), lambda answer: answer.result).attempt()
        for pk in range(60)
    ]
    found = ask.answered(ask.every(writes), Broken())
    kinds = [type(item.error) for item in found if isinstance(item, Refusal)]
    assert kinds == [errors.OutcomeUnknown] * 50 + [errors.NotRun] * 10


def test_references_get_the_key_of_their_command() -> None:
    sent = Sent()
    source = Command("crm.orderentity.list", {"id": 1})
    taker = Command("crm.deal.list", {"filter": {"@ID": [source.at("orderEntity", 0, "ownerId")]}})
    both = ask.together(
        number(9), *(ask.of(command, lambda answer: answer.result) for command in (source, taker))
    )
    ask.answered(both, sent)
    (request,) = sent.requests
    key = list(request)[1]
    assert list(request.values())[2].params == {
        "filter": {"@ID": [f"$result[{key}][orderEntity][0][ownerId]"]}
    }


def test_references_stay_with_their_command_in_a_later_chunk() -> None:
    source = Command("x.list")
    taker = Command("x.get", {"q": source.at("id")})
    asks = [*map(number, range(49)), *(ask.of(command, lambda _: 0) for command in (source, taker))]
    sent = Sent()
    ask.answered(ask.every(asks), sent)
    assert [len(chunk) for chunk in batch.chunks(sent.requests[0])] == [49, 2]


def test_reference_requires_earlier_command() -> None:
    taker = Command("x.get", {"q": Command("x.list").at("id")})
    with pytest.raises(ValueError, match=r"x\.list is not sent before"):
        ask.answered(ask.of(taker, lambda answer: answer.result), Sent())


@given(st.sampled_from(["$result[c0]", "$RESULT[c0][id]", "$$result[c0]", "$result[$result[c0]]"]))
def test_user_text_is_never_a_reference(text: str) -> None:
    sent = Sent()
    named = Command("x.find", {"filter": {"%value": [text]}, "q": text})
    ask.answered(ask.together(number(1), ask.of(named, lambda answer: answer.result)), sent)
    assert len(batch.chunks(sent.requests[0])) == 1
    assert "$result[" not in str(sent.requests[0]["c1"].params).lower()


def test_times_of_first_request_are_returned(portal: Portal) -> None:
    portal.server.replies = [
        batched({"c0": 1, "c1": 2}, result_time={"c0": {"duration": 2.5, "processing": 1}}),
        batched({"c0": 3}, result_time={"c0": {"duration": 9, "processing": 9}}),
    ]
    pair = ask.together(number(1), number(2).then(lambda _: number(3)))
    found, times = portal.client().answer(ask.timed(pair))
    assert found == (1, 3)
    assert [call_time.duration for call_time in times] == [2.5]
    assert portal.client().answer(ask.timed(ask.known(1))) == (1, ())


def test_120_asks_take_3_requests(portal: Portal) -> None:
    def echo(request: Request) -> Reply:
        return batched({key: text.rpartition("=")[2] for key, text in request.commands.items()})

    portal.server.script = echo
    assert portal.client().answer(ask.every(map(number, range(120)))) == tuple(range(120))
    assert [len(request.commands) for request in portal.server.requests] == [50, 50, 20]


def test_failed_command_in_batch_keeps_other_results(portal: Portal) -> None:
    portal.server.replies = [
        batched({"c0": 1}, {"c1": {"error": "ACCESS_DENIED", "error_description": ""}})
    ]
    first, second = portal.client().answer(ask.together(number(1), number(2).attempt()))
    assert first == 1
    assert isinstance(second, Refusal)
    assert isinstance(second.error, errors.AccessDenied)


def test_nothing_is_sent_past_the_deadline(portal: Portal) -> None:
    with pytest.raises(errors.OutOfTime):
        portal.client().answer(number(1), send_before=1.0)
    assert portal.server.requests == []


def test_portals_refusal_of_a_whole_request_is_raised(portal: Portal) -> None:
    portal.server.replies = [refused("PORTAL_DELETED", 403)]
    portal.server.script = lambda request: ok(1)
    with pytest.raises(errors.BitrixError) as raised:
        portal.client().answer(ask.together(number(1), number(2)))
    assert raised.value.code == "PORTAL_DELETED"

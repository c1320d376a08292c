"""No portal holds more than its part of a web process's threads."""

import threading

import pytest

from b24app.bitrix24 import deadline, errors, slots
from b24app.bitrix24.slots import Slots
from testing.waiting import until


@pytest.mark.parametrize(
    ("threads", "each"), [(1, 4), (4, 4), (16, 4), (19, 4), (32, 8), (100, 25)]
)
def test_portal_has_a_quarter_of_the_threads_and_at_least_four(threads: int, each: int) -> None:
    found = Slots(threads)
    with deadline.within(0, 0):
        for _ in range(each):
            found.take("slow")
        with pytest.raises(errors.Crowded):
            found.take("slow")
        found.take("other")


def waiting(found: Slots, portal: str, taken: list[bool]) -> threading.Thread:
    def take() -> None:
        try:
            found.take(portal)
        except errors.Crowded:
            taken.append(False)
        else:
            taken.append(True)

    thread = threading.Thread(target=take)
    thread.start()
    return thread


def test_waiting_request_gets_released_slot() -> None:
    found, taken = Slots(wait_seconds=60), list[bool]()
    for _ in range(4):
        found.take("busy")
    thread = waiting(found, "busy", taken)
    until(lambda: found.waiting == 1, "one waits")
    found.give_back("busy")
    thread.join()
    assert taken == [True]


def test_waiting_requests_are_limited_to_number_of_slots() -> None:
    found, taken = Slots(wait_seconds=60), list[bool]()
    for _ in range(4):
        found.take("silent")
    threads = [waiting(found, "silent", taken) for _ in range(4)]
    until(lambda: found.waiting == 4, "four wait")
    with pytest.raises(errors.Crowded):
        found.take("silent")
    for _ in range(4):
        found.give_back("silent")
    for thread in threads:
        thread.join()
    assert taken == [True] * 4


def test_web_request_keeps_its_portal_slot_until_its_end() -> None:
    with deadline.within(0, 0):
        with slots.of_web_request():
            for _ in range(10):
                slots.hold("kept.example")
            for _ in range(3):
                slots.OF_PROCESS.take("kept.example")
            with pytest.raises(errors.Crowded):
                slots.OF_PROCESS.take("kept.example")
        slots.OF_PROCESS.take("kept.example")
    for _ in range(4):
        slots.OF_PROCESS.give_back("kept.example")


def test_worker_needs_no_slot() -> None:
    for _ in range(100):
        slots.hold("worked.example")
    # None was taken: a web request still finds one.
    with slots.of_web_request():
        slots.hold("worked.example")
        assert slots.OF_PROCESS.waiting == 0

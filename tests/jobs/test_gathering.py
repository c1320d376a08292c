"""Rows gathered from a card that changes meanwhile: none is missing, none comes twice."""

from collections import Counter

import pytest
from django.core.cache import cache

from b24app.jobs.models import Job, JobItem
from demo.server import DemoPortal
from testing.markup import attributes
from testing.opening import ILYA, MANY, open_tab
from tests.jobs.driving import Desk, shown, step, work

pytestmark = pytest.mark.django_db

LIST = "crm.orderentity.list"


@pytest.fixture
def job(desk: Desk, portal: DemoPortal) -> Job:
    """A job for all of a card's 400 orders, not gathered yet."""
    page = open_tab(desk.client, portal, ILYA, MANY)
    desk.page = page
    return shown(desk.post("/jobs/new/", **{"from": "card", "kind": "unlink", "all": "on"}))


def linked(portal: DemoPortal) -> list[int]:
    return sorted(pk for pk, owner in portal.state.links.items() if owner == (2, MANY))


def gathered(job: Job) -> Counter[int]:
    return Counter(JobItem.objects.filter(job=job).values_list("order_id", flat=True))


@pytest.mark.parametrize("at", [0, 3, -1], ids=["first", "fourth", "last"])
@pytest.mark.parametrize("end", ["newest", "oldest"])
def test_order_unlinked_during_listing_hides_no_other(
    job: Job, portal: DemoPortal, at: int, end: str
) -> None:
    before = linked(portal)
    leaves = before[::-1][at] if end == "newest" else before[at]
    step(job)  # the first page
    portal.link(leaves, None)
    work(job)
    assert set(before) - {leaves} <= set(gathered(job))
    assert max(gathered(job).values()) == 1
    rows = JobItem.objects.filter(job=job, order_id=leaves)
    assert set(rows.values_list("verdict", flat=True)) <= {"already"}


@pytest.mark.parametrize("place", ["newest", "oldest"])
def test_order_linked_during_listing_is_included(job: Job, portal: DemoPortal, place: str) -> None:
    before, free = (
        linked(portal),
        [pk for pk in portal.state.orders if pk not in portal.state.links],
    )
    new = max(free) if place == "newest" else min(free)
    step(job)
    portal.link(new, (2, MANY))
    work(job)
    assert gathered(job) == Counter([*before, new])
    assert JobItem.objects.get(job=job, order_id=new).verdict == "unlink"


def test_unchanged_card_is_read_at_most_twice(job: Job, portal: DemoPortal) -> None:
    portal.reset_counts()
    while not job.gathered:
        step(job)
    assert portal.http_requests <= 5
    assert gathered(job) == Counter(linked(portal))


def test_select_all_misses_no_order_if_one_is_unlinked_between_requests(
    desk: Desk, portal: DemoPortal
) -> None:
    desk.page = open_tab(desk.client, portal, ILYA, MANY)
    before = linked(portal)
    cache.clear()  # nobody remembers how many orders the card had

    def second() -> None:
        portal.meanwhile("sale.order.list", lambda: portal.link(before[-1], None))

    portal.meanwhile("sale.order.list", second)
    asked = desk.post("/tab/unlink/confirm/", all="on")
    picks = attributes(asked.text, "input[name=order]", "value")
    found = {int(pick.partition("|")[0]) for pick in picks}
    assert set(before[:-1]) <= found

"""Jobs of a portal that is closed, blocked, without a plan or without a store."""

import pytest
from django.core.cache import cache
from django.test import Client

from b24app.jobs import tasks
from b24app.jobs.models import Job
from demo.server import DemoPortal
from testing.markup import html_of, only
from testing.opening import ANNA, EMPTY, ILYA, WINTER
from tests.jobs.driving import Desk, item, shown, sit_down, step, table, work

pytestmark = pytest.mark.django_db

REASONS = {
    "closed": "portal_closed",
    "overloaded": "overload",
    "plan_ended": "plan",
    "market_ended": "plan",
}


def waiting(desk: Desk, portal: DemoPortal, condition: str, *, other_edition: bool) -> Job:
    """A started job that has met a lasting state of its portal."""
    orders, (deal,) = portal.many(orders=60, deals=1)
    job = desk.link([(order, deal) for order in orders])
    portal.enter(condition, other_edition=other_edition)
    desk.post(f"/jobs/{job.pk}/start/", move="on")
    return step(job)


@pytest.mark.parametrize("other_edition", [False, True])
@pytest.mark.parametrize("condition", [*REASONS])
def test_waiting_job_shows_reason_and_continues_with_same_access(
    client: Client, desk: Desk, portal: DemoPortal, condition: str, other_edition: bool
) -> None:
    ilya = sit_down(client, portal, ILYA)
    job = waiting(ilya, portal, condition, other_edition=other_edition)
    before = portal.refreshes
    assert (job.state, job.reason, job.done) == ("waiting_portal", REASONS[condition], 0)
    assert job.user.user_id == ILYA
    portal.calm()
    cache.clear()
    # An administrator's opening is no reason to go on with other rights, and none is needed.
    sit_down(client, portal, ANNA)
    tasks.sweep()
    work(job)
    assert (job.state, job.done, job.user.user_id) == (Job.State.DONE, 60, ILYA)
    assert portal.refreshes == before


@pytest.mark.parametrize(
    ("condition", "everybody", "administrator"),
    [
        (
            "plan_ended",
            "Ask an administrator to renew it",
            "Renew the plan or subscription under “My plan”",
        ),
        ("overloaded", "ask an administrator to contact them", "lift the block: contact them"),
    ],
)
def test_owner_and_administrator_see_who_can_help(
    client: Client,
    desk: Desk,
    portal: DemoPortal,
    condition: str,
    everybody: str,
    administrator: str,
) -> None:
    ilya = sit_down(client, portal, ILYA)
    job = waiting(ilya, portal, condition, other_edition=False)
    assert everybody in ilya.get(f"/jobs/{job.pk}/live/").text
    assert administrator in desk.get(f"/jobs/{job.pk}/live/").text


def test_wait_for_an_overload_keeps_its_reason_while_our_own_budget_holds_the_job_back(
    desk: Desk, portal: DemoPortal
) -> None:
    portal.enter("overloaded")
    job = shown(desk.upload(table([(portal.order_id("1193"), EMPTY)])))
    for _ in range(3):
        step(job)
    portal.reset_counts()
    for _ in range(5):
        assert (step(job).state, job.reason) == ("waiting_portal", "overload")
    assert portal.http_requests == 0


def test_search_in_a_portal_without_a_store_says_so(desk: Desk, portal: DemoPortal) -> None:
    portal.close_store()
    form = {"from": "search", "kind": "export", "every": "on"}
    job = desk.asked(desk.post("/jobs/new/", **form))
    assert (job.state, job.reason) == (Job.State.PAUSED, "no_store")


def test_row_listed_twice_shows_where_the_order_is_linked(desk: Desk, portal: DemoPortal) -> None:
    linked, free = portal.order_id("1184"), portal.order_id("1193")
    job = desk.asked(
        desk.upload(table([(linked, EMPTY), (linked, EMPTY), (free, EMPTY), (free, EMPTY)]))
    )
    assert [item(job, row).verdict for row in range(2, 6)] == ["move", "twice", "link", "twice"]
    assert item(job, 3).seen == item(job, 2).seen == f"2:{WINTER}"
    page = desk.get(f"/jobs/{job.pk}/").text
    first, again, unlinked, unlinked_again = (
        html_of(only(page, f'tr[data-row="{row}"]')) for row in range(2, 6)
    )
    assert "Not linked" not in first
    assert "Not linked" not in again
    assert str(WINTER) in again
    assert "Not linked" in unlinked
    assert "Not linked" in unlinked_again

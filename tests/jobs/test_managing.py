"""Statuses that cancel, and comments, as jobs: cancellation has a consent of its own."""

import pytest
from django.test import Client

from b24app.jobs import row_filters
from b24app.jobs.models import Job
from b24app.portals.models import Portal
from demo.server import DemoPortal
from testing import opening
from testing.opening import MOCKUP
from tests.jobs.driving import Desk, item, outcomes, verdicts, work

pytestmark = pytest.mark.django_db


@pytest.fixture
def office(client: Client, portal: DemoPortal) -> Desk:
    """The administrator in the deal of the mock-ups."""
    opening.install(client, portal)
    Portal.objects.update(allow_cancel=True)
    return Desk(client, portal, opening.open_tab(client, portal, deal_id=MOCKUP))


def statuses(desk: Desk, portal: DemoPortal, to: str, *numbers: str) -> Job:
    orders = [f"{portal.order_id(number)}|" for number in numbers]
    form = {"from": "card", "kind": "status", "order": orders, "to": to}
    return desk.asked(desk.post("/jobs/new/", **form))


def state(portal: DemoPortal, number: str) -> tuple[str, str]:
    row = portal.state.orders[portal.order_id(number)]
    return row["statusId"], row["canceled"]


def start(desk: Desk, job: Job, **agreed: str) -> Job:
    desk.post(f"/jobs/{job.pk}/start/", **agreed)
    return work(job)


def test_a_cancelled_order_gets_a_status_only_where_that_is_agreed_to(
    office: Desk, portal: DemoPortal
) -> None:
    job = statuses(office, portal, "AW", "1201", "1159")
    assert verdicts(job) == {"change": 1, "cancel": 1}
    page = office.get(f"/jobs/{job.pk}/")
    assert 'name="cancels"' in page.text
    start(office, job)
    assert (state(portal, "1201"), state(portal, "1159")) == (("AW", "N"), ("X", "Y"))
    assert outcomes(job)["left", "not_cancelled"] == 1


def test_a_failure_status_cancels_with_consent_and_is_undone_with_consent(
    office: Desk, portal: DemoPortal
) -> None:
    job = statuses(office, portal, "X", "1201", "1188")
    assert verdicts(job) == {"cancel": 2}
    office.post(f"/jobs/{job.pk}/start/")
    job.refresh_from_db()
    assert job.state == Job.State.PLANNED
    start(office, job, cancels="on")
    assert state(portal, "1201") == ("X", "Y")
    # A paid payment stands in the way.
    assert state(portal, "1188") == ("PC", "N")
    assert outcomes(job)["failed", "not_saved"] == 1
    back = office.asked(office.post(f"/jobs/{job.pk}/undo/"))
    assert verdicts(back) == {"cancel": 1}
    start(office, back, cancels="on")
    assert state(portal, "1201") == ("N", "N")


def test_an_order_cancelled_after_the_preview_is_left_alone(
    office: Desk, portal: DemoPortal
) -> None:
    job = statuses(office, portal, "AW", "1201")
    portal.state.orders[portal.order_id("1201")]["canceled"] = "Y"
    start(office, job, cancels="on")
    assert state(portal, "1201") == ("N", "Y")
    assert outcomes(job)["skipped", "changed"] == 1
    assert "cancelled" in office.get(f"/jobs/{job.pk}/rows/").text


def test_cancelling_is_left_out_while_it_is_not_allowed(office: Desk, portal: DemoPortal) -> None:
    Portal.objects.update(allow_cancel=False)
    job = statuses(office, portal, "AW", "1201", "1159")
    assert outcomes(job)["left", "cancelling_off"] == 1
    start(office, job, cancels="on")
    assert (state(portal, "1201"), state(portal, "1159")) == (("AW", "N"), ("X", "Y"))


def test_a_long_comment_for_a_selection_and_back(office: Desk, portal: DemoPortal) -> None:
    orders = [portal.order_id(number) for number in ("1201", "1188")]
    old = ["Deal: 7: ring | twice. " * 10, ""]
    for order, text in zip(orders, old, strict=True):
        portal.state.orders[order]["comments"] = text
    text = "Second warehouse: five days later.\n" + "Call before. " * 30
    form = {"from": "card", "kind": "comment", "order": [f"{pk}|" for pk in orders], "to": text}
    job = office.asked(office.post("/jobs/new/", **form))
    assert verdicts(job) == {"change": 2}
    assert "Deal: 7: ring" in office.get(f"/jobs/{job.pk}/").text
    start(office, job)
    now = [portal.state.orders[order]["comments"] for order in orders]
    assert now == [text.strip(), text.strip()]
    back = office.asked(office.post(f"/jobs/{job.pk}/undo/"))
    start(office, back)
    assert [portal.state.orders[order]["comments"] for order in orders] == old


def test_a_comment_changed_after_the_preview_is_kept(office: Desk, portal: DemoPortal) -> None:
    order = portal.order_id("1201")
    form = {"from": "card", "kind": "comment", "order": f"{order}|", "to": "Ring"}
    job = office.asked(office.post("/jobs/new/", **form))
    portal.state.orders[order]["comments"] = "Somebody's own words: " * 30
    start(office, job)
    assert (item(job, 1).state, item(job, 1).reason) == ("skipped", "changed")
    assert len(item(job, 1).detail) <= 200
    assert "own words" in office.get(f"/jobs/{job.pk}/rows/").text


def test_a_selection_is_asked_for_its_responsible_person_and_comment(
    office: Desk, portal: DemoPortal
) -> None:
    form = {"order": f"{portal.order_id('1201')}|", "number": "1201", "to": "9"}
    asked = office.post("/tab/responsible/confirm/", **form).text
    assert "Make Tom Becker responsible for 1 order?" in asked
    assert 'name="kind" value="responsible"' in asked
    assert 'name="kind" value="comment"' in office.post("/tab/comment/confirm/", **form).text


def chips(job: Job) -> dict[str, int]:
    job.refresh_from_db()
    return {chip.name: chip.count for chip in row_filters.filters(job)}


@pytest.mark.parametrize("counted", [True, False])
@pytest.mark.parametrize("agreed", [{}, {"cancels": "on"}], ids=["left", "agreed"])
def test_cancellations_that_were_left_out_are_counted_after_the_start(
    office: Desk, portal: DemoPortal, agreed: dict[str, str], *, counted: bool
) -> None:
    job = statuses(office, portal, "AW", "1201", "1159")
    office.post(f"/jobs/{job.pk}/start/", **agreed)
    if not counted:
        # A job of a version that did not count its rows.
        Job.objects.update(tally=None)
    expected = {"": 2, "waiting": 2} if agreed else {"": 2, "waiting": 1, "cancel": 1}
    assert chips(job) == expected
    work(job)
    expected["done"] = expected.pop("waiting")
    assert chips(job) == expected


def test_cancelling_that_was_forbidden_after_the_preview_is_left_out(
    office: Desk, portal: DemoPortal
) -> None:
    job = statuses(office, portal, "AW", "1201", "1159")
    Portal.objects.update(allow_cancel=False)
    start(office, job, cancels="on")
    assert (state(portal, "1201"), state(portal, "1159")) == (("AW", "N"), ("X", "Y"))
    assert chips(job) == {"": 2, "done": 1, "cancel": 1}
    assert "1159" in office.get(f"/jobs/{job.pk}/rows/?show=cancel").text


def test_moves_not_agreed_to_are_counted_in_a_job_without_a_tally(
    office: Desk, portal: DemoPortal
) -> None:
    orders = [f"{portal.order_id(number)}|" for number in ("1184", "1193")]
    form = {"from": "card", "kind": "link", "order": orders}
    job = office.asked(office.post("/jobs/new/", **form))
    office.post(f"/jobs/{job.pk}/start/")
    Job.objects.update(tally=None)
    assert chips(job) == {"": 2, "waiting": 1, "not_agreed": 1}

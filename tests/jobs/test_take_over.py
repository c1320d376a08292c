"""Whose access a job goes on with: its owner's, or an administrator's who has taken it over."""

import re
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from b24app.jobs import tasks
from b24app.jobs.models import Job, JobItem
from b24app.journal.models import AuditEntry
from b24app.portals.models import PortalUser
from demo.server import DemoPortal
from testing.markup import attribute
from testing.opening import ANNA, ERIK, ILYA, MARIA, NINA, launch
from tests.console.desk import open_main
from tests.jobs.driving import Desk, outcomes, shown, sit_down, step, work

pytestmark = pytest.mark.django_db

ADD = "crm.orderentity.add"
LONG_AGO = timedelta(minutes=5)

USELESS = {"REFRESH_ID": "garbage-refresh-token", "AUTH_EXPIRES": "1"}


def with_useless_tokens(client: Client, portal: DemoPortal, user_id: int) -> Desk:
    """Somebody who has posted the opening again, with token data of their own making."""
    page = launch(client, portal, "DEFAULT", user_id, 0, "en", USELESS)
    return Desk(client, portal, page)


@dataclass
class Waiting:
    """A job of Ilya's that waits for his access."""

    ilya: Desk
    job: Job
    orders: range
    deal: int


def added(portal: DemoPortal) -> list[int]:
    """The orders that were linked, as often as that was asked for."""
    calls = [call.params for call in portal.calls if call.method == ADD]
    return [int(item["fields"]["orderId"]) for item in calls if isinstance(item, dict)]


def open_everything(client: Client, portal: DemoPortal, user_id: int) -> Desk:
    """Everything an administrator may look at, with the sweeps in between."""
    desk = sit_down(client, portal, user_id)
    desk.get("/jobs/")
    for job in Job.objects.all():
        desk.get(f"/jobs/{job.pk}/")
        desk.get(f"/jobs/{job.pk}/live/")
    desk.get("/console/overview/")
    tasks.sweep()
    for job in Job.objects.all():
        work(job)
    return desk


def test_status_job_of_reader_never_uses_access_of_administrator(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    maria = sit_down(client, portal, MARIA)
    orders, _ = portal.many(orders=3)
    text = "\n".join(["Order ID", *map(str, orders)])
    form = {"from": "list", "kind": "status", "text": text, "to": "F", "named": "id"}
    job = maria.asked(maria.post("/jobs/new/", **form))
    assert (job.state, job.total) == ("planned", 3)
    before = [portal.state.orders[order]["statusId"] for order in orders]
    maria = with_useless_tokens(client, portal, MARIA)
    maria.post(f"/jobs/{job.pk}/start/")
    work(job)
    open_everything(client, portal, ANNA)
    job.refresh_from_db()
    assert [portal.state.orders[order]["statusId"] for order in orders] == before
    assert job.user.user_id == MARIA
    assert job.state in ("waiting_authorization", "paused")


def test_orders_read_with_another_persons_access_cannot_be_downloaded(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    portal.state.users[ERIK].sale = "denied"
    erik = with_useless_tokens(client, portal, ERIK)
    job = shown(erik.post("/jobs/new/", **{"from": "search", "kind": "export", "every": "on"}))
    work(job)
    open_everything(client, portal, ANNA)
    erik = with_useless_tokens(client, portal, ERIK)
    erik.post(f"/jobs/{job.pk}/start/")
    work(job)
    open_everything(client, portal, ANNA)
    job.refresh_from_db()
    assert not JobItem.objects.filter(job=job).exclude(data=None).exists()
    assert job.user.user_id == ERIK
    table = erik.get(f"/jobs/{job.pk}/table/?format=csv").text
    assert not re.search(r"\+\d|@", table)


# --- taking over --------------------------------------------------------------------------------


def waiting(
    client: Client, portal: DemoPortal, *, count: int = 60, missed: bool = False
) -> Waiting:
    """A job of Ilya's that has linked some orders and waits for his access.

    ``missed``: the answer to the last links was lost, and nobody knows what became of them.
    """
    ilya = sit_down(client, portal, ILYA)
    orders, (deal,) = portal.many(orders=count, deals=1)
    job = ilya.link([(order, deal) for order in orders])
    ilya.post(f"/jobs/{job.pk}/start/", move="on")
    step(job)
    assert 0 < job.done < count
    if missed:
        portal.misbehave("cut", method=ADD, after=True)
        step(job)
        assert outcomes(job)["unknown", ""] > 0
    portal.dismiss(ILYA)
    work(job)
    assert (job.state, job.reason) == ("waiting_authorization", "token")
    return Waiting(ilya, job, orders, deal)


def test_takeover_dialog_names_job_owner_and_changes(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    wait = waiting(client, portal)
    nina = sit_down(client, portal, NINA)
    page = nina.get(f"/jobs/{wait.job.pk}/").text
    assert 'id="job-take-over"' in page
    assert 'id="job-resume"' not in page
    portal.reset_counts()
    dialog = nina.post(f"/jobs/{wait.job.pk}/take-over/confirm/").text
    left = 60 - wait.job.done
    for words in (
        f"Take over job {wait.job.pk} of Ilya Sokolov?",
        "Link orders: orders.csv",
        f"It will link {left} orders.",
        "Ilya Sokolov will no longer see them",
        f"{wait.job.done} orders stay as changed by Ilya Sokolov",
    ):
        assert words in dialog, words
    assert portal.http_requests == 0
    assert work(wait.job).state == "waiting_authorization"


def test_taken_over_job_gets_new_preview_and_waits_for_start(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    wait = waiting(client, portal)
    job, before = wait.job, wait.job.done
    nina = sit_down(client, portal, NINA)
    nina.take_over(job)
    portal.reset_counts()
    assert work(job).state == Job.State.PLANNED
    assert (job.user.user_id, job.right) == (NINA, "own")
    assert {call.user_id for call in portal.calls} == {NINA}
    assert added(portal) == []
    tasks.sweep()
    page = nina.get(f"/jobs/{job.pk}/").text
    assert work(job).state == Job.State.PLANNED
    assert f"Link {60 - before} orders" in page
    assert f"{before} orders were processed before and won’t change" in page
    assert attribute(page, "[data-filter=link]", "aria-pressed") == "false"
    assert "Linked before" in page
    assert "Linked now" not in page
    nina.start(job)
    assert (job.state, job.done, job.total, job.failed) == (Job.State.DONE, 60, 60, 0)
    assert len(added(portal)) == 60 - before
    authors = Counter(
        AuditEntry.objects.filter(change=job.change).values_list("user_id", "through")
    )
    assert authors == {(ILYA, "job"): before, (NINA, "job"): 60 - before}
    assert {portal.link_of(order) for order in wait.orders} == {(2, wait.deal)}
    undo = nina.asked(nina.post(f"/jobs/{job.pk}/undo/"))
    assert undo.total == 60


def test_former_owner_does_not_see_taken_over_job(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    wait = waiting(client, portal)
    sit_down(client, portal, NINA).take_over(wait.job)
    portal.state.users[ILYA].active = True
    ilya = sit_down(client, portal, ILYA)
    for path in ("", "live/", "rows/", "table/?format=csv"):
        answer = ilya.get(f"/jobs/{wait.job.pk}/{path}")
        assert (answer.response.status_code, answer.state) == (404, "no-job")
    for path in ("start/", "stop/", "resume/", "undo/", "discard/"):
        assert ilya.post(f"/jobs/{wait.job.pk}/{path}").response.status_code == 404
    assert f'data-job-id="{wait.job.pk}"' not in ilya.get("/jobs/").text
    tasks.sweep()
    assert work(wait.job).state == Job.State.PLANNED


def test_rows_in_doubt_are_read_back_first_and_keep_their_author(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    wait = waiting(client, portal, count=200, missed=True)
    job, before = wait.job, wait.job.done
    first = outcomes(job)["unknown", ""]
    nina = sit_down(client, portal, NINA)
    nina.take_over(job)
    job.refresh_from_db()
    assert job.state == Job.State.PLANNING
    assert 'data-job-reason="doubts"' in nina.get(f"/jobs/{job.pk}/live/").text
    work(job)
    assert (job.state, job.done, job.total) == (Job.State.PLANNED, before + first, 200)
    entries = AuditEntry.objects.filter(change=job.change)
    assert set(entries.values_list("user_id", flat=True)) == {ILYA}
    nina.start(job)
    assert (job.state, job.done) == (Job.State.DONE, 200)
    assert len(set(added(portal))) == len(added(portal)) == 200


def test_rows_not_written_by_former_owner_get_new_preview(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    wait = waiting(client, portal, missed=True)
    lost = JobItem.objects.filter(job=wait.job, state="unknown").order_by("pk").first()
    assert lost is not None
    portal.link(lost.order_id, None)  # as if the portal had never carried it out
    JobItem.objects.filter(job=wait.job, state="unknown").update(at=timezone.now())
    nina = sit_down(client, portal, NINA)
    nina.take_over(wait.job)
    step(wait.job)
    # Its request may still be at work: nothing is previewed before that is over.
    assert (wait.job.state, wait.job.reason) == (Job.State.PLANNING, "doubts")
    JobItem.objects.filter(job=wait.job, state="unknown").update(at=timezone.now() - LONG_AGO)
    assert work(wait.job).state == Job.State.PLANNED
    lost.refresh_from_db()
    assert (lost.state, lost.verdict) == ("pending", "link")
    nina.start(wait.job)
    assert portal.link_of(lost.order_id) == (2, wait.deal)
    entry = AuditEntry.objects.get(change=wait.job.change, order_id=lost.order_id)
    assert entry.user_id == NINA


def test_takeover_deletes_exported_data(client: Client, desk: Desk, portal: DemoPortal) -> None:
    portal.many(orders=600)
    ilya = sit_down(client, portal, ILYA)
    job = ilya.asked(ilya.post("/jobs/new/", **{"from": "search", "kind": "export", "every": "on"}))
    ilya.post(f"/jobs/{job.pk}/start/")
    portal.misbehave("user_access", skip=1, times=1000)
    work(job)
    portal.calm()
    assert (job.state, job.reason) == ("waiting_authorization", "app_closed")
    assert JobItem.objects.filter(job=job).exclude(data=None).count() == job.done > 0
    nina = sit_down(client, portal, NINA)
    assert "is deleted and read again" in nina.post(f"/jobs/{job.pk}/take-over/confirm/").text
    nina.take_over(job)
    assert not JobItem.objects.filter(job=job).exclude(data=None).exists()
    assert (work(job).state, job.done, job.total) == (Job.State.PLANNED, 0, job.rows)
    assert (nina.start(job).state, job.done) == (Job.State.DONE, job.rows)
    assert ilya.get(f"/jobs/{job.pk}/table/?format=csv").response.status_code == 404


def test_takeover_asks_portal_who_is_administrator(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    wait = waiting(client, portal)
    nina = sit_down(client, portal, NINA)
    portal.state.users[NINA].admin = False
    answer = nina.take_over(wait.job)
    assert answer.state == "admins-only"
    wait.job.refresh_from_db()
    assert (wait.job.state, wait.job.user.user_id) == ("waiting_authorization", ILYA)
    assert not AuditEntry.objects.filter(kind="access").exists()
    assert nina.get(f"/jobs/{wait.job.pk}/").response.status_code == 404


def test_takeover_requires_portal_answer(client: Client, desk: Desk, portal: DemoPortal) -> None:
    wait = waiting(client, portal)
    nina = sit_down(client, portal, NINA)
    portal.misbehave("unclear", times=5)
    nina.take_over(wait.job)
    wait.job.refresh_from_db()
    assert (wait.job.state, wait.job.user.user_id) == ("waiting_authorization", ILYA)


def test_job_whose_owner_changed_after_the_question_is_not_taken_over(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    wait = waiting(client, portal)
    owner = wait.job.user.pk
    sit_down(client, portal, NINA).take_over(wait.job)
    work(wait.job)
    desk.post(f"/jobs/{wait.job.pk}/take-over/", owner=owner)
    wait.job.refresh_from_db()
    assert (wait.job.state, wait.job.user.user_id) == (Job.State.PLANNED, NINA)
    assert desk.post(f"/jobs/{wait.job.pk}/take-over/", owner="x").response.status_code == 400


def test_job_that_runs_is_not_taken_over(client: Client, desk: Desk, portal: DemoPortal) -> None:
    ilya = sit_down(client, portal, ILYA)
    orders, (deal,) = portal.many(orders=60, deals=1)
    job = ilya.link([(order, deal) for order in orders])
    ilya.post(f"/jobs/{job.pk}/start/", move="on")
    step(job)
    assert "take-over" not in desk.get(f"/jobs/{job.pk}/").text
    asked = desk.post(f"/jobs/{job.pk}/take-over/confirm/").text
    assert "can’t be taken over any more" in asked
    desk.post(f"/jobs/{job.pk}/take-over/", owner=job.user.pk)
    assert (work(job).state, job.user.user_id, job.done) == (Job.State.DONE, ILYA, 60)


def test_consent_of_former_owner_is_asked_again(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    ilya = sit_down(client, portal, ILYA)
    orders, (deal, other) = portal.many(orders=60, deals=2)
    for order in orders:
        portal.link(order, (2, other))
    job = ilya.link([(order, deal) for order in orders])
    ilya.post(f"/jobs/{job.pk}/start/", move="on")
    step(job)
    portal.dismiss(ILYA)
    work(job)
    nina = sit_down(client, portal, NINA)
    nina.take_over(job)
    assert (work(job).state, job.may_move) == (Job.State.PLANNED, False)
    assert nina.start(job, move=False).state == Job.State.PLANNED
    assert nina.start(job).done == 60


def test_resume_starts_no_preview(desk: Desk, portal: DemoPortal) -> None:
    orders, (deal,) = portal.many(orders=2, deals=1)
    job = desk.link([(order, deal) for order in orders])
    desk.post(f"/jobs/{job.pk}/resume/")
    assert work(job).state == Job.State.PLANNED
    assert added(portal) == []


# --- access that is unclear ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["unclear", "unauthorized"])
def test_unknown_401_ends_no_access_and_offers_takeover(
    client: Client, desk: Desk, portal: DemoPortal, kind: str
) -> None:
    ilya = sit_down(client, portal, ILYA)
    orders, (deal,) = portal.many(orders=60, deals=1)
    job = ilya.link([(order, deal) for order in orders])
    ilya.post(f"/jobs/{job.pk}/start/", move="on")
    portal.misbehave(kind, times=1000)
    portal.reset_counts()
    pauses = []
    for _ in range(5):
        step(job)
        assert (job.state, job.reason) == ("waiting_portal", "unclear")
        assert job.again_at is not None
        pauses.append((job.again_at - timezone.now()).total_seconds())
    assert pauses == sorted(pauses)
    assert pauses[-1] > 4 * pauses[0]
    assert (portal.http_requests, portal.refreshes) == (5, 0)
    assert PortalUser.objects.get(user_id=ILYA).tokens == "live"
    for page in (desk.get(f"/jobs/{job.pk}/"), desk.get(f"/jobs/{job.pk}/live/")):
        assert "Bitrix24 isn’t confirming the access of Ilya Sokolov" in page.text
        assert 'id="job-take-over"' in page.text
    assert 'id="job-take-over"' not in ilya.get(f"/jobs/{job.pk}/").text
    portal.calm()
    assert (work(job).state, job.done, job.user.user_id) == (Job.State.DONE, 60, ILYA)


def test_writes_that_meet_unclear_access_do_not_fail_their_rows(
    desk: Desk, portal: DemoPortal
) -> None:
    orders, (deal,) = portal.many(orders=20, deals=1)
    job = desk.link([(order, deal) for order in orders])
    desk.post(f"/jobs/{job.pk}/start/", move="on")
    portal.misbehave("unclear", method=ADD, times=6)
    for _ in range(6):
        step(job)
    assert (job.state, job.reason, job.failed) == ("waiting_portal", "unclear", 0)
    assert (work(job).state, job.done, job.failed) == (Job.State.DONE, 20, 0)
    assert sorted(added(portal)) == list(orders)


def test_unclear_access_has_ended_once_the_authorization_server_refuses_to_renew_it(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    ilya = sit_down(client, portal, ILYA)
    orders, (deal,) = portal.many(orders=60, deals=1)
    job = ilya.link([(order, deal) for order in orders])
    ilya.post(f"/jobs/{job.pk}/start/", move="on")
    portal.misbehave("unclear", times=2)
    portal.forget_refresh_tokens()
    for _ in range(2):
        step(job)
    assert job.reason == "unclear"
    portal.expire_tokens()
    PortalUser.objects.filter(user_id=ILYA).update(expires_at=timezone.now())
    work(job)
    assert (job.state, job.reason) == ("waiting_authorization", "token")
    assert PortalUser.objects.get(user_id=ILYA).tokens == "dead"


def test_live_token_of_dismissed_person_ends_access(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    ilya = sit_down(client, portal, ILYA)
    orders, (deal,) = portal.many(orders=60, deals=1)
    job = ilya.link([(order, deal) for order in orders])
    ilya.post(f"/jobs/{job.pk}/start/", move="on")
    portal.dismiss(ILYA, tokens_stay=True)
    work(job)
    assert (job.state, job.reason, job.done) == ("waiting_authorization", "token", 0)
    assert "1 person needs to reopen the app" in open_main(client, portal, ANNA).text
    desk.post(f"/jobs/{job.pk}/resume/")
    open_everything(client, portal, ANNA)
    assert work(job).state == "waiting_authorization"
    desk.take_over(job)
    assert work(job).state == Job.State.PLANNED
    assert (desk.start(job).state, job.done) == (Job.State.DONE, 60)

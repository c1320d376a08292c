"""Who may see and steer a job: its owner, an administrator of that portal, and nobody else."""

from collections.abc import Iterator

import pytest
from django.db import connection
from django.test import Client

from b24app.events import uninstall
from b24app.jobs.models import Job, JobLane
from demo.server import DemoPortal
from testing.opening import EMPTY, ILYA, MARIA, open_order, submit
from tests.jobs.driving import Desk, sit_down

pytestmark = pytest.mark.django_db

LOOKING = ["", "live/", "rows/", "table/?format=csv"]
STEERING = ["start/", "stop/", "resume/", "retry/", "undo/", "discard/"]


@pytest.fixture
def other_portal(portal: DemoPortal) -> Iterator[DemoPortal]:
    """Another tenant, with the same people and orders."""
    member = "b" * 32
    with DemoPortal("http://app.example.com", member_id=member, oauth_of=portal) as other:
        yield other


def preview(desk: Desk, portal: DemoPortal) -> Job:
    return desk.link([(portal.order_id("1193"), EMPTY)])


@pytest.mark.parametrize("path", LOOKING)
def test_only_permitted_people_see_a_job(
    client: Client, desk: Desk, portal: DemoPortal, other_portal: DemoPortal, path: str
) -> None:
    ilya, maria = (sit_down(client, portal, user) for user in (ILYA, MARIA))
    job = preview(ilya, portal)
    url = f"/jobs/{job.pk}/{path}"
    assert ilya.get(url).response.status_code == 200
    assert desk.get(url).response.status_code == 200  # the administrator
    stranger = sit_down(client, other_portal)
    for nobody in (maria, stranger):
        answer = nobody.get(url)
        assert (answer.response.status_code, answer.state) == (404, "no-job")
    assert client.get(url).status_code == 401
    assert desk.get(f"/jobs/{job.pk + 1}/{path}").response.status_code == 404
    assert ilya.post(url).response.status_code == 405


@pytest.mark.parametrize("path", STEERING)
def test_only_permitted_people_control_a_job(
    client: Client, desk: Desk, portal: DemoPortal, other_portal: DemoPortal, path: str
) -> None:
    ilya, maria = (sit_down(client, portal, user) for user in (ILYA, MARIA))
    job = preview(ilya, portal)
    url = f"/jobs/{job.pk}/{path}"
    stranger = sit_down(client, other_portal)
    for nobody in (maria, stranger):
        answer = nobody.post(url)
        assert (answer.response.status_code, answer.state) == (404, "no-job")
    assert client.post(url).status_code == 401
    assert ilya.get(url).response.status_code == 405
    job.refresh_from_db()
    assert job.state == Job.State.PLANNED
    assert desk.post(url).response.status_code == 200
    other = preview(ilya, portal)
    assert ilya.post(f"/jobs/{other.pk}/{path}").response.status_code == 200


def test_job_list_shows_permitted_jobs_only(
    client: Client, desk: Desk, portal: DemoPortal, other_portal: DemoPortal
) -> None:
    ilya, maria = (sit_down(client, portal, user) for user in (ILYA, MARIA))
    job = preview(ilya, portal)
    mark = f'data-job-id="{job.pk}" data-job-state="planned"'
    assert mark in ilya.get("/jobs/").text
    assert mark in desk.get("/jobs/").text
    assert mark not in maria.get("/jobs/").text
    assert mark not in sit_down(client, other_portal).get("/jobs/").text
    assert client.get("/jobs/").status_code == 401


def test_new_job_requires_session(client: Client, desk: Desk) -> None:
    assert desk.get("/jobs/new/").response.status_code == 200
    assert client.get("/jobs/new/").status_code == 401
    assert (
        client.post("/jobs/new/", {"from": "list", "kind": "unlink", "text": "1"}).status_code
        == 401
    )
    assert not Job.objects.exists()


def test_file_of_another_tenants_orders_finds_nothing(
    client: Client, desk: Desk, portal: DemoPortal, other_portal: DemoPortal
) -> None:
    orders, (deal,) = other_portal.many(orders=3, deals=1)
    job = desk.link([(order, deal) for order in orders])
    assert job.total == 0


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"from": "file", "kind": "link"}, "Choose a file first"),
        ({"from": "list", "kind": "link", "text": "  "}, "Paste at least one order"),
        ({"from": "list", "kind": "status", "text": "1"}, "Choose a status"),
        ({"from": "list", "kind": "responsible", "text": "1"}, "Choose a person"),
        (
            {"from": "list", "kind": "link", "text": "1", "to": "deal"},
            "Enter the ID or link of a deal",
        ),
        ({"from": "search", "kind": "link", "q": "a", "to": ""}, "Choose the deal"),
        ({"from": "search", "kind": "unlink", "q": ""}, "Enter a search text"),
    ],
)
def test_mistakes_are_shown_beside_the_form(desk: Desk, form: dict[str, str], said: str) -> None:
    answer = desk.post("/jobs/new/", **form)
    assert answer.response.status_code == 422
    assert answer.response["X-Lo-State"] == "1"
    assert said in answer.text
    assert "data-job-form" in answer.text
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"from": "nowhere", "kind": "link"},
        {"from": "list", "kind": "restore", "text": "1"},
        {"from": "list", "kind": "drop", "text": "1"},
        {"from": "list", "kind": "status", "text": "1", "to": "F'; --"},
        {"from": "list", "kind": "responsible", "text": "1", "to": "all"},
        {"from": "search", "kind": "unlink", "since": "yesterday"},
        {"from": "card", "kind": "unlink", "all": "on"},  # the page was opened for no card
    ],
)
def test_forged_job_forms_are_refused(desk: Desk, form: dict[str, str]) -> None:
    assert desk.post("/jobs/new/", **form).response.status_code == 400
    assert not Job.objects.exists()


def test_number_of_unfinished_jobs_is_limited(desk: Desk) -> None:
    form = {"from": "list", "kind": "unlink", "text": "1"}
    for _ in range(20):
        assert desk.post("/jobs/new/", **form).response.status_code == 200
    answer = desk.post("/jobs/new/", **form)
    assert answer.response.status_code == 409
    assert "20 unfinished jobs" in answer.text
    assert Job.objects.count() == 20


def test_file_over_size_limit_is_refused(desk: Desk) -> None:
    answer = desk.upload(b"order\n" + b"1\n" * 5_000_001)
    assert answer.response.status_code == 422
    assert "larger than 10 MB" in answer.text


def test_erasing_a_portal_erases_its_jobs(desk: Desk, portal: DemoPortal) -> None:
    job = preview(desk, portal)
    desk.start(job)
    uninstall.leave(job.portal, clean=True)
    assert not Job.objects.exists()


@pytest.mark.parametrize("kind", ["link", "unlink", "move", "status", "responsible", "export"])
def test_order_card_starts_no_job_for_a_deal(
    client: Client, desk: Desk, portal: DemoPortal, kind: str
) -> None:
    order = portal.order_id("1184")
    page = open_order(client, portal, order)
    form = {"from": "card", "kind": kind, "order": str(order), "to": str(EMPTY), "all": "on"}
    assert submit(client, page, "/jobs/new/", form).response.status_code == 400
    assert not Job.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_job_discarded_meanwhile_is_not_found(
    client: Client, desk: Desk, portal: DemoPortal
) -> None:
    ilya = sit_down(client, portal, ILYA)
    job = preview(ilya, portal)

    def discards() -> None:
        Job.objects.filter(pk=job.pk).delete()
        connection.close()  # this thread's own: it is one of the demo portal's

    # The portal says who is an administrator after the job was looked up.
    portal.meanwhile("user.admin", discards)
    answer = desk.post(f"/jobs/{job.pk}/take-over/", owner=job.user_id)
    assert (answer.response.status_code, answer.state) == (404, "no-job")
    assert not JobLane.objects.exists()

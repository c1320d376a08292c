"""Jobs asked for through the pages, and worked in the test's own process, slot by slot, as workers would."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

# The broker of the tests, for what the pages send to it.
from b24app import celery  # noqa: F401
from b24app.jobs import tasks, transitions
from b24app.jobs.models import Job, JobItem, JobLane
from demo import rows
from demo.server import DemoPortal
from testing import opening
from testing.markup import attribute, only
from testing.opening import ANNA, Page, ask, submit


@dataclass
class Desk:
    """A person at the portal with the app's own page open."""

    client: Client
    portal: DemoPortal
    page: Page

    def get(self, path: str) -> Page:
        return ask(self.client, self.page, path)

    def post(self, path: str, **form: Any) -> Page:
        return submit(self.client, self.page, path, form)

    def upload(self, content: bytes, name: str = "orders.csv", **form: Any) -> Page:
        file = SimpleUploadedFile(name, content)
        return self.post("/jobs/new/", **{"kind": "link", "from": "file", "file": file, **form})

    def asked(self, answer: Page) -> Job:
        """The job an answer shows, with its preview made."""
        return work(shown(answer))

    def link(self, pairs: Iterable[tuple[object, object]], **form: Any) -> Job:
        """A job that links orders, by id, to deals, with its preview made."""
        return self.asked(self.upload(table(pairs), **form))

    def start(self, job: Job, *, move: bool = True, invoices: bool = False) -> Job:
        """Start a job that has its preview, and work it until it rests."""
        agreed = {"move": move, "invoices": invoices}
        self.post(f"/jobs/{job.pk}/start/", **{name: "on" for name, yes in agreed.items() if yes})
        return work(job)

    def take_over(self, job: Job) -> Page:
        """Take somebody's job over, by the dialog that asks first."""
        asked = self.post(f"/jobs/{job.pk}/take-over/confirm/")
        owner = attribute(asked.text, "input[name=owner]", "value")
        return self.post(f"/jobs/{job.pk}/take-over/", owner=owner)


def sit_down(client: Client, portal: DemoPortal, user_id: int = ANNA) -> Desk:
    """A person at the app's main page; the app is installed by the administrator first."""
    if not portal.state.app.installed:
        opening.install(client, portal)
    page = opening.launch(client, portal, "DEFAULT", user_id, 0, "en", {})
    return Desk(client, portal, page)


def table(pairs: Iterable[tuple[object, object]]) -> bytes:
    lines = ["order id,deal", *(f"{order},{deal}" for order, deal in pairs)]
    return "\n".join(lines).encode()


def shown(page: Page) -> Job:
    """The job that a page shows."""
    shown = only(page.text, "#job").attributes
    job = Job.objects.select_related("portal").get(pk=int(shown["data-job-id"] or 0))
    assert job.state == shown["data-job-state"]
    return job


def work(job: Job, slices: int = 300) -> Job:
    """Work the job until it rests, with no regard to how long its slots would have to wait."""
    for _ in range(slices):
        job.refresh_from_db()
        if job.state not in transitions.SWEPT:
            return job
        step(job)
    raise AssertionError(f"{job} does not come to rest")


def step(job: Job) -> Job:
    """One slice of the slot that is due first."""
    lane = JobLane.objects.filter(job=job).order_by("due_at", "number").first()
    assert lane is not None
    tasks.work(lane.pk, lane.ticket)
    job.refresh_from_db()
    return job


def lose_worker(job: Job) -> None:
    """What a sweep finds two minutes after a worker died."""
    ago = timezone.now() - timedelta(minutes=2)
    JobLane.objects.filter(job=job).exclude(token=None).update(leased_until=ago)
    JobItem.objects.filter(job=job, state="writing").update(at=ago)


def verdicts(job: Job) -> Mapping[str, int]:
    return Counter(JobItem.objects.filter(job=job).values_list("verdict", flat=True))


def outcomes(job: Job) -> Mapping[tuple[str, str], int]:
    return Counter(JobItem.objects.filter(job=job).values_list("state", "reason"))


def item(job: Job, row: int) -> JobItem:
    return JobItem.objects.get(job=job, row=row)


def places(portal: DemoPortal, orders: Sequence[int]) -> list[tuple[int, int] | None]:
    return [portal.link_of(order) for order in orders]


def small_store(
    portal: DemoPortal, orders: Mapping[str, int], deals: Iterable[int], price: float = 100
) -> None:
    """Nothing is linked; orders (number to ID) in EUR, and deals of a client."""
    state = portal.state
    state.links.clear()
    for number, order_id in orders.items():
        state.orders[order_id] = rows.order(order_id, number, price, "EUR", 3)
    for deal in deals:
        state.deals[deal] = rows.deal(deal, f"Deal {deal}", 7, 100, "EUR", CONTACT_ID="8")


def planned(job: Job) -> list[tuple[str, str]]:
    """What Start would write: numbers of orders, each with its place."""
    found = JobItem.objects.filter(job=job, state="pending").order_by("row")
    return [(item.order_number, item.wanted) for item in found]

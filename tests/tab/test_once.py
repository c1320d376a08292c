"""A click that is sent eight times at once is carried out once, and written down once."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from b24app.bitrix24 import slots
from b24app.jobs.models import Job
from b24app.journal.models import AuditEntry
from b24app.portals.models import Portal
from b24app.tab.models import ChangeClaim, Dismissal, PersonalDismissal
from demo.server import DemoPortal
from testing.opening import EMPTY, ILYA, MOCKUP, Page, install, open_order, open_tab, submit
from tests.jobs.driving import shown, sit_down, work

pytestmark = pytest.mark.django_db(transaction=True)

TIMES = 8
WRITES = (
    "crm.orderentity.add",
    "crm.orderentity.deletebyfilter",
    "sale.order.update",
    "crm.deal.update",
    "crm.item.payment.pay",
    "sale.shipment.update",
)


@pytest.fixture
def slow(portal: DemoPortal, settings: Settings) -> Iterator[None]:
    """A portal that takes a while for each answer, so that requests meet there."""
    settings.B24_RATE_CAPACITY = 1000
    portal.rest.limits.enforced = False
    portal.rest.latency = 0.15
    # All of them reach the portal: none is turned away for want of a thread.
    slots.OF_PROCESS.share(4 * TIMES)
    yield
    slots.OF_PROCESS.share(slots.THREADS)
    portal.rest.latency = 0.0


@pytest.fixture
def tab(client: Client, portal: DemoPortal) -> Page:
    install(client, portal)
    Portal.objects.update(allow_cancel=True, allow_pay=True, allow_ship=True)
    return open_tab(client, portal, ILYA, MOCKUP)


def at_once(ask: Callable[[Client], Page]) -> list[Page]:
    """The answers to one request that eight threads send at the same moment."""
    start = Barrier(TIMES)

    def send(_: int) -> Page:
        try:
            start.wait()
            return ask(Client())
        finally:
            connections.close_all()

    with ThreadPoolExecutor(TIMES) as pool:
        return list(pool.map(send, range(TIMES)))


def writes(portal: DemoPortal) -> Counter[str]:
    return Counter(call.method for call in portal.calls if call.method in WRITES)


def undo_of(page: Page) -> tuple[str, dict[str, str]]:
    undo = page.toast["undo"]
    assert isinstance(undo, dict)
    return undo["url"], undo["values"]


@pytest.mark.parametrize(
    ("path", "form", "method"),
    [
        ("/tab/link/", {"order": "{free}|"}, "crm.orderentity.add"),
        ("/tab/unlink/", {"order": "{here}|"}, "crm.orderentity.deletebyfilter"),
        ("/tab/move/", {"order": "{here}|", "to": str(EMPTY)}, "crm.orderentity.add"),
        ("/tab/status/", {"held": "{here}|N", "to": "AW"}, "sale.order.update"),
        ("/tab/amount/", {"seen": "21000.00", "to": "20430.50"}, "crm.deal.update"),
        (
            "/tab/responsible/",
            {"order": "{here}|", "seen": "5", "to": "9"},
            "sale.order.update",
        ),
        ("/tab/comment/", {"order": "{here}|", "seen": "", "text": "Ring"}, "sale.order.update"),
        ("/tab/cancel/", {"order": "{here}|", "to": "Y", "reason": ""}, "sale.order.update"),
    ],
    ids=["link", "unlink", "move", "status", "amount", "responsible", "comment", "cancel"],
)
def test_repeated_click_and_undo_change_once_each(
    client: Client, portal: DemoPortal, tab: Page, slow: None, path: str,
    form: dict[str, str], method: str,
) -> None:  # fmt: skip
    ids = {"free": portal.order_id("1193"), "here": portal.order_id("1201")}
    data = {name: value.format(**ids) for name, value in form.items()}
    portal.reset_counts()
    answers = at_once(lambda item: submit(item, tab, path, data))
    assert {answer.response.status_code for answer in answers} == {200}
    assert writes(portal) == {method: 1}
    entry = AuditEntry.objects.get()
    (done,) = [answer for answer in answers if "undo" in answer.toast]
    url, values = undo_of(done)
    portal.reset_counts()
    answers = at_once(lambda item: submit(item, tab, url, values))
    assert {answer.response.status_code for answer in answers} <= {200, 400}
    assert sum(writes(portal).values()) == 1
    assert [item.undoes_id for item in AuditEntry.objects.exclude(pk=entry.pk)] == [entry.pk]
    assert not ChangeClaim.objects.exists()


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/tab/pay/", "crm.item.payment.pay"),
        ("/tab/ship/", "sale.shipment.update"),
        ("/tab/tracking/", "sale.shipment.update"),
    ],
)
def test_repeated_click_without_undo_acts_once(
    client: Client, portal: DemoPortal, tab: Page, slow: None, path: str, method: str
) -> None:
    order = portal.order_id("1196")
    payment = next(row for row in portal.state.payments.of_order(order) if row["paid"] == "N")
    shipment = next(
        row
        for row in portal.state.shipments.of_order(order)
        if row["deducted"] == "N" and row["system"] == "N"
    )
    part = payment["id"] if path == "/tab/pay/" else shipment["id"]
    form = {"order": f"{order}|", "part": part, f"amount-{part}": "2000", "tracking": "1Z"}
    portal.reset_counts()
    answers = at_once(lambda item: submit(item, tab, path, form))
    assert {answer.response.status_code for answer in answers} == {200}
    assert writes(portal) == {method: 1}
    assert AuditEntry.objects.count() == 1
    assert not ChangeClaim.objects.exists()


def test_concurrent_undo_from_history_and_order_card_happens_once(
    client: Client, portal: DemoPortal, tab: Page, slow: None
) -> None:
    order = portal.order_id("1193")
    submit(client, tab, "/tab/link/", {"order": f"{order}|"})
    entry = AuditEntry.objects.get()
    own = open_order(client, portal, order, ILYA)
    ways = iter([(tab, "/tab/undo/"), (own, "/order/undo/")] * (TIMES // 2))

    def undo(client: Client) -> Page:
        page, path = next(ways)
        return submit(client, page, path, {"entry": str(entry.pk)})

    at_once(undo)
    assert portal.link_of(order) is None
    assert AuditEntry.objects.filter(undoes=entry).count() == 1


def test_second_person_sees_that_order_is_being_changed(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    order = portal.order_id("1201")
    ChangeClaim.objects.create(
        portal=Portal.objects.get(),
        subject=f"order:{order}",
        token="6c8f2a3e-0000-4000-8000-000000000001",
        until=timezone.now() + timedelta(seconds=60),
    )
    portal.reset_counts()
    page = submit(client, tab, "/tab/unlink/", {"order": f"{order}|"})
    assert "It is being changed right now" in page.text
    assert not page.toast
    assert not writes(portal)
    # A process that died with its claim keeps nobody out for longer than the claim lasts.
    ChangeClaim.objects.update(until=timezone.now() - timedelta(seconds=1))
    submit(client, tab, "/tab/unlink/", {"order": f"{order}|"})
    assert portal.link_of(order) is None
    assert not ChangeClaim.objects.exists()


def test_lock_does_not_affect_other_portals(client: Client, portal: DemoPortal, tab: Page) -> None:
    other = Portal.objects.create(member_id="other", endpoint="https://other.example/rest/")
    order = portal.order_id("1201")
    ChangeClaim.objects.create(
        portal=other,
        subject=f"order:{order}",
        token="6c8f2a3e-0000-4000-8000-000000000001",
        until=timezone.now() + timedelta(seconds=60),
    )
    submit(client, tab, "/tab/unlink/", {"order": f"{order}|"})
    assert portal.link_of(order) is None
    assert ChangeClaim.objects.get().portal == other


def test_repeated_undo_of_a_job_creates_one_job(
    client: Client, portal: DemoPortal, slow: None
) -> None:
    desk = sit_down(client, portal)
    orders, (deal,) = portal.many(orders=3, deals=1)
    job = desk.start(desk.link([(order, deal) for order in orders]))
    answers = at_once(lambda item: submit(item, desk.page, f"/jobs/{job.pk}/undo/", {}))
    assert {shown(answer).pk for answer in answers} == {Job.objects.get(undoes=job).pk}
    undo = work(Job.objects.select_related("portal").get(undoes=job))
    at_once(lambda item: submit(item, desk.page, f"/jobs/{undo.pk}/start/", {}))
    work(undo)
    assert (undo.state, undo.done) == (Job.State.DONE, 3)
    assert AuditEntry.objects.filter(change=undo.change).count() == 3


def test_repeated_dismissal_is_stored_once(
    client: Client, portal: DemoPortal, tab: Page, slow: None
) -> None:
    form = {"order": str(portal.order_id("1193"))}
    answers = at_once(lambda item: submit(item, tab, "/tab/suggestions/dismiss/", form))
    assert {answer.response.status_code for answer in answers} == {200}
    assert Dismissal.objects.count() + PersonalDismissal.objects.count() == 1

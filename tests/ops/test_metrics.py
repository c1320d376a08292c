"""The metrics page: closed without its token, true numbers with it, said plainly when a part is away."""

import time

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families
from pytest_django.fixtures import Settings

from b24app import counters, heartbeat, metrics
from b24app import redis as redis_door
from b24app.bitrix24 import errors
from b24app.celery import app as celery
from b24app.connect import client_of
from b24app.events.models import InboxEvent
from b24app.events.tasks import sweep
from b24app.jobs.models import Job
from b24app.portals.models import Portal, PortalUser
from demo.server import DemoPortal
from testing.opening import ANNA, install, open_tab

pytestmark = pytest.mark.django_db

TOKEN = "a-token-for-the-tests-alone"

Numbers = dict[tuple[str, ...], float]


@pytest.fixture(autouse=True)
def redis_is_asked() -> None:
    """A Redis that was away in another test is asked again."""
    redis_door.breaker.record_success()


@pytest.fixture
def allowed(settings: Settings) -> None:
    settings.METRICS_TOKEN = TOKEN


def scrape(client: Client) -> Numbers:
    """Every sample by its name and the values of its labels, those in the order of their names."""
    answer = client.get("/metrics/", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=")
    families = text_string_to_metric_families(answer.content.decode())
    samples = [sample for family in families for sample in family.samples]
    return {
        (item.name.removeprefix("linked_orders_"), *(item.labels[name] for name in sorted(item.labels))):
        item.value for item in samples
    }  # fmt: skip


def test_metrics_are_off_without_a_token(client: Client, settings: Settings) -> None:
    assert settings.METRICS_TOKEN == ""
    for shown in ("", "Bearer", "Bearer "):
        assert client.get("/metrics/", headers={"Authorization": shown}).status_code == 404


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize("shown", ["", "Bearer", f"Basic {TOKEN}", "Bearer é", f"Bearer {TOKEN}x"])
def test_metrics_require_the_token(client: Client, shown: str) -> None:
    refused = client.get("/metrics/", headers={"Authorization": shown})
    assert (refused.status_code, refused.content) == (401, b"")
    assert client.post("/metrics/", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 405


@pytest.mark.usefixtures("allowed")
def test_openings_calls_and_refusals_are_counted(client: Client, portal: DemoPortal) -> None:
    install(client, portal)
    open_tab(client, portal)
    before = scrape(client)
    open_tab(client, portal)
    open_tab(client, portal, form={"APPLICATION_TOKEN": "forged"})
    portal.misbehave("payment_required")
    open_tab(client, portal)
    after = scrape(client)
    grown = {name: after[name] - before.get(name, 0) for name in after}
    assert grown["requests_total", "deal-tab", "200"] == 1
    assert grown["requests_total", "deal-tab", "403"] == 1
    assert grown["requests_total", "deal-tab", "402"] == 1
    assert grown["requests_total", "metrics", "200"] == 1
    assert grown["calls_total", "ok"] == 1
    assert grown["calls_total", "PaymentRequired"] == 1
    assert grown["refusals_total", "foreign"] == 1
    assert grown["request_seconds_count", "deal-tab"] == 3
    assert grown["request_seconds_bucket", "+Inf", "deal-tab"] == 3
    assert 0 < grown["request_seconds_sum", "deal-tab"] < 30
    assert after["budget_level", portal.domain] > 0


@pytest.mark.usefixtures("allowed")
def test_refreshes_are_counted_by_outcome(client: Client, portal: DemoPortal) -> None:
    install(client, portal)
    page = open_tab(client, portal)
    portal.expire_tokens()
    session = {"Authorization": f"Bearer {page.session}"}
    assert client.get("/tab/orders/", headers=session).status_code == 200
    portal.expire_tokens()
    portal.forget_refresh_tokens()
    assert client.get("/tab/orders/", headers=session).status_code == 401
    numbers = scrape(client)
    # The installation proves its token, and the tab renews one.
    assert numbers["token_refreshes_total", "ok"] == 2
    assert numbers["token_refreshes_total", "DeadToken"] == 1
    assert numbers["users", "dead"] == 1
    with pytest.raises(errors.DeadToken):
        client_of(PortalUser.objects.get(user_id=ANNA)).call("profile")


@pytest.mark.usefixtures("allowed")
def test_queues_events_and_workers_are_measured(client: Client, portal: DemoPortal) -> None:
    install(client, portal)
    known = Portal.objects.get()
    InboxEvent.objects.bulk_create(
        InboxEvent(portal=known, name="ONAPPTEST", state=state)
        for state in ("waiting", "waiting", "failed", "done")
    )
    Portal.objects.create(
        member_id="gone", endpoint="https://gone.example/rest/", uninstalled_at=known.installed_at
    )
    celery.send_task("no.such.task", queue="bulk")
    numbers = scrape(client)
    assert (numbers["queue_length", "bulk"], numbers["queue_length", "interactive"]) == (1, 0)
    assert (numbers["events", "waiting"], numbers["events", "failed"]) == (2, 1)
    assert ("events", "done") not in numbers
    assert 0 <= numbers["events_oldest_seconds",] < 60
    assert (numbers["portals", "yes"], numbers["portals", "no"]) == (1, 1)
    assert (numbers["worker_up", "bulk"], numbers["worker_up", "interactive"]) == (0, 0)
    assert numbers["beat_up",] == 0
    for process in ("bulk@one", "bulk@two"):
        heartbeat.beat(["bulk"], process)
    heartbeat.beat([heartbeat.BEAT], "beat@one")
    numbers = scrape(client)
    assert (numbers["worker_up", "bulk"], numbers["worker_up", "interactive"]) == (1, 0)
    assert (numbers["workers", "bulk"], numbers["workers", "interactive"]) == (2, 0)
    assert numbers["beat_up",] == 1


@pytest.mark.usefixtures("allowed")
def test_fullest_budgets_are_named_and_all_counted(client: Client) -> None:
    """More customers than series: a portal near its limit is never hidden behind others."""
    now = time.time()
    redis = redis_door.client()
    many = range(120)
    Portal.objects.bulk_create(
        Portal(member_id=f"m{n}", endpoint=f"https://portal{n}.example/rest/") for n in many
    )
    for n in many:
        redis.hset(f"budget:{{m{n}}}", mapping={"level": n % 50, "at": now + 60, "blocked": 0})
    redis.hset("budget:{m7}", mapping={"level": 1, "at": now + 60, "blocked": now + 600})
    numbers = scrape(client)
    named = {number[1] for number in numbers if number[0] == "budget_level"}
    assert len(named) == metrics.FULLEST_BUDGETS
    assert {"portal7.example", "portal49.example", "portal99.example"} <= named
    assert numbers["budget_level", "portal49.example"] == 49
    assert numbers["budgets", "active"] == 120
    assert numbers["budgets", "nearly_full"] == sum(n % 50 >= 40 for n in many)
    assert numbers["budgets", "blocked"] == 1
    assert numbers["budget_blocked_seconds", "portal7.example"] > 500


@pytest.mark.usefixtures("allowed")
def test_tasks_are_counted(client: Client) -> None:
    sweep.apply()
    numbers = scrape(client)
    assert numbers["tasks_total", "SUCCESS", "events.sweep"] == 1
    assert numbers["task_seconds_count", "events.sweep"] == 1


@pytest.mark.usefixtures("allowed")
def test_missing_redis_is_reported_without_delay(
    client: Client, portal: DemoPortal, settings: Settings
) -> None:
    install(client, portal)
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    numbers = scrape(client)
    assert (numbers["up", "redis"], numbers["up", "database"]) == (0, 1)
    assert numbers["portals", "yes"] == 1
    assert open_tab(client, portal).response.status_code == 200


@pytest.mark.usefixtures("allowed")
def test_bulk_jobs_are_counted_by_state(client: Client, portal: DemoPortal) -> None:
    install(client, portal)
    user = PortalUser.objects.get()
    for state in (Job.State.RUNNING, Job.State.RUNNING, Job.State.DONE):
        Job.objects.create(
            portal=user.portal,
            user=user,
            acting=user,
            kind=Job.Kind.LINK,
            origin=Job.Origin.LIST,
            state=state,
        )
    numbers = scrape(client)
    assert numbers["jobs", "running"] == 2
    assert ("jobs", "done") not in numbers


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize(
    "name", ["x", "7", "[]", "[1]", '["requests"]', '["request_seconds_sum"]', "[" * 99_999]
)
def test_invalid_counts_are_left_out(client: Client, name: str) -> None:
    redis = redis_door.client()
    redis.hset(counters.KEY, name, "1")
    redis.hset(counters.KEY, '["tasks","a","b"]', "no number")
    try:
        assert ("up", "redis") in scrape(client)
    finally:
        redis.hdel(counters.KEY, name, '["tasks","a","b"]')

"""The app as real processes: one id from click to portal, JSON logs, an orderly end."""

import threading
from collections.abc import Iterator

import pytest
import requests

from b24app.counters import QUEUES
from testing.running import Running, running
from testing.waiting import HANG_SECONDS, until

pytestmark = pytest.mark.bare


@pytest.fixture(scope="module")
def one_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("app")) as app:
        yield app


@pytest.fixture
def app(one_app: Running) -> Iterator[Running]:
    """The app of this module, whole again after a test that ended a part of it."""
    yield one_app
    one_app.portal.calm()
    one_app.start()


JOURNAL = """
from b24app.journal.models import RestCall
print(*RestCall.objects.filter(request_id="{}").values_list("origin", flat=True))
"""


def test_request_id_follows_event_through_worker_to_portal(app: Running) -> None:
    app.portal.reset_counts()
    answer = app.event("ONAPPUPDATE")
    assert answer.status_code == 204
    request_id = answer.headers["X-Request-Id"]
    until(lambda: app.portal.request_ids, "the worker calls the portal")
    until(
        lambda: any("succeeded" in line["message"] for line in app.lines("worker")),
        "the task ends",
    )
    web, worker = app.lines("web"), app.lines("worker")
    kept = app.manage("shell", "-v", "0", "-c", JOURNAL.format(request_id))
    assert {item_id.split("-")[0] for item_id in app.portal.request_ids} == {request_id}
    assert kept.stdout.split() == ["events.work"] * len(app.portal.request_ids)
    (posted,) = [record for record in web if record.get("request_id") == request_id]
    assert posted["message"].startswith("POST /events/: 204")
    (called, *_) = [record for record in worker if record.get("request_id") == request_id]
    assert (called["origin"], called["logger"]) == ("events.work", "b24app.bitrix24.retry")
    secrets = (
        app.portal.client_secret,
        app.portal.state.app.application_token,
        *app.portal.state.access,
    )
    assert not [secret for secret in secrets if secret in str(web) + str(worker)]


def takes_connections(url: str) -> bool:
    try:
        return requests.get(f"{url}/healthz/", timeout=5).ok
    except requests.RequestException:
        return False


def test_running_request_is_answered_before_web_stops(app: Running) -> None:
    app.portal.misbehave("hang", method="crm.deal.get", seconds=HANG_SECONDS)
    answers: list[requests.Response] = []
    person = threading.Thread(target=lambda: answers.append(app.launch()))
    before = app.portal.http_requests
    person.start()
    until(lambda: app.portal.http_requests > before, "the tab asks the portal")
    app.web.terminate()
    until(lambda: not takes_connections(app.url), "the web takes nobody new")
    assert (app.web.poll(), answers) == (None, [])
    app.portal.calm()
    person.join(HANG_SECONDS)
    assert app.web.wait(HANG_SECONDS) == 0
    assert [response.status_code for response in answers] == [200]
    assert "data-order-id" in answers[0].text


def test_web_stays_ready_when_the_worker_stops(app: Running) -> None:
    before = requests.get(f"{app.url}/readyz/all/", timeout=HANG_SECONDS).json()
    app.worker.terminate()
    app.worker.wait(HANG_SECONDS)
    ready = requests.get(f"{app.url}/readyz/", timeout=HANG_SECONDS)
    everything = requests.get(f"{app.url}/readyz/all/", timeout=HANG_SECONDS)
    assert before["queues"] == dict.fromkeys(QUEUES, "ok")
    assert (ready.status_code, everything.status_code) == (200, 503)
    assert ready.json()["queues"] == dict.fromkeys(QUEUES, "away")


def test_running_task_is_finished_before_worker_stops(app: Running) -> None:
    app.portal.misbehave("hang", method="placement.get", seconds=HANG_SECONDS)
    before, log = app.portal.http_requests, app.directory / "worker.log"
    assert app.event("ONAPPUPDATE").status_code == 204
    until(lambda: app.portal.http_requests > before, "the worker asks the portal")
    app.worker.terminate()
    until(lambda: "Warm shutdown" in log.read_text("utf-8"), "the worker begins to end")
    assert app.worker.poll() is None
    app.portal.calm()
    assert app.worker.wait(HANG_SECONDS) == 0
    shown = app.manage(
        "shell", "-v", "0", "-c",
        "from b24app.events.models import InboxEvent as E; print(*E.objects.values_list('state'), sep='\\n')",
    )  # fmt: skip
    assert set(shown.stdout.split()) == {"('done',)"}

"""What a job's pages say: progress, time left, words in the person's language, files, the end."""

import csv
import io
import re
from datetime import timedelta
from itertools import pairwise

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from openpyxl import load_workbook

from b24app.jobs import tasks, texts, transitions
from b24app.jobs.models import Job, JobItem, JobLane
from b24app.journal.models import RestCall
from demo.server import DemoPortal
from testing import opening
from testing.markup import attributes, only, select, words
from testing.opening import ANNA, EMPTY, ILYA, MARIA, MOCKUP, TOM
from tests.jobs.driving import Desk, sit_down, step, table, work

pytestmark = pytest.mark.django_db


def test_progress_shows_remaining_time(desk: Desk, portal: DemoPortal) -> None:
    orders, (deal,) = portal.many(orders=2500, deals=1)
    job = desk.link([(order, deal) for order in orders])
    desk.post(f"/jobs/{job.pk}/start/", move="on")
    step(job)
    page = desk.get(f"/jobs/{job.pk}/live/?was=")
    assert f"<b>{job.done}</b> of 2,500" in page.text
    # 2,500 links at 0.33 s are 825 s: 456 s at once, the rest as the first ones fall out after 600 s.
    assert 9 <= int(page.attribute("data-job-minutes")) <= 17
    assert "about 138 per minute" in page.text
    assert f'data-live="/jobs/{job.pk}/live/?was=' in page.text
    assert "lo:job-changed" in page.response["HX-Trigger"]
    was = page.text.split("?was=")[1].split('"')[0]
    assert "HX-Trigger" not in desk.get(f"/jobs/{job.pk}/live/?was={was}").response


def test_short_job_shows_no_rate_limit(desk: Desk, portal: DemoPortal) -> None:
    job = desk.link([(portal.order_id("1193"), EMPTY)])
    assert "Less than a minute" in desk.get(f"/jobs/{job.pk}/").text
    orders, (deal,) = portal.many(orders=334, deals=1)
    job = desk.link([(order, deal) for order in orders])
    desk.post(f"/jobs/{job.pk}/start/", move="on")
    page = desk.get(f"/jobs/{job.pk}/live/")
    assert int(page.attribute("data-job-minutes")) <= 3
    assert "Bitrix24 allows about" not in page.text
    assert "You can close this page; the job continues." in page.text


def test_new_job_shows_its_speed(desk: Desk, portal: DemoPortal) -> None:
    orders, (deal,) = portal.many(orders=200, deals=1)
    job = desk.link([(order, deal) for order in orders])
    desk.post(f"/jobs/{job.pk}/start/", move="on")
    done = step(job).done
    assert done
    # However long this machine took since: it begins in a minute.
    Job.objects.filter(pk=job.pk).update(started_at=timezone.now() + timedelta(minutes=1))
    assert "Speed now" not in desk.get(f"/jobs/{job.pk}/live/").text
    started = timezone.now() - timedelta(seconds=30)
    Job.objects.filter(pk=job.pk).update(started_at=started)
    facts = select(desk.get(f"/jobs/{job.pk}/live/").text, "dt, dd")
    elapsed = (timezone.now() - started).total_seconds()
    (speed,) = [words(value) for name, value in pairwise(facts) if words(name) == "Speed now"]
    assert 60 * done / elapsed - 1 <= int(speed.split()[0]) <= 2 * done


def test_every_row_of_the_list_is_accounted_for(desk: Desk, portal: DemoPortal) -> None:
    orders, (deal,) = portal.many(orders=3, deals=1)
    job = desk.start(desk.link([*((order, deal) for order in orders), (999999, deal)]))
    page = desk.get(f"/jobs/{job.pk}/").text
    assert "<b>3</b> of 3" in page
    assert "1 of 4 rows skipped in the preview" in page
    assert "<dt>Skipped in the preview</dt><dd>1</dd>" in page
    assert "Skipped: the store has no such order" in page
    assert 'data-filter="no_order"' in page
    assert "Skipped in the preview: 1" in desk.get("/jobs/").text
    answer = desk.get(f"/jobs/{job.pk}/table/?format=csv").response
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row["Outcome"] for row in rows] == ["Done", "Done", "Done", "Skipped in the preview"]
    whole = desk.start(desk.link([(orders[0], EMPTY)]))
    assert "skipped in the preview" not in desk.get(f"/jobs/{whole.pk}/").text


def test_paused_job_can_be_discarded(client: Client, desk: Desk, portal: DemoPortal) -> None:
    orders, (deal,) = portal.many(orders=3, deals=1)
    job = desk.link([(order, deal) for order in orders])
    portal.misbehave("no_scope", "crm.orderentity.list", times=50)
    desk.start(job)
    assert (job.state, job.done) == (Job.State.PAUSED, 0)
    page = desk.get(f"/jobs/{job.pk}/").text
    assert 'id="job-discard"' in page
    assert 'id="job-stop"' not in page
    tom = sit_down(client, portal, TOM)
    assert tom.post(f"/jobs/{job.pk}/discard/").response.status_code == 404
    assert Job.objects.filter(pk=job.pk).exists()
    desk.post(f"/jobs/{job.pk}/discard/")
    assert not Job.objects.filter(pk=job.pk).exists()


def test_paused_job_that_has_written_is_stopped_and_undone(desk: Desk, portal: DemoPortal) -> None:
    orders, (deal,) = portal.many(orders=200, deals=1)
    job = desk.link([(order, deal) for order in orders])
    desk.post(f"/jobs/{job.pk}/start/", move="on")
    step(job)
    assert 0 < job.done < 200
    portal.misbehave("no_scope", "crm.orderentity.list", times=50)
    work(job)
    assert job.state == Job.State.PAUSED
    page = desk.get(f"/jobs/{job.pk}/").text
    assert 'id="job-stop"' in page
    assert 'id="job-discard"' not in page
    desk.post(f"/jobs/{job.pk}/discard/")
    desk.post(f"/jobs/{job.pk}/stop/")
    job.refresh_from_db()
    assert job.state == Job.State.STOPPED
    portal.calm()
    undo = desk.start(desk.asked(desk.post(f"/jobs/{job.pk}/undo/")))
    assert undo.done == job.done
    assert {portal.link_of(order) for order in orders} == {None}


def test_moves_from_other_cards_need_consent(desk: Desk, portal: DemoPortal) -> None:
    job = desk.link([(portal.order_id("1184"), EMPTY)])
    page = desk.get(f"/jobs/{job.pk}/").text
    assert "<span data-without-moves>Linked elsewhere</span>" in page
    assert ">Not moved: it is linked elsewhere</span>" in page
    start = only(page, "#job-start").attributes
    assert start.keys() >= {"data-needs-move", "disabled"}
    assert "All of them are linked elsewhere: select this to start." in page
    assert " required" not in page
    expected = {"": "Linked elsewhere", "&move=on": "Will be moved"}
    for more, verdict in expected.items():
        file = desk.get(f"/jobs/{job.pk}/table/?format=csv{more}").response.content
        (row,) = csv.DictReader(io.StringIO(file.decode("utf-8-sig")))
        assert row["Check"] == verdict
    assert row["Reason"] == f"Move from deal 6933 to deal {EMPTY}"
    desk.post(f"/jobs/{job.pk}/start/")
    job.refresh_from_db()
    assert job.state == Job.State.PLANNED
    desk.start(job)
    assert portal.link_of(portal.order_id("1184")) == (2, EMPTY)
    assert "Linked elsewhere" not in desk.get(f"/jobs/{job.pk}/").text


def test_job_list_distinguishes_jobs(client: Client, desk: Desk, portal: DemoPortal) -> None:
    form = {"kind": "link", "to": str(EMPTY)}
    desk.upload(b"Order\n1193", name="winter.csv", to=str(EMPTY))
    desk.post("/jobs/new/", **form, **{"from": "list", "text": "1193"})
    search = {"from": "search", "q": "Clara", "since": "2026-01-05", "unlinked": "on"}
    desk.asked(desk.post("/jobs/new/", **form, **search))
    tab = opening.open_tab(client, portal, ANNA, MOCKUP)
    opening.submit(client, tab, "/jobs/new/", {"from": "card", "kind": "export", "all": "on"})
    page = desk.get("/jobs/").text
    assert "Link orders: winter.csv" in page
    for about in (
        f"From a file · Link to deal {EMPTY}",
        f"Pasted list · Link to deal {EMPTY}",
        f"Search results · 2026-01-05 – … · Only orders that are not linked · Link to deal {EMPTY}",
        f"deal {MOCKUP}",
    ):
        assert f'<span class="sub">{about}</span>' in page


@pytest.mark.parametrize("content", [b"rubbish, and more", b"only words\nof a letter"])
def test_file_with_false_spreadsheet_extension(desk: Desk, content: bytes) -> None:
    job = desk.asked(desk.upload(content, name="Orders.XLSX"))
    assert (job.state, job.reason) == (Job.State.FAILED, "not_excel")
    assert "This isn’t an Excel file" in desk.get(f"/jobs/{job.pk}/").text


def test_method_missing_in_portal_fails_job_with_reason(desk: Desk, portal: DemoPortal) -> None:
    orders, (deal,) = portal.many(orders=3, deals=1)
    job = desk.link([(order, deal) for order in orders])
    portal.misbehave("gone", "crm.orderentity.add", times=50)
    desk.start(job)
    assert (job.state, job.reason, job.done) == (Job.State.PAUSED, "no_method", 0)
    page = desk.get(f"/jobs/{job.pk}/").text
    assert "This Bitrix24 lacks a function that the job needs" in page
    assert "Unexpected error" not in page


def worked_by_a_worker(job: Job) -> Job:
    """Every slot once, each slice a task with a trace of its own, as a worker runs it."""
    for lane in JobLane.objects.filter(job=job).order_by("number"):
        tasks.work.apply(args=(lane.pk, lane.ticket))
    job.refresh_from_db()
    return job


@pytest.mark.parametrize(
    ("misbehaviour", "reason"), [("gone", "no_method"), ("no_scope", "no_scope")]
)
def test_reference_leads_from_a_paused_job_to_its_calls(
    client: Client, desk: Desk, portal: DemoPortal, misbehaviour: str, reason: str
) -> None:
    ilya, maria = (sit_down(client, portal, user) for user in (ILYA, MARIA))
    orders, (deal,) = portal.many(orders=3, deals=1)
    job = ilya.link([(order, deal) for order in orders])
    portal.misbehave(misbehaviour, "crm.orderentity.add", times=50)
    ilya.post(f"/jobs/{job.pk}/start/", move="on")
    worked_by_a_worker(job)
    assert (job.state, job.reason) == (Job.State.PAUSED, reason)
    assert re.fullmatch(r"LO-\w{5}", job.reference)
    for path in ("", "live/"):
        assert f"For support: {job.reference}" in ilya.get(f"/jobs/{job.pk}/{path}").text
    assert maria.get(f"/jobs/{job.pk}/").response.status_code == 404
    found = RestCall.objects.filter(reference=job.reference)
    assert {call.origin for call in found} == {"jobs.slice"}
    assert any("crm.orderentity.add" in call.methods for call in found)
    support = f"/console/support/?q={job.reference.lower()}"
    call = found.first()
    assert call is not None
    assert call.request_id in desk.get(support).text
    with DemoPortal("http://app.example.com", member_id="b" * 32, oauth_of=portal) as other:
        stranger = sit_down(client, other)
        assert call.request_id not in stranger.get(support).text
        assert stranger.get(f"/jobs/{job.pk}/").response.status_code == 404
    portal.rest.faults.calm()
    ilya.post(f"/jobs/{job.pk}/resume/")
    assert (work(job).state, job.reference) == (Job.State.DONE, "")
    assert "data-job-reference" not in ilya.get(f"/jobs/{job.pk}/").text


def test_job_that_goes_on_by_itself_shows_no_reference(desk: Desk, portal: DemoPortal) -> None:
    orders, (deal,) = portal.many(orders=3, deals=1)
    job = desk.link([(order, deal) for order in orders])
    portal.misbehave("overload", "crm.orderentity.add", times=50)
    desk.post(f"/jobs/{job.pk}/start/", move="on")
    step(job)
    assert (job.state, job.reason, job.reference) == ("waiting_portal", "overload", "")
    page = desk.get(f"/jobs/{job.pk}/").text
    assert 'data-job-reason="overload"' in page
    assert "For support" not in page


def test_unfinished_preview_is_shown(desk: Desk, portal: DemoPortal) -> None:
    orders, (deal,) = portal.many(orders=3000, deals=1)
    page = desk.upload(table((order, deal) for order in orders))
    assert 'data-job-state="planning"' in page.text
    assert "Reading the rows" in page.text
    job = Job.objects.get()
    step(job)
    assert "<b>0</b> of 3,000 rows checked" in desk.get(f"/jobs/{job.pk}/live/").text
    assert work(job).state == Job.State.PLANNED
    page = desk.get(f"/jobs/{job.pk}/")
    assert "Link 3,000 orders" in page.text
    assert page.text.count("data-row=") == 50
    assert "Page 1 of 60" in page.text
    last = desk.get(f"/jobs/{job.pk}/rows/?page=60")
    assert f'data-order-id="{orders[-1]}"' in last.text
    assert desk.get(f"/jobs/{job.pk}/rows/?page=x").response.status_code == 400


def test_chip_filters_rows(desk: Desk, portal: DemoPortal) -> None:
    job = desk.link([(portal.order_id("1193"), EMPTY), (999999, EMPTY), (999998, EMPTY)])
    chip = desk.get(f"/jobs/{job.pk}/rows/?show=no_order")
    assert chip.text.count("data-row=") == 2
    assert 'data-filter="no_order" aria-pressed="true"' in chip.text
    assert desk.get(f"/jobs/{job.pk}/rows/?show=nonsense").text.count("data-row=") == 3


def test_start_button_counts_rows_to_change(desk: Desk, portal: DemoPortal) -> None:
    free, elsewhere = portal.order_id("1193"), portal.order_id("1184")
    job = desk.link([(free, EMPTY), (elsewhere, EMPTY)])
    page = desk.get(f"/jobs/{job.pk}/").text
    assert "<span data-with-moves>Link and move 2 orders</span>" in page
    assert "<span data-without-moves>Link 1 order</span>" in page
    assert " required" not in page
    desk.start(job, move=False)
    page = desk.get(f"/jobs/{job.pk}/").text
    assert attributes(page, "[data-filter]", "data-filter") == ["", "done", "not_agreed"]
    assert "Will be" not in page
    left = desk.get(f"/jobs/{job.pk}/rows/?show=not_agreed")
    assert left.order_ids == [elsewhere]
    assert "Not moved" in left.text
    assert desk.get(f"/jobs/{job.pk}/rows/?show=done").order_ids == [free]
    only_moves = desk.link([(elsewhere, EMPTY)])
    assert "data-needs-move" in desk.get(f"/jobs/{only_moves.pk}/").text


def test_counters_follow_progress(desk: Desk, portal: DemoPortal) -> None:
    orders, (deal,) = portal.many(orders=2500, deals=1)
    job = desk.link([(order, deal) for order in orders])
    desk.post(f"/jobs/{job.pk}/start/", move="on")
    was = ""
    for _ in range(2):
        before = job.done
        while job.done == before:
            step(job)
        page = desk.get(f"/jobs/{job.pk}/live/?was={was}")
        assert "lo:job-changed" in page.response["HX-Trigger"]
        was = page.text.split("?was=")[1].split('"')[0]
        chips = desk.get(f"/jobs/{job.pk}/rows/?show=waiting").text
        assert f"Waiting<b>{2500 - job.done:,}</b>" in chips
        assert f"Done<b>{job.done:,}</b>" in chips


def test_undo_reports_rows_left_unchanged(client: Client, desk: Desk, portal: DemoPortal) -> None:
    tab = opening.open_tab(client, portal, ANNA, MOCKUP)
    chosen = [
        f"{pk}|2:{MOCKUP}" for pk, owner in portal.state.links.items() if owner == (2, MOCKUP)
    ]
    form = {"from": "card", "kind": "unlink", "order": chosen}
    job = desk.start(desk.asked(opening.submit(client, tab, "/jobs/new/", form)))
    undo = desk.asked(desk.post(f"/jobs/{job.pk}/undo/"))
    assert "What automation has done in the meantime" in desk.get(f"/jobs/{undo.pk}/").text
    strip = opening.ask(client, tab, "/jobs/of-card/").text
    assert attributes(strip, "[data-job-id]", "data-job-id") == [str(undo.pk), str(job.pk)]
    assert "data-live" not in strip
    desk.post(f"/jobs/{undo.pk}/start/")
    strip = opening.ask(client, tab, "/jobs/of-card/").text
    assert 'data-live="/jobs/of-card/" data-live-part="jobs"' in strip
    assert (
        opening.ask(
            client, opening.open_tab(client, portal, ANNA, EMPTY), "/jobs/of-card/"
        ).text.count("data-job-id")
        == 0
    )
    work(undo)
    again = desk.asked(desk.post(f"/jobs/{job.pk}/undo/"))
    assert "Nothing to undo" in desk.get(f"/jobs/{again.pk}/").text


def test_waiting_job_names_who_must_act(client: Client, desk: Desk, portal: DemoPortal) -> None:
    ilya = sit_down(client, portal, ILYA)
    orders, (deal,) = portal.many(orders=3, deals=1)
    job = ilya.link([(order, deal) for order in orders])
    ilya.post(f"/jobs/{job.pk}/start/", move="on")
    portal.misbehave("no_write", "crm.orderentity.add", times=50)
    work(job)
    assert (
        "You don’t have permission to change orders. An administrator"
        in ilya.get(f"/jobs/{job.pk}/").text
    )
    said = desk.get(f"/jobs/{job.pk}/").text
    assert "Ilya Sokolov doesn’t have permission to change orders. Grant it" in said
    portal.calm()
    portal.misbehave("payment_required", times=50)
    desk.post(f"/jobs/{job.pk}/resume/")
    work(job)
    assert "Ask an administrator to renew it" in ilya.get(f"/jobs/{job.pk}/live/").text
    assert "Renew it in the Market" in desk.get(f"/jobs/{job.pk}/live/").text
    assert "data-job-minutes" not in desk.get(f"/jobs/{job.pk}/live/").text
    assert "Waiting since" in desk.get(f"/jobs/{job.pk}/live/").text


def test_when_a_waiting_job_tries_again(desk: Desk, portal: DemoPortal) -> None:
    orders, (deal,) = portal.many(orders=3, deals=1)
    job = desk.link([(order, deal) for order in orders])
    desk.post(f"/jobs/{job.pk}/start/", move="on")
    portal.misbehave("overload", times=50)
    step(job)
    assert job.state == Job.State.WAITING_PORTAL
    assert "Next try:" in desk.get(f"/jobs/{job.pk}/live/").text


def test_results_can_be_downloaded(desk: Desk, portal: DemoPortal) -> None:
    orders, (deal,) = portal.many(orders=3, deals=1)
    portal.state.orders[orders[0]]["accountNumber"] = "=1+1"
    job = desk.link([(order, deal) for order in orders])
    portal.delete_order(orders[2])
    desk.start(job)
    answer = desk.get(f"/jobs/{job.pk}/table/?format=csv").response
    assert answer["Content-Disposition"] == f'attachment; filename="job-{job.pk}.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row["Outcome"] for row in rows] == ["Done", "Done", "Failed"]
    assert rows[0]["Order"] == "'=1+1"
    assert rows[0]["New link"] == f"deal {deal}"
    assert rows[2]["Reason"] == "The order was deleted"
    failed = desk.get(f"/jobs/{job.pk}/table/?format=xlsx&show=failed").response
    sheet = load_workbook(io.BytesIO(failed.content)).worksheets[0]
    assert [row[2].value for row in sheet.iter_rows(min_row=2)] == [orders[2]]
    assert desk.get(f"/jobs/{job.pk}/table/?format=exe").response.status_code == 400


def test_orders_are_exported(desk: Desk, portal: DemoPortal) -> None:
    text = "1201\n1196\n1188\n77777"
    form = {"from": "list", "kind": "export", "text": text}
    job = desk.start(desk.asked(desk.post("/jobs/new/", **form)))
    assert (job.state, job.done, job.rows) == (Job.State.DONE, 3, 4)
    assert "can be downloaded for 7 days" in desk.get(f"/jobs/{job.pk}/").text
    answer = desk.get(f"/jobs/{job.pk}/table/?format=xlsx").response
    sheet = load_workbook(io.BytesIO(answer.content)).worksheets[0]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=2)]
    assert [row[0] for row in rows] == ["1201", "1196", "1188"]
    assert [row[8:12] for row in rows[:2]] == [[1250, 0, 1250, "EUR"], [5000, 3000, 2000, "EUR"]]
    assert "undo" not in desk.get(f"/jobs/{job.pk}/").text.lower()
    writes = {"crm.orderentity.add", "sale.order.update"}
    assert writes.isdisjoint(call.method for call in portal.calls)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"deal;comment\n1;2", "No column contains orders"),
        (b"order;deal\n", "It contains no rows"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 512, "Excel file in the old format"),
        (b"PK\x03\x04nonsense", "damaged or not a workbook"),
        (b"order;deal\n" + b"1;2\n" * 100_001, "more than 100,000 rows"),
    ],
)
def test_unusable_file_is_refused_with_reason(desk: Desk, content: bytes, said: str) -> None:
    job = desk.asked(desk.upload(content))
    assert job.state == Job.State.FAILED
    page = desk.get(f"/jobs/{job.pk}/")
    assert 'data-job-state="failed"' in page.text
    assert said in page.text
    assert not JobItem.objects.filter(job=job).exclude(state="new").exists()


@pytest.mark.parametrize("lang", ["en", "ru", "de"])
def test_pages_in_every_language(client: Client, portal: DemoPortal, lang: str) -> None:
    opening.install(client, portal)
    page = opening.launch(client, portal, "DEFAULT", ANNA, 0, lang, {})
    desk = Desk(client, portal, page)
    for path in ("/jobs/", "/jobs/new/"):
        assert desk.get(path).response.status_code == 200
    job = desk.start(desk.link([(portal.order_id("1193"), EMPTY), (1, EMPTY)]))
    assert desk.get(f"/jobs/{job.pk}/").response.status_code == 200
    assert desk.get(f"/jobs/{job.pk}/table/?format=csv").response.status_code == 200


def test_every_reason_code_has_a_text() -> None:
    assert set(texts.VERDICTS) == set(JobItem.Verdict.values)
    assert set(texts.STATES) == set(Job.State.values) == set(transitions.FOLLOWING)


def long_ago(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(started_at=timezone.now() - timedelta(minutes=2))


@pytest.mark.parametrize("granted", [True, False])
def test_long_job_notifies_its_owner_at_its_end(
    client: Client, portal: DemoPortal, *, granted: bool
) -> None:
    if not granted:
        portal.state.app.scope.remove("im")
    opening.install(client, portal)
    ilya = sit_down(client, portal, ILYA)
    orders, (deal,) = portal.many(orders=3, deals=1)
    job = ilya.link([(order, deal) for order in orders])
    ilya.post(f"/jobs/{job.pk}/start/", move="on")
    long_ago(job)
    work(job)
    notified = [call for call in portal.calls if call.method.startswith("im.notify")]
    assert len(notified) == (1 if granted else 0)
    if granted:
        assert "Done: 3, skipped: 0, failed: 0" in str(notified[0].params)
        assert str(ILYA) in str(notified[0].params)


def test_failed_notification_does_not_fail_the_job(client: Client, portal: DemoPortal) -> None:
    desk = sit_down(client, portal)
    orders, (deal,) = portal.many(orders=3, deals=1)
    job = desk.link([(order, deal) for order in orders])
    desk.post(f"/jobs/{job.pk}/start/", move="on")
    long_ago(job)
    portal.misbehave("html", "im.notify.system.add", times=5)
    assert work(job).state == Job.State.DONE


def test_short_job_sends_no_notification(client: Client, portal: DemoPortal) -> None:
    desk = sit_down(client, portal)
    desk.start(desk.link([(portal.order_id("1193"), EMPTY)]))
    assert not [call for call in portal.calls if call.method.startswith("im.")]


def test_open_tabs_notice_the_jobs_changes(client: Client, desk: Desk, portal: DemoPortal) -> None:
    tab = opening.open_tab(client, portal, ANNA, MOCKUP)
    since = tab.attribute("data-moment")
    desk.start(desk.link([(portal.order_id("1193"), MOCKUP)]))
    news = opening.ask(client, tab, f"/tab/news/?since={since}").response
    assert b'"changed": true' in news.content


def test_viewing_a_job_sends_no_portal_request(desk: Desk, portal: DemoPortal) -> None:
    job = desk.link([(portal.order_id("1193"), EMPTY)])
    portal.reset_counts()
    for path in ("", "live/", "rows/", "table/?format=csv"):
        desk.get(f"/jobs/{job.pk}/{path}")
    desk.get("/jobs/")
    assert portal.http_requests == 0


def test_without_redis_a_job_waits_and_pages_still_show_it(
    desk: Desk, portal: DemoPortal, settings: pytest.FixtureRequest
) -> None:
    orders, (deal,) = portal.many(orders=3, deals=1)
    job = desk.link([(order, deal) for order in orders])
    settings.REDIS_URL = "redis://127.0.0.1:1/0"  # type: ignore[attr-defined]
    portal.reset_counts()
    desk.post(f"/jobs/{job.pk}/start/", move="on")
    step(job)
    assert (job.state, job.reason, job.done) == (Job.State.WAITING_PORTAL, "queue_away", 0)
    assert portal.http_requests == 0
    assert "data-job-state" in desk.get(f"/jobs/{job.pk}/").text
    lane = JobLane.objects.filter(job=job).order_by("number")[0]
    # It looks again soon enough to go on within 20 s of Redis' return.
    assert timezone.now() < lane.due_at < timezone.now() + timedelta(seconds=20)
    cache.clear()


def test_message_of_old_generation_does_nothing(desk: Desk, portal: DemoPortal) -> None:
    job = desk.link([(portal.order_id("1193"), EMPTY)])
    lane = JobLane.objects.get(job=job)
    tasks.work(lane.pk, 0)
    tasks.work(lane.pk + 1000, 1)
    assert JobItem.objects.get(job=job).state == "pending"

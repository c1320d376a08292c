"""Pages of a job's rows: ordered by outcome, each found where the one before it ended."""

from collections import Counter
from collections.abc import Iterator

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from b24app.jobs.models import Job, JobItem
from b24app.jobs.row_filters import tally_of
from demo.server import DemoPortal
from testing.markup import attribute, attributes, only, select, words
from testing.opening import MOCKUP
from tests.jobs.driving import Desk, verdicts

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def job(desk: Desk, portal: DemoPortal) -> Job:
    """A preview of 130 rows: 60 links, 7 moves, 3 twice, 60 orders that nobody has, all mixed."""
    orders, (deal,) = portal.many(orders=67, deals=1)
    for order in orders[:7]:
        portal.state.links[order] = (2, MOCKUP)
    lost = range(99_000_000, 99_000_060)
    mixed = [*zip(orders, lost, strict=False)]
    listed = [*(pk for pair in mixed for pk in pair), *orders[60:], *orders[:3]]
    return desk.link([(order, deal) for order in listed])


def walked(desk: Desk, job: Job, start: str, button: str) -> Iterator[list[int]]:
    path = start
    while path:
        page = desk.get(path).text
        yield [int(row) for row in attributes(page, "tr[data-row]", "data-row")]
        path = "".join(attributes(page, f"#rows-{button}", "hx-get"))


def test_every_row_stands_on_one_page_by_outcome(desk: Desk, job: Job) -> None:
    pages = list(walked(desk, job, f"/jobs/{job.pk}/rows/", "next"))
    assert [len(page) for page in pages] == [50, 50, 30]
    rows = [row for page in pages for row in page]
    assert sorted(rows) == list(range(2, 132))
    found = {row.row: row.verdict for row in JobItem.objects.filter(job=job)}
    assert list(dict.fromkeys(found[row] for row in rows)) == ["no_order", "move", "link", "twice"]
    for verdict in set(found.values()):
        group = [row for row in rows if found[row] == verdict]
        assert group == sorted(group)


def test_the_way_back_and_a_page_by_its_number_show_the_same_rows(desk: Desk, job: Job) -> None:
    pages = list(walked(desk, job, f"/jobs/{job.pk}/rows/", "next"))
    assert list(walked(desk, job, f"/jobs/{job.pk}/rows/?page=3", "previous")) == pages[::-1]
    for number, page in enumerate(pages, 1):
        assert next(walked(desk, job, f"/jobs/{job.pk}/rows/?page={number}", "next")) == page


@pytest.mark.parametrize("show", ["done", "no_order", "twice", ""])
def test_pages_after_the_work(desk: Desk, job: Job, show: str) -> None:
    desk.start(job)
    pages = list(walked(desk, job, f"/jobs/{job.pk}/rows/?show={show}", "next"))
    rows = [row for page in pages for row in page]
    assert rows == sorted(rows)
    expected = {"done": 67, "no_order": 60, "twice": 3, "": 130}
    assert len(set(rows)) == expected[show]
    back = walked(desk, job, f"/jobs/{job.pk}/rows/?show={show}&page={len(pages)}", "previous")
    assert list(back) == pages[::-1]


def test_counts_are_those_of_the_rows(desk: Desk, job: Job) -> None:
    counted = verdicts(job)
    assert counted == {"no_order": 60, "move": 7, "link": 60, "twice": 3}
    page = desk.get(f"/jobs/{job.pk}/").text
    chips = {
        node.attributes["data-filter"]: words(node).split()[-1]
        for node in select(page, "[data-filter]")
    }
    assert chips == {"": "130", **{name: str(count) for name, count in counted.items()}}
    desk.start(job, move=False)
    page = desk.get(f"/jobs/{job.pk}/").text
    assert [
        (node.attributes["data-filter"], words(node).split()[-1])
        for node in select(page, "[data-filter]")
    ] == [("", "130"), ("done", "60"), ("not_agreed", "7"), ("no_order", "60"), ("twice", "3")]
    left = Counter(JobItem.objects.filter(job=job, state="left").values_list("verdict", flat=True))
    assert left == {"no_order": 60, "move": 7, "twice": 3}


def test_a_job_planned_before_the_counts_were_kept(desk: Desk, job: Job) -> None:
    before = desk.get(f"/jobs/{job.pk}/rows/").text
    assert job.tally == {**tally_of(job), "suggested": 0}
    Job.objects.update(tally=None)
    assert desk.get(f"/jobs/{job.pk}/rows/").text == before


def test_the_bar_filters_by_outcome(desk: Desk, job: Job) -> None:
    page = desk.get(f"/jobs/{job.pk}/").text
    assert (
        words(only(page, ".headline")) == "60 of 130 rows need a look and are left out until then."
    )
    links = attributes(page, ".outcomes rect", "hx-get")
    assert [link.partition("show=")[2] for link in links] == ["no_order", "move", "link", "twice"]
    widths = [float(width) for width in attributes(page, ".outcomes rect", "width")]
    assert sum(widths) == pytest.approx(100, abs=0.1)
    shown = desk.get(links[3]).text
    assert len(select(shown, "tr[data-verdict=twice]")) == 3
    assert attribute(shown, "[data-filter][aria-pressed=true]", "data-filter") == "twice"


@pytest.mark.parametrize("query", ["after=x", "after=1", "before=1-", "after=1-1x", "after=999-1"])
def test_a_place_that_is_not_ours(desk: Desk, job: Job, query: str) -> None:
    assert desk.get(f"/jobs/{job.pk}/rows/?{query}").response.status_code == 400


def test_no_page_sorts_all_rows(desk: Desk, job: Job) -> None:
    """Every query for rows follows an index: none needs a sorted copy of them."""
    last = list(walked(desk, job, f"/jobs/{job.pk}/rows/?page=2", "next"))
    assert last
    with CaptureQueriesContext(connection) as queries:
        for path in ("?page=3", "?show=link&page=2", "?show=no_order", "?page=3&before=2-90"):
            desk.get(f"/jobs/{job.pk}/rows/{path}")
    asked = [query["sql"] for query in queries if 'FROM "jobs_jobitem"' in query["sql"]]
    rows = [sql for sql in asked if "ORDER BY" in sql]
    assert rows
    assert not [sql for sql in asked if "COUNT(" in sql and "overrode" not in sql]
    for sql in rows:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {'QUERY PLAN ' * (connection.vendor == 'sqlite')}{sql}")
            plan = " ".join(str(line) for line in cursor.fetchall())
        assert "TEMP B-TREE" not in plan, plan

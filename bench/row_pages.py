"""``python -m bench.row_pages``: what a page of the rows of a large job costs the database.

A preview of 100,000 rows, ordered by outcome. Each page is read by its query as the buttons send it;
beside it stands what sorting all rows would cost. "read" are the rows that PostgreSQL fetched for the
page; for both databases the plans are looked at for a sort. ``--rows`` takes another number.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable

from bench import inside  # isort: skip  (sets what the settings read)

from django.db import connection
from django.db.models import Case, QuerySet, SmallIntegerField, Value, When
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from b24app.jobs.models import Job, JobItem
from b24app.jobs.row_filters import filters, tally_of
from b24app.jobs.row_pages import PER_PAGE, page_of
from b24app.portals.models import Portal, PortalUser

V = JobItem.Verdict
ROUNDS = 7
# Of a hundred rows, in turns through the file.
MIXTURE = (V.NO_ORDER, V.DOUBT, V.ALREADY, *[V.MOVE] * 17, *[V.LINK] * 80)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    rows: int = parser.parse_args().rows
    with inside.app():
        _table(_preview(rows))


def _preview(rows: int) -> Job:
    """A job with its preview, without the portal."""
    portal = Portal.objects.create(member_id="a" * 32, endpoint="https://bench.example/rest/")
    user = PortalUser.objects.create(portal=portal, user_id=1, name="Anna Schmidt")
    job = Job.objects.create(
        portal=portal, user=user, acting=user, kind="link", subject="link", origin="file",
        state=Job.State.PLANNED, gathered=True, rows=rows, looked=rows,
    )  # fmt: skip
    for start in range(0, rows, 10_000):
        JobItem.objects.bulk_create(
            JobItem(
                job=job, row=at + 2, order_text=str(at), order_id=at + 1, order_number=str(at),
                wanted="2:7021", verdict=verdict, state=_state(verdict),
            )
            for at in range(start, min(start + 10_000, rows))
            for verdict in (MIXTURE[at * 37 % 100],)
        )  # fmt: skip
    job.tally = tally_of(job)
    job.save(update_fields=["tally"])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return job


def _state(verdict: str) -> str:
    return "pending" if verdict in (V.MOVE, V.LINK) else "left"


def _table(job: Job) -> None:
    last = job.rows // PER_PAGE
    whole, links = _walked(job, ""), _walked(job, "link")
    pages = {
        "first page": ("", "page=1"),
        "a page in the middle, by the button": ("", whole),
        "the last page, by its number": ("", f"page={last}"),
        "one outcome, first page": ("link", "page=1"),
        "one outcome, in the middle": ("link", links),
    }
    sys.stdout.write(f"{connection.vendor}, {job.rows} rows\n")
    sys.stdout.write(f"{'':40}{'ms':>8}{'queries':>9}{'read':>9}  sorts\n")
    _line("all rows sorted by outcome, first page", lambda: list(_sorted(job)[:PER_PAGE]))
    _line(
        "all rows sorted by outcome, last page",
        lambda: list(_sorted(job)[(last - 1) * PER_PAGE : last * PER_PAGE]),
    )
    _line("counts by outcome, from all rows", lambda: tally_of(job))
    _line("counts by outcome, as kept", lambda: filters(job))
    for name, (show, query) in pages.items():
        _line(name, lambda show=show, query=query: page_of(job, show, QueryDict(query)))  # type: ignore[misc]


def _walked(job: Job, show: str) -> str:
    """The query of the next page behind one in the middle."""
    middle = job.rows // PER_PAGE // 2
    return page_of(job, show, QueryDict(f"page={middle}")).next


def _sorted(job: Job) -> QuerySet[JobItem]:
    ranks = [
        When(verdict=name, then=Value(rank)) for rank, name in enumerate(dict.fromkeys(MIXTURE))
    ]
    rank = Case(*ranks, default=Value(99), output_field=SmallIntegerField())
    return JobItem.objects.filter(job=job).order_by(rank, "row")


def _line(name: str, read: Callable[[], object]) -> None:
    seconds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        read()
        seconds.append(time.perf_counter() - began)
    with CaptureQueriesContext(connection) as queries:
        read()
    asked = [query["sql"] for query in queries if 'FROM "jobs_jobitem"' in query["sql"]]
    plans = [_plan(sql) for sql in asked]
    read_rows = sum(rows for rows, _sorts in plans) if connection.vendor == "postgresql" else "–"
    sorts = "yes" if any(sorts for _rows, sorts in plans) else "no"
    median = statistics.median(seconds) * 1000
    sys.stdout.write(f"{name:40}{median:8.1f}{len(asked):9}{read_rows:>9}  {sorts}\n")


def _plan(sql: str) -> tuple[int, bool]:
    """How many rows the query fetches from the table or an index, and whether it sorts them."""
    with connection.cursor() as cursor:
        if connection.vendor != "postgresql":
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            return 0, any("TEMP B-TREE FOR ORDER" in str(line) for line in cursor.fetchall())
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}")
        (found,) = cursor.fetchone()
    nodes, fetched, sorts = [found[0]["Plan"]], 0, False
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", [])
        sorts |= "Sort" in node["Node Type"]
        if "Scan" in node["Node Type"]:
            fetched += node["Actual Rows"] * node["Actual Loops"]
    return int(fetched), sorts


if __name__ == "__main__":
    main()

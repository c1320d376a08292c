"""One page of a job's rows, found by the place where the page before it ended.

No page reads more rows than it shows, however many the job has: every part of the list follows an
index, and the counts are those that the preview has left with the job. Only a page that is asked for
by its number alone is reached by skipping, within its own part of the list.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import ceil

from django.db.models import Q
from django.http import QueryDict

from b24app.jobs.models import Job, JobItem
from b24app.jobs.row_filters import Part, parts
from b24app.web.forms import BadForm, page_number

PER_PAGE = 50
LAST_PAGE = 9999
MAX_KEY = 2**63 - 1


@dataclass(frozen=True, slots=True)
class RowPage:
    """``previous`` and ``next`` are the queries of the pages beside it, empty at the ends; ``here`` is
    what its own query says of its place.
    """

    rows: Sequence[JobItem]
    number: int
    pages: int
    previous: str
    next: str
    here: str = ""


def page_of(job: Job, show: str, query: QueryDict) -> RowPage:
    """The page that ``query`` asks for: ``after`` or ``before`` a row, or by its number.

    Raises :class:`BadForm` for a query that is not our own.
    """
    found = parts(job, show)
    count = sum(part.count for part in found)
    pages = max(1, ceil(count / PER_PAGE))
    number = min(page_number(query, last=LAST_PAGE), pages)
    if after := query.get("after", ""):
        rows = list(islice(_after(found, *_place(after)), PER_PAGE))
    elif before := query.get("before", ""):
        rows = list(islice(_before(found, *_place(before)), PER_PAGE))[::-1]
    else:
        rows = list(islice(_skipping(found, (number - 1) * PER_PAGE), PER_PAGE))
    return RowPage(
        [item for _at, item in rows],
        number,
        pages,
        f"page={number - 1}&before={_key(found, *rows[0])}" if rows and number > 1 else "",
        f"page={number + 1}&after={_key(found, *rows[-1])}" if rows and number < pages else "",
        next((f"{name}={query[name]}" for name in ("after", "before") if query.get(name)), ""),
    )


Found = Iterator[tuple[int, JobItem]]
"""Rows, each with the place of its part in the list."""


def _after(found: Sequence[Part], start: int, key: int) -> Found:
    for at, part in enumerate(found[start:], start):
        behind = Q(**{f"{part.key}__gt": key}) if at == start else Q()
        for item in part.items.filter(behind).order_by(part.key)[:PER_PAGE]:
            yield at, item


def _before(found: Sequence[Part], start: int, key: int) -> Found:
    for at, part in reversed(list(enumerate(found[: start + 1]))):
        ahead = Q(**{f"{part.key}__lt": key}) if at == start else Q()
        for item in part.items.filter(ahead).order_by(f"-{part.key}")[:PER_PAGE]:
            yield at, item


def _skipping(found: Sequence[Part], skipped: int) -> Found:
    for at, part in enumerate(found):
        if skipped >= part.count:
            skipped -= part.count
            continue
        for item in part.items.order_by(part.key)[skipped : skipped + PER_PAGE]:
            yield at, item
        skipped = 0


def _key(found: Sequence[Part], at: int, item: JobItem) -> str:
    return f"{at}-{getattr(item, found[at].key)}"


def _place(text: str) -> tuple[int, int]:
    at, _sep, key = text.partition("-")
    if not (at.isascii() and at.isdecimal() and key.isascii() and key.isdecimal()):
        raise BadForm
    if len(at) > 2 or int(key) > MAX_KEY:
        raise BadForm
    return int(at), int(key)

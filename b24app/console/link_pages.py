"""The pages of the link explorer: all links, two reports, and the export."""

import math
from collections.abc import Callable
from dataclasses import fields

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render

from b24app.bitrix24 import errors, filters
from b24app.bitrix24.client import Client, Timeouts
from b24app.bitrix24.portal_limits import Priority
from b24app.connect import WAITED_FOR, client_of
from b24app.console import downloads, explorer, pages, reports
from b24app.console.explorer_filters import WORDS, Condition
from b24app.console.reports import Progress, Step
from b24app.portals.models import PortalUser
from b24app.portals.rights import Asks
from b24app.web import entry, error_states
from b24app.web.file_responses import table_download, table_format
from b24app.web.forms import BadForm, whole_number
from b24app.web.session import Session

BLANK = Condition("order", "is")

# Rows of one job at most: b24app.jobs.row_sources.MAX_ROWS.
MAX_JOB_ROWS = 100_000


@pages.administrators("links", "GET", asks=Asks.ALONG)
def links(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """A page of links."""
    return pages.show(request, "links", drawn(user, request.GET))


def drawn(user: PortalUser, query: QueryDict, timeouts: Timeouts = WAITED_FOR) -> dict[str, object]:
    """The template context of the page of links. If a condition is invalid the portal is not asked."""
    look = explorer.read(query, user.portal.host)
    wrong = bool(look.conditions.wrong)
    page = None if wrong else explorer.page(client_of(user, timeouts=timeouts), user.portal, look)
    return {
        **_around(user),
        "look": look,
        "page": page,
        "lines": list(enumerate(look.conditions.lines or (BLANK,))),
        "words": WORDS,
        "blank": BLANK,
        "sortings": explorer.sortings(look),
        "here": explorer.address(look, None),
        "every": filters.written(look.conditions.filters),
    }


def _around(user: PortalUser) -> dict[str, object]:
    jobs = pages.address("jobs-new")
    return {"portal_origin": user.portal.origin, "jobs_url": jobs, "most": MAX_JOB_ROWS}


@pages.administrators("links", "GET", asks=Asks.ALONG)
def without_deal(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """The report of orders without a deal: its page, or the next step of it."""
    return _report(request, user, "without", reports.without_deal)


@pages.administrators("links", "GET", asks=Asks.ALONG)
def without_owner(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """The report of links to deleted deals: its page, or the next step of it."""
    return _report(request, user, "gone", reports.without_owner)


def _report(
    request: HttpRequest,
    user: PortalUser,
    name: str,
    look: Callable[[PortalUser, Client, Progress], Step],
) -> HttpResponse:
    """The first step as a whole page, each further step as the progress line and its new rows.

    ``stop`` in the query ends the report: the progress line alone, with no further step.
    """
    before = _progress(request.GET)
    context = {**_around(user), "report": name, "address": request.path}
    if not before.below:
        step = look(user, client_of(user), reports.begun(before))
        context |= {"step": step, "running": step.running}
        return pages.show(request, "links", context, template="console/report.html")
    if "stop" in request.GET:
        return _line(request, context | {"step": Step((), before, finished=False)})
    before = reports.begun(before)
    try:
        step = look(user, client_of(user, Priority.BULK), before)
    except errors.AuthError:
        raise
    except errors.Wait as wait:
        waiting = {"step": Step((), before, finished=False), "running": True}
        return _line(request, context | waiting | {"delay": math.ceil(wait.seconds)})
    except errors.BitrixError as error:
        failed = {"step": Step((), before, finished=False), "failed": error_states.of_error(error)}
        return _line(request, context | failed)
    return _line(request, context | {"step": step, "running": step.running})


def _line(request: HttpRequest, context: dict[str, object]) -> HttpResponse:
    return render(request, "console/report_on.html", context)


def _progress(query: QueryDict) -> Progress:
    names = [field.name for field in fields(Progress) if field.name in query]
    return Progress(**{name: whole_number(str(query[name])) for name in names})


@pages.administrators("links", "POST", asks=Asks.FIRST, unpaid=True, limits=entry.saving)
def export(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """The links that match, newest orders first, as a CSV or XLSX file of up to 2,000 rows."""
    kind, look = table_format(request.POST), explorer.read(request.POST, user.portal.host)
    if look.conditions.wrong:
        raise BadForm
    rows = downloads.links(client_of(user), user.portal, look.conditions.filters)
    return table_download(downloads.links_table(rows), kind, opened.language, "links")

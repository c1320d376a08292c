"""The explorer's pages: all links, two ready reports, and what leaves as a file."""

from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, QueryDict

from b24app.bitrix24.client import Client
from b24app.connect import client_of
from b24app.console import explorer, exporting, pages, reports
from b24app.console.conditions import WORDS, Condition
from b24app.console.reports import Progress, Step
from b24app.portals.models import PortalUser
from b24app.portals.session import Session

BLANK = Condition("order", "is")


@pages.administrators("links", "GET")
def links(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """A page of links."""
    return pages.show(request, "links", drawn(user, request.GET))


def drawn(user: PortalUser, query: QueryDict) -> dict[str, object]:
    """What the page of links needs; nothing is asked of the portal for conditions it would drop."""
    look = explorer.read(query)
    wrong = bool(look.conditions.wrong)
    page = None if wrong else explorer.page(client_of(user), user.portal, look)
    return {
        **_around(user),
        "look": look,
        "page": page,
        "lines": list(enumerate(look.conditions.lines or (BLANK,))),
        "words": WORDS,
        "blank": BLANK,
        "sortings": explorer.sortings(look),
        "here": explorer.address(look, None),
    }


def _around(user: PortalUser) -> dict[str, object]:
    return {"portal_origin": user.portal.origin, "jobs_url": pages.address("jobs-new")}


@pages.administrators("links", "GET")
def without_deal(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Orders without a deal, the next step of them."""
    return _report(request, user, "without", reports.without_deal)


@pages.administrators("links", "GET")
def without_owner(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Links to deals that no longer exist, the next step of them."""
    return _report(request, user, "gone", reports.without_owner)


def _report(
    request: HttpRequest,
    user: PortalUser,
    name: str,
    step: Callable[[PortalUser, Client, Progress], Step],
) -> HttpResponse:
    done = step(user, client_of(user), _progress(request.GET))
    context = {**_around(user), "report": name, "step": done}
    return pages.show(request, "links", context, template="console/report.html")


def _progress(query: QueryDict) -> Progress:
    def given(name: str) -> int:
        raw = query.get(name, "0")
        if not (raw.isascii() and raw.isdecimal() and len(raw) < 16):
            raise BadRequest
        return int(raw)

    total = given("total") if "total" in query else None
    return Progress(given("below"), given("looked"), given("found"), total)


@pages.administrators("links", "POST", unpaid=True)
def export(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """The links that match, newest orders first, as a CSV or XLSX file of up to 2,000 rows."""
    look = explorer.read(request.POST)
    if look.conditions.wrong:
        raise BadRequest
    rows = exporting.links(client_of(user), user.portal, look.conditions.filters)
    return exporting.answer(exporting.links_table(rows), request.POST, opened.language, "links")

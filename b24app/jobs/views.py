"""Pages of bulk work. Each view parses, calls one thing, renders.

A person sees the jobs they started, an administrator all of the portal's; anything else is not there.
"""

import json
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Protocol

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from b24app import dictionaries
from b24app.connect import client_of
from b24app.jobs import control, creation, display, forms, overrides, progress, takeover
from b24app.jobs.forms import BadForm, Chosen, Listed, Mistake
from b24app.jobs.models import Job, place_text
from b24app.orders.types import Owner
from b24app.portals.models import PortalUser
from b24app.portals.rights import Asks
from b24app.web import entry, table_files
from b24app.web.session import Session

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SHOWN = 100
# Beside a card's orders: what somebody looking at them may still want to know.
RECENT, FEW = timedelta(days=2), 3


class JobPage(Protocol):
    def __call__(
        self, request: HttpRequest, opened: Session, user: PortalUser, one: Job
    ) -> HttpResponse: ...


def of_job(
    *methods: str, asks: Asks, unpaid: bool = False
) -> Callable[[JobPage], Callable[[HttpRequest, int], HttpResponse]]:
    """A route of one job; 404 for everybody who may not see it, as for one that is not there any more.

    ``asks`` is how the portal confirms who the person is; ``unpaid``: it may be used once the
    subscription has ended.
    """

    def decorate(view: JobPage) -> Callable[[HttpRequest, int], HttpResponse]:
        @csrf_exempt
        @wraps(view)
        def inner(request: HttpRequest, pk: int) -> HttpResponse:
            def page(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
                found = Job.objects.visible_to(user).select_related("portal", "user", "undoes")
                one = found.filter(pk=pk).first()
                if one is None and user.unanswered is not None:
                    # It may be a colleague's, which administrators see: the portal has to say who is one.
                    raise user.unanswered
                if one is None:
                    return _missing(request)
                try:
                    return view(request, opened, user, one)
                except Job.DoesNotExist:
                    # Somebody has discarded it meanwhile.
                    return _missing(request)

            return entry.in_session(*methods, asks=asks, unpaid=unpaid)(page)(request)

        return entry.classified(inner, asks)

    return decorate


def _missing(request: HttpRequest) -> HttpResponse:
    response = render(request, "jobs/missing.html", status=404)
    response["X-Lo-State"] = "1"
    return response


@entry.in_session("GET", asks=Asks.FIRST_OR_LATELY)
def index(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """The latest jobs this person may see."""
    control.resume_waiting(user.portal)
    return _list(request, user)


@entry.in_session("GET", asks=Asks.FIRST_OR_LATELY)
def of_card(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """The jobs of the card the page was opened for: those at work, and those of the last days."""
    card = place_text(Owner(opened.owner_type, opened.entity_id))
    since = timezone.now() - RECENT
    found = Job.objects.visible_to(user).filter(card=card, created_at__gte=since)
    latest = found.select_related("user", "undoes", "portal").order_by("-pk")[:FEW]
    shown = [display.brief(job) for job in latest]
    live = any(one.at_work for one in shown)
    return render(request, "jobs/of_card.html", {"jobs": shown, "live": live})


@entry.in_session("GET", "POST", asks=Asks.FIRST_OR_LATELY)
def new(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """The form, and the job it asks for; what the person has to mend is said beside the form."""
    if request.method == "GET":
        return _form(request, opened, user)
    owner = Owner(opened.owner_type, opened.entity_id) if opened.entity_id else None
    try:
        asked = forms.read(request.POST, request.FILES.get("file"), owner, user.portal.host)
        job = _created(user, asked, opened.language)
    except Mistake as mistake:
        return _form(request, opened, user, mistake=str(mistake.text), status=422)
    except creation.TooMany:
        return _form(request, opened, user, too_many=True, status=409)
    return _page(request, user, job)


def _created(user: PortalUser, asked: Chosen | Listed | forms.Searched, language: str) -> Job:
    if isinstance(asked, Listed):
        return creation.of_source(user, asked.asked, asked.content, language)
    if isinstance(asked, Chosen):
        if asked.orders is not None:
            return creation.of_orders(user, asked.asked, asked.orders, language)
        return creation.of_search(user, asked.asked, {}, language)
    return creation.of_search(user, asked.asked, asked.search, language)


def _form(
    request: HttpRequest, opened: Session, user: PortalUser, *, status: int = 200, **more: object
) -> HttpResponse:
    form = request.POST
    kind = form.get("kind") or request.GET.get("kind", "")
    context = {"statuses": _statuses(user, opened.language), "form": form, "kind": kind, **more}
    response = render(request, "jobs/new.html", context, status=status)
    if status != 200:
        # The script puts it in place whatever its status.
        response["X-Lo-State"] = "1"
    return response


def _statuses(user: PortalUser, language: str) -> list[tuple[str, str]]:
    """The portal's order statuses in its own order: (id, name). Empty where they may not be read."""
    outcomes = client_of(user).batch(dictionaries.STATUSES)
    return dictionaries.named(dictionaries.statuses_read(outcomes), language)


@of_job("GET", asks=Asks.FIRST_OR_LATELY)
def job(request: HttpRequest, opened: Session, user: PortalUser, one: Job) -> HttpResponse:
    """One job: how far it is, what can be done, its rows."""
    control.resume_waiting(user.portal)
    return _page(request, user, one)


@of_job("GET", asks=Asks.FIRST_OR_LATELY)
def live(request: HttpRequest, opened: Session, user: PortalUser, one: Job) -> HttpResponse:
    """How far it is: asked for every two seconds by a page that somebody looks at."""
    return _progress(request, user, one, was=request.GET.get("was", ""))


@of_job("GET", asks=Asks.FIRST_OR_LATELY)
def lines(request: HttpRequest, opened: Session, user: PortalUser, one: Job) -> HttpResponse:
    """A page of its rows, all or those behind a chip."""
    return render(request, "jobs/rows.html", _rows(request, user, one))


@of_job("GET", asks=Asks.FIRST)
def table(request: HttpRequest, opened: Session, user: PortalUser, one: Job) -> HttpResponse:
    """The rows behind a chip as a CSV or XLSX file."""
    kind = request.GET.get("format", "")
    if kind not in ("csv", "xlsx"):
        raise BadForm
    moves = request.GET.get("move") == "on"
    made = display.table(one, request.GET.get("show", ""), moves=moves)
    whole = (
        table_files.xlsx_file(made)
        if kind == "xlsx"
        else table_files.csv_file(made, opened.language)
    )
    return HttpResponse(
        whole,
        content_type=XLSX if kind == "xlsx" else "text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="job-{one.pk}.{kind}"'},
    )


@of_job("POST", asks=Asks.FIRST_OR_LATELY)
def start(request: HttpRequest, opened: Session, user: PortalUser, one: Job) -> HttpResponse:
    """Begin to write what the preview says."""
    control.start(one, may_move=one.kind != Job.Kind.LINK or request.POST.get("move") == "on")
    return _progress(request, user, one)


@of_job("POST", asks=Asks.FIRST_OR_LATELY, unpaid=True)
def stop(request: HttpRequest, opened: Session, user: PortalUser, one: Job) -> HttpResponse:
    control.stop(one)
    return _progress(request, user, one)


@of_job("POST", asks=Asks.FIRST_OR_LATELY)
def resume(request: HttpRequest, opened: Session, user: PortalUser, one: Job) -> HttpResponse:
    control.resume(one, user)
    return _progress(request, user, one)


@of_job("POST", asks=Asks.FIRST)
def confirm_take_over(
    request: HttpRequest, opened: Session, user: PortalUser, one: Job
) -> HttpResponse:
    """Ask an administrator before somebody's job becomes theirs: whose it is and what it will change."""
    shown = progress.of_job(one, user)
    context = {"job": one, "title": display.title(one), "effect": takeover.effect(one)}
    if "take-over" not in shown.may:
        return render(request, "jobs/take_over_late.html", context)
    return render(request, "jobs/take_over.html", context)


@of_job("POST", asks=Asks.FIRST)
def take_over(request: HttpRequest, opened: Session, user: PortalUser, one: Job) -> HttpResponse:
    """Make the job the administrator's who pressed."""
    owner, language = forms.key(request.POST, "owner"), opened.language
    takeover.take_over(one, user, client_of(user), owner=owner, language=language)
    fresh = Job.objects.of(user.portal).select_related("portal", "user", "undoes")
    response = _page(request, user, fresh.get(pk=one.pk))
    response["HX-Trigger"] = json.dumps({"lo:dialog-close": True})
    return response


@of_job("POST", asks=Asks.FIRST_OR_LATELY)
def retry(request: HttpRequest, opened: Session, user: PortalUser, one: Job) -> HttpResponse:
    control.retry(one)
    return _progress(request, user, one)


@of_job("POST", asks=Asks.FIRST_OR_LATELY, unpaid=True)
def discard(request: HttpRequest, opened: Session, user: PortalUser, one: Job) -> HttpResponse:
    """Forget a job that has written nothing, and show the others."""
    if not control.discard(one):
        return _page(request, user, one)
    return _list(request, user)


@of_job("POST", asks=Asks.FIRST_OR_LATELY)
def undo(request: HttpRequest, opened: Session, user: PortalUser, one: Job) -> HttpResponse:
    """A job that undoes this one, with a preview of its own; ``row`` names the only rows to undo."""
    rows = forms.row_numbers(request.POST)
    orders = overrides.orders_of_rows(one, rows)
    if "undo" not in progress.of_job(one, user).may or (rows and not orders):
        return _page(request, user, one)
    try:
        return _page(request, user, creation.undo(user, one, opened.language, orders))
    except creation.TooMany:
        return _form(request, opened, user, too_many=True, status=409)


def _page(request: HttpRequest, user: PortalUser, one: Job) -> HttpResponse:
    one.refresh_from_db()
    context = _rows(request, user, one) | {"progress": progress.of_job(one, user)}
    return render(request, "jobs/job.html", context)


def _progress(request: HttpRequest, user: PortalUser, one: Job, was: str = "") -> HttpResponse:
    """The head of a job; the rows below are told to be read anew when something new stands in them."""
    one.refresh_from_db()
    shown = progress.of_job(one, user)
    context = {"progress": shown, "job": one, "title": display.title(one), "user": user}
    response = render(request, "jobs/progress.html", context)
    if was != shown.mark:
        response["HX-Trigger"] = json.dumps({"lo:job-changed": True})
    return response


def _rows(request: HttpRequest, user: PortalUser, one: Job) -> dict[str, object]:
    show = request.GET.get("show", "")
    pages = Paginator(display.chosen(one, show), display.PER_PAGE)
    page = pages.get_page(forms.page_number(request.GET))
    return {
        "job": one,
        "title": display.title(one),
        "user": user,
        "filters": display.filters(one),
        "headings": display.headings(one),
        "show": show,
        "page": page,
        "lines": display.lines(one, page.object_list),
        "portal_origin": user.portal.origin,
    }


def _list(request: HttpRequest, user: PortalUser) -> HttpResponse:
    found = Job.objects.visible_to(user).select_related("user", "undoes", "portal")
    shown = [display.brief(one) for one in found.order_by("-pk")[:SHOWN]]
    live = any(one.at_work for one in shown)
    return render(request, "jobs/list.html", {"jobs": shown, "live": live, "user": user})

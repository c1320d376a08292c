"""Pages of bulk work. Each view parses, calls one thing, renders.

A person sees the jobs they started, an administrator all of the portal's; anything else is not there.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Protocol
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from b24app import dictionaries
from b24app.changes.properties import place_text
from b24app.connect import client_of
from b24app.jobs import (
    column_doubts,
    columns_step,
    control,
    creation,
    display,
    forms,
    overrides,
    progress,
    row_filters,
    row_pages,
    takeover,
)
from b24app.jobs.forms import Chosen, Listed, Mistake
from b24app.jobs.models import Job
from b24app.orders.types import Owner
from b24app.portals.models import PortalUser
from b24app.portals.rights import Asks
from b24app.web import entry, htmx
from b24app.web.file_responses import table_download, table_format
from b24app.web.forms import whole_number
from b24app.web.session import Session

MAX_JOBS = 100
# Beside a card's orders: what somebody looking at them may still want to know.
RECENT, MAX_RECENT = timedelta(days=2), 3


class JobPage(Protocol):
    def __call__(
        self, request: HttpRequest, opened: Session, user: PortalUser, item: Job
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
                item = found.filter(pk=pk).first()
                if item is None and user.unanswered is not None:
                    # It may be a colleague's, which administrators see: the portal has to say who is one.
                    raise user.unanswered
                if item is None:
                    return missing(request)
                try:
                    return view(request, opened, user, item)
                except Job.DoesNotExist:
                    # Somebody has discarded it meanwhile.
                    return missing(request)

            return entry.in_session(*methods, asks=asks, unpaid=unpaid)(page)(request)

        return entry.classified(inner, asks)

    return decorate


def missing(request: HttpRequest) -> HttpResponse:
    return htmx.partial(request, "jobs/missing.html", {}, status=404)


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
    latest = found.select_related("user", "undoes", "portal").order_by("-pk")[:MAX_RECENT]
    shown = [display.brief(job) for job in latest]
    live = any(brief.at_work for brief in shown)
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
    return page(request, user, job)


@entry.in_session("GET", asks=Asks.FIRST_OR_LATELY)
def template(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """An empty table with the headings that are recognized, in the person's language."""
    kind = table_format(request.GET)
    return table_download(display.template(), kind, opened.language, "orders")


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
    return htmx.partial(request, "jobs/new.html", context, status=status)


def _statuses(user: PortalUser, language: str) -> list[tuple[str, str]]:
    """The portal's order statuses in its own order: (id, name). Empty where they may not be read."""
    found = client_of(user).answer(dictionaries.current_statuses(), strict=True)
    return dictionaries.named(found, language)


@of_job("GET", asks=Asks.FIRST_OR_LATELY)
def job(request: HttpRequest, opened: Session, user: PortalUser, item: Job) -> HttpResponse:
    """One job: how far it is, what can be done, its rows."""
    control.resume_waiting(user.portal)
    return page(request, user, item)


@of_job("GET", "POST", asks=Asks.FIRST_OR_LATELY)
def columns(request: HttpRequest, opened: Session, user: PortalUser, item: Job) -> HttpResponse:
    """The step *Check columns*, which only the owner may see; with a choice in the query its effect is
    shown, and a POST makes the preview once more.
    """
    if item.user_id != user.pk:
        return missing(request)
    if request.method == "POST":
        return _columns_chosen(request, user, item)
    step = columns_step.of_job(item, request.GET)
    if step is None:
        return page(request, user, item)
    return _columns(request, step, look="look" in request.GET)


def _columns_chosen(request: HttpRequest, user: PortalUser, item: Job) -> HttpResponse:
    step = columns_step.of_job(item, request.POST)
    if step is None:
        return page(request, user, item)
    try:
        wanted = columns_step.wanted(step, request.POST)
    except Mistake as mistake:
        return _columns(request, step, mistake=str(mistake.text))
    if control.remake(item, wanted, step.choice.to_keep()):
        columns_step.remember(step, user)
    return page(request, user, item)


def _columns(
    request: HttpRequest, step: columns_step.Step, *, look: bool = False, mistake: str = ""
) -> HttpResponse:
    context = {
        "job": step.job,
        "title": display.title(step.job),
        "step": step,
        "doubts": column_doubts.found(step.job, step.choice),
        "look": look,
        "mistake": mistake,
    }
    name = "jobs/columns_form.html" if look else "jobs/columns.html"
    response = render(request, name, context, status=422 if mistake else 200)
    if mistake:
        response["X-Lo-State"] = "1"
    return response


@of_job("GET", asks=Asks.FIRST_OR_LATELY)
def live(request: HttpRequest, opened: Session, user: PortalUser, item: Job) -> HttpResponse:
    """How far it is: asked for every two seconds by a page that somebody looks at."""
    return _progress(request, user, item, was=request.GET.get("was", ""))


@of_job("GET", asks=Asks.FIRST_OR_LATELY)
def lines(request: HttpRequest, opened: Session, user: PortalUser, item: Job) -> HttpResponse:
    """A page of its rows, all or those behind a chip."""
    return render(request, "jobs/rows.html", _rows(request, user, item))


@of_job("GET", asks=Asks.FIRST)
def table(request: HttpRequest, opened: Session, user: PortalUser, item: Job) -> HttpResponse:
    """The rows behind a chip as a CSV or XLSX file."""
    kind, agreed = table_format(request.GET), display.agreed(item, request.GET)
    show = row_filters.known(request.GET.get("show", ""))
    made = display.table(item, show, agreed)
    return table_download(made, kind, opened.language, f"job-{item.pk}")


@of_job("POST", asks=Asks.FIRST_OR_LATELY)
def start(request: HttpRequest, opened: Session, user: PortalUser, item: Job) -> HttpResponse:
    """Begin to write what the preview says."""
    agreed = display.agreed(item, request.POST)
    control.start(
        item,
        may_move=display.MOVES in agreed,
        may_leave_invoices=display.INVOICES in agreed,
        may_cancel=display.CANCELS in agreed and user.portal.allow_cancel,
    )
    return _progress(request, user, item)


@of_job("POST", asks=Asks.FIRST_OR_LATELY, unpaid=True)
def stop(request: HttpRequest, opened: Session, user: PortalUser, item: Job) -> HttpResponse:
    control.stop(item)
    return _progress(request, user, item)


@of_job("POST", asks=Asks.FIRST_OR_LATELY)
def resume(request: HttpRequest, opened: Session, user: PortalUser, item: Job) -> HttpResponse:
    control.resume(item, user)
    return _progress(request, user, item)


@of_job("POST", asks=Asks.FIRST)
def confirm_take_over(
    request: HttpRequest, opened: Session, user: PortalUser, item: Job
) -> HttpResponse:
    """Ask an administrator before somebody's job becomes theirs: whose it is and what it will change."""
    shown = progress.of_job(item, user)
    context = {"job": item, "title": display.title(item), "effect": takeover.effect(item)}
    if "take-over" not in shown.may:
        return render(request, "jobs/take_over_late.html", context)
    return render(request, "jobs/take_over.html", context)


@of_job("POST", asks=Asks.FIRST)
def take_over(request: HttpRequest, opened: Session, user: PortalUser, item: Job) -> HttpResponse:
    """Make the job the administrator's who pressed."""
    owner, language = whole_number(request.POST.get("owner", "")), opened.language
    takeover.take_over(item, user, client_of(user), owner=owner, language=language)
    fresh = Job.objects.of(user.portal).select_related("portal", "user", "undoes")
    return htmx.trigger(page(request, user, fresh.get(pk=item.pk)), htmx.CLOSE_DIALOG)


@of_job("POST", asks=Asks.FIRST_OR_LATELY)
def retry(request: HttpRequest, opened: Session, user: PortalUser, item: Job) -> HttpResponse:
    control.retry(item)
    return _progress(request, user, item)


@of_job("POST", asks=Asks.FIRST_OR_LATELY, unpaid=True)
def discard(request: HttpRequest, opened: Session, user: PortalUser, item: Job) -> HttpResponse:
    """Forget a job that has written nothing, and show the others."""
    if not control.discard(item):
        return page(request, user, item)
    return _list(request, user)


@of_job("POST", asks=Asks.FIRST_OR_LATELY)
def undo(request: HttpRequest, opened: Session, user: PortalUser, item: Job) -> HttpResponse:
    """A job that undoes this one, with a preview of its own; ``row`` names the only rows to undo."""
    rows = forms.row_numbers(request.POST)
    orders = overrides.orders_of_rows(item, rows)
    if "undo" not in progress.of_job(item, user).may or (rows and not orders):
        return page(request, user, item)
    try:
        return page(request, user, creation.undo(user, item, opened.language, orders))
    except creation.TooMany:
        return _form(request, opened, user, too_many=True, status=409)


def page(request: HttpRequest, user: PortalUser, item: Job) -> HttpResponse:
    item.refresh_from_db()
    context = _rows(request, user, item) | {"progress": progress.of_job(item, user)}
    return render(request, "jobs/job.html", context)


def _progress(request: HttpRequest, user: PortalUser, item: Job, was: str = "") -> HttpResponse:
    """The head of a job; the rows below reload when they have changed."""
    item.refresh_from_db()
    shown = progress.of_job(item, user)
    ready = was.startswith(Job.State.PLANNING) and progress.opens_on_columns(item, user)
    context = {"progress": shown, "job": item, "title": display.title(item), "user": user}
    response = render(request, "jobs/progress.html", context | {"opens_columns": ready})
    if was == shown.mark or ready:
        return response
    return htmx.trigger(response, {"lo:job-changed": True})


def _rows(request: HttpRequest, user: PortalUser, item: Job) -> dict[str, object]:
    show = row_filters.known(request.GET.get("show", ""))
    found = row_filters.filters(item)
    page = row_pages.page_of(item, show, request.GET)
    planned = item.state == Job.State.PLANNED
    choosing = planned and item.user_id == user.pk
    with_orders = (row for row in page.rows if planned and row.order_number)
    return {
        "job": item,
        "title": display.title(item),
        "user": user,
        "filters": found,
        "bar": row_filters.bar(found),
        "bad": sum(one.count for one in found if item.previewing and one.name in row_filters.BAD),
        "suggested": (item.tally or {}).get(row_filters.SUGGESTED, 0) if choosing else 0,
        "headings": display.headings(item),
        "show": show,
        "grouped": row_filters.grouped(item) and not show,
        "page": page,
        "rows_with_orders": urlencode([("row", row.row) for row in with_orders]),
        "lines": display.lines(item, page.rows, choosing=choosing),
        "portal_origin": user.portal.origin,
    }


def _list(request: HttpRequest, user: PortalUser) -> HttpResponse:
    found = Job.objects.visible_to(user).select_related("user", "undoes", "portal")
    shown = [display.brief(item) for item in found.order_by("-pk")[:MAX_JOBS]]
    live = any(brief.at_work for brief in shown)
    return render(request, "jobs/list.html", {"jobs": shown, "live": live, "user": user})

"""What the page of a job asks about its rows: whose orders they are, and how a row in doubt is read."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from b24app.bitrix24 import errors
from b24app.connect import client_of
from b24app.jobs import forms, row_options
from b24app.jobs.models import Job, JobItem
from b24app.jobs.views import missing, of_job, page
from b24app.orders.card_orders import orders_by_id
from b24app.orders.clients import BRIEF
from b24app.portals.models import PortalUser
from b24app.portals.rights import Asks
from b24app.web import htmx
from b24app.web.session import Session

MAX_EXAMPLES = 10
"""Suggested numbers that are named before all of them are taken."""


@of_job("GET", asks=Asks.FIRST_OR_LATELY)
def orders(request: HttpRequest, opened: Session, user: PortalUser, item: Job) -> HttpResponse:
    """Client and amount of the orders in at most 50 rows, for the cells that wait for them.

    Five commands in one request, with the right of the person who looks; a second one where people
    have typed more than 200 values into these orders. Without an answer the cells stay empty.
    """
    found = JobItem.objects.filter(job=item, row__in=forms.row_numbers(request.GET))
    ids = dict(found.exclude(order_id=0).values_list("row", "order_id"))
    try:
        read = client_of(user).answer(orders_by_id(ids.values(), BRIEF))
    except errors.BitrixError:
        read = ()
    by_id = {order.id: order for order in read}
    shown = [(row, by_id[order_id]) for row, order_id in ids.items() if order_id in by_id]
    return render(request, "jobs/row_orders.html", {"orders": shown})


@of_job("POST", asks=Asks.FIRST_OR_LATELY)
def confirm_suggested(
    request: HttpRequest, opened: Session, user: PortalUser, item: Job
) -> HttpResponse:
    """Ask before all suggested numbers are taken."""
    if item.user_id != user.pk:
        return missing(request)
    rows = list(row_options.suggested(item)[: row_options.MAX_ANSWERED])
    context = {"job": item, "rows": rows[:MAX_EXAMPLES], "count": len(rows)}
    return render(request, "jobs/suggested.html", context)


@of_job("POST", asks=Asks.FIRST_OR_LATELY)
def answer(request: HttpRequest, opened: Session, user: PortalUser, item: Job) -> HttpResponse:
    """Read rows in doubt as their owner says: one row, or all that have a number suggested."""
    if item.user_id != user.pk:
        return missing(request)
    value = request.POST.get("value", "")
    answers = dict.fromkeys(forms.row_numbers(request.POST), value)
    if request.POST.get("suggested") == "on":
        rows = row_options.suggested(item)[: row_options.MAX_ANSWERED]
        answers = {row.row: row.detail for row in rows}
    row_options.answer(item, answers)
    return htmx.trigger(page(request, user, item), htmx.CLOSE_DIALOG)

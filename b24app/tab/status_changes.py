"""Changing the status of orders: by the pill in a row, or for those that were chosen.

A failure status cancels an order, so it is never set here: the row opens the dialog of Cancel instead.
"""

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import ngettext

from b24app import dictionaries
from b24app.changes.outcomes import Change
from b24app.changes.properties import STATUS
from b24app.connect import client_of
from b24app.orders import status
from b24app.orders.types import Status
from b24app.portals.models import PortalUser
from b24app.portals.rights import Asks
from b24app.tab import field_changes, forms, region, selection
from b24app.web import entry
from b24app.web.session import Session


def _statuses(user: PortalUser) -> Mapping[str, Status]:
    return client_of(user).answer(dictionaries.order_statuses(user.portal), strict=True)


@entry.in_session("POST", asks=Asks.ALONG, limits=entry.reading)
def confirm(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Ask which status the chosen orders shall have, and say what a status sets off.

    Statuses that cancel are offered only where a job follows, whose preview asks for consent.
    """
    context = selection.asked(request, opened, user)
    known = _statuses(user)
    cancelling = frozenset[str]() if context["many"] else status.cancelling(known)
    choices = [
        (code, name)
        for code, name in dictionaries.named(known, opened.language)
        if code not in cancelling
    ]
    return render(request, "tab/status.html", context | {"kind": "status", "choices": choices})


@entry.in_session("POST", asks=Asks.ALONG)
def change(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Set the status of the chosen orders. Raises ``BadForm`` for a status that cancels them."""
    wanted, owner = forms.status_code(request.POST), region.owner_of(opened)
    picked = forms.status_picks(request.POST)
    if wanted in status.cancelling(_statuses(user)):
        raise forms.BadForm
    changes = [Change(pick.order_id, pick.seen, wanted) for pick in picked]
    outcome = field_changes.carry_out(user, owner, STATUS, changes)
    count = len(outcome.done)
    text = ngettext(
        "Status of %(count)d order changed", "Status of %(count)d orders changed", count
    )
    return field_changes.finished(request, opened, user, outcome, text % {"count": count})

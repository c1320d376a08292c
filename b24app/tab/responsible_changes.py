"""Changing who is responsible for an order, or as a job for those that were chosen.

The portal's own selector names the person; the page sends their ID.
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from b24app import dictionaries
from b24app.changes.outcomes import Change
from b24app.changes.properties import RESPONSIBLE
from b24app.connect import client_of
from b24app.portals.models import PortalUser
from b24app.portals.rights import Asks
from b24app.tab import field_changes, forms, region, selection
from b24app.web import entry
from b24app.web.forms import whole_number
from b24app.web.session import Session


@entry.in_session("POST", asks=Asks.ALONG, limits=entry.reading)
def confirm(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Ask before a job makes somebody responsible for the chosen orders."""
    person = _person(request)
    context = selection.asked(request, opened, user)
    names = client_of(user).answer(dictionaries.names_of(user.portal, [person]))
    shown = {"kind": "responsible", "to": person, "name": names.get(person, str(person))}
    return render(request, "tab/responsible.html", context | shown)


@entry.in_session("POST", asks=Asks.ALONG)
def change(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Make somebody responsible for one order."""
    person, seen = _person(request), whole_number(request.POST.get("seen", ""))
    order_id = forms.one_order(request.POST)
    changed = Change(order_id, str(seen or ""), str(person))
    outcome = field_changes.carry_out(user, region.owner_of(opened), RESPONSIBLE, [changed])
    return field_changes.finished(
        request, opened, user, outcome, _("Responsible person of No. %(number)s changed")
        % {"number": outcome.number(order_id)},
    )  # fmt: skip


def _person(request: HttpRequest) -> int:
    return whole_number(request.POST.get("to", ""), least=1)

"""The picker: finding orders to link."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from b24app.connect import client_of
from b24app.orders.search import Wanted, search
from b24app.portals import entry
from b24app.portals.models import PortalUser
from b24app.portals.session import Session
from b24app.tab import forms, presenting, region


@entry.in_session("GET")
def picker(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """The dialog, empty; it searches as soon as it stands."""
    return render(request, "tab/picker.html", {"limit": forms.MOST})


@entry.in_session("GET")
def found(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Orders matching the search, each with the place it stands at."""
    text = forms.search_text(request.GET)
    finding = search(client_of(user), Wanted(text))
    choices = presenting.choices(finding, region.owner_of(opened))
    context = {"choices": choices, "more": finding.next_page is not None, "text": text}
    return render(request, "tab/found.html", context)

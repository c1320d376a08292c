"""The app's root address: its main page, and where a portal's authorization page sends people back to.

Both come to ``/``: the address of an app in its card is one.
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation

from b24app.console import views as console
from b24app.install import views as install
from b24app.web import entry, error_states


def main(request: HttpRequest) -> HttpResponse:
    """The main page; for a GET that comes from an authorization, the end of that."""
    returning = "state" in request.GET and not request.GET.keys().isdisjoint({"code", "error"})
    if request.method == "GET" and returning:
        return install.callback(request)
    return console.main(request)


def nowhere(request: HttpRequest, exception: Exception) -> HttpResponse:
    """A page for an address that is none of ours; neither database nor portal is asked."""
    with translation.override(entry.language_of(request)):
        context = {"state": error_states.State("nowhere", 404)}
        return render(request, "portals/refused.html", context, status=404)

"""The installer's page."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from b24app.bitrix24.client import Client
from b24app.connect import client_of
from b24app.install import flow
from b24app.portals import entry
from b24app.portals.codes import DEFAULT
from b24app.portals.frame import allow_frame
from b24app.portals.launch import Posted, Refused
from b24app.portals.models import PortalUser
from b24app.portals.session import Session


@entry.opened_by_portal
def installer(request: HttpRequest, posted: Posted) -> HttpResponse:
    """Install or install again: prove, store, bind, show what was done, and finish by itself."""
    user = flow.install(posted)
    allow_frame(request, user.portal)
    session = Session(user.pk, DEFAULT, 0, 0, entry.language(posted.language))
    context = {"portal": user.portal, "session": session.token()}
    return render(request, "install/page.html", context | _steps(client_of(user), user))


@entry.in_session("POST", unpaid=True)
def repeat(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Do the steps again, from the button beside a failed one."""
    if not user.is_admin:
        raise Refused("not-admin", user.portal)
    return render(request, "install/steps.html", _steps(client_of(user), user))


def _steps(client: Client, user: PortalUser) -> dict[str, object]:
    steps = flow.bind(client, user.portal)
    done = sum(1 for step in steps if step.done)
    return {"steps": steps, "done": done, "finished": done == len(steps), "portal": user.portal}

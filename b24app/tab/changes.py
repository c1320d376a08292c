"""What people change from the tab. Each view parses, calls one thing, shows the region as it is now."""

import json

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from b24app.bitrix24 import errors
from b24app.bitrix24.client import Client
from b24app.connect import client_of
from b24app.portals import entry, states
from b24app.portals.models import PortalUser
from b24app.portals.session import Session
from b24app.tab import actions, forms, region
from b24app.tab.actions import Outcome


@entry.in_session("POST")
def link(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Link the ticked orders; those linked elsewhere only when the person ticked that too."""
    chosen = forms.picks(request.POST)
    client = client_of(user)
    outcome = actions.link(
        client, region.owner_of(opened), chosen, may_move=request.POST.get("move") == "on"
    )
    moved = sum(1 for one in outcome.done if one.before not in (None, one.now))
    count = len(outcome.done)
    text = ngettext(
        "%(count)d order linked to this deal", "%(count)d orders linked to this deal", count
    ) % {"count": count}
    if moved:
        text += _(", moved from elsewhere: %(moved)d") % {"moved": moved}
    return _changed(request, opened, user, client, outcome, text)


@entry.in_session("GET")
def confirm_unlink(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Ask before anything is unlinked."""
    chosen = forms.picks(request.GET)
    numbers = request.GET.getlist("number")[: forms.MOST]
    context = {"chosen": chosen, "numbers": numbers, "count": len(chosen)}
    return render(request, "tab/unlink.html", context)


@entry.in_session("POST")
def unlink(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Unlink the chosen orders from this deal."""
    chosen = forms.picks(request.POST)
    client = client_of(user)
    outcome = actions.unlink(client, region.owner_of(opened), chosen)
    count = len(outcome.done)
    text = ngettext("%(count)d order unlinked", "%(count)d orders unlinked", count) % {
        "count": count
    }
    return _changed(request, opened, user, client, outcome, text)


@entry.in_session("POST")
def undo(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Take the last change back, as the toast offers."""
    client = client_of(user)
    outcome = actions.undo(client, user, region.owner_of(opened), request.POST.get("what", ""))
    return _changed(request, opened, user, client, outcome, _("Taken back"), undoable=False)


def _changed(
    request: HttpRequest,
    opened: Session,
    user: PortalUser,
    client: Client,
    outcome: Outcome,
    text: str,
    *,
    undoable: bool = True,
) -> HttpResponse:
    """The region as it is now, a toast for what was done, a note for what was not."""
    _learn(user, outcome)
    try:
        context = region.context(opened, user, client, request.POST)
    except errors.BitrixError as error:
        # What was done is done, and is said, even where the portal does not show it any more.
        response = entry.fragment(request, states.of_error(error))
    else:
        response = render(
            request,
            "tab/orders.html",
            context | {"outcome": outcome, "here": region.owner_of(opened)},
        )
    really = [one for one in outcome.done if one.before != one.now]
    toast: dict[str, object] = {"text": text, "kind": "ok"}
    if undoable and really:
        toast["undo"] = {
            "url": reverse("tab-undo"),
            "label": _("Undo"),
            "values": {"what": actions.undo_token(user, region.owner_of(opened), really)},
        }
    triggers: dict[str, object] = {"lo:dialog-close": True}
    if outcome.done:
        triggers["lo:toast"] = toast
    response["HX-Trigger"] = json.dumps(triggers)
    return response


def _learn(user: PortalUser, outcome: Outcome) -> None:
    """Remember whether this person may link, as the portal has just shown."""
    wrote = any(one.before != one.now for one in outcome.done)
    learnt = False if outcome.denied else True if wrote else user.may_link
    if learnt != user.may_link:
        user.may_link = learnt
        user.save(update_fields=["may_link"])

"""Views of the tab that change orders' links. Each answers with the region of orders, read again."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from b24app.journal import audit
from b24app.journal.models import AuditEntry
from b24app.portals.models import PortalUser
from b24app.portals.rights import Asks
from b24app.tab import forms, link_actions, problem_texts, region, selection, targets, undo_actions
from b24app.tab.link_actions import LinkOutcome
from b24app.tab.number_list import listed
from b24app.tab.responses import answer, links_recorded, undo_url
from b24app.web import entry
from b24app.web.session import Session

Through = AuditEntry.Through

MAX_NAMED = 5
"""Orders whose numbers a toast names."""


@entry.in_session("POST", asks=Asks.ALONG)
def link(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Link the ticked orders; those linked elsewhere only when the person ticked that too."""
    chosen = forms.picks(request.POST)
    may_move = request.POST.get("move") == "on"
    outcome = link_actions.link(user, region.owner_of(opened), chosen, may_move=may_move)
    count = len(outcome.done)
    moved = sum(1 for change in outcome.done if change.before not in (None, change.now))
    text = (
        ngettext(
            "%(count)d order linked to this invoice",
            "%(count)d orders linked to this invoice",
            count,
        )
        if region.owner_of(opened).is_invoice
        else ngettext(
            "%(count)d order linked to this deal", "%(count)d orders linked to this deal", count
        )
    ) % {"count": count}
    if 0 < moved == count:
        text += _(", moved from elsewhere")
    elif moved:
        text += _(", %(moved)d of them moved from elsewhere") % {"moved": moved}
    numbers = [outcome.number(change.change.key) for change in outcome.done]
    text += f": {listed(numbers, MAX_NAMED)}"
    return _finished(request, opened, user, outcome, text)


@entry.in_session("POST", asks=Asks.ALONG, limits=entry.reading)
def confirm_move(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Ask before anything is moved: to which deal or invoice, and what follows from it.

    Without a card that this person can open the dialog asks for one.
    """
    context = selection.asked(request, opened, user) | {"kind": "move"}
    target = targets.named(user, request.POST, region.owner_of(opened))
    many = context["many"] and target.card is not None
    return render(
        request, "tab/as_job.html" if many else "tab/move.html", context | {"target": target}
    )


@entry.in_session("POST", asks=Asks.ALONG)
def move(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Move the chosen orders from this card to the deal or invoice named."""
    here, chosen = region.owner_of(opened), forms.picks(request.POST)
    to = targets.confirmed(user, request.POST, here)
    if isinstance(to, targets.Target):
        context = selection.asked(request, opened, user) | {"kind": "move", "target": to}
        return targets.asked_again(render(request, "tab/move.html", context))
    outcome = link_actions.move(user, here, chosen, to)
    count = len(outcome.done)
    text = (
        ngettext(
            "%(count)d order moved to invoice %(invoice)s",
            "%(count)d orders moved to invoice %(invoice)s",
            count,
        )
        if to.is_invoice
        else ngettext(
            "%(count)d order moved to deal %(deal)s",
            "%(count)d orders moved to deal %(deal)s",
            count,
        )
    ) % {"count": count, "deal": to.id, "invoice": to.id}
    return _finished(request, opened, user, outcome, text)


@entry.in_session("POST", asks=Asks.ALONG, limits=entry.reading)
def confirm_unlink(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Ask before anything is unlinked."""
    context = selection.asked(request, opened, user) | {"kind": "unlink"}
    return render(request, "tab/as_job.html" if context["many"] else "tab/unlink.html", context)


@entry.in_session("POST", asks=Asks.ALONG)
def unlink(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Unlink the chosen orders from this card."""
    chosen = forms.picks(request.POST)
    outcome = link_actions.unlink(user, region.owner_of(opened), chosen)
    count = len(outcome.done)
    text = ngettext("%(count)d order unlinked", "%(count)d orders unlinked", count)
    return _finished(request, opened, user, outcome, text % {"count": count})


@entry.in_session("POST", asks=Asks.ALONG)
def undo(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Undo one click or one entry of the history, as the toast and the history offer."""
    change, chosen = forms.undone(request.POST)
    owner = region.owner_of(opened)
    entries = audit.undoable(user, owner, change=change, entries=chosen)
    if not entries:
        raise forms.BadForm
    return undo_actions.answered(request, opened, user, entries)


def _finished(
    request: HttpRequest, opened: Session, user: PortalUser, outcome: LinkOutcome, text: str
) -> HttpResponse:
    change = links_recorded(user, Through.TAB, outcome)
    here = region.owner_of(opened)
    notices = problem_texts.of_links(user, outcome, here, change, undo_url(opened))
    return answer(request, opened, user, notices, text if outcome.done else "", change)

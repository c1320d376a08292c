"""After a change: it is recorded, open tabs are notified, and the page shows the current values."""

import logging
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from kombu.exceptions import OperationalError

from b24app.bitrix24 import errors
from b24app.connect import client_of
from b24app.journal import audit
from b24app.journal.audit import Entry
from b24app.journal.models import AuditEntry
from b24app.live import watching
from b24app.orders.types import ORDER, Owner
from b24app.portals.models import PortalUser
from b24app.tab import region, suggestions, tasks
from b24app.tab.link_actions import LinkOutcome
from b24app.tab.problem_texts import Notice
from b24app.web import error_states, htmx
from b24app.web.session import Session

logger = logging.getLogger(__name__)

Draw = Callable[[HttpRequest, Session, PortalUser, Sequence[Notice]], HttpResponse]


def links_recorded(
    user: PortalUser, through: str, outcome: LinkOutcome, undoes: Mapping[int, int] | None = None
) -> uuid.UUID | None:
    """Record what was done to links and notify open tabs; returns the click to undo, None for nothing.

    ``undoes`` maps an order to the entry that is undone.
    """
    _learn(user, outcome)
    places = {
        place
        for item in outcome.written
        for place in (item.before, item.now, item.change.wanted)
        if place is not None
    }
    for place in places:
        suggestions.forget(user.portal, place)
    change = kept(user, through, outcome.entries(undoes or {}), places)
    if change is not None and user.portal.notes:
        transaction.on_commit(partial(_note, change))
    return change


def kept(
    user: PortalUser, through: str, entries: Sequence[Entry], places: Iterable[Owner]
) -> uuid.UUID | None:
    """Record any kind of change and notify open tabs of these cards and orders."""
    if not entries:
        return None
    change = audit.record(user, through, entries)
    watching.record(
        user.portal.pk,
        orders=[entry.order_id for entry in entries if entry.order_id],
        owners=places,
    )
    return change


def _note(change: uuid.UUID) -> None:
    try:
        tasks.note.delay(str(change))
    except OperationalError:
        logger.warning("broker away: no timeline note for change %s", change)


def _learn(user: PortalUser, outcome: LinkOutcome) -> None:
    """Remember whether this person may link on their own, as the portal has just shown."""
    if outcome.right != AuditEntry.Right.OWN:
        learnt: bool | None = False
    else:
        learnt = False if outcome.denied else True if outcome.written else user.may_link
    if learnt != user.may_link:
        user.may_link = learnt
        user.save(update_fields=["may_link"])


def undo_url(opened: Session) -> str:
    """Where Undo is asked for, from the page that is open."""
    return reverse("order-undo" if opened.owner_type == ORDER else "tab-undo")


def answer(
    request: HttpRequest,
    opened: Session,
    user: PortalUser,
    notices: Sequence[Notice],
    text: str,
    change: uuid.UUID | None,
    *,
    draw: Draw | None = None,
) -> HttpResponse:
    """The region as it is now with ``notices``, and a toast ``text`` with Undo for ``change``.

    An empty ``text`` makes no toast.
    """
    try:
        response = (draw or region_drawn)(request, opened, user, notices)
    except errors.BitrixError as error:
        response = _unread(request, error_states.of_error(error), notices, text)
    toast: dict[str, object] = {}
    if text and change is not None:
        undo = {"change": str(change)}
        toast = htmx.toast(text, undo_url=undo_url(opened), undo_label=_("Undo"), undo=undo)
    elif text:
        toast = htmx.toast(text)
    return htmx.trigger(response, {**htmx.CLOSE_DIALOG, **toast})


def _unread(
    request: HttpRequest, state: error_states.State, notices: Sequence[Notice], text: str
) -> HttpResponse:
    """What was done, where the portal does not show the orders any more.

    The words for an opening that failed do not fit: they may say that nothing was changed.
    """
    retry = state.name != "session-ended"
    shown = replace(state, name="unread", retry=retry)
    context = {"state": shown, "notices": notices, "done": text}
    return htmx.partial(request, "tab/unread.html", context, status=state.status)


def region_drawn(
    request: HttpRequest, opened: Session, user: PortalUser, notices: Sequence[Notice]
) -> HttpResponse:
    """The card's region, read again with the page's filter."""
    context = region.context(opened, user, client_of(user), request.POST)
    return render(request, "tab/orders.html", context | {"notices": notices, "changed": True})

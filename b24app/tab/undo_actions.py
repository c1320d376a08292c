"""Undo of what the audit has kept, without overriding what somebody else has changed since."""

from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from b24app.changes.outcomes import Result, decide
from b24app.changes.properties import DEAL_AMOUNT, LINK, STATUS, Amount
from b24app.journal.models import AuditEntry
from b24app.orders.types import ORDER, Owner
from b24app.portals.models import PortalUser
from b24app.tab import (
    deal_amount,
    forms,
    link_actions,
    problem_texts,
    responses,
    status_changes,
    write_locks,
)
from b24app.tab.problem_texts import Notice
from b24app.tab.responses import Draw, answer
from b24app.web.session import Session

Kind, Through = AuditEntry.Kind, AuditEntry.Through


def answered(
    request: HttpRequest,
    opened: Session,
    user: PortalUser,
    entries: Sequence[AuditEntry],
    draw: Draw = responses.region_drawn,
) -> HttpResponse:
    """Undo the entries and show the current values; ``entries`` are of one kind and at most 50.

    Raises :class:`BadForm` for entries that cannot be undone from a tab.
    """
    kinds = {entry.kind for entry in entries}
    if len(entries) > forms.MAX_ORDERS or len(kinds) != 1:
        raise forms.BadForm
    kind = kinds.pop()
    if kind == Kind.LINK:
        notices, done = _links(user, opened, entries)
    elif kind == Kind.STATUS:
        notices, done = _statuses(user, opened, entries)
    elif kind == Kind.AMOUNT and len(entries) == 1:
        notices, done = _amount(user, opened, entries)
    else:
        raise forms.BadForm
    return answer(request, opened, user, notices, _("Undone") if done else "", None, draw=draw)


def _links(
    user: PortalUser, opened: Session, entries: Sequence[AuditEntry]
) -> tuple[list[Notice], bool]:
    changes = [LINK.undoing(entry.trail) for entry in entries]
    card = _card(opened)
    outcome = link_actions.carry_out(user, card, changes)
    undoes = {entry.order_id: entry.pk for entry in entries}
    change = responses.links_recorded(user, Through.UNDO, outcome, undoes)
    notices = problem_texts.of_links(user, outcome, card, change, responses.undo_url(opened))
    return notices, bool(outcome.done)


def _statuses(
    user: PortalUser, opened: Session, entries: Sequence[AuditEntry]
) -> tuple[list[Notice], bool]:
    owner = Owner(opened.owner_type, opened.entity_id)
    changes = [STATUS.undoing(entry.trail) for entry in entries]
    outcome = status_changes.carry_out(user, owner, changes)
    undoes = {entry.order_id: entry.pk for entry in entries}
    change = status_changes.recorded(user, Through.UNDO, outcome, owner, undoes)
    notices = problem_texts.of_statuses(user, outcome, change, responses.undo_url(opened))
    return notices, bool(outcome.done)


def _amount(
    user: PortalUser, opened: Session, entries: Sequence[AuditEntry]
) -> tuple[list[Notice], bool]:
    owner, entry = Owner(opened.owner_type, opened.entity_id), entries[0]
    change = DEAL_AMOUNT.undoing(entry.trail)
    try:
        with write_locks.claimed(user.portal, deal_amount.of_card(owner)) as send_before:
            now = Amount.of(deal_amount.read_card(user, owner))
            decided = decide(change, now)
            if decided is not None and decided.result is Result.CONFLICT:
                return [deal_amount.changed_since(now)], False
            if decided is not None:
                return [], True
            done = deal_amount.set_to(user, Through.UNDO, change, send_before, undoes=entry.pk)
    except write_locks.BeingChanged:
        return [deal_amount.being_changed()], False
    return list(done.notices), done.done


def _card(opened: Session) -> Owner | None:
    """The card an undo comes from; None for an order's own."""
    owner = Owner(opened.owner_type, opened.entity_id)
    return None if owner.type_id == ORDER else owner

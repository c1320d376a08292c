"""Undo of what the audit has kept, without overriding what somebody else has changed since."""

from collections.abc import Mapping, Sequence

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from b24app import dictionaries
from b24app.changes.cancellation import CANCELLED
from b24app.changes.outcomes import Result, V, decide
from b24app.changes.properties import (
    COMMENT,
    DEAL_AMOUNT,
    LINK,
    RESPONSIBLE,
    STATUS,
    Amount,
    Property,
)
from b24app.connect import client_of
from b24app.journal.models import AuditEntry
from b24app.orders import status
from b24app.orders.types import ORDER, Owner
from b24app.portals.models import PortalUser
from b24app.tab import (
    cancel_changes,
    deal_amount,
    field_changes,
    field_problems,
    forms,
    link_actions,
    problem_texts,
    responses,
    write_locks,
)
from b24app.tab.problem_texts import Notice
from b24app.tab.responses import Draw, answer
from b24app.web.session import Session

Kind, Through = AuditEntry.Kind, AuditEntry.Through

_FIELDS: Mapping[str, Property[int, str]] = {
    Kind.STATUS: STATUS,
    Kind.RESPONSIBLE: RESPONSIBLE,
    Kind.COMMENT: COMMENT,
}


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
    elif kind in _FIELDS:
        _check_cancels_nothing(user, kind, entries)
        notices, done = _fields(user, opened, _FIELDS[kind], entries)
    elif kind == Kind.CANCELLED and not user.portal.allow_cancel:
        notices, done = [cancel_changes.not_allowed()], False
    elif kind == Kind.CANCELLED:
        notices, done = _fields(user, opened, CANCELLED, entries)
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


def _check_cancels_nothing(user: PortalUser, kind: str, entries: Sequence[AuditEntry]) -> None:
    """Raises ``BadForm`` where a status that would come back cancels its order: only a job sets those."""
    if kind == Kind.STATUS:
        known = client_of(user).answer(dictionaries.order_statuses(user.portal))
        if {entry.before for entry in entries} & status.cancelling(known):
            raise forms.BadForm


def _fields(
    user: PortalUser, opened: Session, prop: Property[int, V], entries: Sequence[AuditEntry]
) -> tuple[list[Notice], bool]:
    owner = Owner(opened.owner_type, opened.entity_id)
    changes = [prop.undoing(entry.trail) for entry in entries]
    outcome = field_changes.carry_out(user, owner, prop, changes)
    undoes = {entry.order_id: entry.pk for entry in entries}
    change = field_changes.recorded(user, Through.UNDO, outcome, owner, undoes)
    notices = field_problems.of_outcome(user, outcome, change, responses.undo_url(opened))
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

"""Taking back what the audit has kept, without overriding what somebody else has changed since."""

from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from b24app.journal.models import AuditEntry
from b24app.orders.links import Change, Result
from b24app.orders.status import StatusChange
from b24app.orders.types import ORDER, Owner
from b24app.portals.models import PortalUser
from b24app.portals.templatetags.shown import money
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
    """Take the entries back and show what stands now; ``entries`` are of one kind and at most 50.

    Raises :class:`BadForm` for entries that are not taken back from a tab.
    """
    kinds = {one.kind for one in entries}
    if len(entries) > forms.MOST or len(kinds) != 1:
        raise forms.BadForm
    kind = kinds.pop()
    if kind == Kind.LINK:
        told, done = _links(user, opened, entries)
    elif kind == Kind.STATUS:
        told, done = _statuses(user, opened, entries)
    elif kind == Kind.AMOUNT and len(entries) == 1:
        told, done = _amount(user, opened, entries)
    else:
        raise forms.BadForm
    return answer(request, opened, user, told, _("Undone") if done else "", None, draw=draw)


def _links(
    user: PortalUser, opened: Session, entries: Sequence[AuditEntry]
) -> tuple[list[Notice], bool]:
    changes = [Change(one.order_id, one.target, one.source) for one in entries]
    card = _card(opened)
    outcome = link_actions.carry_out(user, card, changes)
    undoes = {one.order_id: one.pk for one in entries}
    change = responses.written_down(user, Through.UNDO, outcome, undoes)
    told = problem_texts.of_links(user, outcome, card, change, responses.undo_url(opened))
    return told, bool(outcome.done)


def _statuses(
    user: PortalUser, opened: Session, entries: Sequence[AuditEntry]
) -> tuple[list[Notice], bool]:
    owner = Owner(opened.owner_type, opened.entity_id)
    changes = [StatusChange(one.order_id, one.after, one.before) for one in entries]
    outcome = status_changes.carry_out(user, owner, changes)
    undoes = {one.order_id: one.pk for one in entries}
    change = status_changes.written_down(user, Through.UNDO, outcome, owner, undoes)
    told = problem_texts.of_statuses(user, outcome, change, responses.undo_url(opened))
    done = any(one.result in (Result.DONE, Result.ALREADY) for one in outcome.changed)
    return told, done


def _amount(
    user: PortalUser, opened: Session, entries: Sequence[AuditEntry]
) -> tuple[list[Notice], bool]:
    owner, one = Owner(opened.owner_type, opened.entity_id), entries[0]
    written, wanted = deal_amount.Typed.parsed(one.after), deal_amount.Typed.parsed(one.before)
    try:
        with write_locks.claimed(user.portal, deal_amount.of_card(owner)) as send_before:
            card = deal_amount.read_card(user, owner)
            if (card.amount, card.currency) == (wanted.amount, wanted.currency):
                return [], True
            if (card.amount, card.currency) != (written.amount, written.currency):
                text = _("Someone has changed it since: now it is %(amount)s.")
                shown = text % {"amount": money(card.amount, card.currency)}
                return [Notice("conflict", _("The amount was not changed"), shown)], False
            done = deal_amount.set_to(user, Through.UNDO, card, wanted, send_before, undoes=one.pk)
    except write_locks.BeingChanged:
        return [deal_amount.being_changed()], False
    return list(done.notices), done.certain


def _card(opened: Session) -> Owner | None:
    """The card an undo comes from; None for an order's own."""
    owner = Owner(opened.owner_type, opened.entity_id)
    return None if owner.type_id == ORDER else owner

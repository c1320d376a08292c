"""Taking back what the audit has kept, without overriding what somebody else has changed since."""

from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from b24app.journal.models import AuditEntry
from b24app.orders.links import Change, Result
from b24app.orders.status import StatusChange
from b24app.orders.types import ORDER, Owner
from b24app.portals.models import PortalUser
from b24app.portals.session import Session
from b24app.portals.templatetags.shown import money
from b24app.tab import actions, amounts, answering, forms, notices, statuses
from b24app.tab.answering import Draw, answer
from b24app.tab.notices import Notice

Kind, Through = AuditEntry.Kind, AuditEntry.Through


def answered(
    request: HttpRequest,
    opened: Session,
    user: PortalUser,
    entries: Sequence[AuditEntry],
    draw: Draw = answering.region_drawn,
) -> HttpResponse:
    """Take the entries back and show what stands now; ``entries`` are of one kind and at most 50.

    Raises :class:`BadForm` for entries that are not taken back from a tab.
    """
    kinds = {one.kind for one in entries}
    if len(entries) > forms.MOST or len(kinds) != 1:
        raise forms.BadForm
    owner, kind = Owner(opened.owner_type, opened.entity_id), kinds.pop()
    if kind == Kind.LINK:
        told, done = _links(user, owner, entries)
    elif kind == Kind.STATUS:
        told, done = _statuses(user, owner, entries)
    elif kind == Kind.AMOUNT and len(entries) == 1:
        told, done = _amount(user, owner, entries[0])
    else:
        raise forms.BadForm
    return answer(request, opened, user, told, _("Taken back") if done else "", None, draw=draw)


def _links(
    user: PortalUser, owner: Owner, entries: Sequence[AuditEntry]
) -> tuple[list[Notice], bool]:
    changes = [Change(one.order_id, one.target, one.source) for one in entries]
    card = None if owner.type_id == ORDER else owner
    outcome = actions.carry_out(user, card, changes)
    answering.written_down(user, Through.UNDO, outcome, {one.order_id: one.pk for one in entries})
    return notices.of_links(user, outcome, card), bool(outcome.done)


def _statuses(
    user: PortalUser, owner: Owner, entries: Sequence[AuditEntry]
) -> tuple[list[Notice], bool]:
    changes = [StatusChange(one.order_id, one.after, one.before) for one in entries]
    outcome = statuses.carry_out(user, owner, changes)
    undoes = {one.order_id: one.pk for one in entries}
    statuses.written_down(user, Through.UNDO, outcome, owner, undoes)
    done = any(one.result in (Result.DONE, Result.ALREADY) for one in outcome.changed)
    return notices.of_statuses(outcome.changed, outcome.numbers), done


def _amount(user: PortalUser, owner: Owner, one: AuditEntry) -> tuple[list[Notice], bool]:
    card = amounts.read_card(user, owner)
    written, wanted = amounts.Typed.parsed(one.after), amounts.Typed.parsed(one.before)
    if (card.amount, card.currency) != (written.amount, written.currency):
        text = _("It is %(amount)s now: somebody has changed it since.")
        shown = text % {"amount": money(card.amount, card.currency)}
        return [Notice("conflict", _("The amount was not changed"), shown)], False
    amounts.set_to(user, Through.UNDO, card, wanted, undoes=one.pk)
    return [], True

"""What people are told when a field of an order was not changed as they asked."""

import uuid
from collections.abc import Iterator, Mapping

from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from b24app import dictionaries
from b24app.bitrix24 import errors
from b24app.bitrix24.troubles import Trouble, trouble_of
from b24app.changes import properties
from b24app.changes.outcomes import Changed, Result, V
from b24app.journal import audit
from b24app.journal.models import AuditEntry
from b24app.portals.models import Portal, PortalUser
from b24app.tab import problem_texts
from b24app.tab.order_changes import Outcome
from b24app.tab.problem_texts import Notice
from b24app.tab.write_locks import BeingChanged

Kind = AuditEntry.Kind

_TITLES: Mapping[str, Promise] = {
    Kind.STATUS: gettext_lazy("The status of No. %(number)s was not changed"),
    Kind.RESPONSIBLE: gettext_lazy("The responsible person of No. %(number)s was not changed"),
    Kind.COMMENT: gettext_lazy("The comment of No. %(number)s was not changed"),
    Kind.CANCELLED: gettext_lazy("No. %(number)s was not changed"),
}
_CONFLICTS: Mapping[str, Promise] = {
    Kind.STATUS: gettext_lazy("Its status or link was changed in the meantime. Check again first."),
    Kind.RESPONSIBLE: gettext_lazy(
        "Its responsible person or link was changed in the meantime. Check again first."
    ),
    Kind.COMMENT: gettext_lazy(
        "Its comment or link was changed in the meantime. Check again first."
    ),
    Kind.CANCELLED: gettext_lazy(
        "It was cancelled, restored or unlinked in the meantime. Check again first."
    ),
}
_OVERRIDDEN: Mapping[str, Promise] = {
    Kind.STATUS: gettext_lazy("Its status had just been changed to “%(value)s”."),
    Kind.RESPONSIBLE: gettext_lazy("Its responsible person had just been changed to %(value)s."),
    Kind.COMMENT: gettext_lazy("Its comment had just been changed to “%(value)s”."),
    Kind.CANCELLED: gettext_lazy("It had just been cancelled or restored."),
}
# What keeps the portal from cancelling an order.
_OBSTACLES: Mapping[str, Promise] = {
    "SALE_ORDER_CANCEL_PAYMENT_EXIST_ACTIVE": gettext_lazy(
        "It has a payment that is paid. Return the payment in the order first."
    ),
    "SALE_ORDER_CANCEL_SHIPMENT_EXIST_SHIPPED": gettext_lazy(
        "It has a shipment that is shipped. Undo the shipment in the order first."
    ),
}
MAX_COMMENT_SHOWN = 80


def of_outcome(
    user: PortalUser, outcome: Outcome[V], change: uuid.UUID | None, undo_url: str
) -> list[Notice]:
    """Notices for orders of which one field was to be changed.

    ``change`` is the click as it was recorded, ``undo_url`` where it can be undone.
    """
    kind = outcome.prop.name
    notices = []
    for item in outcome.changed:
        reason = _reason(kind, item)
        if reason:
            title = str(_TITLES[kind]) % {"number": outcome.number(item.change.key)}
            notices.append(Notice("conflict" if item.error is None else "failed", title, reason))
    return [
        *notices,
        *_overridden(user.portal, outcome, change, undo_url),
        *problem_texts.unknown(len(outcome.having(Result.UNKNOWN))),
    ]


def _reason(kind: str, change: Changed[int, V]) -> str:
    """Why the field was not changed; empty where it was, or where nobody knows."""
    if change.result is Result.CONFLICT:
        if isinstance(change.now, str) and properties.is_cancelled(change.now):
            return _("The order is cancelled. Take the cancellation back first: click its status.")
        return str(_CONFLICTS[kind])
    return refusal(change.error) if change.result is Result.FAILED else ""


def refusal(error: errors.BitrixError | None) -> str:
    """Why the portal, or another request, has kept a change of an order from being made."""
    if isinstance(error, BeingChanged):
        return _("It is being changed right now. Check again in a few seconds.")
    if error is not None and error.code in _OBSTACLES:
        return str(_OBSTACLES[error.code])
    trouble = trouble_of(error) if error is not None else Trouble.OTHER
    if trouble in problem_texts.RIGHTS:
        return _("For this, you need permission to change orders in Bitrix24.")
    return str(problem_texts.OF_A_CHANGE.get(trouble, problem_texts.REFUSED))


def _overridden(
    portal: Portal, outcome: Outcome[V], change: uuid.UUID | None, undo_url: str
) -> Iterator[Notice]:
    overrode, kind = outcome.overrode, outcome.prop.name
    ids = [item.change.key for item in overrode]
    entries = audit.entries_of(portal, change, ids)
    authors = audit.before(portal, change, ids, kind)
    for item in overrode:
        before = properties.status_code(str(item.before))
        text = str(_OVERRIDDEN[kind]) % {"value": _named(portal, kind, before)}
        author = authors.get(item.change.key)
        if author is not None and author.values[1] == before and author.user_name:
            who = _("%(person)s did that.") % {"person": author.user_name}
            text = f"{text} {who}"
        yield Notice(
            "overridden",
            problem_texts.overridden_title(outcome.number(item.change.key)),
            text,
            undo_url=undo_url,
            undo_entry=entries.get(item.change.key, 0),
        )


def _named(portal: Portal, kind: str, value: str) -> str:
    """A value as people call it, without asking the portal."""
    if kind == Kind.STATUS:
        known = dictionaries.remembered_statuses(portal).get(value)
        return known.name(get_language() or "en") if known else value
    if kind == Kind.RESPONSIBLE:
        people = PortalUser.objects.of(portal).filter(user_id=value or 0)
        return next((name for name in people.values_list("name", flat=True) if name), value)
    short = value[:MAX_COMMENT_SHOWN]
    return short + "…" if short != value else value

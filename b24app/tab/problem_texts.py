"""What people are told when something was not done as they asked, and what stands there now."""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from b24app import dictionaries
from b24app.bitrix24 import errors
from b24app.journal import audit
from b24app.journal.models import AuditEntry
from b24app.orders.links import Changed, Result
from b24app.orders.status import StatusChanged, StatusOutcome
from b24app.orders.types import Owner
from b24app.portals.access import who_can_grant
from b24app.portals.models import Portal, PortalUser
from b24app.tab.forms import seen_text
from b24app.tab.link_actions import Outcome
from b24app.tab.write_locks import BeingChanged

Words = tuple[tuple[type[errors.BitrixError], Promise], ...]

# Why one order was not changed, whatever was to be changed.
_OF_AN_ORDER: Words = (
    (
        BeingChanged,
        gettext_lazy("It is being changed at this moment. Look at it once more in a few seconds."),
    ),
    (errors.OutOfTime, gettext_lazy("It took too long, so nothing was sent. Try again.")),
    (errors.OrderNotFound, gettext_lazy("The order was deleted.")),
)

# The same of a link, which the installer's token may write.
_OF_A_LINK: Words = (
    (
        errors.NotFound,
        gettext_lazy(
            "You cannot open the card it would go to or come from, or that card is deleted."
        ),
    ),
    (errors.StoreMissing, gettext_lazy("This portal has no online store.")),
    (errors.RenewalPending, gettext_lazy("The portal is busy. Try again in a minute.")),
    (
        errors.AuthError,
        gettext_lazy(
            "The app’s own access has ended. An administrator opens the app once to renew it."
        ),
    ),
)

_SILENT = gettext_lazy("Bitrix24 did not answer. Try again in a moment.")

# What keeps everybody of the portal from changing anything, and what can be done about it.
_OF_THE_PORTAL: Words = (
    (
        errors.PlanEnded,
        gettext_lazy(
            "Your Bitrix24 plan doesn’t allow apps at the moment. An administrator can renew the plan "
            "or the Market subscription."
        ),
    ),
    (
        errors.PaymentRequired,
        gettext_lazy(
            "The subscription to this app has ended. An administrator can renew it in the Market."
        ),
    ),
    (
        errors.Overloaded,
        gettext_lazy(
            "Bitrix24 has blocked its REST API because of too many requests. Only Bitrix24 support can "
            "lift the block: ask an administrator to contact them."
        ),
    ),
    (errors.LimitError, gettext_lazy("The portal is busy. Try again in a minute.")),
    (
        errors.PortalClosed,
        gettext_lazy("Your Bitrix24 is closed for maintenance. Try again later."),
    ),
    (errors.RenewalPending, gettext_lazy("The portal is busy. Try again in a minute.")),
    (errors.TransportError, _SILENT),
    (errors.ServerFault, _SILENT),
    (errors.IncompleteAnswer, _SILENT),
    (errors.NotRun, _SILENT),
    (errors.AccessUnclear, _SILENT),
)


@dataclass(frozen=True, slots=True)
class Notice:
    """``kind`` is conflict, failed, unknown or overridden.

    ``again`` is the pick that would bring the order here. ``undo_url`` and ``undo_entry`` are the
    button that puts back what was overridden.
    """

    kind: str
    title: str
    text: str
    again: str = ""
    undo_url: str = ""
    undo_entry: int = 0


def of_links(
    user: PortalUser,
    outcome: Outcome,
    here: Owner | None,
    change: uuid.UUID | None,
    undo_url: str,
) -> list[Notice]:
    """Notices for orders that were to be linked, moved or unlinked from the card ``here``.

    ``change`` is the click as it was written down, ``undo_url`` where it can be undone.
    """
    return [
        *_conflicts(user.portal, outcome, here),
        *_overridden(user.portal, outcome, here, change, undo_url),
        *_failures(user, outcome),
        *_unknown(len(outcome.having(Result.UNKNOWN))),
    ]


def _overridden(
    portal: Portal,
    outcome: Outcome,
    here: Owner | None,
    change: uuid.UUID | None,
    undo_url: str,
) -> Iterator[Notice]:
    """Of orders that somebody had moved after the person looked, and that were written all the same."""
    overrode = [one for one in outcome.changed if one.overrode]
    ids = [one.change.order_id for one in overrode]
    entries = audit.entries_of(portal, change, ids)
    authors = audit.before(portal, change, ids, AuditEntry.Kind.LINK)
    for one in overrode:
        author = authors.get(one.change.order_id)
        by_whom = _by_whom(author, one.before)
        yield Notice(
            "overridden",
            _overridden_title(outcome.number(one.change.order_id)),
            f"{_had_been(one.before, here, outcome.titles)} {by_whom}".strip(),
            undo_url=undo_url,
            undo_entry=entries.get(one.change.order_id, 0),
        )


def _overridden_title(number: str) -> str:
    return _("Somebody else’s change of No. %(number)s was overridden") % {"number": number}


def _had_been(before: Owner | None, here: Owner | None, titles: Mapping[Owner, str]) -> str:
    if before is None:
        return _("It had just been unlinked.")
    if before == here:
        return _("It had just been linked to this card.")
    named = {"id": before.id, "title": titles.get(before, "")}
    if before.is_deal:
        return _("It had just been linked to deal %(id)s %(title)s.") % named
    return _("It had just been linked to invoice %(id)s %(title)s.") % named


def _conflicts(portal: Portal, outcome: Outcome, here: Owner | None) -> Iterator[Notice]:
    conflicts = outcome.having(Result.CONFLICT)
    last = audit.latest_of(portal, [one.change.order_id for one in conflicts])
    for one in conflicts:
        number = outcome.number(one.change.order_id)
        wanted_here = one.change.wanted == here and one.now not in (None, here)
        by_whom = _by_whom(last.get(one.change.order_id), one.now)
        yield Notice(
            "conflict",
            _("No. %(number)s was not touched") % {"number": number},
            f"{_standing(one.now, here, outcome.titles)} {by_whom}".strip(),
            f"{one.change.order_id}|{seen_text(one.now)}" if wanted_here else "",
        )


def _standing(now: Owner | None, here: Owner | None, titles: Mapping[Owner, str]) -> str:
    if now is None:
        return _("Somebody unlinked it in the meantime.")
    if now == here:
        return _("Somebody linked it to this card in the meantime.")
    named = {"id": now.id, "title": titles.get(now, "")}
    if now.is_deal:
        return _("It is linked to deal %(id)s %(title)s now.") % named
    return _("It is linked to invoice %(id)s %(title)s now.") % named


def _by_whom(entry: AuditEntry | None, now: Owner | None) -> str:
    if entry is None or entry.target != now or not entry.user_name:
        return ""
    return _("%(person)s did that.") % {"person": entry.user_name}


def _failures(user: PortalUser, outcome: Outcome) -> Iterator[Notice]:
    failed = outcome.having(Result.FAILED)
    groups: dict[str, list[Changed]] = {}
    for one in failed:
        groups.setdefault(_reason(user, one.error), []).append(one)
    for reason, group in groups.items():
        numbers = ", ".join(outcome.number(one.change.order_id) for one in group[:10])
        title = ngettext(
            "%(count)d order was not changed", "%(count)d orders were not changed", len(group)
        ) % {"count": len(group)}
        yield Notice("failed", title, f"{_('No. %(number)s') % {'number': numbers}}. {reason}")


def _reason(user: PortalUser, error: errors.BitrixError | None) -> str:
    if isinstance(error, errors.AccessDenied):
        return " ".join(
            [
                _("Linking needs the right to change orders, or your name in the app’s settings."),
                _who(user.portal),
            ]
        ).strip()
    if isinstance(error, errors.NotSaved) and user.is_admin and error.description:
        return _("The store did not save the order: %(text)s") % {"text": error.description}
    return _words((*_OF_AN_ORDER, *_OF_A_LINK, *_OF_THE_PORTAL), error)


def _words(table: Words, error: errors.BitrixError | None) -> str:
    """The sentence of the first row that fits; of none, that the portal refused."""
    found = (words for kind, words in table if isinstance(error, kind))
    return str(next(found, _("The portal refused. Nothing else was changed.")))


def _who(portal: Portal) -> str:
    """Who can grant a right, as far as the app knows administrators."""
    names = ", ".join(one.name for one in who_can_grant(portal) if one.name)
    return (
        _("These administrators can grant either: %(names)s.") % {"names": names} if names else ""
    )


def of_statuses(
    user: PortalUser, outcome: StatusOutcome, change: uuid.UUID | None, undo_url: str
) -> list[Notice]:
    """Notices for orders whose status was to be changed; see :func:`of_links`."""
    notices = []
    for one in outcome.changed:
        number = outcome.numbers.get(one.change.order_id, str(one.change.order_id))
        reason = _status_reason(one)
        if reason:
            title = _("The status of No. %(number)s was not changed") % {"number": number}
            notices.append(Notice("conflict" if one.error is None else "failed", title, reason))
    return [
        *notices,
        *_overridden_statuses(user.portal, outcome, change, undo_url),
        *_unknown(sum(one.result is Result.UNKNOWN for one in outcome.changed)),
    ]


def _status_reason(one: StatusChanged) -> str:
    """Why a status was not changed; empty where it was, or where nobody knows."""
    if one.result is Result.CONFLICT:
        return _("Its status or its place was changed in the meantime. Look again first.")
    if one.result is not Result.FAILED:
        return ""
    if isinstance(one.error, errors.AccessDenied):
        return _("Changing a status needs the right to change orders in Bitrix24.")
    return _words((*_OF_AN_ORDER, *_OF_THE_PORTAL), one.error)


def _overridden_statuses(
    portal: Portal, outcome: StatusOutcome, change: uuid.UUID | None, undo_url: str
) -> Iterator[Notice]:
    overrode = [one for one in outcome.changed if one.overrode]
    ids = [one.change.order_id for one in overrode]
    entries = audit.entries_of(portal, change, ids)
    authors = audit.before(portal, change, ids, AuditEntry.Kind.STATUS)
    names = dictionaries.statuses(portal, {}) if overrode else {}
    for one in overrode:
        order_id = one.change.order_id
        known = names.get(one.before)
        status = known.name(get_language() or "en") if known else one.before
        text = _("Its status had just been changed to “%(status)s”.") % {"status": status}
        author = authors.get(order_id)
        if author is not None and author.after == one.before and author.user_name:
            text = f"{text} {_('%(person)s did that.') % {'person': author.user_name}}"
        yield Notice(
            "overridden",
            _overridden_title(outcome.numbers.get(order_id, str(order_id))),
            text,
            undo_url=undo_url,
            undo_entry=entries.get(order_id, 0),
        )


def _unknown(count: int) -> Iterator[Notice]:
    if count:
        yield Notice(
            "unknown",
            ngettext(
                "It is not known whether %(count)d order was changed",
                "It is not known whether %(count)d orders were changed",
                count,
            )
            % {"count": count},
            _(
                "The portal stopped answering in the middle. Look at the list before you repeat anything."
            ),
        )

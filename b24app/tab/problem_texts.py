"""Notices about changes that were not made as asked, with the current value."""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from b24app.bitrix24 import errors
from b24app.bitrix24.troubles import Trouble, trouble_of
from b24app.changes.outcomes import Result
from b24app.changes.properties import LinkChanged
from b24app.journal import audit
from b24app.journal.models import AuditEntry
from b24app.orders.types import Owner
from b24app.portals.access import who_can_grant
from b24app.portals.models import Portal, PortalUser
from b24app.tab.forms import seen_text
from b24app.tab.link_actions import LinkOutcome
from b24app.tab.write_locks import BeingChanged

_BUSY = gettext_lazy("Bitrix24 is busy. Try again in a minute.")
_SILENT = gettext_lazy("Bitrix24 didn’t respond. Try again in a moment.")

# What keeps everybody of the portal from changing anything, and what can be done about it.
_OF_THE_PORTAL: Mapping[Trouble, Promise] = {
    Trouble.PLAN: gettext_lazy(
        "Your Bitrix24 plan doesn’t allow apps at the moment. An administrator can renew the plan "
        "or the Market subscription."
    ),
    Trouble.PAYMENT: gettext_lazy(
        "The subscription to this app has ended. An administrator can renew it in the Market."
    ),
    Trouble.OVERLOAD: gettext_lazy(
        "Bitrix24 has blocked its REST API because of too many requests. Only Bitrix24 support can "
        "lift the block: ask an administrator to contact them."
    ),
    Trouble.OPERATING_LIMIT: _BUSY,
    Trouble.BUSY: _BUSY,
    Trouble.RENEWING: _BUSY,
    Trouble.CLOSED: gettext_lazy("Your Bitrix24 is closed for maintenance. Try again later."),
    Trouble.SILENT: _SILENT,
    Trouble.FAULT: _SILENT,
    Trouble.INCOMPLETE: _SILENT,
    Trouble.ACCESS_UNCLEAR: _SILENT,
}
# What changes of links and of fields have in common.
OF_A_CHANGE: Mapping[Trouble, Promise] = {
    **_OF_THE_PORTAL,
    Trouble.OUT_OF_TIME: gettext_lazy("It took too long, so nothing was sent. Try again."),
    Trouble.ORDER_GONE: gettext_lazy("The order was deleted."),
}
_ACCESS_ENDED = gettext_lazy(
    "The app’s own access has ended. An administrator can renew it by opening the app."
)
_OF_A_LINK: Mapping[Trouble, Promise] = {
    **OF_A_CHANGE,
    Trouble.NOT_FOUND: gettext_lazy(
        "You don’t have access to its current or its new card, or that card was deleted."
    ),
    Trouble.NO_STORE: gettext_lazy("This Bitrix24 has no online store."),
    Trouble.ACCESS_EXPIRED: _ACCESS_ENDED,
    Trouble.ACCESS_ENDED: _ACCESS_ENDED,
    Trouble.APP_CREDENTIALS: _ACCESS_ENDED,
}
RIGHTS = frozenset({Trouble.NO_READ, Trouble.NO_WRITE, Trouble.NO_RIGHT, Trouble.APP_CLOSED})
REFUSED = gettext_lazy("Bitrix24 rejected the request. Nothing else was changed.")


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
    outcome: LinkOutcome,
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
        *unknown(len(outcome.having(Result.UNKNOWN))),
    ]


def _overridden(
    portal: Portal,
    outcome: LinkOutcome,
    here: Owner | None,
    change: uuid.UUID | None,
    undo_url: str,
) -> Iterator[Notice]:
    """Of orders that somebody had moved after the person looked, and that were written all the same."""
    overrode = outcome.overrode
    ids = [item.change.key for item in overrode]
    entries = audit.entries_of(portal, change, ids)
    authors = audit.before(portal, change, ids, AuditEntry.Kind.LINK)
    for item in overrode:
        author = authors.get(item.change.key)
        by_whom = _by_whom(author, item.before)
        yield Notice(
            "overridden",
            overridden_title(outcome.number(item.change.key)),
            f"{_had_been(item.before, here, outcome.titles)} {by_whom}".strip(),
            undo_url=undo_url,
            undo_entry=entries.get(item.change.key, 0),
        )


def overridden_title(number: str) -> str:
    """The title of a notice about a change of somebody else that was replaced."""
    return _("Someone else’s change of No. %(number)s was replaced") % {"number": number}


def _had_been(before: Owner | None, here: Owner | None, titles: Mapping[Owner, str]) -> str:
    if before is None:
        return _("It had just been unlinked.")
    if before == here:
        return _("It had just been linked to this card.")
    named = {"id": before.id, "title": titles.get(before, "")}
    if before.is_deal:
        return _("It had just been linked to deal %(id)s %(title)s.") % named
    return _("It had just been linked to invoice %(id)s %(title)s.") % named


def _conflicts(portal: Portal, outcome: LinkOutcome, here: Owner | None) -> Iterator[Notice]:
    conflicts = outcome.having(Result.CONFLICT)
    last = audit.latest_of(portal, [change.change.key for change in conflicts])
    for change in conflicts:
        number = outcome.number(change.change.key)
        wanted_here = change.change.wanted == here and change.now not in (None, here)
        by_whom = _by_whom(last.get(change.change.key), change.now)
        yield Notice(
            "conflict",
            _("No. %(number)s was not changed") % {"number": number},
            f"{_where_now(change.now, here, outcome.titles)} {by_whom}".strip(),
            f"{change.change.key}|{seen_text(change.now)}" if wanted_here else "",
        )


def _where_now(now: Owner | None, here: Owner | None, titles: Mapping[Owner, str]) -> str:
    if now is None:
        return _("Someone unlinked it in the meantime.")
    if now == here:
        return _("Someone linked it to this card in the meantime.")
    named = {"id": now.id, "title": titles.get(now, "")}
    if now.is_deal:
        return _("It is linked to deal %(id)s %(title)s now.") % named
    return _("It is linked to invoice %(id)s %(title)s now.") % named


def _by_whom(entry: AuditEntry | None, now: Owner | None) -> str:
    if entry is None or entry.target != now or not entry.user_name:
        return ""
    return _("Changed by %(person)s.") % {"person": entry.user_name}


def _failures(user: PortalUser, outcome: LinkOutcome) -> Iterator[Notice]:
    failed = outcome.having(Result.FAILED)
    groups: dict[str, list[LinkChanged]] = {}
    for change in failed:
        groups.setdefault(_reason(user, change.error), []).append(change)
    for reason, group in groups.items():
        numbers = ", ".join(outcome.number(change.change.key) for change in group[:10])
        title = ngettext(
            "%(count)d order was not changed", "%(count)d orders were not changed", len(group)
        ) % {"count": len(group)}
        listed = _("No. %(number)s") % {"number": numbers}
        yield Notice("failed", title, f"{listed}. {reason}")


def _reason(user: PortalUser, error: errors.BitrixError | None) -> str:
    """Why a link was not changed."""
    if isinstance(error, BeingChanged):
        return _("It is being changed right now. Check again in a few seconds.")
    trouble = trouble_of(error) if error is not None else Trouble.OTHER
    if trouble in RIGHTS:
        right = _(
            "To link orders, you need permission to change them, or an administrator must add you in "
            "the app’s settings."
        )
        return f"{right} {_who(user.portal)}".strip()
    if trouble is Trouble.NOT_SAVED and user.is_admin and error and error.description:
        return _("The store couldn’t save the order: %(text)s") % {"text": error.description}
    return str(_OF_A_LINK.get(trouble, REFUSED))


def _who(portal: Portal) -> str:
    """Who can grant a right, as far as the app knows administrators."""
    names = ", ".join(user.name for user in who_can_grant(portal) if user.name)
    return _("These administrators can do either: %(names)s.") % {"names": names} if names else ""


def unknown(count: int) -> Iterator[Notice]:
    """About so many orders of which nobody knows whether they were changed."""
    if count:
        yield Notice(
            "unknown",
            ngettext(
                "It is not known whether %(count)d order was changed",
                "It is not known whether %(count)d orders were changed",
                count,
            )
            % {"count": count},
            _("Bitrix24 stopped responding. Check the list before you try again."),
        )

"""Undo of links that rules have made: one, those of a day, or all of a rule.

An undo teaches: the order is never linked to that deal again. It never overrides somebody else's
later change: an order that was moved since stays where it is. It is made with the permissions of the
person who asked for it.
"""

import logging
import time
from collections.abc import Sequence
from typing import Final

from django.db import transaction
from django.utils import timezone

from b24app.automation import breaker, installer, watches
from b24app.automation.models import Entry, Rule
from b24app.bitrix24 import errors
from b24app.bitrix24.client import Client
from b24app.bitrix24.portal_limits import Priority
from b24app.changes import applying
from b24app.changes.outcomes import Result
from b24app.changes.properties import DELETE_LINK, LINK, LinkChange, LinkChanged
from b24app.connect import answer_in_background, client_of
from b24app.journal import audit
from b24app.journal.models import AuditEntry
from b24app.orders.types import DEAL, Owner
from b24app.portals.models import Portal, PortalUser

logger = logging.getLogger(__name__)

SEND_SECONDS: Final = 60
BATCH: Final = LINK.writes[DELETE_LINK]


def ask_for(user: PortalUser, entries: Sequence[int]) -> int:
    """Mark links for undo and remember the pairs; returns how many. :func:`carry_on` undoes them."""
    with transaction.atomic():
        rows = Entry.objects.of(user.portal).filter(pk__in=entries, state=Entry.State.LINKED)
        marked = list(rows.values_list("pk", "order_id", "deal_id"))
        count = rows.update(state=Entry.State.UNDOING, ended_by=user, ended_at=timezone.now())
        watches.refuse(user.portal, [(order, deal) for _, order, deal in marked])
    return count


def undo(user: PortalUser, entry_id: int) -> Entry | None:
    """Undo one link at once; the entry as it is then, None for one that is not linked any more.

    Raises the portal's refusal.
    """
    if not ask_for(user, [entry_id]):
        return None
    entry = Entry.objects.of(user.portal).select_related("rule").get(pk=entry_id)
    _undo(user.portal, client_of(user), user, [entry])
    entry.refresh_from_db()
    return entry


def waiting() -> list[int]:
    """Portals with links that are marked for undo."""
    rows = Entry.objects.filter(state=Entry.State.UNDOING, portal__uninstalled_at=None)
    return list(rows.order_by().values_list("portal", flat=True).distinct()[:500])


def carry_on(portal: Portal) -> bool:
    """Undo the next links that are marked, one request's worth; True if more are waiting.

    Two workers may undo the same link: it is read before it is written, and undone once.
    """
    first = Entry.objects.of(portal).filter(state=Entry.State.UNDOING).order_by("pk").first()
    if first is None:
        return False
    user = first.ended_by
    rows = Entry.objects.of(portal).filter(state=Entry.State.UNDOING, ended_by=user)
    entries = list(rows.select_related("rule").order_by("pk")[:BATCH])
    if user is None:
        _back(entries)
        return True
    try:
        _undo(portal, client_of(user, Priority.BULK), user, entries)
    except errors.Wait:
        return False
    except installer.NO_ACCESS as error:
        logger.warning("undo at %s stopped: %s", portal.host, error.code)
        _back(entries)
    except errors.BitrixError as error:
        logger.warning("undo at %s waits: %s", portal.host, error.code)
        return False
    return len(entries) == BATCH


def _undo(portal: Portal, client: Client, user: PortalUser, entries: Sequence[Entry]) -> None:
    changes = [_change(entry) for entry in entries]
    before = answer_in_background(
        client, applying.values_of(LINK, [change.key for change in changes])
    )
    done = applying.apply(client, LINK, changes, before, send_before=time.time() + SEND_SECONDS)
    by_order = {entry.order_id: entry for entry in entries}
    for changed in done:
        _store(portal, user, by_order[changed.change.key], changed)
    for rule in {entry.rule for entry in entries if entry.rule is not None}:
        if rule.state == Rule.State.ON:
            breaker.check_undone(portal, rule)


def _change(entry: Entry) -> LinkChange:
    before = Owner(DEAL, entry.from_deal) if entry.from_deal else None
    return LinkChange(entry.order_id, Owner(DEAL, entry.deal_id), before)


def _store(portal: Portal, user: PortalUser, entry: Entry, changed: LinkChanged) -> None:
    marked = Entry.objects.filter(pk=entry.pk, state=Entry.State.UNDOING)
    if changed.result in (Result.DONE, Result.ALREADY):
        with transaction.atomic():
            marked.update(state=Entry.State.UNDONE)
            # Recorded by whoever has written, even if another worker was faster to mark the entry.
            if changed.result is Result.DONE:
                _record(portal, user, entry, changed)
    elif changed.result is Result.CONFLICT:
        marked.update(state=Entry.State.MOVED)
    elif changed.result is Result.FAILED:
        if isinstance(changed.error, errors.OrderNotFound):
            marked.update(state=Entry.State.MOVED)
        else:
            _back([entry])
    # An unknown outcome stays marked: the next slice reads it.


def _record(portal: Portal, user: PortalUser, entry: Entry, changed: LinkChanged) -> None:
    found = AuditEntry.objects.of(portal).filter(change=entry.change, order_id=entry.order_id)
    undoes = found.values_list("pk", flat=True).first()
    record = audit.of_change(LINK, changed.change, number=entry.order_number, undoes=undoes)
    audit.record(user, AuditEntry.Through.UNDO, [record])


def _back(entries: Sequence[Entry]) -> None:
    """Not undone: the links stand as before."""
    marked = Entry.objects.filter(pk__in=[entry.pk for entry in entries])
    marked.filter(state=Entry.State.UNDOING).update(
        state=Entry.State.LINKED, ended_by=None, ended_at=None
    )

"""Orders that need a look: several deals fit, and a person chooses one or none."""

import time

from django.db import transaction
from django.utils import timezone

from b24app.automation import watches
from b24app.automation.models import Entry
from b24app.automation.undoing import SEND_SECONDS
from b24app.bitrix24 import errors
from b24app.changes import applying
from b24app.changes.outcomes import Result
from b24app.changes.properties import LINK, LinkChange
from b24app.connect import answer_in_background, client_of
from b24app.journal import audit
from b24app.journal.models import AuditEntry
from b24app.orders.types import DEAL, Owner
from b24app.portals.models import PortalUser


def choose(user: PortalUser, entry_id: int, deal_id: int) -> Result | None:
    """Link the order to one of the deals that fit, with the person's own permissions.

    None for an entry that is decided already, or a deal that is not among them. Raises the portal's
    refusals.
    """
    entry = Entry.objects.of(user.portal).filter(pk=entry_id, state=Entry.State.OPEN).first()
    titles = {deal["id"]: deal["title"] for deal in entry.deals} if entry else {}
    if entry is None or deal_id not in titles:
        return None
    client = client_of(user)
    before = answer_in_background(client, applying.values_of(LINK, [entry.order_id]))
    seen = Owner(DEAL, entry.from_deal) if entry.from_deal else None
    change = LinkChange(entry.order_id, seen, Owner(DEAL, deal_id))
    (changed,) = applying.apply(
        client, LINK, [change], before, send_before=time.time() + SEND_SECONDS
    )
    if changed.result is Result.FAILED and not isinstance(changed.error, errors.OrderNotFound):
        raise changed.error or errors.OrderNotFound("")
    if changed.result is Result.UNKNOWN:
        return changed.result
    done = changed.result is Result.DONE
    # Who made the same choice at the same moment, and found it made, may have marked the entry first.
    states = (Entry.State.OPEN, Entry.State.MOVED) if done else (Entry.State.OPEN,)
    with transaction.atomic():
        rows = Entry.objects.filter(pk=entry.pk, state__in=states)
        state = Entry.State.CHOSEN if done else Entry.State.MOVED
        chosen = {"deal_id": deal_id, "deal_title": titles[deal_id]} if done else {}
        rows.update(state=state, ended_by=user, ended_at=timezone.now(), **chosen)
        if done:
            record = audit.of_change(LINK, change, number=entry.order_number)
            audit.record(user, AuditEntry.Through.CONSOLE, [record], entry.change)
    return changed.result


def refuse(user: PortalUser, entry_id: int) -> bool:
    """None of the deals: the order stays without, and is never linked to one of them."""
    with transaction.atomic():
        rows = Entry.objects.of(user.portal).filter(pk=entry_id, state=Entry.State.OPEN)
        found = rows.first()
        if found is None:
            return False
        rows.update(state=Entry.State.REFUSED, ended_by=user, ended_at=timezone.now())
        watches.refuse(user.portal, [(found.order_id, deal["id"]) for deal in found.deals])
    return True

"""Notes in the timelines of deals, written after the change and never in its way."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping

from celery import shared_task
from django.utils import translation
from django.utils.translation import gettext as _

from b24app.bitrix24 import ask
from b24app.bitrix24.ask import Refusal
from b24app.bitrix24.errors import BitrixError
from b24app.connect import client_of
from b24app.journal.models import AuditEntry
from b24app.orders import cards
from b24app.orders.types import Owner
from b24app.portals.models import PortalUser
from b24app.tab.number_list import listed

logger = logging.getLogger(__name__)


@shared_task(name="tab.note", acks_late=False)
def note(change: str) -> None:
    """Write what one click did into the timelines of the cards it touched, as the person who did it.

    Taken from the queue before it is worked: a note that was lost with a worker is missing, one
    written twice would be wrong.
    """
    entries = list(
        AuditEntry.objects.filter(change=change, kind=AuditEntry.Kind.LINK, certain=True)
        .select_related("portal")
        .order_by("pk")
    )
    if not entries:
        return
    portal = entries[0].portal
    user = PortalUser.objects.of(portal).filter(user_id=entries[0].user_id).first()
    if user is None:
        return
    with translation.override(portal.notes_language):
        texts = {owner: _text(owner, touching) for owner, touching in _by_card(entries).items()}
    try:
        written = client_of(user).answer(
            ask.every(cards.add_note(owner, text).attempt() for owner, text in texts.items())
        )
    except BitrixError as error:
        logger.warning("no timeline notes for change %s: %s", change, error.code)
        return
    for refusal in written:
        if isinstance(refusal, Refusal):
            logger.warning(
                "a timeline note of change %s was refused: %s", change, refusal.error.code
            )


def _by_card(entries: Iterable[AuditEntry]) -> Mapping[Owner, list[AuditEntry]]:
    found: dict[Owner, list[AuditEntry]] = defaultdict(list)
    for entry in entries:
        for owner in (entry.source, entry.target):
            if owner is not None:
                found[owner].append(entry)
    return found


def _text(owner: Owner, entries: list[AuditEntry]) -> str:
    lines = []
    groups: dict[tuple[Owner | None, Owner | None], list[str]] = defaultdict(list)
    for entry in entries:
        groups[entry.source, entry.target].append(entry.order_number)
    for (source, target), numbers in groups.items():
        other = _name(source if target == owner else target)
        lines.append(
            _sentence(owner, source, target) % {"numbers": listed(numbers), "other": other}
        )
    return "\n".join(lines)


def _sentence(owner: Owner, source: Owner | None, target: Owner | None) -> str:
    if target == owner:
        if source is None:
            return _("Orders linked: %(numbers)s")
        return _("Orders moved here from %(other)s: %(numbers)s")
    if target is None:
        return _("Orders unlinked: %(numbers)s")
    return _("Orders moved to %(other)s: %(numbers)s")


def _name(owner: Owner | None) -> str:
    if owner is None:
        return ""
    return (_("deal %(id)s") if owner.is_deal else _("invoice %(id)s")) % {"id": owner.id}

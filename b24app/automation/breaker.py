"""A rule that links too much, or is undone too often, stops itself and tells administrators."""

import logging
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from b24app.automation.conditions import BadConditions
from b24app.automation.models import Entry, Rule
from b24app.bitrix24.errors import BitrixError
from b24app.connect import installer_client
from b24app.portals import access
from b24app.portals.models import Portal

logger = logging.getLogger(__name__)

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
MIN_LINKS: Final = 10
"""Fewer links in a day say nothing about the share that was undone."""

TOO_MANY: Final = "too_many"
UNDONE: Final = "undone"

_LINKED: Final = (
    Entry.State.WRITING,
    Entry.State.LINKED,
    Entry.State.UNDOING,
    Entry.State.UNDONE,
    Entry.State.MOVED,
)
_TAKEN_BACK: Final = (Entry.State.UNDOING, Entry.State.UNDONE, Entry.State.MOVED)


def allows(portal: Portal, rule: Rule, announced: int) -> bool:
    """Whether the rule may link one more order now; stops the rule if not.

    ``announced`` counts links that are stored already and not written yet.
    """
    if rule.state != Rule.State.ON:
        return False
    since = timezone.now() - HOUR
    linked = Entry.objects.of(portal).filter(rule=rule, at__gt=since, state__in=_LINKED).count()
    if max(linked, announced) < rule.read.links_an_hour:
        return True
    _stop(portal, rule, TOO_MANY)
    return False


def check_undone(portal: Portal, rule: Rule) -> None:
    """Stop the rule if too many of the last day's links were undone or moved by people.

    A rule that cannot be read links nothing, so that there is nothing to stop.
    """
    try:
        percent = rule.read.undone_percent
    except BadConditions:
        return
    since = timezone.now() - DAY
    rows = Entry.objects.of(portal).filter(rule=rule, at__gt=since)
    linked = rows.filter(state__in=_LINKED).count()
    back = rows.filter(state__in=_TAKEN_BACK).count()
    if linked >= MIN_LINKS and back * 100 > percent * linked:
        _stop(portal, rule, UNDONE)


def _stop(portal: Portal, rule: Rule, why: str) -> None:
    now = timezone.now()
    with transaction.atomic():
        on = Rule.objects.of(portal).filter(pk=rule.pk, state=Rule.State.ON)
        if not on.update(state=Rule.State.STOPPED, stopped_why=why, stopped_at=now):
            rule.state = Rule.State.STOPPED
            return
        Entry.objects.create(
            portal=portal, rule=rule, rule_name=rule.name, state=Entry.State.STOPPED, why=why
        )
    rule.state = Rule.State.STOPPED
    logger.warning("rule %s of %s stopped itself: %s", rule.pk, portal.host, why)
    transaction.on_commit(lambda: _tell(portal, rule, why))


def _tell(portal: Portal, rule: Rule, why: str) -> None:
    """Notify administrators where the portal allows it; the rules page says it in any case."""
    client = installer_client(portal)
    if client is None or "im" not in portal.scopes():
        return
    with translation.override(portal.notes_language):
        text = {
            TOO_MANY: _("it linked too many orders within an hour"),
            UNDONE: _("too many of its links were undone"),
        }[why]
        message = _("Linked Orders: the rule “%(name)s” stopped itself: %(why)s.") % {
            "name": _escaped(rule.name),
            "why": text,
        }
    for user in access.who_can_grant(portal):
        tag = f"linked-orders-rule-{rule.pk}-{user.user_id}"
        params = {"USER_ID": user.user_id, "MESSAGE": message, "TAG": tag}
        try:
            client.call("im.notify.system.add", params, write=True)
        except BitrixError as error:
            logger.warning("rule %s: nobody notified: %s", rule.pk, error.code)
            return


def _escaped(name: str) -> str:
    """A name without BB codes."""
    return name.replace("[", "(").replace("]", ")")

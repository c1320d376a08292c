"""Rules are made, changed, ordered, switched on and off by administrators; each change is audited."""

from enum import StrEnum
from typing import Final

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from b24app.automation import catch_up, trials
from b24app.automation.conditions import Conditions
from b24app.automation.models import NO_ACCESS, NO_WRITE, Arrival, Cursor, Rule, Trial
from b24app.connect import installer_client
from b24app.journal import audit
from b24app.journal.models import AuditEntry
from b24app.portals.models import Portal, PortalUser

MAX_RULES: Final = 50


class Refused(StrEnum):
    """Why a rule cannot be switched on."""

    NOT_TRIED = "not_tried"
    MAKES_DEALS = "makes_deals"
    NO_INSTALLER = "no_installer"
    UNPAID = "unpaid"


class TooManyRules(Exception):
    """The portal has ``MAX_RULES`` rules already."""


def create(user: PortalUser, name: str, conditions: Conditions) -> Rule:
    """A new rule, off. Raises :class:`TooManyRules`."""
    rules = Rule.objects.of(user.portal)
    if rules.count() >= MAX_RULES:
        raise TooManyRules
    last = rules.aggregate(last=Max("position"))["last"] or 0
    with transaction.atomic():
        rule = Rule.objects.create(
            portal=user.portal, name=name, position=last + 1, conditions=conditions.written()
        )
        _record(user, rule, "", "created")
    return rule


def change(user: PortalUser, rule: Rule, name: str, conditions: Conditions) -> bool:
    """Store how the rule reads now. A rule that links other orders now is off until it was tried.

    True if that has switched it off.
    """
    with transaction.atomic():
        _lock(rule)
        other = conditions.fingerprint() != rule.fingerprint
        switched_off = other and rule.state == Rule.State.ON
        rule.name, rule.conditions = name, conditions.written()
        if other:
            rule.state, rule.insisted = Rule.State.OFF, False
        rule.save(update_fields=["name", "conditions", "state", "insisted"])
        _record(user, rule, "", "changed")
    return switched_off


def refusal(rule: Rule, *, insists: bool) -> Refused | None:
    """Why the rule cannot be switched on now; None if it can."""
    portal = rule.portal
    if portal.payment_expired:
        return Refused.UNPAID
    if portal.installer_id is None:
        return Refused.NO_INSTALLER
    if not trials.was_tried(rule):
        return Refused.NOT_TRIED
    if makes_deals(rule) and not insists:
        return Refused.MAKES_DEALS
    return None


def makes_deals(rule: Rule) -> bool:
    """Whether the rule's dry run has shown that the portal makes a deal for each order."""
    trial = trials.latest(rule)
    return trial is not None and trials.result_of(trial).makes_deals


def switch_on(user: PortalUser, rule: Rule, *, insists: bool) -> Refused | None:
    """Let the rule work on orders that come in from now on; the reason if that is not possible.

    Asks the portal for its newest order, with the access the rule will work with. Raises the portal's
    refusals.
    """
    refused = refusal(rule, insists=insists)
    if refused is not None:
        return refused
    client = installer_client(user.portal)
    if client is None:
        return Refused.NO_INSTALLER
    cursor = catch_up.begin(user.portal, client)
    newest = max(catch_up.newest_order(client), cursor.floor_id)
    with transaction.atomic():
        _lock(rule)
        refused = refusal(rule, insists=insists)
        if refused is not None:
            return refused
        Rule.objects.of(user.portal).filter(pk=rule.pk).update(
            state=Rule.State.ON,
            floor_id=newest,
            insisted=insists,
            switched_on_at=timezone.now(),
            stopped_why="",
            stopped_at=None,
        )
        Cursor.objects.of(user.portal).update(trouble="")
        _record(user, rule, rule.state, Rule.State.ON)
    rule.refresh_from_db()
    return None


def _lock(rule: Rule) -> None:
    """Read the rule as it is stored now, and keep others from changing it until the transaction ends.

    A rule that somebody has deleted is left as it is: the updates that follow find nothing.
    """
    stored = Rule.objects.of(rule.portal).select_for_update().filter(pk=rule.pk).first()
    if stored is not None:
        rule.name, rule.conditions, rule.state = stored.name, stored.conditions, stored.state
        rule.insisted = stored.insisted


def switch_off(user: PortalUser, rule: Rule) -> None:
    """Let the rule link nothing any more; its links stay."""
    with transaction.atomic():
        Rule.objects.of(user.portal).filter(pk=rule.pk).update(state=Rule.State.OFF)
        _record(user, rule, rule.state, Rule.State.OFF)
    rule.refresh_from_db()


def halt(portal: Portal) -> None:
    """Switch all rules of a portal off and forget how far its scan has come.

    Orders that come in while the app is not installed are never a rule's.
    """
    now = timezone.now()
    with transaction.atomic():
        Rule.objects.of(portal).filter(state=Rule.State.ON).update(state=Rule.State.OFF)
        running = Trial.objects.of(portal).filter(state=Trial.State.RUNNING)
        running.update(state=Trial.State.STOPPED, ended_at=now)
        Arrival.objects.of(portal).update(state=Arrival.State.DONE)
        Cursor.objects.of(portal).delete()


def delete(user: PortalUser, rule: Rule) -> None:
    """Remove the rule. What it did stays in the feed and can be undone there."""
    with transaction.atomic():
        _record(user, rule, rule.state, "deleted")
        rule.delete()


def move(user: PortalUser, rule: Rule, *, up: bool) -> None:
    """Let the rule act one place earlier or later."""
    with transaction.atomic():
        rules = list(Rule.objects.of(user.portal).select_for_update().order_by("position", "pk"))
        at = next((at for at, other in enumerate(rules) if other.pk == rule.pk), None)
        if at is None or not 0 <= (place := at - 1 if up else at + 1) < len(rules):
            return
        rules[at], rules[place] = rules[place], rules[at]
        for position, item in enumerate(rules, start=1):
            item.position = position
        Rule.objects.bulk_update(rules, ["position"])


def waits_for_administrator(portal: Portal) -> bool:
    """Whether rules wait because the installer's access has ended, or may not link orders."""
    waits = Cursor.objects.of(portal).filter(trouble__in=(NO_ACCESS, NO_WRITE)).exists()
    return portal.installer_id is None or waits


def _record(user: PortalUser, rule: Rule, before: str, after: str) -> None:
    details = {"name": f"rule: {rule.name}", "before": before, "after": after}
    entry = audit.Entry(AuditEntry.Kind.SETTING, details=details)
    audit.record(user, AuditEntry.Through.CONSOLE, [entry])

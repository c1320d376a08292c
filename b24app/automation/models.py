"""Rules, the orders they wait for, what they did, their dry runs, and how far the scan has come."""

import uuid
from typing import Final, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from b24app.automation import conditions
from b24app.automation.conditions import Conditions
from b24app.portals.models import Portal, PortalUser

NO_ACCESS: Final = "no_access"
NO_WRITE: Final = "no_write"
"""Why rules wait for an administrator: the installer's access has ended, or may not link orders."""


class RuleQuerySet(models.QuerySet["Rule"]):
    def of(self, portal: Portal | int) -> Self:
        """Rows of one portal: data is never read across portals."""
        return self.filter(portal=portal)


class CursorQuerySet(models.QuerySet["Cursor"]):
    def of(self, portal: Portal | int) -> Self:
        """Rows of one portal: data is never read across portals."""
        return self.filter(portal=portal)


class WatchedDealQuerySet(models.QuerySet["WatchedDeal"]):
    def of(self, portal: Portal | int) -> Self:
        """Rows of one portal: data is never read across portals."""
        return self.filter(portal=portal)


class ArrivalQuerySet(models.QuerySet["Arrival"]):
    def of(self, portal: Portal | int) -> Self:
        """Rows of one portal: data is never read across portals."""
        return self.filter(portal=portal)


class EntryQuerySet(models.QuerySet["Entry"]):
    def of(self, portal: Portal | int) -> Self:
        """Rows of one portal: data is never read across portals."""
        return self.filter(portal=portal)


class RefusedPairQuerySet(models.QuerySet["RefusedPair"]):
    def of(self, portal: Portal | int) -> Self:
        """Rows of one portal: data is never read across portals."""
        return self.filter(portal=portal)


class TrialQuerySet(models.QuerySet["Trial"]):
    def of(self, portal: Portal | int) -> Self:
        """Rows of one portal: data is never read across portals."""
        return self.filter(portal=portal)


class Rule(models.Model):
    """A rule that links new orders to the open deal of their client. Off until it has been tried."""

    class State(models.TextChoices):
        OFF = "off"
        ON = "on"
        STOPPED = "stopped"

    portal = models.ForeignKey(Portal, on_delete=models.CASCADE, related_name="rules")
    name = models.CharField(max_length=120)
    position = models.PositiveIntegerField(default=0, help_text="The first rule that fits acts")
    conditions = models.JSONField(default=dict)
    state = models.CharField(max_length=7, choices=State.choices, default=State.OFF)
    stopped_why = models.CharField(max_length=16, blank=True, default="")
    stopped_at = models.DateTimeField(null=True, blank=True)
    switched_on_at = models.DateTimeField(null=True, blank=True)
    floor_id = models.PositiveBigIntegerField(
        default=0,
        help_text="The newest order when the rule was switched on: only later ones are its",
    )
    insisted = models.BooleanField(
        default=False, help_text="Switched on although the portal makes a deal for each order"
    )
    created_at = models.DateTimeField(default=timezone.now)

    objects = RuleQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["portal", "state"], name="rule_state")]

    def __str__(self) -> str:
        return self.name

    @property
    def read(self) -> Conditions:
        """The conditions. Raises ``BadConditions`` if they were stored by another version."""
        return conditions.read(self.conditions)

    @property
    def fingerprint(self) -> str:
        """The same text for rules that link the same orders; empty if the conditions cannot be read."""
        try:
            return self.read.fingerprint()
        except conditions.BadConditions:
            return ""


class Cursor(models.Model):
    """How far the catch-up scan of a portal has come. A portal without a row is not scanned.

    Orders up to ``floor_id`` were there before: they are never new. ``changed_since`` is the portal's
    own time of the newest change that has been seen. A pass over changed orders that is not finished
    goes on above ``pass_after_id``. ``scan_until`` and ``work_until`` are leases: of the worker that
    scans, and of the one that judges new orders.
    """

    portal = models.OneToOneField(Portal, on_delete=models.CASCADE, related_name="scan_cursor")
    floor_id = models.PositiveBigIntegerField(default=0)
    last_order_id = models.PositiveBigIntegerField(default=0)
    changed_since = models.DateTimeField()
    scanned_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(default=timezone.now, db_index=True)
    pass_after_id = models.PositiveBigIntegerField(default=0)
    pass_newest = models.DateTimeField(null=True, blank=True)
    pass_began_at = models.DateTimeField(null=True, blank=True)
    scan_until = models.DateTimeField(default=timezone.now)
    work_until = models.DateTimeField(default=timezone.now)
    trouble = models.CharField(
        max_length=64, blank=True, default="", help_text="Why the rules wait; empty if they do not"
    )
    failures = models.PositiveSmallIntegerField(default=0)

    objects = CursorQuerySet.as_manager()

    def __str__(self) -> str:
        return f"scan of portal {self.portal_id}"


class WatchedDeal(models.Model):
    """A deal whose links are read anew in a round, because links have neither event nor date."""

    portal = models.ForeignKey(Portal, on_delete=models.CASCADE, related_name="watched_deals")
    deal_id = models.PositiveBigIntegerField()
    until = models.DateTimeField(help_text="When it is not watched any more")
    read_at = models.DateTimeField(default=timezone.now)

    objects = WatchedDealQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["portal", "deal_id"], name="one_watch_per_deal")
        ]
        indexes = [models.Index(fields=["portal", "read_at"], name="watch_round")]

    def __str__(self) -> str:
        return f"deal {self.deal_id}"


class Arrival(models.Model):
    """An order that came in while rules were on: one row, however often it was reported.

    Waiting rows are looked at once ``due_at`` has come. Rows are kept so that an order is new once.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        DONE = "done"

    portal = models.ForeignKey(Portal, on_delete=models.CASCADE, related_name="arrivals")
    order_id = models.PositiveBigIntegerField()
    seen_at = models.DateTimeField(default=timezone.now)
    state = models.CharField(max_length=7, choices=State.choices, default=State.WAITING)
    due_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveSmallIntegerField(default=0)

    objects = ArrivalQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["portal", "order_id"], name="one_arrival_per_order")
        ]
        indexes = [
            models.Index(
                fields=["portal", "due_at"], name="arrival_due", condition=Q(state="waiting")
            )
        ]

    def __str__(self) -> str:
        return f"order {self.order_id}"


class Entry(models.Model):
    """One thing a rule did or could not decide: a line of the feed.

    ``WRITING`` is stored before the link is written, so that a worker's death is no question: the
    next one reads where the order is. ``deals`` are the deals that fit, as JSON.
    """

    class State(models.TextChoices):
        WRITING = "writing"
        LINKED = "linked"
        UNDOING = "undoing"
        UNDONE = "undone"
        MOVED = "moved"
        OPEN = "open"
        CHOSEN = "chosen"
        REFUSED = "refused"
        STOPPED = "stopped"

    portal = models.ForeignKey(Portal, on_delete=models.CASCADE, related_name="rule_entries")
    rule = models.ForeignKey(Rule, null=True, on_delete=models.SET_NULL, related_name="entries")
    rule_name = models.CharField(max_length=120)
    at = models.DateTimeField(default=timezone.now)
    state = models.CharField(max_length=7, choices=State.choices)
    why = models.CharField(max_length=16, blank=True, default="")
    order_id = models.PositiveBigIntegerField(default=0)
    order_number = models.CharField(max_length=64, blank=True, default="")
    client = models.CharField(max_length=255, blank=True, default="")
    amount = models.DecimalField(max_digits=22, decimal_places=4, default=0)
    currency = models.CharField(max_length=3, blank=True, default="")
    deal_id = models.PositiveBigIntegerField(default=0)
    deal_title = models.CharField(max_length=255, blank=True, default="")
    deal_days = models.PositiveIntegerField(default=0)
    reasons = models.JSONField(default=list)
    deals = models.JSONField(default=list)
    from_deal = models.PositiveBigIntegerField(
        default=0, help_text="The portal's own deal that the order was in; 0 for none"
    )
    change = models.UUIDField(default=uuid.uuid4, help_text="The change in the audit trail")
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        PortalUser, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    objects = EntryQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["portal", "order_id"],
                name="one_open_entry_per_order",
                condition=Q(state__in=["writing", "linked", "undoing", "open"]),
            )
        ]
        indexes = [
            models.Index(fields=["portal", "-at"], name="entry_feed"),
            models.Index(fields=["rule", "at"], name="entry_rule"),
        ]

    def __str__(self) -> str:
        return f"{self.state}: order {self.order_id}"


class RefusedPair(models.Model):
    """An order that a person has taken out of a deal, or does not want there: never linked again."""

    portal = models.ForeignKey(Portal, on_delete=models.CASCADE, related_name="refused_pairs")
    order_id = models.PositiveBigIntegerField()
    deal_id = models.PositiveBigIntegerField()
    at = models.DateTimeField(default=timezone.now)

    objects = RefusedPairQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["portal", "order_id", "deal_id"], name="one_row_per_refused_pair"
            )
        ]

    def __str__(self) -> str:
        return f"order {self.order_id}, deal {self.deal_id}"


class Trial(models.Model):
    """A dry run of a rule over past orders. Nothing is written; it works in slices at bulk priority."""

    class State(models.TextChoices):
        RUNNING = "running"
        DONE = "done"
        STOPPED = "stopped"
        FAILED = "failed"

    portal = models.ForeignKey(Portal, on_delete=models.CASCADE, related_name="trials")
    rule = models.ForeignKey(Rule, on_delete=models.CASCADE, related_name="trials")
    fingerprint = models.CharField(max_length=64)
    conditions = models.JSONField()
    state = models.CharField(max_length=7, choices=State.choices, default=State.RUNNING)
    trouble = models.CharField(max_length=64, blank=True, default="")
    since = models.DateTimeField()
    until = models.DateTimeField()
    last_order_id = models.PositiveBigIntegerField(default=0)
    looked = models.PositiveIntegerField(default=0)
    reached = models.DateTimeField(null=True, blank=True, help_text="Date of the last order")
    started_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(default=timezone.now)
    failures = models.PositiveSmallIntegerField(default=0)

    objects = TrialQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["due_at"], name="trial_due", condition=Q(state="running")),
            models.Index(fields=["rule", "-started_at"], name="trial_of_rule"),
        ]

    def __str__(self) -> str:
        return f"trial of rule {self.rule_id}"


class TrialRow(models.Model):
    """What the rule would have done with one order, and what people did."""

    class Agreement(models.TextChoices):
        SAME = "same"
        DIFFERS = "differs"
        MISSED = "missed"
        NOBODY = "nobody"
        NONE = "none"

    trial = models.ForeignKey(Trial, on_delete=models.CASCADE, related_name="rows")
    order_id = models.PositiveBigIntegerField()
    order_number = models.CharField(max_length=64)
    created = models.DateTimeField()
    client = models.CharField(max_length=255, blank=True, default="")
    amount = models.DecimalField(max_digits=22, decimal_places=4, default=0)
    currency = models.CharField(max_length=3, blank=True, default="")
    outcome = models.CharField(max_length=7)
    why = models.CharField(max_length=16)
    deal_id = models.PositiveBigIntegerField(default=0)
    deal_title = models.CharField(max_length=255, blank=True, default="")
    deal_days = models.PositiveIntegerField(default=0)
    reasons = models.JSONField(default=list)
    chosen_type = models.PositiveIntegerField(default=0, help_text="Card that people linked it to")
    chosen_id = models.PositiveBigIntegerField(default=0)
    chosen_by = models.CharField(max_length=255, blank=True, default="")
    agreement = models.CharField(max_length=7, choices=Agreement.choices)
    own_deal = models.BooleanField(default=False, help_text="In a deal the portal made for it")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["trial", "order_id"], name="one_row_per_trial_order")
        ]
        indexes = [models.Index(fields=["trial", "agreement", "-order_id"], name="trial_agreement")]

    def __str__(self) -> str:
        return f"order {self.order_id}: {self.outcome}"

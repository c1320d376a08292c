"""Stored events: about the app itself (:class:`InboxEvent`), and changes (:class:`ChangeNotice`)."""

from django.db import models
from django.utils import timezone

from b24app.portals.fields import SecretField
from b24app.portals.models import Portal


class InboxEvent(models.Model):
    """One event about the app. Its tokens are stored encrypted until the event is processed."""

    class State(models.TextChoices):
        WAITING = "waiting"
        DONE = "done"
        FAILED = "failed"

    portal = models.ForeignKey(Portal, on_delete=models.CASCADE, related_name="events")
    name = models.CharField(max_length=64)
    data = models.JSONField(default=dict, help_text="The event's data, secrets masked")
    sealed = SecretField(
        blank=True, default="", help_text="Its auth block as JSON, dropped when done"
    )
    source = models.CharField(
        max_length=64,
        blank=True,
        default="",
        db_default="",
        help_text="Where an event without proof came from; empty for a proven one",
    )
    state = models.CharField(max_length=7, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    received_at = models.DateTimeField(auto_now_add=True)
    try_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["state", "try_at"], name="inbox_due")]

    def __str__(self) -> str:
        return f"{self.name} of {self.received_at:%Y-%m-%d %H:%M:%S}"


class ChangeNoticeQuerySet(models.QuerySet["ChangeNotice"]):
    def of(self, portal: Portal | int) -> "ChangeNoticeQuerySet":
        """Notices of one portal: data is never read across portals."""
        return self.filter(portal=portal)


class ChangeNotice(models.Model):
    """A changed entity of a portal: one row however often it was reported, deleted once processed.

    ``told`` counts the events. ``claim`` is "" while the row waits, then a random value of the worker
    that claimed it.
    """

    portal = models.ForeignKey(Portal, on_delete=models.CASCADE, related_name="notices")
    name = models.CharField(max_length=64)
    entity = models.PositiveBigIntegerField(help_text="Order, payment, shipment or deal: see name")
    data = models.JSONField(default=dict, help_text="The first event's data, secrets masked")
    claim = models.CharField(max_length=32, blank=True, default="")
    told = models.PositiveIntegerField(default=1)
    attempts = models.PositiveSmallIntegerField(default=0)
    received_at = models.DateTimeField(default=timezone.now)
    try_at = models.DateTimeField(default=timezone.now)

    objects = ChangeNoticeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["portal", "name", "entity", "claim"], name="one_notice_per_change"
            )
        ]
        indexes = [models.Index(fields=["claim", "try_at"], name="notice_due")]

    def __str__(self) -> str:
        return f"{self.name} {self.entity}"

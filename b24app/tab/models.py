"""Suggestions somebody said no to, for everybody at that card or for that person alone; and what is
being changed just now.
"""

from typing import Self

from django.db import models
from django.utils import timezone

from b24app.portals.models import Portal


class DismissalQuerySet(models.QuerySet["Dismissal"]):
    def of(self, portal: Portal) -> Self:
        """Dismissals of one portal: tenant data is never asked for without its portal."""
        return self.filter(portal=portal)


class PersonalDismissalQuerySet(models.QuerySet["PersonalDismissal"]):
    def of(self, portal: Portal) -> Self:
        """Dismissals of one portal: tenant data is never asked for without its portal."""
        return self.filter(portal=portal)


class Dismissal(models.Model):
    """An order that is not to be suggested for a card any more, to anybody."""

    portal = models.ForeignKey(Portal, on_delete=models.CASCADE, related_name="dismissals")
    owner_type = models.PositiveIntegerField()
    owner_id = models.PositiveBigIntegerField()
    order_id = models.PositiveBigIntegerField()
    user_id = models.PositiveBigIntegerField(help_text="Who said no, by id in the portal")
    at = models.DateTimeField(default=timezone.now)

    objects = DismissalQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["portal", "owner_type", "owner_id", "order_id"], name="dismissed_once"
            )
        ]

    def __str__(self) -> str:
        return f"order {self.order_id} at {self.owner_type}:{self.owner_id}"


class PersonalDismissal(models.Model):
    """An order that is not to be suggested for a card any more to one person, who may not link it."""

    portal = models.ForeignKey(Portal, on_delete=models.CASCADE, related_name="personal_dismissals")
    user_id = models.PositiveBigIntegerField(help_text="Who said no, by id in the portal")
    owner_type = models.PositiveIntegerField()
    owner_id = models.PositiveBigIntegerField()
    order_id = models.PositiveBigIntegerField()
    at = models.DateTimeField(default=timezone.now)

    objects = PersonalDismissalQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["portal", "user_id", "owner_type", "owner_id", "order_id"],
                name="dismissed_by_person_once",
            )
        ]

    def __str__(self) -> str:
        return f"order {self.order_id} at {self.owner_type}:{self.owner_id} for {self.user_id}"


class ChangeClaimQuerySet(models.QuerySet["ChangeClaim"]):
    def of(self, portal: Portal) -> "ChangeClaimQuerySet":
        """Claims of one portal: tenant data is never asked for without its portal."""
        return self.filter(portal=portal)


class ChangeClaim(models.Model):
    """An order or a card that somebody is changing at this moment. See :mod:`b24app.tab.write_locks`."""

    portal = models.ForeignKey(Portal, on_delete=models.CASCADE, related_name="+")
    subject = models.CharField(max_length=40, help_text="order:5032 or card:2:7021")
    token = models.UUIDField(db_index=True)
    until = models.DateTimeField(help_text="The end of the claim, whatever became of its holder")

    objects = ChangeClaimQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["portal", "subject"], name="claimed_once")]

    def __str__(self) -> str:
        return f"{self.subject} until {self.until:%H:%M:%S}"

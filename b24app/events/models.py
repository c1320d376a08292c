"""The inbox of events: the receipt survives whatever happens while it is worked."""

from django.db import models

from b24app.portals.fields import SecretField
from b24app.portals.models import Portal


class InboxEvent(models.Model):
    """One event as it came, secrets apart and sealed until the event is done."""

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
    state = models.CharField(max_length=7, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    received_at = models.DateTimeField(auto_now_add=True)
    try_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["state", "try_at"], name="inbox_due")]

    def __str__(self) -> str:
        return f"{self.name} of {self.received_at:%Y-%m-%d %H:%M:%S}"

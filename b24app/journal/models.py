"""The audit trail, which is never changed, and the journal of calls, which is deleted after some days."""

import uuid
from typing import NoReturn, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from b24app.changes.properties import Trail
from b24app.orders.types import Owner
from b24app.portals.fields import SecretField
from b24app.portals.models import Portal


class AppendOnly(TypeError):
    """Entries are written once, and deleted only together with their portal."""


class AuditQuerySet(models.QuerySet["AuditEntry"]):
    def of(self, portal: Portal) -> "AuditQuerySet":
        """Entries of one portal: data is never read across portals."""
        return self.filter(portal=portal)

    def touching(self, owner: Owner) -> "AuditQuerySet":
        """Entries that linked something to this card, unlinked it from there, or changed the card."""
        return self.filter(
            Q(from_type=owner.type_id, from_id=owner.id) | Q(to_type=owner.type_id, to_id=owner.id)
        )

    def update(self, **_: object) -> NoReturn:
        raise AppendOnly("audit entries are not changed")

    def delete(self) -> NoReturn:
        raise AppendOnly("audit entries are not deleted")


class AuditEntry(models.Model):
    """Who did what, when, where in the app, and with whose right.

    A card is (owner type, ID), both 0 for none. ``change`` groups the entries of one click. ``details``
    of a setting are its name, and its values before and after; of access, the job that uses it (none:
    all background work); of support, what was downloaded without a fresh check: ``log`` or ``bundle``;
    of a comment or a cancellation, texts too long for ``before`` and ``after``. For access ``before`` and
    ``after`` are users.
    """

    class Kind(models.TextChoices):
        LINK = "link"
        STATUS = "status"
        RESPONSIBLE = "responsible"
        AMOUNT = "amount"
        COMMENT = "comment"
        CANCELLED = "cancelled"
        PAYMENT = "payment"
        SHIPMENT = "shipment"
        TRACKING = "tracking"
        SETTING = "setting"
        ACCESS = "access"
        SUPPORT = "support"

    class Through(models.TextChoices):
        TAB = "tab"
        ORDER_CARD = "order_card"
        JOB = "job"
        UNDO = "undo"
        CONSOLE = "console"
        OPENING = "opening"
        RULE = "rule"

    class Right(models.TextChoices):
        OWN = "own"
        INSTALLER = "installer"

    portal = models.ForeignKey(Portal, on_delete=models.CASCADE, related_name="audit")
    at = models.DateTimeField(default=timezone.now)
    change = models.UUIDField(default=uuid.uuid4, db_index=True)
    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.LINK)
    order_id = models.PositiveBigIntegerField(default=0)
    order_number = models.CharField(max_length=64, blank=True)
    from_type = models.PositiveIntegerField(default=0)
    from_id = models.PositiveBigIntegerField(default=0)
    to_type = models.PositiveIntegerField(default=0)
    to_id = models.PositiveBigIntegerField(default=0)
    before = models.CharField(max_length=64, blank=True, help_text="Status, amount or user before")
    after = models.CharField(max_length=64, blank=True, help_text="Status, amount or user after")
    user_id = models.PositiveBigIntegerField(help_text="The user's id in their portal")
    user_name = models.CharField(max_length=255, blank=True)
    through = models.CharField(max_length=10, choices=Through.choices)
    right = models.CharField(max_length=9, choices=Right.choices, default=Right.OWN)
    certain = models.BooleanField(
        default=True, help_text="False where the portal never answered, so it may not have happened"
    )
    # Entries are deleted only with the whole portal. With another rule Django would read the whole trail
    # of the portal first, to find which entry undoes which.
    undoes = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.DO_NOTHING, related_name="undone_by"
    )
    details = models.JSONField(
        null=True, blank=True, help_text="A setting: name, before, after; or a job"
    )

    objects = AuditQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["portal", "to_type", "to_id"], name="audit_to"),
            models.Index(fields=["portal", "from_type", "from_id"], name="audit_from"),
            models.Index(fields=["portal", "order_id"], name="audit_order"),
            models.Index(fields=["portal", "at"], name="audit_at"),
            models.Index(fields=["portal", "user_id"], name="audit_user"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of order {self.order_id} at {self.at:%Y-%m-%d %H:%M:%S}"

    def save(self, *args: object, **kwargs: object) -> NoReturn:
        raise AppendOnly("audit entries are written by journal.audit")

    def delete(self, *args: object, **kwargs: object) -> NoReturn:
        raise AppendOnly("audit entries are not deleted")

    @property
    def trail(self) -> Trail:
        """The change itself, for :meth:`Property.undoing`."""
        before, after = self.values
        return Trail(self.order_id, self.source, self.target, before, after)

    @property
    def values(self) -> tuple[str, str]:
        """What was there before and after, as a whole."""
        whole = self.details if isinstance(self.details, dict) and self.kind in IN_FULL else {}
        return str(whole.get("before", self.before)), str(whole.get("after", self.after))

    @property
    def source(self) -> Owner | None:
        return Owner(self.from_type, self.from_id) if self.from_id else None

    @property
    def target(self) -> Owner | None:
        return Owner(self.to_type, self.to_id) if self.to_id else None


IN_FULL = frozenset({AuditEntry.Kind.COMMENT, AuditEntry.Kind.CANCELLED})
"""Kinds whose texts may be longer than the columns; ``details`` has them in full."""


class RequestLogQuerySet(models.QuerySet["RequestLog"]):
    def of(self, portal: Portal) -> Self:
        """Entries of one portal: data is never read across portals."""
        return self.filter(portal=portal)


class RequestLog(models.Model):
    """Contents of one request to a portal and of its answer, masked and encrypted, for three days.

    ``request_id`` and ``call_id`` are those of :class:`RestCall`. Only the support bundle reads it.
    """

    portal = models.ForeignKey(Portal, on_delete=models.CASCADE, related_name="requests")
    at = models.DateTimeField(db_index=True)
    request_id = models.CharField(max_length=32)
    call_id = models.CharField(max_length=8)
    content = SecretField(
        help_text="JSON: parameters, first 2 KB of the answer, its shape and size"
    )

    objects = RequestLogQuerySet.as_manager()

    def __str__(self) -> str:
        return f"request {self.request_id}-{self.call_id} at {self.at:%Y-%m-%d %H:%M:%S}"


class RequestLogDay(models.Model):
    """How many bytes of :class:`RequestLog` were stored for a portal on one day (UTC)."""

    portal = models.ForeignKey(Portal, on_delete=models.CASCADE, related_name="request_days")
    day = models.DateField()
    stored = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["portal", "day"], name="one_row_per_portal_day")
        ]

    def __str__(self) -> str:
        return f"{self.stored} bytes on {self.day}"


class RestCallQuerySet(models.QuerySet["RestCall"]):
    def of(self, portal: Portal) -> "RestCallQuerySet":
        """Calls of one portal: data is never read across portals."""
        return self.filter(portal=portal)


class RestCall(models.Model):
    """One HTTP request to a portal: its methods, its user and its outcome, without parameters and results.

    ``request_id`` is the ID of the web request or task. With a hyphen and ``call_id`` it is the
    X-Request-Id that the portal got. ``failures`` counts the error codes of failed commands in a batch
    that succeeded as a whole.
    """

    portal = models.ForeignKey(Portal, on_delete=models.CASCADE, related_name="calls")
    user_id = models.PositiveBigIntegerField(
        default=0, help_text="The user's id in their portal; 0 where nobody was proven"
    )
    method = models.CharField(max_length=128)
    methods = models.JSONField(default=dict, help_text="Methods that ran, and how often each")
    started = models.DateTimeField()
    duration = models.FloatField(help_text="Seconds until the answer was read")
    outcome = models.CharField(max_length=64, help_text="ok, REDIRECT or the error's code")
    failures = models.JSONField(default=dict, blank=True)
    http_status = models.PositiveSmallIntegerField(null=True, blank=True)
    operating = models.FloatField(
        null=True, blank=True, help_text="Seconds the busiest method has run in 10 minutes"
    )
    retries = models.PositiveSmallIntegerField(default=0, help_text="Requests before for this call")
    request_id = models.CharField(max_length=32)
    call_id = models.CharField(max_length=8)
    origin = models.CharField(max_length=64, blank=True, help_text="Our route or task")
    reference = models.CharField(max_length=8, blank=True, help_text="What the person was shown")

    objects = RestCallQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["portal", "started"], name="calls_recent"),
            models.Index(fields=["portal", "request_id"], name="calls_request"),
            models.Index(
                fields=["portal", "reference"], name="calls_reference", condition=~Q(reference="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.method}: {self.outcome} at {self.started:%Y-%m-%d %H:%M:%S}"

    @property
    def ok(self) -> bool:
        """Whether neither the request nor any of its commands failed."""
        return self.outcome == "ok" and not self.failures

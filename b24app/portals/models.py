"""Portals and their users. Every secret is encrypted at rest and absent from ``repr``."""

import re
from datetime import timedelta, tzinfo
from urllib.parse import urlsplit

from django.db import models
from django.utils import timezone

from b24app.bitrix24.errors import BitrixError
from b24app.portals.fields import SecretField

MEMBER_ID = re.compile(r"[0-9A-Za-z_.-]{1,64}")

# A token is renewed this long before its end, so that it does not end on the way.
MARGIN = timedelta(seconds=60)

# How long the portal's own word on a reported removal of the app is waited for; afterwards the
# authorization server's alone decides.
REMOVAL_WAIT = timedelta(hours=48)


class PortalQuerySet(models.QuerySet["Portal"]):
    def installed(self) -> "PortalQuerySet":
        return self.filter(uninstalled_at=None)

    def named(self, member_id: str) -> "PortalQuerySet":
        """The portal of an unproven ``member_id``; nothing for text that cannot be one."""
        return self.filter(member_id=member_id) if MEMBER_ID.fullmatch(member_id) else self.none()


class Portal(models.Model):
    """One customer's Bitrix24, known for ever by ``member_id``; its address may change at any time."""

    member_id = models.CharField(max_length=64, unique=True)
    endpoint = models.URLField(
        max_length=500, help_text="REST base as the authorization server gave it"
    )
    app_code = models.CharField(
        max_length=255, blank=True, help_text="app.info CODE: which app a token is for"
    )
    application_token = SecretField(blank=True, default="")
    scope = models.TextField(blank=True, help_text="Permissions granted, comma-separated")
    status = models.CharField(max_length=8, blank=True)
    license = models.CharField(max_length=64, blank=True)
    payment_expired = models.BooleanField(
        default=False, help_text="The subscription has ended: people may look, nothing is written"
    )
    installer = models.ForeignKey(
        "portals.PortalUser", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    installed_at = models.DateTimeField(default=timezone.now)
    uninstalled_at = models.DateTimeField(null=True, blank=True)
    removal_told_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When the removal of the app was reported that nobody has confirmed yet",
    )
    removal_look_at = models.DateTimeField(
        null=True, blank=True, help_text="When that is looked at again"
    )
    removal_clean = models.BooleanField(
        default=False,
        db_default=False,
        help_text="The report asks for the portal's data to be erased",
    )
    named = models.JSONField(
        default=list,
        blank=True,
        help_text="People and departments the app may act for: [{id: access code, name}]",
    )
    suggestion_days = models.PositiveSmallIntegerField(
        default=90, help_text="Orders older than this are not suggested; 0 suggests none"
    )
    notes = models.BooleanField(default=False, help_text="Note each move in both deals' timelines")
    notes_language = models.CharField(max_length=2, default="en")
    allow_cancel = models.BooleanField(
        default=False, db_default=False, help_text="People may cancel orders from the app"
    )
    allow_pay = models.BooleanField(
        default=False, db_default=False, help_text="People may mark payments as paid"
    )
    allow_ship = models.BooleanField(
        default=False, db_default=False, help_text="People may mark shipments as shipped"
    )
    places_off = models.JSONField(
        default=list, blank=True, help_text="Names of the places that are not to be bound"
    )
    journal_days = models.PositiveSmallIntegerField(
        default=7, help_text="How long the journal of calls is kept, 3 to 90 days"
    )

    utc_offset = models.SmallIntegerField(
        default=0, db_default=0, help_text="Minutes that the portal's clock is ahead of UTC"
    )

    objects = PortalQuerySet.as_manager()

    def __str__(self) -> str:
        return self.host

    @property
    def origin(self) -> str:
        """``https://portal.example`` — what may frame our pages."""
        parts = urlsplit(self.endpoint)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def host(self) -> str:
        return urlsplit(self.endpoint).netloc

    @property
    def zone(self) -> tzinfo:
        """The time zone in which the portal shows times: its offset now, for other days too."""
        return timezone.get_fixed_timezone(self.utc_offset)

    @property
    def named_codes(self) -> list[str]:
        """Access codes (``U5``, ``D3``) of those the app may act for."""
        rows = self.named if isinstance(self.named, list) else []
        return [str(row["id"]) for row in rows if isinstance(row, dict) and "id" in row]

    def scopes(self) -> frozenset[str]:
        return frozenset(filter(None, self.scope.split(",")))


class PortalUserQuerySet(models.QuerySet["PortalUser"]):
    def of(self, portal: Portal | int) -> "PortalUserQuerySet":
        """Users of one portal: tenant data is never asked for without its portal."""
        return self.filter(portal=portal)


class PortalUser(models.Model):
    """An employee of a portal who opened the app, with tokens of their own."""

    class Tokens(models.TextChoices):
        LIVE = "live"
        DEAD = "dead"

    unanswered: BitrixError | None = None
    """What came in the place of an answer when this web request asked who the person is; not stored."""

    portal = models.ForeignKey(Portal, on_delete=models.CASCADE, related_name="users")
    user_id = models.PositiveBigIntegerField(help_text="The user's id in their portal")
    name = models.CharField(max_length=255, blank=True)
    is_admin = models.BooleanField(default=False)
    may_link = models.BooleanField(
        null=True, help_text="As the portal answered the last write; unknown before the first"
    )
    access_token = SecretField(blank=True, default="")
    refresh_token = SecretField(blank=True, default="")
    expires_at = models.DateTimeField(default=timezone.now)
    renewed_at = models.DateTimeField(default=timezone.now, db_index=True)
    tokens = models.CharField(max_length=4, choices=Tokens.choices, default=Tokens.LIVE)
    offered_token = SecretField(
        blank=True,
        default="",
        db_default="",
        help_text="A refresh token that an opening brought; a claim until it has been used",
    )
    refreshed_at = models.DateTimeField(
        null=True, blank=True, help_text="When the authorization server issued the tokens"
    )
    renewing_since = models.DateTimeField(
        null=True, blank=True, help_text="When a renewal began whose end nobody has told"
    )
    renewing_until = models.DateTimeField(
        null=True, blank=True, help_text="Until when one process has the renewal to itself"
    )
    confirmed_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When the portal last said who this is; empty once it names somebody else",
    )

    objects = PortalUserQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["portal", "user_id"], name="one_row_per_portal_user")
        ]

    def __str__(self) -> str:
        return f"{self.name or 'user'} {self.user_id}"

    @property
    def expires_soon(self) -> bool:
        return self.expires_at <= timezone.now() + MARGIN

"""What the operator sees: rows as they are, without one encrypted field, nothing to be changed.

Loaded by Django's admin site, so only with OPERATOR_ADMIN on.
"""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db import models
from django.http import HttpRequest

from b24app.events.models import InboxEvent
from b24app.journal.models import AuditEntry, RestCall
from b24app.portals.fields import SecretField
from b24app.portals.models import Portal, PortalUser

if TYPE_CHECKING:
    _Admin = admin.ModelAdmin[Any]
else:
    _Admin = admin.ModelAdmin


class LookOnly(_Admin):
    """Every field but the secret ones; no adding, changing, deleting."""

    show_full_result_count = False
    list_per_page = 50

    def get_fields(self, request: HttpRequest, obj: models.Model | None = None) -> tuple[str, ...]:
        return tuple(
            field.name
            for field in self.model._meta.concrete_fields
            if not isinstance(field, SecretField)
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Portal)
class PortalAdmin(LookOnly):
    list_display = (
        "host",
        "member_id",
        "status",
        "installed_at",
        "uninstalled_at",
        "removal_told_at",
    )
    search_fields = ("endpoint", "member_id")


@admin.register(PortalUser)
class PortalUserAdmin(LookOnly):
    list_display = ("user_id", "name", "portal", "is_admin", "tokens", "renewed_at")
    list_filter = ("tokens", "is_admin")
    list_select_related = ("portal",)
    search_fields = ("portal__member_id", "portal__endpoint", "=user_id")


@admin.register(RestCall)
class RestCallAdmin(LookOnly):
    list_display = ("started", "portal", "method", "outcome", "duration", "reference", "request_id")
    list_select_related = ("portal",)
    search_fields = ("=reference", "=request_id", "portal__member_id")
    ordering = ("-pk",)


@admin.register(InboxEvent)
class InboxEventAdmin(LookOnly):
    list_display = ("received_at", "portal", "name", "state", "attempts", "try_at")
    list_filter = ("state",)
    list_select_related = ("portal",)
    search_fields = ("portal__member_id", "name")
    ordering = ("-pk",)


@admin.register(AuditEntry)
class AuditEntryAdmin(LookOnly):
    list_display = ("at", "portal", "kind", "order_id", "user_id", "through", "right", "certain")
    list_filter = ("kind", "through")
    list_select_related = ("portal",)
    search_fields = ("portal__member_id", "=order_id", "=change")
    ordering = ("-pk",)


# Operators are made by manage.py createsuperuser; the site shows no password's hash.
admin.site.unregister(User)
admin.site.unregister(Group)

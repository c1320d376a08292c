"""Receives the POST of an event: reads the form, checks the application token, stores the event.

The body is a form whose fields are named like ``auth[member_id]`` (events/index.md).
``auth[application_token]`` is compared with the stored one in constant time. It proves that the event
comes from the portal, but employees can see it, so nothing irreversible depends on it alone (see
:mod:`b24app.events.app_events`).

An event without that proof is stored only if its kind is proven later. Such events have limits of their
own for each client address, and never use up the limits of proven events.
"""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest

from django.db.models import QuerySet

from b24app.events import group_commit
from b24app.events.group_commit import Change
from b24app.events.models import InboxEvent
from b24app.portals.bindings import APP_EVENTS, EVENTS
from b24app.portals.fields import Secret
from b24app.portals.models import Portal
from b24app.web import throttle

MAX_UNPROVEN_PER_MINUTE = 10
"""Unproven events of one kind, for one portal and from one client address."""
MAX_UNPROVEN_WAITING = 5
"""The same, waiting at one time."""
MAX_UNPROVEN_WAITING_OF_PORTAL = 60
"""Unproven events of one portal from all addresses, waiting at one time."""
MAX_PROVEN_WAITING = 100
"""Proven events of one kind and portal, waiting at one time."""
MAX_PAYMENTS_WAITING = 2
"""One may be in progress; the second one asks the portal again afterwards."""
TOKEN_CACHE_SECONDS = 5.0
MAX_CACHED_TOKENS = 1_000
MAX_VALUE_LENGTH = 1_000

_NAME = re.compile(r"[A-Z0-9_]{3,64}")

PAYMENT = "ONAPPPAYMENT"
UNKNOWN_SOURCE = "unknown"
"""The source of an unproven event whose client address is unknown. A proven event has no source."""

RENEWING = frozenset({"ONAPPINSTALL", "ONAPPUPDATE"})
"""Events that bring a new application token; their own access token proves them later."""

ALIASES = {"ONAPPSUNINSTALL": "ONAPPUNINSTALL"}
"""The documentation of the event (common/events/on-app-uninstall.md) also spells its name this way."""

CHANGES = frozenset(EVENTS) - frozenset(APP_EVENTS)
"""Events about the portal's data, and not about the app."""


class BadEvent(Exception):
    """The request is not an event of a known portal. Nothing is stored."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """The fields of an event that the app uses; "" for a missing one. Nothing is proven yet."""

    name: str
    member_id: str
    application_token: str
    access_token: str
    entity: str
    clean: str


def read(fields: Mapping[str, str]) -> Incoming:
    """The event in the fields of a form. Raises :class:`BadEvent`."""
    name = fields.get("event", "").upper()
    if not _NAME.fullmatch(name):
        raise BadEvent("not an event")
    incoming = Incoming(
        ALIASES.get(name, name),
        fields.get("auth[member_id]", ""),
        fields.get("auth[application_token]", ""),
        fields.get("auth[access_token]", ""),
        fields.get("data[FIELDS][ID]", ""),
        fields.get("data[CLEAN]", ""),
    )
    _check_values(
        incoming.member_id,
        incoming.application_token,
        incoming.access_token,
        incoming.entity,
        incoming.clean,
    )
    return incoming


def _check_values(*values: str) -> None:
    for value in values:
        if len(value) > MAX_VALUE_LENGTH:
            raise BadEvent("a value is too long")
        if "\0" in value:
            # Databases cannot store it.
            raise BadEvent("a value is not text")


@dataclass(frozen=True, slots=True)
class Stored:
    """What was stored: an event about the app (``pk``), or a change of the portal's data (0)."""

    portal: int
    pk: int = 0


def accept(incoming: Incoming, source: str) -> Stored | None:
    """Store an event and commit it. None if a waiting event already has the same effect.

    Raises :class:`BadEvent` for an event that is not from a known portal. The event of a new installation
    may bring an unknown application token: it is stored with its access token, which is checked before
    the new token is used. ONAPPPAYMENT brings no token and only makes the app ask the portal. ``source``
    is the client address of an event about the app, or "" if it is unknown.
    """
    if incoming.name in CHANGES:
        return _accept_change(incoming)
    if incoming.name not in APP_EVENTS:
        raise BadEvent("not an event the app is bound to")
    portal, proven = _check_token(incoming)
    waiting = _waiting(portal).filter(name=incoming.name)
    data = {"CLEAN": "1"} if incoming.clean == "1" else {}
    if incoming.name == PAYMENT and waiting.count() >= MAX_PAYMENTS_WAITING:
        return None
    if not proven:
        _check_unproven(portal, incoming, source)
    elif waiting.filter(source="", data=data, attempts=0).exists():
        return None
    elif waiting.filter(source="").count() >= MAX_PROVEN_WAITING:
        raise BadEvent("too many events wait")
    auth = {
        "application_token": incoming.application_token,
        "access_token": incoming.access_token,
    }
    event = InboxEvent.objects.create(
        portal_id=portal,
        name=incoming.name,
        data=data,
        sealed=Secret(json.dumps(auth)),
        source="" if proven else source or UNKNOWN_SOURCE,
    )
    return Stored(portal, event.pk)


def _accept_change(incoming: Incoming) -> Stored:
    """Changes come in large numbers: a proven token is not read from the database again for seconds."""
    portal = _token_cache.get(incoming)
    if portal is not None and _store_change(portal, incoming):
        return Stored(portal)
    # Not cached, or the portal was erased since and may be installed again.
    portal, proven = _check_token(incoming)
    if not proven:
        raise BadEvent("wrong application token")
    if not _store_change(portal, incoming):
        raise BadEvent("unknown portal")
    return Stored(portal)


def _store_change(portal: int, incoming: Incoming) -> bool:
    return group_commit.store(Change(portal, incoming.name, _entity_id(incoming.entity)))


def _check_token(incoming: Incoming) -> tuple[int, bool]:
    """The portal's key, and whether the event has its application token.

    Raises :class:`BadEvent` for an unknown portal.
    """
    portals = Portal.objects.installed().named(incoming.member_id)
    row = portals.values_list("pk", "application_token").first()
    if row is None:
        raise BadEvent("unknown portal")
    portal, token = row
    if not token or not compare_digest(token.encode(), incoming.application_token.encode()):
        return portal, False
    _token_cache.add(incoming, portal)
    return portal, True


class _TokenCache:
    """Application tokens that were proven within the last seconds, by ``member_id``."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[float, bytes, int]] = {}

    def get(self, incoming: Incoming) -> int | None:
        """The portal's key if the event has its proven token."""
        until, digest, portal = self._entries.get(incoming.member_id, (0.0, b"", 0))
        if time.monotonic() < until and compare_digest(digest, _digest(incoming)):
            return portal
        return None

    def add(self, incoming: Incoming, portal: int) -> None:
        if len(self._entries) >= MAX_CACHED_TOKENS:
            self._entries.clear()
        until = time.monotonic() + TOKEN_CACHE_SECONDS
        self._entries[incoming.member_id] = until, _digest(incoming), portal

    def clear(self) -> None:
        self._entries.clear()


_token_cache = _TokenCache()


def clear_token_cache() -> None:
    """Read every application token from the database again."""
    _token_cache.clear()


def _digest(incoming: Incoming) -> bytes:
    return sha256(f"{incoming.member_id} {incoming.application_token}".encode()).digest()


def _waiting(portal: int) -> QuerySet[InboxEvent]:
    return InboxEvent.objects.filter(portal=portal, state=InboxEvent.State.WAITING)


def _check_unproven(portal: int, incoming: Incoming, source: str) -> None:
    """Raise :class:`BadEvent` unless an unproven event may be stored.

    The vendor sends new tokens from its own addresses, so somebody who forges events from another
    address uses up the limits of that address only.
    """
    if incoming.name == PAYMENT:
        return
    if incoming.name not in RENEWING or not incoming.access_token:
        raise BadEvent("wrong application token")
    if throttle.exceeds(f"unproven:{incoming.name}:{portal}", source, MAX_UNPROVEN_PER_MINUTE):
        raise BadEvent("too many unproven events")
    unproven = _waiting(portal).exclude(source="")
    same = unproven.filter(name=incoming.name, source=source or UNKNOWN_SOURCE)
    if same.count() >= MAX_UNPROVEN_WAITING or unproven.count() >= MAX_UNPROVEN_WAITING_OF_PORTAL:
        raise BadEvent("too many unproven events wait")


def _entity_id(text: str) -> int:
    """``data[FIELDS][ID]`` as a number. Raises :class:`BadEvent` if it is not an ID."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 15):
        raise BadEvent("not an ID")
    return int(text)

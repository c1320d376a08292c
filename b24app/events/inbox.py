"""Reading the event POST, proving where it comes from, storing it.

The body is a form with PHP's brackets (events/index.md). ``auth[application_token]`` is compared
with the stored one in constant time: it proves "from this portal", and an employee can see it, so
nothing irreversible rests on it alone (see :mod:`handlers`).

An event without that proof is only kept where its kind is proven later. Such events have limits of
their own, for each address they come from, and take nothing from those that are proven.
"""

import json
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest

from django.db.models import QuerySet

from b24app.events import storing
from b24app.events.models import InboxEvent
from b24app.events.storing import Change
from b24app.portals.bindings import APP_EVENTS, EVENTS
from b24app.portals.fields import Secret
from b24app.portals.models import Portal
from b24app.web.throttle import over

MOST_FIELDS = 500
# Unproven events of one kind, for one portal from one address: in a minute, and waiting at once.
MAX_UNPROVEN_A_MINUTE = 10
MAX_UNPROVEN_WAITING = 5
# And waiting at once from all addresses together.
MAX_UNPROVEN_OF_PORTAL = 60
# Proven events of one kind that wait at once, and so many tellings of a payment: each says the same.
MAX_PROVEN_WAITING = 100
MAX_PAYMENTS_WAITING = 2
# Seconds for which a token that was good is good.
LATELY = 5.0
MOST_LATELY = 1_000
LONGEST_VALUE = 10_000
# What is kept of an event, and how long a value of it may be.
DATA_KEPT = ("CLEAN",)
AUTH_KEPT = ("application_token", "access_token")
MAX_KEPT_LENGTH = 1_000

_NAME = re.compile(r"[A-Z0-9_]{3,64}")
_PART = re.compile(r"\[([^\[\]]*)\]")

PAYMENT = "ONAPPPAYMENT"
# The source of an unproven event whose address is not known: a proven one has none.
UNKNOWN = "unknown"

# These bring a new application token with a new installation; their own access token proves them.
RENEWING = frozenset({"ONAPPINSTALL", "ONAPPUPDATE"})

# The page of the event (common/events/on-app-uninstall.md) spells its name in another way.
SPELT = {"ONAPPSUNINSTALL": "ONAPPUNINSTALL"}

# What happens to the portal's data, not to the app.
CHANGES = frozenset(EVENTS) - frozenset(APP_EVENTS)

# By member_id: until when the token with this digest is good, and the portal's key.
proven_lately: dict[str, tuple[float, bytes, int]] = {}

Tree = dict[str, "Tree | str"]


class BadEvent(Exception):
    """Not an event of a portal of ours; nothing is stored."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """An event's parts in their documented form; nothing is proven yet."""

    name: str
    data: Tree
    auth: Mapping[str, str]


def read(fields: Iterable[tuple[str, str]]) -> Incoming:
    """The event in a form's fields; raises :class:`BadEvent`."""
    tree: Tree = {}
    for count, (key, value) in enumerate(fields):
        if count >= MOST_FIELDS or len(value) > LONGEST_VALUE or len(key) > 500:
            raise BadEvent("too large")
        if "\0" in key or "\0" in value:
            # A database keeps no such text.
            raise BadEvent("not text")
        _put(tree, key, value)
    name, data, auth = tree.get("event"), tree.get("data", {}), tree.get("auth")
    if not isinstance(name, str) or not _NAME.fullmatch(name.upper()) or not isinstance(auth, dict):
        raise BadEvent("not an event")
    flat = {key: value for key, value in auth.items() if isinstance(value, str)}
    name = SPELT.get(name.upper(), name.upper())
    return Incoming(name, data if isinstance(data, dict) else {}, flat)


def _put(tree: Tree, key: str, value: str) -> None:
    head, bracket, rest = key.partition("[")
    path = [head, *_PART.findall(bracket + rest)]
    if len(path) > 6:
        raise BadEvent("too deep")
    for part in path[:-1]:
        below = tree.setdefault(part, {})
        if not isinstance(below, dict):
            raise BadEvent("contradicts itself")
        tree = below
    tree[path[-1]] = value


@dataclass(frozen=True, slots=True)
class Stored:
    """What was kept: an event of the app's own life (``pk``), or a change of the portal (0)."""

    portal: int
    pk: int = 0


def accept(incoming: Incoming, source: str) -> Stored | None:
    """Store a proven event; raises :class:`BadEvent` for one that is not from a portal of ours.

    A new installation's event may carry a token we do not know yet: it is kept with its access
    token, which the authorization server is asked about before anything is believed. ONAPPPAYMENT
    carries no token at all, and only makes us ask the portal. ``source`` is the client's address, as
    far as it is known. None where an event that waits already says the same.
    """
    member_id, claimed = (incoming.auth.get(one, "") for one in ("member_id", "application_token"))
    # Changes come in floods: a good token is taken again for some seconds without asking the database.
    portal = _proven_lately(member_id, claimed) if incoming.name in CHANGES else None
    portal, proven = (portal, True) if portal is not None else _known(member_id, claimed)
    if incoming.name in CHANGES:
        if not proven:
            raise BadEvent("wrong application token")
        if not storing.store(Change(portal, incoming.name, _entity(incoming.data))):
            raise BadEvent("unknown portal")
        return Stored(portal)
    if incoming.name not in APP_EVENTS:
        raise BadEvent("not an event we asked for")
    if _told_already(portal, incoming.name):
        return None
    if not proven:
        _admit(portal, incoming, source)
    elif _waiting(portal).filter(name=incoming.name, source="").count() >= MAX_PROVEN_WAITING:
        raise BadEvent("too many wait")
    event = InboxEvent.objects.create(
        portal_id=portal,
        name=incoming.name,
        data=_kept(incoming.data, DATA_KEPT),
        sealed=Secret(json.dumps(_kept(incoming.auth, AUTH_KEPT))),
        source="" if proven else source or UNKNOWN,
    )
    return Stored(portal, event.pk)


def _proven_lately(member_id: str, claimed: str) -> int | None:
    """The key of the portal whose application token this was some seconds ago."""
    until, good, portal = proven_lately.get(member_id, (0.0, b"", 0))
    if time.monotonic() < until and compare_digest(good, _digest(member_id, claimed)):
        return portal
    return None


def _known(member_id: str, claimed: str) -> tuple[int, bool]:
    """The portal's key, and whether the application token is the portal's.

    Raises :class:`BadEvent` for an unknown portal.
    """
    portals = Portal.objects.installed().named(member_id)
    row = portals.values_list("pk", "application_token").first()
    if row is None:
        raise BadEvent("unknown portal")
    portal, known = row
    if not known or not compare_digest(known.encode(), claimed.encode()):
        return portal, False
    if len(proven_lately) >= MOST_LATELY:
        proven_lately.clear()
    proven_lately[member_id] = time.monotonic() + LATELY, _digest(member_id, claimed), portal
    return portal, True


def _digest(member_id: str, claimed: str) -> bytes:
    return sha256(f"{member_id} {claimed}".encode()).digest()


def _waiting(portal: int) -> QuerySet[InboxEvent]:
    return InboxEvent.objects.filter(portal=portal, state=InboxEvent.State.WAITING)


def _told_already(portal: int, name: str) -> bool:
    """Whether enough wait of what only makes us ask: one may be asking now, the next one will ask."""
    if name != PAYMENT:
        return False
    return _waiting(portal).filter(name=name).count() >= MAX_PAYMENTS_WAITING


def _admit(portal: int, incoming: Incoming, source: str) -> None:
    """Let an unproven event in where its kind is proven later. Raises :class:`BadEvent`.

    A new token comes from the vendor's own address: whoever forges such events from another one has
    the limits of that address to themselves.
    """
    if incoming.name == PAYMENT:
        return
    if incoming.name not in RENEWING or not incoming.auth.get("access_token"):
        raise BadEvent("wrong application token")
    if over(f"unproven:{incoming.name}:{portal}", source, MAX_UNPROVEN_A_MINUTE):
        raise BadEvent("too many without proof")
    unproven = _waiting(portal).exclude(source="")
    same = unproven.filter(name=incoming.name, source=source or UNKNOWN)
    if same.count() >= MAX_UNPROVEN_WAITING or unproven.count() >= MAX_UNPROVEN_OF_PORTAL:
        raise BadEvent("too many without proof wait")


def _kept(values: Mapping[str, object], names: Iterable[str]) -> dict[str, str]:
    """The values that are used; raises :class:`BadEvent` for one that is too long to be true."""
    kept = {name: one for name in names if isinstance(one := values.get(name), str)}
    if any(len(one) > MAX_KEPT_LENGTH for one in kept.values()):
        raise BadEvent("too long")
    return kept


def _entity(data: Tree) -> int:
    """``data[FIELDS][ID]``; raises :class:`BadEvent` for what is no id."""
    fields = data.get("FIELDS")
    raw = fields.get("ID") if isinstance(fields, dict) else None
    if not (isinstance(raw, str) and raw.isascii() and raw.isdecimal() and len(raw) <= 15):
        raise BadEvent("no id")
    return int(raw)

"""Reading the event POST, proving where it comes from, storing it.

The body is a form with PHP's brackets (events/index.md). ``auth[application_token]`` is compared
with the stored one in constant time: it proves "from this portal", and an employee can see it, so
nothing irreversible rests on it alone (see :mod:`handlers`).
"""

import json
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest

from b24app.bitrix24.masking import mask
from b24app.events import notices
from b24app.events.models import InboxEvent
from b24app.portals.bindings import APP_EVENTS, EVENTS
from b24app.portals.fields import Secret
from b24app.portals.models import Portal
from b24app.portals.throttle import over

MOST_FIELDS = 500
# Unproven events of one portal in a minute: each makes us ask somebody.
MOST_UNPROVEN = 10
# Seconds for which a token that was good is good.
LATELY = 5.0
MOST_LATELY = 1_000
LONGEST_VALUE = 10_000

_NAME = re.compile(r"[A-Z0-9_]{3,64}")
_PART = re.compile(r"\[([^\[\]]*)\]")

# These bring a new application token with a new installation; their own access token proves them.
RENEWING = frozenset({"ONAPPINSTALL", "ONAPPUPDATE"})

# The page of the event (common/events/on-app-uninstall.md) spells its name in another way.
SPELT = {"ONAPPSUNINSTALL": "ONAPPUNINSTALL"}

# What happens to the portal's data, not to the app.
CHANGES = frozenset(EVENTS) - frozenset(APP_EVENTS)

proven_lately: dict[str, tuple[float, bytes]] = {}

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


def accept(incoming: Incoming) -> Stored:
    """Store a proven event; raises :class:`BadEvent` for one that is not from a portal of ours.

    A new installation's event may carry a token we do not know yet: it is kept with its access
    token, which the authorization server is asked about before anything is believed. ONAPPPAYMENT
    carries no token at all, and only makes us ask the portal.
    """
    member_id = incoming.auth.get("member_id", "")
    if not _proven(member_id, incoming.auth.get("application_token", "")):
        _admit(member_id, incoming)
    data = mask(incoming.data)
    if incoming.name in CHANGES:
        key = notices.note(member_id, incoming.name, _entity(incoming.data), data)
        if key is None:
            raise BadEvent("unknown portal")
        return Stored(key)
    if incoming.name not in APP_EVENTS:
        raise BadEvent("not an event we asked for")
    portal = Portal.objects.installed().named(member_id).first()
    if portal is None:
        raise BadEvent("unknown portal")
    event = InboxEvent.objects.create(
        portal=portal,
        name=incoming.name,
        data=data,
        sealed=Secret(json.dumps(dict(incoming.auth))),
    )
    return Stored(event.portal_id, event.pk)


def _proven(member_id: str, claimed: str) -> bool:
    """Whether the application token is the portal's. Raises :class:`BadEvent` for an unknown portal.

    A good token is taken again for some seconds without asking the database: events come in floods.
    """
    digest = sha256(f"{member_id} {claimed}".encode()).digest()
    until, good = proven_lately.get(member_id, (0.0, b""))
    if time.monotonic() < until and compare_digest(good, digest):
        return True
    portals = Portal.objects.installed().named(member_id)
    known = portals.values_list("application_token", flat=True).first()
    if known is None:
        raise BadEvent("unknown portal")
    if not known or not compare_digest(known.encode(), claimed.encode()):
        return False
    if len(proven_lately) >= MOST_LATELY:
        proven_lately.clear()
    proven_lately[member_id] = time.monotonic() + LATELY, digest
    return True


def _admit(member_id: str, incoming: Incoming) -> None:
    """Let an unproven event in where its kind is proven later, a few a minute of each portal."""
    renewing = incoming.name in RENEWING and incoming.auth.get("access_token")
    if not (renewing or incoming.name == "ONAPPPAYMENT"):
        raise BadEvent("wrong application token")
    if over("unproven", member_id, MOST_UNPROVEN):
        raise BadEvent("too many without proof")


def _entity(data: Tree) -> int:
    """``data[FIELDS][ID]``; raises :class:`BadEvent` for what is no id."""
    fields = data.get("FIELDS")
    raw = fields.get("ID") if isinstance(fields, dict) else None
    if not (isinstance(raw, str) and raw.isascii() and raw.isdecimal() and len(raw) <= 15):
        raise BadEvent("no id")
    return int(raw)

"""Reading the event POST, proving where it comes from, storing it.

The body is a form with PHP's brackets (events/index.md). ``auth[application_token]`` is compared
with the stored one in constant time: it proves "from this portal", and an employee can see it, so
nothing irreversible rests on it alone (see :mod:`handlers`).
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hmac import compare_digest

from b24app.bitrix24.masking import mask
from b24app.events.models import InboxEvent
from b24app.portals.fields import Secret
from b24app.portals.models import Portal

MOST_FIELDS = 500
LONGEST_VALUE = 10_000

_NAME = re.compile(r"[A-Z0-9_]{3,64}")
_PART = re.compile(r"\[([^\[\]]*)\]")

# These bring a new application token with a new installation; their own access token proves them.
RENEWING = frozenset({"ONAPPINSTALL", "ONAPPUPDATE"})

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
        _put(tree, key, value)
    name, data, auth = tree.get("event"), tree.get("data", {}), tree.get("auth")
    if not isinstance(name, str) or not _NAME.fullmatch(name.upper()) or not isinstance(auth, dict):
        raise BadEvent("not an event")
    flat = {key: value for key, value in auth.items() if isinstance(value, str)}
    return Incoming(name.upper(), data if isinstance(data, dict) else {}, flat)


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


def accept(incoming: Incoming) -> InboxEvent:
    """Store a proven event; raises :class:`BadEvent` for one that is not from a portal of ours.

    A new installation's event may carry a token we do not know yet: it is kept with its access
    token, which the authorization server is asked about before anything is believed.
    """
    portal = Portal.objects.installed().named(incoming.auth.get("member_id", "")).first()
    if portal is None:
        raise BadEvent("unknown portal")
    claimed = incoming.auth.get("application_token", "")
    known = bool(portal.application_token) and compare_digest(
        portal.application_token.encode(), claimed.encode()
    )
    if not known and not (incoming.name in RENEWING and incoming.auth.get("access_token")):
        raise BadEvent("wrong application token")
    return InboxEvent.objects.create(
        portal=portal,
        name=incoming.name,
        data=mask(incoming.data),
        sealed=Secret(json.dumps(dict(incoming.auth))),
    )

"""Whether everything the app needs is there, in states that the overview puts into words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from redis.exceptions import RedisError

from b24app import heartbeat
from b24app.bitrix24 import errors
from b24app.bitrix24.ask import Ask, Refusal, together
from b24app.bitrix24.client import Client
from b24app.bitrix24.portal_limits import Priority
from b24app.bitrix24.troubles import Trouble, trouble_of
from b24app.portals import bindings
from b24app.portals.bindings import Bound
from b24app.portals.budgets import budget_of
from b24app.portals.models import Portal, PortalUser
from b24app.portals.tokens import settle


class Grade(StrEnum):
    FINE = "fine"
    WARN = "warn"
    ALERT = "alert"
    UNKNOWN = "unknown"  # the portal did not say


@dataclass(frozen=True, slots=True)
class Check:
    """One thing the app needs. ``mend`` is the route that repairs it; "" if people have to."""

    name: str
    grade: Grade
    facts: Mapping[str, object] = field(default_factory=dict)
    mend: str = ""

    @property
    def wrong(self) -> bool:
        return self.grade in (Grade.WARN, Grade.ALERT)


@dataclass(frozen=True, slots=True)
class _Look:
    """What the portal says of itself and of what is bound in it."""

    scopes: list[str] | Refusal
    present: bindings.Present
    unknown_fields: list[str] | Refusal

    @property
    def errors(self) -> list[errors.BitrixError]:
        parts = (self.scopes, self.present.placements, self.present.events, self.unknown_fields)
        return [refusal.error for refusal in parts if isinstance(refusal, Refusal)]


def checks(client: Client, portal: Portal) -> list[Check]:
    """All checks, in one request to the portal; raises ``errors.AuthError`` for a dead session."""
    look = client.answer(_look())
    for error in look.errors:
        if isinstance(error, errors.AuthError):
            raise error
    return [
        _answers(look),
        _access(portal),
        _permissions(portal, look.scopes),
        _places(portal, look.present.placements),
        _events(look.present.events),
        _queue(),
        _limits(portal),
    ]


def _look() -> Ask[_Look]:
    return together(
        bindings.granted_scopes().attempt(),
        bindings.present(),
        bindings.unknown_link_fields().attempt(),
    ).map(lambda found: _Look(*found))


# What the overview has words for, the worst first; what may pass by itself is a warning.
_OF_THE_PORTAL: tuple[tuple[Trouble, Grade], ...] = (
    (Trouble.PLAN, Grade.ALERT),
    (Trouble.PAYMENT, Grade.ALERT),
    (Trouble.OVERLOAD, Grade.ALERT),
    (Trouble.CLOSED, Grade.ALERT),
    (Trouble.SILENT, Grade.WARN),
)
_SILENT = frozenset({Trouble.SILENT, Trouble.OUT_OF_TIME, Trouble.FAULT})


def _answers(look: _Look) -> Check:
    """Whether the portal lets the app work at all, and knows order links as the app uses them."""
    met = {_portal_trouble(error) for error in look.errors}
    for trouble, grade in _OF_THE_PORTAL:
        if trouble in met:
            return Check("portal", grade, {"trouble": trouble.value})
    unknown = look.unknown_fields
    if isinstance(unknown, Refusal):
        return _without_links(trouble_of(unknown.error))
    if unknown:
        return Check("portal", Grade.ALERT, {"trouble": "no-links", "missing": unknown})
    return Check("portal", Grade.FINE)


def _portal_trouble(error: errors.BitrixError) -> Trouble:
    """The trouble as the overview names it: no answer in time, none at all and a fault are one."""
    trouble = trouble_of(error)
    return Trouble.SILENT if trouble in _SILENT else trouble


def _without_links(trouble: Trouble) -> Check:
    """The state of a portal that does not say which order links it knows."""
    if trouble is Trouble.NO_STORE:
        return Check("portal", Grade.WARN, {"trouble": "no-store"})
    if trouble is Trouble.NO_METHOD:
        return Check("portal", Grade.ALERT, {"trouble": "no-links"})
    return Check("portal", Grade.UNKNOWN)


def _access(portal: Portal) -> Check:
    """Whose access works in the background, and who has to open the app again."""
    people = PortalUser.objects.of(portal)
    installer = portal.installer
    ended = people.filter(tokens=PortalUser.Tokens.DEAD)
    if installer is not None:
        ended = ended.exclude(pk=installer.pk)
    facts = {"installer": installer, "people": people.count(), "ended": ended.count()}
    if installer is None or installer.tokens == PortalUser.Tokens.DEAD:
        return Check("access", Grade.ALERT, facts, "console-carry-on")
    if not installer.is_admin:
        return Check("access", Grade.WARN, facts, "console-carry-on")
    return Check("access", Grade.FINE, facts)


def _permissions(portal: Portal, names: list[str] | Refusal) -> Check:
    """Permissions as the portal grants them now."""
    if isinstance(names, Refusal) or not names:
        return Check("permissions", Grade.UNKNOWN)
    if set(names) != portal.scopes():
        settle(portal, scope=",".join(names))
    missing = bindings.missing_scopes(names)
    facts = {
        "missing": missing,
        "optional": bindings.missing_optional_scopes(names),
        "all": len(bindings.SCOPES),
    }
    return Check("permissions", Grade.ALERT if missing else Grade.FINE, facts)


def _places(portal: Portal, bound: Sequence[Bound] | Refusal) -> Check:
    if isinstance(bound, Refusal):
        return Check("places", Grade.UNKNOWN)
    return _compared("places", bindings.wanted_placements(portal), bound)


def _events(bound: Sequence[Bound] | Refusal) -> Check:
    if isinstance(bound, Refusal):
        return Check("events", Grade.UNKNOWN)
    return _compared("events", bindings.wanted_events(), bound)


def _compared(name: str, wanted: frozenset[Bound], bound: Sequence[Bound]) -> Check:
    """The current state compared with the wanted one."""
    missing = sorted(binding.name for binding in wanted - set(bound))
    spare = len(bound) - len(wanted & set(bound))
    facts = {
        "missing": missing,
        "spare": spare,
        "all": len(wanted),
        "have": len(wanted) - len(missing),
    }
    if bindings.REQUIRED.intersection(missing):
        return Check(name, Grade.ALERT, facts, "console-rebind")
    if missing or spare:
        return Check(name, Grade.WARN, facts, "console-rebind")
    return Check(name, Grade.FINE, facts)


def _queue() -> Check:
    try:
        return Check("queue", Grade.FINE if heartbeat.workers_alive() else Grade.ALERT)
    except RedisError:
        return Check("queue", Grade.ALERT)


def _limits(portal: Portal) -> Check:
    """What is in use now of what the portal allows (settings/performance/limits.md)."""
    view = budget_of(portal, Priority.INTERACTIVE).view()
    busiest, share = "", 0.0
    for name, item in (view.methods or {}).items():
        if item.limit and item.operating / item.limit > share:
            busiest, share = name, item.operating / item.limit
    blocked = view.blocked > 0 or any(
        method.blocked > 0 for method in (view.methods or {}).values()
    )
    facts = {
        "requests": round(100 * view.level / view.limits.capacity),
        "method": busiest,
        "share": round(100 * share),
        "blocked": blocked,
    }
    if not view.shared:
        return Check("limits", Grade.UNKNOWN)
    return Check("limits", Grade.WARN if blocked else Grade.FINE, facts)

"""Whether everything the app stands on is there, in states that the overview puts into words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from redis.exceptions import RedisError

from b24app import heartbeat
from b24app.bitrix24 import errors
from b24app.bitrix24.client import Answer, Client, Command
from b24app.bitrix24.portal_limits import Priority
from b24app.bitrix24.troubles import Trouble, trouble_of
from b24app.portals import bindings
from b24app.portals.bindings import Bound
from b24app.portals.budgets import budget_of
from b24app.portals.models import Portal, PortalUser
from b24app.portals.tokens import settle

Outcomes = Mapping[str, Answer | errors.BitrixError]


class Grade(StrEnum):
    FINE = "fine"
    WARN = "warn"
    ALERT = "alert"
    UNKNOWN = "unknown"  # the portal did not say


@dataclass(frozen=True, slots=True)
class Check:
    """One thing the app stands on. ``mend`` is the route that mends it; "" where people have to."""

    name: str
    grade: Grade
    facts: Mapping[str, object] = field(default_factory=dict)
    mend: str = ""

    @property
    def wrong(self) -> bool:
        return self.grade in (Grade.WARN, Grade.ALERT)


def checks(client: Client, portal: Portal) -> list[Check]:
    """All checks, in one request to the portal; raises ``errors.AuthError`` for a dead session."""
    commands = {"scope": Command("scope"), **bindings.looking(), **bindings.link_fields()}
    outcomes: Outcomes
    try:
        outcomes = client.batch(commands)
    except errors.AuthError:
        raise
    except errors.BitrixError as error:
        outcomes = dict.fromkeys(commands, error)
    return [
        _answers(outcomes),
        _access(portal),
        _permissions(portal, outcomes["scope"]),
        _places(portal, outcomes),
        _events(outcomes),
        _queue(),
        _limits(portal),
    ]


# What the overview has words for, the worst first; what may pass by itself is a warning.
_OF_THE_PORTAL: tuple[tuple[Trouble, Grade], ...] = (
    (Trouble.PLAN, Grade.ALERT),
    (Trouble.PAYMENT, Grade.ALERT),
    (Trouble.OVERLOAD, Grade.ALERT),
    (Trouble.CLOSED, Grade.ALERT),
    (Trouble.SILENT, Grade.WARN),
)
_SILENT = frozenset({Trouble.SILENT, Trouble.OUT_OF_TIME, Trouble.FAULT})


def _answers(outcomes: Outcomes) -> Check:
    """Whether the portal lets the app work at all, and knows order links as the app uses them."""
    met = {_portal_trouble(one) for one in outcomes.values() if isinstance(one, errors.BitrixError)}
    for trouble, grade in _OF_THE_PORTAL:
        if trouble in met:
            return Check("portal", grade, {"trouble": trouble.value})
    links = outcomes["links"]
    if isinstance(links, errors.BitrixError):
        return _without_links(trouble_of(links))
    unknown = bindings.unknown_link_fields(links)
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
    """Whose access works in the background, and who has to open the app anew."""
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


def _permissions(portal: Portal, outcome: Answer | errors.BitrixError) -> Check:
    """Permissions as the portal grants them now (common/system/scope.md)."""
    granted = outcome.result if isinstance(outcome, Answer) else None
    if not isinstance(granted, list) or not granted:
        return Check("permissions", Grade.UNKNOWN)
    names = [str(one) for one in granted]
    if set(names) != portal.scopes():
        settle(portal, scope=",".join(names))
    missing = bindings.missing_scopes(names)
    facts = {
        "missing": missing,
        "optional": bindings.missing_optional_scopes(names),
        "all": len(bindings.SCOPES),
    }
    return Check("permissions", Grade.ALERT if missing else Grade.FINE, facts)


def _places(portal: Portal, outcomes: Outcomes) -> Check:
    if isinstance(outcomes["placements"], errors.BitrixError):
        return Check("places", Grade.UNKNOWN)
    return _compared(
        "places",
        bindings.wanted_placements(portal),
        bindings.bound_placements(outcomes),
    )


def _events(outcomes: Outcomes) -> Check:
    if isinstance(outcomes["events"], errors.BitrixError):
        return Check("events", Grade.UNKNOWN)
    return _compared(
        "events",
        bindings.wanted_events(),
        bindings.bound_events(outcomes),
    )


def _compared(name: str, wanted: frozenset[Bound], bound: list[Bound]) -> Check:
    """What stands against what is wanted."""
    missing = sorted(one.name for one in wanted - set(bound))
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
    for name, one in (view.methods or {}).items():
        if one.limit and one.operating / one.limit > share:
            busiest, share = name, one.operating / one.limit
    blocked = view.blocked > 0 or any(one.blocked > 0 for one in (view.methods or {}).values())
    facts = {
        "requests": round(100 * view.level / view.limits.capacity),
        "method": busiest,
        "share": round(100 * share),
        "blocked": blocked,
    }
    if not view.shared:
        return Check("limits", Grade.UNKNOWN)
    return Check("limits", Grade.WARN if blocked else Grade.FINE, facts)

"""Entries of the audit in people's words, for its page and its file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from b24app import dictionaries
from b24app.connect import client_of
from b24app.console import setting_texts
from b24app.journal import recorded_values
from b24app.journal.models import AuditEntry
from b24app.portals.models import Portal, PortalUser


@dataclass(frozen=True, slots=True)
class Line:
    """An entry as the table shows it; ``before`` and ``after`` are in words where there are any.

    ``about`` is what was changed where that is no order and no card: a setting, the access of a job, what
    support got.
    """

    entry: AuditEntry
    what: str
    before: str
    after: str
    undone: bool
    about: str = ""


def people(portal: Portal) -> list[tuple[int, str]]:
    """Everybody of the portal who has opened the app, by name."""
    rows = PortalUser.objects.of(portal).order_by("name", "user_id")
    return [
        (user_id, name or str(user_id)) for user_id, name in rows.values_list("user_id", "name")
    ]


def lines(user: PortalUser, found: Sequence[AuditEntry], language: str) -> list[Line]:
    """Entries in words. The portal is asked for names of statuses alone, where they are not known."""
    employees = {str(user_id): name for user_id, name in people(user.portal)}
    statuses: dict[str, str] = {}
    if any(entry.kind == AuditEntry.Kind.STATUS for entry in found):
        known = client_of(user).answer(dictionaries.order_statuses(user.portal))
        statuses = {code: status.name(language) for code, status in known.items()}
    names: Mapping[str, Mapping[str, str]] = {
        AuditEntry.Kind.RESPONSIBLE: employees,
        AuditEntry.Kind.ACCESS: employees,
        AuditEntry.Kind.STATUS: statuses,
    }
    return [_line(entry, names.get(entry.kind, {})) for entry in found]


def _line(entry: AuditEntry, names: Mapping[str, str]) -> Line:
    """``names`` are those of what the entry has before and after, by their codes."""
    undone = any(item.certain for item in entry.undone_by.all())
    details = entry.details if isinstance(entry.details, dict) else {}
    if entry.kind == AuditEntry.Kind.SETTING:
        setting = details.get("name", "")
        before, after = setting_texts.change(setting, details.get("before"), details.get("after"))
        return Line(entry, what(entry), before, after, undone, setting_texts.name(setting))
    before, after = entry.values
    if entry.kind in recorded_values.IN_WORDS:
        before, after = recorded_values.shown(entry, names)
    else:
        before, after = names.get(before, before), names.get(after, after)
    return Line(entry, what(entry), before, after, undone, _about(entry, details))


def _about(entry: AuditEntry, details: Mapping[str, object]) -> str:
    if entry.kind == AuditEntry.Kind.ACCESS:
        return setting_texts.worker(details.get("job"))
    return (
        setting_texts.handed_out(details.get("what"))
        if entry.kind == AuditEntry.Kind.SUPPORT
        else ""
    )


def what(entry: AuditEntry) -> str:
    """``linked``, ``moved`` or ``unlinked`` for a link, else the entry's kind."""
    if entry.kind != AuditEntry.Kind.LINK:
        return entry.kind
    if entry.target is None:
        return "unlinked"
    return "moved" if entry.source is not None else "linked"

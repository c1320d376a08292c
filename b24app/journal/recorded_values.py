"""What an entry of the audit trail has before and after, in people's words."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from django.utils.translation import gettext as _

from b24app.changes.cancellation import Cancellation
from b24app.changes.properties import Amount
from b24app.journal.models import AuditEntry
from b24app.portals.templatetags.shown import money

Kind = AuditEntry.Kind

WITHOUT_UNDO = frozenset({Kind.PAYMENT, Kind.SHIPMENT, Kind.TRACKING})
"""Kinds of changes that cannot be undone here."""

IN_WORDS = frozenset({Kind.COMMENT, Kind.CANCELLED, Kind.PAYMENT})
"""Kinds whose values the console's audit shows in words; it shows amounts as they are stored."""

MAX_CHARACTERS = 80


def shown(entry: AuditEntry, names: Mapping[str, str]) -> tuple[str, str]:
    """The values before and after; ``names`` are those of statuses or people, by their codes."""
    before, after = entry.values
    return _shown(entry.kind, before, names), _shown(entry.kind, after, names)


def _shown(kind: str, value: str, names: Mapping[str, str]) -> str:
    if kind == Kind.AMOUNT:
        typed = Amount.parsed(value)
        return money(typed.amount, typed.currency)
    if kind == Kind.PAYMENT:
        return _payment(value)
    if kind == Kind.CANCELLED:
        return _cancellation(Cancellation.parsed(value))
    return shortened(names.get(value, value))


def _payment(value: str) -> str:
    """The sum of a payment in the language's own form; the name of its payment system as it is."""
    amount, _sep, currency = value.partition(" ")
    try:
        return money(Decimal(amount), currency)
    except InvalidOperation:
        return value


def _cancellation(value: Cancellation) -> str:
    if not value.cancelled:
        return _("not cancelled")
    if not value.reason:
        return _("cancelled")
    return _("cancelled: %(reason)s") % {"reason": shortened(value.reason)}


def shortened(text: str) -> str:
    """A text on one line, at most 80 characters of it."""
    line = " ".join(text.split())
    return line if len(line) <= MAX_CHARACTERS else line[: MAX_CHARACTERS - 1] + "…"

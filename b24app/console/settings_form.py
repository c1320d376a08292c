"""What a portal's administrators choose: who may link, suggestions, notes, what managers may
change, places, retention.
"""

import logging
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from django import forms
from django.conf import settings
from django.db import transaction
from django.http import QueryDict

from b24app.bitrix24.ask import Refusal
from b24app.bitrix24.client import Client
from b24app.console import pages
from b24app.journal import audit
from b24app.journal.models import AuditEntry
from b24app.portals import bindings
from b24app.portals.bindings import Bound
from b24app.portals.models import Portal, PortalUser

logger = logging.getLogger(__name__)

MAX_NAMED = 100
MAX_NAME_CHARACTERS = 255

# common/users/user-access.md: employees, departments (with those below), user groups, supervisors,
# members of workgroups, everybody. CR (the author) is nobody here.
ACCESS_CODE = re.compile(r"(?:U|D|DR|IU|G)[1-9]\d{0,9}|SG[1-9]\d{0,9}(?:_[AEK])?|AU", re.ASCII)


@dataclass(frozen=True, slots=True)
class Choices:
    """Settings of a portal; the fields are those of :class:`Portal`."""

    named: list[dict[str, str]]
    suggestion_days: int
    notes: bool
    notes_language: str
    allow_cancel: bool
    allow_pay: bool
    allow_ship: bool
    places_off: list[str]
    journal_days: int


class ChoicesForm(forms.Form):
    """The settings page's form. ``named`` comes as ``U5|Maria Lopez``, once for each."""

    who = forms.ChoiceField(choices=[("own", "own"), ("named", "named")])
    suggestion_days = forms.IntegerField(min_value=0, max_value=3650)
    notes = forms.BooleanField(required=False)
    notes_language = forms.ChoiceField(choices=settings.LANGUAGES)
    allow_cancel = forms.BooleanField(required=False)
    allow_pay = forms.BooleanField(required=False)
    allow_ship = forms.BooleanField(required=False)
    place = forms.MultipleChoiceField(
        choices=[(text, text) for text in bindings.PLACES], required=False
    )
    journal_days = forms.IntegerField(min_value=3, max_value=90)

    data: QueryDict

    def __init__(self, form: QueryDict) -> None:
        super().__init__(form)
        self._named = form.getlist("named")

    def clean(self) -> None:
        if len(self._named) > MAX_NAMED or not all(map(_named, self._named)):
            self.add_error(None, "named")

    def choices(self) -> Choices:
        """The checked form; call only once ``is_valid()``."""
        given = self.cleaned_data
        named = [_named(text) for text in self._named] if given["who"] == "named" else []
        return Choices(
            named=list({record["id"]: record for record in named}.values()),
            suggestion_days=given["suggestion_days"],
            notes=given["notes"],
            notes_language=given["notes_language"],
            allow_cancel=given["allow_cancel"],
            allow_pay=given["allow_pay"],
            allow_ship=given["allow_ship"],
            places_off=[place for place in bindings.PLACES if place not in given["place"]],
            journal_days=given["journal_days"],
        )

    def typed(self, stored: Choices) -> Choices:
        """What was typed, as far as it can be shown again; the rest as it is ``stored``."""
        named = [_named(text) for text in self._named[:MAX_NAMED]]
        places = self.data.getlist("place")
        return replace(
            stored,
            named=[record for record in named if record] if self.data.get("who") == "named" else [],
            notes="notes" in self.data,
            notes_language=self.data.get("notes_language", ""),
            allow_cancel="allow_cancel" in self.data,
            allow_pay="allow_pay" in self.data,
            allow_ship="allow_ship" in self.data,
            places_off=[place for place in bindings.PLACES if place not in places],
        )


def _named(raw: str) -> dict[str, str]:
    """Somebody the portal's selector gave; empty for what it cannot have given."""
    code, _, name = raw.partition("|")
    shown = "".join(text for text in name if text.isprintable()).strip()[:MAX_NAME_CHARACTERS]
    return {"id": code, "name": shown or code} if ACCESS_CODE.fullmatch(code) else {}


def of_portal(portal: Portal) -> Choices:
    """What is in force."""
    return Choices(
        named=portal.named if isinstance(portal.named, list) else [],
        suggestion_days=portal.suggestion_days,
        notes=portal.notes,
        notes_language=portal.notes_language,
        allow_cancel=portal.allow_cancel,
        allow_pay=portal.allow_pay,
        allow_ship=portal.allow_ship,
        places_off=portal.places_off,
        journal_days=portal.journal_days,
    )


def keep(user: PortalUser, client: Client, chosen: Choices) -> list[str]:
    """Keep what an administrator chose, and bind or unbind places to fit at once.

    Returns the names of places the portal refused to change: the choice is kept, and the overview
    offers to bind again. Raises :class:`Refused` for somebody who is not an administrator now, and
    ``errors.BitrixError`` where the portal cannot be asked; nothing is kept then.
    """
    bound = pages.recheck(user, client, bindings.bound_placements().attempt())
    portal = user.portal
    with transaction.atomic():
        # Of two who save at the same time, the second's "before" is what the first has kept.
        before = of_portal(Portal.objects.select_for_update().get(pk=portal.pk))
        fields = asdict(chosen)
        for name, value in fields.items():
            setattr(portal, name, value)
        portal.save(update_fields=list(fields))
        audit.record(user, AuditEntry.Through.CONSOLE, _changed(before, chosen))
    logger.info("settings of %s changed by user %s", portal.host, user.user_id)
    return _place(client, portal, bound)


def _changed(before: Choices, after: Choices) -> list[audit.Entry]:
    """An entry for each setting that is another one now."""
    old, new = asdict(before), asdict(after)
    return [
        audit.Entry(
            AuditEntry.Kind.SETTING, details={"name": name, "before": old[name], "after": new[name]}
        )
        for name in new
        if old[name] != new[name]
    ]


def _place(client: Client, portal: Portal, bound: Sequence[Bound] | Refusal) -> list[str]:
    """Bind or unbind placements to fit the settings; the names of those that could not be changed."""
    if isinstance(bound, Refusal):
        return list(bindings.PLACES)
    made = bindings.failures_of(bindings.placement_changes(portal, bound))
    codes = {failure.change.name for failure in client.answer(made)}
    return [name for name, place in bindings.PLACES.items() if place.code in codes]

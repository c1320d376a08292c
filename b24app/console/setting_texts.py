"""Settings, and whose access is used for what, in people's words, for the audit's page and its file."""

from collections.abc import Callable, Mapping

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from b24app.portals import bindings

Shown = Callable[[object], str]

_NAMES: Mapping[str, Promise] = {
    "named": gettext_lazy("Who may link orders"),
    "suggestion_days": gettext_lazy("Suggestions"),
    "notes": gettext_lazy("Notes in the timeline"),
    "notes_language": gettext_lazy("Language of the notes"),
    "allow_cancel": gettext_lazy("Cancelling orders"),
    "allow_pay": gettext_lazy("Marking payments as paid"),
    "allow_ship": gettext_lazy("Marking shipments as shipped"),
    "places_off": gettext_lazy("Where the app appears"),
    "journal_days": gettext_lazy("Request log"),
}
_PLACES: Mapping[str, Promise] = {
    "deal": gettext_lazy("Tab in the deal card"),
    "invoice": gettext_lazy("Tab in the invoice card"),
    "order": gettext_lazy("Tab in the order card"),
    "list_menu": gettext_lazy("Menu of a deal in the list of deals"),
    "list_toolbar": gettext_lazy("Menu above the list of deals"),
}


def name(setting: object) -> str:
    """What a setting is called; its own name for one of an earlier version."""
    return str(_NAMES.get(str(setting), setting))


def change(setting: object, before: object, after: object) -> tuple[str, str]:
    """What a setting was before and after; for placements only those removed and those added."""
    if setting == "places_off":
        was, now = _places_on(before), _places_on(after)
        return _places(was - now), _places(now - was)
    shown = _SHOWN.get(str(setting), str)
    return shown(before), shown(after)


def worker(job: object) -> str:
    """What uses somebody's access: a job by its number, or all that works in the background."""
    return _("Job %(id)s") % {"id": job} if job else _("Background work")


def handed_out(what: object) -> str:
    """Which support data was given out while the portal did not answer."""
    names = {"log": _("Support log"), "bundle": _("Support bundle")}
    text = _("%(name)s; Bitrix24 did not confirm the administrator")
    return text % {"name": names.get(str(what), str(what))}


def _named(value: object) -> str:
    people = value if isinstance(value, list) else []
    names = [str(person.get("name")) for person in people if isinstance(person, dict)]
    return ", ".join(names) or _("Everyone, with their own permissions")


def _days(value: object) -> str:
    count = value if isinstance(value, int) else 0
    return ngettext("%(count)d day", "%(count)d days", count) % {"count": count}


def _on(value: object) -> str:
    return _("on") if value else _("off")


def _language(value: object) -> str:
    return str(dict(settings.LANGUAGES).get(str(value), value))


def _places_on(value: object) -> set[str]:
    """The places that are on: what is kept are those that are off."""
    return bindings.PLACES.keys() - (value if isinstance(value, list) else [])


def _places(some: set[str]) -> str:
    return ", ".join(str(_PLACES[place]) for place in bindings.PLACES if place in some)


_SHOWN: Mapping[str, Shown] = {
    "named": _named,
    "suggestion_days": _days,
    "notes": _on,
    "allow_cancel": _on,
    "allow_pay": _on,
    "allow_ship": _on,
    "notes_language": _language,
    "journal_days": _days,
}

"""A rule as sentences, in the language of the page."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from b24app.automation.conditions import Conditions, Payer, Several, Since
from b24app.automation.deciding import Why
from b24app.orders.matching import Reason
from b24app.portals.templatetags.shown import money


@dataclass(frozen=True, slots=True)
class Names:
    """What the portal calls the things a rule names. A thing that is missing is gone."""

    funnels: Mapping[int, str] = field(default_factory=dict)
    stages: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[int, str] = field(default_factory=dict)
    people: Mapping[int, str] = field(default_factory=dict)


def sentences(rule: Conditions, names: Names) -> list[str]:
    """The whole rule, to be read aloud, one sentence for each part."""
    return [_when(rule, names), _find(rule, names), _then(rule), _several(rule), _stops(rule)]


def summary(rule: Conditions, names: Names) -> str:
    """The rule in one line."""
    parts = [
        _listed(names.sources.get(pk, str(pk)) for pk in rule.sources),
        _listed(names.funnels.get(pk, str(pk)) for pk in rule.funnels),
        _age(rule),
        _wait(rule),
    ]
    return " · ".join(part for part in parts if part)


def missing(rule: Conditions, names: Names) -> list[str]:
    """Funnels and stages the rule names and the portal does not have any more, as IDs."""
    gone = [str(pk) for pk in rule.funnels if pk not in names.funnels]
    return gone + [stage for stage in rule.stages if stage not in names.stages]


def reason_text(reason: str) -> str:
    """Why a deal fits, as a chip: "same company"."""
    texts = {
        Reason.CONTACT: _("same contact"),
        Reason.COMPANY: _("same company"),
        Reason.PHONE: _("same phone"),
        Reason.EMAIL: _("same e-mail"),
    }
    return next((text for key, text in texts.items() if key == reason), reason)


def why_text(why: str) -> str:
    """An outcome in a few words: "Several deals fit"."""
    texts = {
        Why.CANCELED: _("Cancelled"),
        Why.LINKED: _("Already linked"),
        Why.PAYER: _("Another kind of client"),
        Why.SOURCE: _("Another source"),
        Why.TOO_SMALL: _("Too small"),
        Why.RESPONSIBLE: _("Another responsible person"),
        Why.NO_DATE: _("No date"),
        Why.NO_CLIENT: _("No client"),
        Why.NO_DEAL: _("No open deal"),
        Why.SEVERAL: _("Several deals fit"),
        Why.NEWEST: _("Newest of several"),
        Why.ONLY_ONE: _("Only one open deal"),
        Why.UNDONE: _("Undone before"),
        Why.CANNOT_TELL: _("Can’t tell"),
    }
    return next((text for key, text in texts.items() if key == why), why)


def days_text(days: int) -> str:
    """The age of a deal, as a chip."""
    return ngettext("%(count)s day old", "%(count)s days old", days) % {"count": days}


def _when(rule: Conditions, names: Names) -> str:
    payer = {
        Payer.ANY: _("When an order comes in from a company or a person"),
        Payer.COMPANY: _("When an order comes in from a company"),
        Payer.PERSON: _("When an order comes in from a person"),
    }[rule.payer]
    parts = [payer]
    if rule.sources:
        sources = _listed(names.sources.get(pk, str(pk)) for pk in rule.sources)
        parts.append(_("through %(sources)s") % {"sources": sources})
    if rule.least:
        parts.append(
            _("and is worth at least %(amount)s") % {"amount": money(rule.least, rule.currency)}
        )
    if rule.responsibles:
        people = _listed(names.people.get(pk, str(pk)) for pk in rule.responsibles)
        parts.append(_("and %(people)s is responsible for it") % {"people": people})
    if rule.own_deal:
        parts.append(_("and nobody has linked it, or Bitrix24 itself has made a deal for it"))
    else:
        parts.append(_("and nobody has linked it yet"))
    return f"{' '.join(parts)}."


def _find(rule: Conditions, names: Names) -> str:
    who = {
        Reason.CONTACT: _("contact"),
        Reason.COMPANY: _("company"),
        Reason.PHONE: _("phone number"),
        Reason.EMAIL: _("e-mail address"),
    }
    parts = [
        _("Find a deal with the same %(who)s") % {"who": _either(who[one] for one in rule.who)}
    ]
    if rule.funnels:
        funnels = _either(names.funnels.get(pk, str(pk)) for pk in rule.funnels)
        parts.append(_("in %(funnels)s") % {"funnels": funnels})
    if rule.stages:
        stages = _either(names.stages.get(stage, stage) for stage in rule.stages)
        parts.append(_("at the stage %(stages)s") % {"stages": stages})
    else:
        parts.append(_("at any stage still open"))
    if rule.max_days:
        since = (
            _("and not older than %(days)s since it was created")
            if rule.since is Since.CREATED
            else _("and not older than %(days)s since it was last changed")
        )
        days = ngettext("%(count)s day", "%(count)s days", rule.max_days) % {"count": rule.max_days}
        parts.append(since % {"days": days})
    return f"{' '.join(parts)}."


def _then(rule: Conditions) -> str:
    if not rule.wait_minutes:
        return _("Then link the order to that deal at once.")
    return ngettext(
        "Then wait %(count)s minute and link the order to that deal.",
        "Then wait %(count)s minutes and link the order to that deal.",
        rule.wait_minutes,
    ) % {"count": rule.wait_minutes}


def _several(rule: Conditions) -> str:
    return {
        Several.SUGGEST: _("If several deals fit, only suggest them."),
        Several.NEWEST: _("If several deals fit, take the newest."),
        Several.NOTHING: _("If several deals fit, do nothing."),
    }[rule.several]


def _stops(rule: Conditions) -> str:
    return _(
        "The rule stops itself after %(links)s links in an hour, or if more than %(percent)s of a day’s"
        " links were undone."
    ) % {"links": rule.links_an_hour, "percent": f"{rule.undone_percent}%"}


def _age(rule: Conditions) -> str:
    if not rule.max_days:
        return ""
    return ngettext(
        "deals up to %(count)s day old", "deals up to %(count)s days old", rule.max_days
    ) % {"count": rule.max_days}


def _wait(rule: Conditions) -> str:
    if not rule.wait_minutes:
        return ""
    return _("waits %(count)s min") % {"count": rule.wait_minutes}


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _either(names: Iterable[str]) -> str:
    *others, last = list(names)
    if not others:
        return last
    return _("%(first)s or %(last)s") % {"first": ", ".join(others), "last": last}

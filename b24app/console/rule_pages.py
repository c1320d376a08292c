"""The console's pages of rules: the list, the editor with its dry run, and what switches them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, Max, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from b24app.automation import (
    names,
    sentences,
    switching,
    tasks,
    trials,
    undoing,
    watches,
)
from b24app.automation.conditions import BadConditions, Conditions
from b24app.automation.models import Cursor, Entry, Rule, Trial, TrialRow
from b24app.automation.sentences import Names
from b24app.connect import client_of
from b24app.console import pages, rule_form
from b24app.console.rule_form import RuleForm
from b24app.portals.models import Portal, PortalUser
from b24app.portals.rights import Asks
from b24app.web import htmx
from b24app.web.forms import BadForm, whole_number
from b24app.web.session import Session

MONTH = timedelta(days=30)
MAX_SHOWN = 100
UNDO_DAYS = (1, 7, 30)

LINKED = (Entry.State.LINKED, Entry.State.UNDOING, Entry.State.UNDONE, Entry.State.MOVED)


@dataclass(frozen=True, slots=True)
class Line:
    """A rule in the list, with what it did in the last 30 days."""

    rule: Rule
    summary: str
    missing: tuple[str, ...]
    linked: int
    open: int
    undone: int
    latest: Entry | None
    tried: bool


@pages.administrators("rules", "GET", asks=Asks.FIRST_OR_LATELY)
def rules(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """The list of rules."""
    return _listed(request, user)


@pages.administrators("rules", "GET", asks=Asks.FIRST_OR_LATELY)
def rule(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """The editor of a rule, a new one without ``rule``, with its last dry run."""
    return _editor(request, user, _rule(user, request.GET, new=True))


@pages.administrators("rules", "POST", asks=Asks.FIRST)
def save(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Store how the rule reads. It is off until it was tried as it reads now."""
    found = _rule(user, request.POST, new=True)
    form = RuleForm(request.POST, names.of_portal(user.portal, client_of(user)))
    if not form.is_valid():
        return _editor(request, user, found, form=form)
    name = form.cleaned_data["name"]
    if found is None:
        try:
            found = switching.create(user, name, form.read)
        except switching.TooManyRules:
            raise BadForm from None
        text = _("Rule saved. Try it before you switch it on.")
    elif switching.change(user, found, name, form.read):
        text = _("Rule saved and switched off: it links other orders now. Try it again.")
    else:
        text = _("Rule saved")
    if "try" in request.POST:
        _start_trial(found, request)
        return _editor(request, user, found)
    return htmx.trigger(_editor(request, user, found), htmx.toast(text))


@pages.administrators("rules", "POST", asks=Asks.FIRST)
def try_out(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Try the rule as it is stored, or stop the dry run that is under way."""
    found = _existing(user, request.POST)
    if "stop" in request.POST:
        for trial in Trial.objects.of(user.portal).filter(rule=found, state=Trial.State.RUNNING):
            trials.stop(trial)
    else:
        _start_trial(found, request)
    return _editor(request, user, found)


@pages.administrators("rules", "GET", asks=Asks.FIRST_OR_LATELY)
def trial(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """The dry run alone: a running one shows itself again every two seconds."""
    found = _existing(user, request.GET)
    return htmx.partial(request, "console/trial.html", _trial(user, found, request))


@pages.administrators("rules", "POST", asks=Asks.FIRST)
def switch(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Switch a rule on or off."""
    found = _existing(user, request.POST)
    if "on" not in request.POST:
        switching.switch_off(user, found)
        return htmx.trigger(_listed(request, user), htmx.toast(_("Rule switched off")))
    refused = switching.switch_on(user, found, insists="insists" in request.POST)
    if refused is not None:
        return _editor(request, user, found, refused=refused)
    text = _("Rule switched on. It works on orders that come in from now on.")
    return htmx.trigger(_listed(request, user), htmx.toast(text))


@pages.administrators("rules", "POST", asks=Asks.FIRST)
def arrange(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Let a rule act one place earlier or later, or remove it."""
    found = _existing(user, request.POST)
    if "delete" in request.POST:
        switching.delete(user, found)
        text = _("Rule deleted. What it linked stays linked.")
        return htmx.trigger(_listed(request, user), htmx.toast(text))
    switching.move(user, found, up="up" in request.POST)
    return _listed(request, user)


@pages.administrators("rules", "POST", asks=Asks.FIRST)
def undo(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Undo what a rule has linked in the last days, in the background."""
    found = _existing(user, request.POST)
    days = whole_number(request.POST.get("days", ""), least=1)
    since = timezone.now() - timedelta(days=min(days, trials.MAX_DAYS))
    rows = Entry.objects.of(user.portal).filter(rule=found, at__gte=since)
    count = undoing.ask_for(user, list(rows.values_list("pk", flat=True)))
    tasks.start(tasks.undo, user.portal.pk)
    text = _("Links to be undone: %(count)s") % {"count": count}
    return htmx.trigger(_listed(request, user), htmx.toast(text))


def _rule(user: PortalUser, given: Mapping[str, str], *, new: bool) -> Rule | None:
    raw = given.get("rule", "")
    if new and not raw:
        return None
    found = Rule.objects.of(user.portal).filter(pk=whole_number(raw, least=1)).first()
    if found is None:
        raise Http404
    found.portal = user.portal
    return found


def _existing(user: PortalUser, given: Mapping[str, str]) -> Rule:
    found = _rule(user, given, new=False)
    if found is None:
        raise Http404
    return found


def _start_trial(found: Rule, request: HttpRequest) -> None:
    if not found.fingerprint:
        raise BadForm
    days = whole_number(request.POST.get("days", str(trials.DEFAULT_DAYS)), least=1)
    tasks.start(tasks.run_trial, trials.start(found, days).pk)


def _listed(request: HttpRequest, user: PortalUser) -> HttpResponse:
    portal = user.portal
    known = names.of_portal(portal, client_of(user))
    context = {
        "lines": _lines(portal, known),
        "undo_days": UNDO_DAYS,
        **views_of(portal),
        "cursor": Cursor.objects.of(portal).first(),
        "oldest_reading": watches.oldest_reading(portal),
        "waits": switching.waits_for_administrator(portal),
    }
    return pages.show(request, "rules", context)


def views_of(portal: Portal) -> dict[str, int]:
    """How many lines the feed has, and how many of them need a look."""
    rows = Entry.objects.of(portal).filter(at__gte=timezone.now() - MONTH)
    return rows.aggregate(
        did=Count("pk", filter=Q(state__in=LINKED)),
        looks=Count("pk", filter=Q(state=Entry.State.OPEN)),
    )


def _lines(portal: Portal, known: Names) -> list[Line]:
    found = list(Rule.objects.of(portal).order_by("position", "pk"))
    since = timezone.now() - MONTH
    counts: dict[int | None, Mapping[str, int]] = {
        row["rule"]: {name: row[name] or 0 for name in ("linked", "open", "undone", "latest")}
        for row in Entry.objects.of(portal)
        .filter(at__gte=since)
        .values("rule")
        .annotate(
            linked=Count("pk", filter=Q(state__in=LINKED)),
            open=Count("pk", filter=Q(state=Entry.State.OPEN)),
            undone=Count("pk", filter=Q(state=Entry.State.UNDONE)),
            latest=Max("pk", filter=Q(state__in=LINKED)),
        )
    }
    latest = Entry.objects.of(portal).in_bulk([row["latest"] for row in counts.values()])
    lines = []
    for item in found:
        row = counts.get(item.pk, {})
        lines.append(
            Line(
                item,
                *_described(item, known),
                row.get("linked", 0),
                row.get("open", 0),
                row.get("undone", 0),
                latest.get(row.get("latest", 0)),
                trials.was_tried(item),
            )
        )
    return lines


def _described(item: Rule, known: Names) -> tuple[str, tuple[str, ...]]:
    """The rule in one line, and what it names that is gone."""
    try:
        read = item.read
    except BadConditions:
        text = _("This rule was saved by another version of the app. Check it and save it again.")
        return text, ()
    return sentences.summary(read, known), tuple(sentences.missing(read, known))


def _stored(item: Rule | None) -> Conditions:
    """The conditions to start the editor with: those of a new rule if they cannot be read."""
    try:
        return item.read if item is not None else Conditions()
    except BadConditions:
        return Conditions()


def _editor(
    request: HttpRequest,
    user: PortalUser,
    found: Rule | None,
    *,
    form: RuleForm | None = None,
    refused: str = "",
) -> HttpResponse:
    known = names.of_portal(user.portal, client_of(user))
    stored = _stored(found)
    values = (
        rule_form.typed(request.POST)
        if form is not None
        else rule_form.shown(stored, found.name if found is not None else "")
    )
    context = {
        "rule": found,
        "values": values,
        "form": form,
        "refused": refused,
        "names": known,
        "sentences": sentences.sentences(stored, known) if found is not None else [],
        **views_of(user.portal),
        **(_trial(user, found, request) if found is not None else {}),
    }
    status = 422 if form is not None else 200
    return pages.show(request, "rules", context, template="console/rule_editor.html", status=status)


def _trial(user: PortalUser, found: Rule, request: HttpRequest) -> dict[str, object]:
    """The last dry run of the rule as it reads now."""
    latest = trials.latest(found)
    context: dict[str, object] = {
        "rule": found,
        "trial": latest,
        "portal_origin": user.portal.origin,
    }
    if latest is None:
        return context
    result = trials.result_of(latest)
    rows = TrialRow.objects.filter(trial=latest)
    kind = request.GET.get("show", "")
    if kind in TrialRow.Agreement.values:
        rows = rows.filter(agreement=kind)
    elif kind in result.whys:
        rows = rows.filter(why=kind)
    elif result.differs and kind != "all":
        kind, rows = "differs", rows.filter(agreement=TrialRow.Agreement.DIFFERS)
    return context | {
        "result": result,
        "share": _share(result),
        "shown": _shown(result),
        "percent": _percent(latest),
        "period": (latest.until - latest.since).days,
        "rows": list(rows.order_by("-order_id")[:MAX_SHOWN]),
        "kind": kind or "all",
        "can_switch": latest.state == Trial.State.DONE,
    }


def _shown(result: trials.Result) -> list[tuple[str, int]]:
    """Filters of the table, those without orders left out."""
    agreed = [("differs", result.differs), ("missed", result.missed), ("same", result.same)]
    return [("all", result.looked), *((key, n) for key, n in agreed if n), *result.whys.items()]


def _share(result: trials.Result) -> list[tuple[str, int, str, str]]:
    """Outcomes for the bar: reason, orders, x and width of a hundred."""
    parts, at = [], 0.0
    for why, count in result.whys.items():
        width = 100 * count / max(result.looked, 1)
        parts.append((why, count, f"{at:.2f}", f"{width:.2f}"))
        at += width
    return parts


def _percent(trial_: Trial) -> int:
    """How much of the period is behind the trial: orders are not counted beforehand."""
    if trial_.reached is None:
        return 0
    whole = (trial_.until - trial_.since).total_seconds()
    return min(99, int(100 * (trial_.reached - trial_.since).total_seconds() / max(whole, 1)))

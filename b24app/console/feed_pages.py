"""The console's feed: what rules did, what needs a look, and undo."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby

from django.db.models import Q
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _

from b24app.automation import looks, tasks, undoing, watches
from b24app.automation.models import Entry, Rule
from b24app.changes.outcomes import Result
from b24app.console import pages, rule_pages
from b24app.portals.models import PortalUser
from b24app.portals.rights import Asks
from b24app.web import forms, htmx
from b24app.web.forms import whole_number
from b24app.web.session import Session

PAGE = 50
MAX_LOOKS = 20

SHOWN = (*rule_pages.LINKED, Entry.State.STOPPED, Entry.State.CHOSEN)


@dataclass(frozen=True, slots=True)
class Day:
    """Entries of one day by the portal's clock, and what they add up to, by currency."""

    day: date
    entries: tuple[Entry, ...]
    linked: int
    undone: int
    sums: tuple[tuple[str, Decimal], ...]
    can_undo: bool


@pages.administrators("rules", "GET", asks=Asks.FIRST_OR_LATELY)
def feed(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """What rules did, newest first, under what needs a look."""
    return _shown(request, user, request.GET)


@pages.administrators("rules", "POST", asks=Asks.FIRST)
def undo(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Undo one link, or all links of a day (in the background)."""
    if "day" in request.POST:
        since = _day(request.POST)
        rows = Entry.objects.of(user.portal).filter(at__gte=since, at__lt=since + timedelta(days=1))
        count = undoing.ask_for(user, list(rows.values_list("pk", flat=True)))
        tasks.start(tasks.undo, user.portal.pk)
        text = _("Links to be undone: %(count)s") % {"count": count}
    else:
        entry = undoing.undo(user, _entry(request))
        text = _undone(entry)
    return htmx.trigger(_shown(request, user, {}), htmx.toast(text))


def _undone(entry: Entry | None) -> str:
    if entry is None:
        return _("Nothing to undo")
    if entry.state == Entry.State.UNDONE:
        return _("Undone. Rules won’t link this order to that deal again.")
    if entry.state == Entry.State.MOVED:
        return _("The order has been moved since then and stays where it is.")
    if entry.state == Entry.State.UNDOING:
        return _("Bitrix24 didn’t respond. The app keeps checking.")
    return _("Bitrix24 rejected the change")


@pages.administrators("rules", "POST", asks=Asks.FIRST)
def choose(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Link an order that needs a look to the deal chosen, or to none of them."""
    if "none" in request.POST:
        looks.refuse(user, _entry(request))
        text = _("The order stays without a deal and won’t be suggested for these deals again.")
    else:
        deal = whole_number(request.POST.get("deal", ""), least=1)
        result = looks.choose(user, _entry(request), deal)
        text = {
            Result.DONE: _("Order linked"),
            Result.UNKNOWN: _("Bitrix24 didn’t respond. Check the order before you try again."),
            None: _("Somebody has already decided this."),
        }.get(result, _("Somebody has linked this order in the meantime."))
    return htmx.trigger(_shown(request, user, {}), htmx.toast(text))


def _entry(request: HttpRequest) -> int:
    return whole_number(request.POST.get("entry", ""), least=1)


def _day(form: QueryDict) -> datetime:
    """The beginning of a day by the portal's clock. Raises ``BadForm``."""
    day = forms.day(form, "day")
    if day is None:
        raise forms.BadForm
    return datetime(day.year, day.month, day.day, tzinfo=timezone.get_current_timezone())


def _shown(request: HttpRequest, user: PortalUser, given: Mapping[str, str]) -> HttpResponse:
    portal = user.portal
    rows = Entry.objects.of(portal).filter(state__in=SHOWN).select_related("ended_by")
    rule = whole_number(given["rule"], least=1) if given.get("rule") else 0
    if rule:
        rows = rows.filter(rule=rule)
    text = given.get("q", "").replace("\x00", "").strip()[: forms.MAX_SEARCH_CHARACTERS]
    if text:
        rows = rows.filter(_matches(text))
    before = whole_number(given["before"], least=1) if given.get("before") else 0
    if before:
        rows = rows.filter(pk__lt=before)
    entries = list(rows.order_by("-pk")[: PAGE + 1])
    open_rows = Entry.objects.of(portal).filter(state=Entry.State.OPEN).order_by("-pk")
    context = {
        "open_entries": list(open_rows[:MAX_LOOKS]),
        "feed_days": _days(entries[:PAGE]),
        "older": entries[PAGE - 1].pk if len(entries) > PAGE else 0,
        "rules": Rule.objects.of(portal).order_by("position", "pk"),
        "chosen_rule": rule,
        "text": text,
        "before": before,
        "undoing": Entry.objects.of(portal).filter(state=Entry.State.UNDOING).count(),
        "oldest_reading": watches.oldest_reading(portal),
        "portal_origin": portal.origin,
        **rule_pages.views_of(portal),
    }
    return pages.show(request, "rules", context, template="console/feed.html")


def _matches(text: str) -> Q:
    found = Q(order_number__icontains=text) | Q(client__icontains=text)
    found |= Q(deal_title__icontains=text)
    number = text.removeprefix("#")
    if number.isdecimal() and len(number) <= 15:
        found |= Q(order_id=int(number)) | Q(deal_id=int(number))
    return found


def _days(entries: Iterable[Entry]) -> list[Day]:
    days = []
    for day, group in groupby(entries, key=lambda entry: timezone.localtime(entry.at).date()):
        found = tuple(group)
        linked = [entry for entry in found if entry.state in rule_pages.LINKED]
        sums: dict[str, Decimal] = {}
        for entry in linked:
            sums[entry.currency] = sums.get(entry.currency, Decimal(0)) + entry.amount
        states = [entry.state for entry in found]
        days.append(
            Day(
                day,
                found,
                len(linked),
                states.count(Entry.State.UNDONE),
                tuple(sorted(sums.items())),
                Entry.State.LINKED in states,
            )
        )
    return days

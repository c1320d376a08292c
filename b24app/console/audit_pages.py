"""The audit: who changed what, when, from where to where, through what and on whose right."""

from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone

from b24app.console import audit_rows, downloads, pages
from b24app.journal import audit
from b24app.journal.audit import Search
from b24app.journal.models import AuditEntry
from b24app.orders.card_reference import CardProblem, card_value
from b24app.orders.types import DEAL, INVOICE
from b24app.portals.models import PortalUser
from b24app.portals.rights import Asks
from b24app.web.file_responses import table_download, table_format
from b24app.web.forms import BadForm
from b24app.web.session import Session

ENTRIES_PER_PAGE = 50
MAX_PEOPLE = 500
MAX_ROWS = 10_000
MAX_ID = 10**15


class SearchForm(forms.Form):
    """The conditions as typed; an empty one does not filter. Days are the portal's, both included."""

    person = forms.IntegerField(required=False, min_value=1, max_value=MAX_ID)
    order = forms.IntegerField(required=False, min_value=1, max_value=MAX_ID)
    card_type = forms.ChoiceField(required=False, choices=[(str(DEAL), ""), (str(INVOICE), "")])
    card = forms.CharField(required=False, max_length=500)
    kind = forms.ChoiceField(
        required=False, choices=[("", ""), *((value, value) for value in AuditEntry.Kind.values)]
    )
    since = forms.DateField(required=False, input_formats=["%Y-%m-%d"])
    until = forms.DateField(required=False, input_formats=["%Y-%m-%d"])
    before = forms.IntegerField(required=False, min_value=1, max_value=MAX_ID)

    def __init__(self, given: QueryDict, host: str) -> None:
        """``host`` is the portal's: links to its cards are taken, links to others are an error."""
        super().__init__(given)
        self._host = host

    def clean(self) -> None:
        """Replace the card as typed by its :class:`Owner`; a bare ID is of the type chosen."""
        given = self.cleaned_data
        type_id = int(given.get("card_type") or DEAL)
        found = card_value(given.get("card", ""), self._host, type_id=type_id)
        if found.problem:
            self.add_error("card", ValidationError("", code=found.problem))
        given["card"] = found.owner

    @property
    def other_portal(self) -> bool:
        return self.has_error("card", CardProblem.OTHER_PORTAL)

    def search(self) -> Search:
        """The checked conditions; call only once ``is_valid()``."""
        given = self.cleaned_data
        return Search(
            user_id=given["person"] or 0,
            order_id=given["order"] or 0,
            card=given["card"],
            kind=given["kind"],
            since=_midnight(given["since"]),
            until=_midnight(given["until"], days=1),
        )


def _midnight(day: date | None, days: int = 0) -> datetime | None:
    if day is None:
        return None
    try:
        return datetime.combine(day, time.min, timezone.get_current_timezone()) + timedelta(
            days=days
        )
    except OverflowError:
        return None


@pages.administrators("audit", "GET", asks=Asks.FIRST)
def trail(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """A page of the audit. The portal is asked for nothing but names of statuses, once an hour."""
    form, narrowing = SearchForm(request.GET, user.portal.host), _conditions(request.GET)
    lines: list[audit_rows.Line] | None = None
    older = ""
    if form.is_valid():
        before = form.cleaned_data["before"] or 0
        found = audit.search(user.portal, form.search(), before=before, size=ENTRIES_PER_PAGE + 1)
        lines = audit_rows.lines(user, found[:ENTRIES_PER_PAGE], opened.language)
        if len(found) > ENTRIES_PER_PAGE:
            older = urlencode(narrowing | {"before": found[ENTRIES_PER_PAGE - 1].pk})
    context = {
        "form": form,
        "given": request.GET,
        "lines": lines,
        "older": older,
        "people": audit_rows.people(user.portal)[:MAX_PEOPLE],
        "kinds": AuditEntry.Kind.values,
        "here": urlencode(narrowing),
        "narrowed": narrowing.keys() - {"card_type"},
        "portal_origin": user.portal.origin,
    }
    return pages.show(request, "audit", context)


def _conditions(query: QueryDict) -> dict[str, str]:
    """What narrows the trail, without where it is read from."""
    known = [name for name in SearchForm.base_fields if name != "before"]
    return {name: str(query[name]) for name in known if query.get(name)}


@pages.administrators("audit", "POST", asks=Asks.FIRST, unpaid=True)
def export(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """The entries that match, newest first, as a CSV or XLSX file of up to 10,000 rows."""
    kind, form = table_format(request.POST), SearchForm(request.POST, user.portal.host)
    if not form.is_valid():
        raise BadForm
    found = audit.search(user.portal, form.search(), size=MAX_ROWS)
    table = downloads.audit_table(audit_rows.lines(user, found, opened.language))
    return table_download(table, kind, opened.language, "audit")

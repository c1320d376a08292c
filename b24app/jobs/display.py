"""Jobs and rows as the templates show them, and as a table to download."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from b24app.changes.properties import place_of
from b24app.jobs import (
    file_notes,
    order_export,
    overrides,
    row_names,
    row_options,
    texts,
    transitions,
    work,
)
from b24app.jobs.judging import OVERRODE
from b24app.jobs.models import Job, JobItem
from b24app.jobs.row_filters import BAD, NOT_AGREED, chosen, unless_moved
from b24app.jobs.row_options import Options
from b24app.journal.recorded_values import shortened
from b24app.orders.types import INVOICE, Owner
from b24app.web.export_cells import moment
from b24app.web.table_files import Cell, Table

MOVES, INVOICES, CANCELS = "moves", "invoices", "cancels"
"""Consents of a preview: to take orders out of other deals, or out of invoices."""
Agreed = frozenset[str]
# Rows of a file that are named together.
ROWS_PER_READ = 2000

S, V = JobItem.State, JobItem.Verdict

_PLACE = re.compile(r"\d+:\d+", re.ASCII)
# A deal written with a word or a sign around its ID.
_ONE_NUMBER = re.compile(r"[^\d/]*?([1-9][0-9]{0,14})[^\d/]*", re.ASCII)

_PILLS = {
    V.LINK: "info",
    V.MOVE: "warn",
    V.UNLINK: "warn",
    V.CHANGE: "info",
    V.CANCEL: "warn",
    V.EXPORT: "info",
}
_OUTCOME_PILLS = {S.DONE: "good", S.SKIPPED: "warn", S.FAILED: "alert"}
_ORIGINS = {
    Job.Origin.FILE: gettext_lazy("From a file"),
    Job.Origin.LIST: gettext_lazy("Pasted list"),
    Job.Origin.SEARCH: gettext_lazy("Search results"),
}
_STATE_PILLS = {
    Job.State.RUNNING: "info",
    Job.State.PLANNING: "info",
    Job.State.DONE: "good",
    Job.State.FAILED: "alert",
    Job.State.PAUSED: "warn",
    Job.State.WAITING_PORTAL: "warn",
    Job.State.WAITING_AUTHORIZATION: "warn",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A deal or an invoice with its path in the portal."""

    owner: Owner
    title: str

    @property
    def path(self) -> str:
        kind = "deal" if self.owner.is_deal else f"type/{self.owner.type_id}"
        return f"/crm/{kind}/details/{self.owner.id}/"


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table.

    ``target`` and ``current_place`` are None for nowhere and for other subjects; ``wanted`` and ``seen``
    are the words shown instead. ``unless_moved`` is its verdict until somebody agrees to
    move orders of other cards, ``stays`` what happens to it then; empty for all others. ``consent`` is
    what is agreed to: :data:`MOVES` or :data:`INVOICES`.
    """

    item: JobItem
    target: Place | None
    current_place: Place | None
    wanted: str
    seen: str
    pill: str
    verdict: str
    text: str
    unless_moved: str
    stays: str
    consent: str
    put_back: bool = False
    options: Options | None = None

    @property
    def written(self) -> str:
        """What stands in the file, where the order was taken from it in another form."""
        return self.item.written if self.item.written != self.order else ""

    @property
    def by_id(self) -> str:
        """The ID that was written, where the order was named by it and has another number."""
        item = self.item
        named = item.named == JobItem.Named.ID and item.order_text == str(item.order_id)
        return item.order_text if named and self.order != item.order_text else ""

    @property
    def notes(self) -> list[str]:
        """How the row was read, if it was not read as written in the file."""
        return file_notes.of_row(self.item)

    @property
    def order(self) -> str:
        known = self.item.order_number or self.item.order_text
        return known or (str(self.item.order_id) if self.item.order_id else "—")


@dataclass(frozen=True, slots=True)
class Brief:
    """A job in the list."""

    job: Job
    title: str
    about: str
    state: str
    pill: str

    @property
    def at_work(self) -> bool:
        return self.job.state not in transitions.RESTING


def brief(job: Job) -> Brief:
    return Brief(job, title(job), about(job), texts.state(job.state, job.reason), state_pill(job))


def about(job: Job) -> str:
    """Where a job's orders come from and go to: ``By search · from 2026-01-01 · To deal 7021``."""
    card = place_of_or_none(job.card)
    search = job.cursor if job.origin == Job.Origin.SEARCH else {}
    since, until = (str(search.get(name) or "") for name in ("since", "until"))
    target = place_of_or_none(job.wanted) if work.subject_of(job).links else None
    said = (
        _ORIGINS.get(Job.Origin(job.origin), ""),
        _name(card) if card and job.origin == Job.Origin.CARD else "",
        f"{since or '…'} – {until or '…'}" if since or until else "",
        _("Only orders that are not linked") if search.get("unlinked") is True else "",
        _("Link to %(target)s") % {"target": _name(target)} if target and target != card else "",
    )
    return " · ".join(str(item) for item in said if item)


def state_pill(job: Job) -> str:
    return _STATE_PILLS.get(Job.State(job.state), "")


def title(job: Job) -> str:
    """What a job is, in a few words: ``Link by file winter-orders.xlsx``."""
    kinds = {
        Job.Kind.LINK: _("Link orders"),
        Job.Kind.UNLINK: _("Unlink orders"),
        Job.Kind.MOVE: _("Move orders"),
        Job.Kind.RESTORE: _("Undo job %(id)s") % {"id": job.undoes_id or ""},
        Job.Kind.STATUS: _("Change the status"),
        Job.Kind.RESPONSIBLE: _("Change the responsible person"),
        Job.Kind.COMMENT: _("Comment on orders"),
        Job.Kind.EXPORT: _("Export orders"),
    }
    found = kinds[Job.Kind(job.kind)]
    return f"{found}: {job.title}" if job.title and job.kind != Job.Kind.RESTORE else found


def headings(job: Job) -> tuple[str, str] | None:
    """What the columns of the rows' values are called: what is wanted, and what was seen."""
    # After a takeover some rows have their outcome already.
    began = not job.previewing or job.handled > 0
    subject = work.subject_of(job)
    if subject.links:
        return _("New link"), _("Linked before") if began else _("Linked now")
    if job.subject == Job.Kind.STATUS:
        return _("New status"), _("Status before") if began else _("Status now")
    if job.subject == Job.Kind.RESPONSIBLE:
        return _("New responsible person"), _("Responsible before") if began else _(
            "Responsible now"
        )
    if job.subject == Job.Kind.COMMENT:
        return _("New comment"), _("Comment before") if began else _("Comment now")
    return None


def lines(job: Job, items: Iterable[JobItem], *, choosing: bool = False) -> list[Line]:
    """Rows as the page shows them; ``choosing``: with the ways to read those that are in doubt."""
    shown = list(items)
    names = row_names.of_rows(job, shown)
    found = [_line(job, item, names) for item in shown]
    if not choosing:
        return found
    return [replace(line, options=row_options.options_of(line.item)) for line in found]


def _line(job: Job, item: JobItem, names: Mapping[str, str]) -> Line:
    links = work.subject_of(job).links
    known = item.verdict not in ("", *BAD - {V.NO_CARD})
    target = place_of(item.wanted) if links else None
    current_place = place_of(item.seen) if links and known else None
    nowhere = _("Not linked") if links and known else ""
    return Line(
        item=item,
        target=Place(target, names.get(item.wanted, "")) if target else None,
        current_place=Place(current_place, names.get(item.seen, "")) if current_place else None,
        wanted=names.get(item.wanted) or shortened(item.wanted) or item.wanted_text,
        seen=names.get(item.seen) or shortened(item.seen) or nowhere,
        pill=_pill(item),
        verdict=_verdict(item),
        text=_text(item, names, links=links),
        unless_moved=(moved := unless_moved(job, item.verdict)),
        stays=texts.words(texts.ITEM_REASONS, NOT_AGREED) if moved else "",
        consent=INVOICES
        if current_place is not None and current_place.type_id == INVOICE
        else MOVES,
        put_back=overrides.can_put_back(job, item),
    )


def _pill(item: JobItem) -> str:
    if item.state in _OUTCOME_PILLS:
        return _OUTCOME_PILLS[S(item.state)]
    if item.reason == NOT_AGREED or not item.verdict:
        return ""
    return "alert" if item.verdict in BAD else _PILLS.get(V(item.verdict), "")


def _verdict(item: JobItem) -> str:
    outcomes = {S.DONE: _("Done"), S.SKIPPED: _("Skipped"), S.FAILED: _("Failed")}
    if item.state in outcomes:
        return outcomes[S(item.state)]
    if item.reason == NOT_AGREED:
        return _("Not moved")
    return texts.words(texts.VERDICTS, item.verdict) if item.verdict else ""


def _text(item: JobItem, names: Mapping[str, str], *, links: bool) -> str:
    """What will happen or has happened to the row, in a sentence."""
    if item.reason == OVERRODE:
        return overrides.text(item, links=links, named=lambda value: _named(value, names))
    if item.reason:
        return _reason(item, names)
    if item.verdict == V.NO_ORDER and item.detail:
        return _("Skipped: the store has no such order; did you mean %(number)s?") % {
            "number": item.detail
        }
    if item.verdict in texts.LEFT:
        return texts.words(texts.LEFT, item.verdict)
    if item.verdict in (V.CHANGE, V.CANCEL):
        before, after = (
            names.get(value) or shortened(value) or "—" for value in (item.seen, item.wanted)
        )
        return f"{before} → {after}"
    return _way(item)


def _reason(item: JobItem, names: Mapping[str, str]) -> str:
    if item.verdict == V.DOUBT:
        return _doubt(item)
    found = texts.words(texts.ITEM_REASONS, item.reason)
    if item.reason == "changed" and item.detail:
        return f"{found} ({_named(item.detail, names)})"
    if item.reason == "bad_card" and (number := _ONE_NUMBER.fullmatch(item.wanted_text)):
        return _("%(reason)s; for deal %(id)s, enter only %(id)s") % {
            "reason": found, "id": number[1],
        }  # fmt: skip
    return found


def _named(value: str, names: Mapping[str, str]) -> str:
    """What a place, a status or a person in a row is called."""
    place = place_of_or_none(value)
    return _name(place) if place else names.get(value) or shortened(value)


def _doubt(item: JobItem) -> str:
    """Why a row that can be read in two ways is not taken, with both readings."""
    first, _bar, second = item.detail.partition("|")
    if item.reason == "two_readings":
        return texts.words(texts.ITEM_REASONS, item.reason) % {"one": first, "other": second}
    if item.reason != "number_or_id":
        return texts.words(texts.ITEM_REASONS, item.reason)
    place = place_of_or_none(second)
    if place is None:
        return texts.words(texts.ITEM_REASONS, item.reason) % {"number": first}
    linked = texts.words(texts.ITEM_REASONS, "number_or_id_linked")
    return linked % {"number": first, "place": _name(place)}


def _way(item: JobItem) -> str:
    """From where to where an order goes."""
    source, target = place_of_or_none(item.seen), place_of_or_none(item.wanted)
    if item.verdict == V.MOVE and source and target:
        return _("Move from %(source)s to %(target)s") % {
            "source": _name(source), "target": _name(target),
        }  # fmt: skip
    if item.verdict == V.LINK and target:
        return _("Link to %(target)s") % {"target": _name(target)}
    if item.verdict == V.UNLINK and source:
        return _("Unlink from %(source)s") % {"source": _name(source)}
    return ""


def place_of_or_none(text: str) -> Owner | None:
    return place_of(text) if _PLACE.fullmatch(text) else None


def _name(owner: Owner) -> str:
    form = _("deal %(id)s") if owner.is_deal else _("invoice %(id)s")
    return form % {"id": owner.id}


def template() -> Table:
    """An empty table of orders and their deals, headed as the reader of files knows it."""
    return Table(_("Orders"), [_("Order number"), _("Deal")], [])


def agreed(job: Job, form: QueryDict) -> Agreed:
    """What a person agrees to with a form: to move orders of other deals, or those of invoices, or to
    change cancellations. Only linking asks for a consent to moves.
    """
    fields = {MOVES: "move", INVOICES: "invoices", CANCELS: "cancels"}
    given = frozenset(name for name, field in fields.items() if form.get(field) == "on")
    return given if job.kind == Job.Kind.LINK else given | {MOVES, INVOICES}


def table(job: Job, show: str, agreed: Agreed) -> Table:
    """The rows behind a chip as a table to download, as they are with what is ``agreed`` to."""
    name = _("Job %(id)s") % {"id": job.pk}
    if job.kind == Job.Kind.EXPORT and job.done:
        return order_export.table(name, chosen(job, S.DONE))
    wanted, seen = headings(job) or (_("New link"), _("Linked now"))
    columns = [
        _("Row"), _("Order"), _("Order ID"), seen, wanted, _("Check"), _("Outcome"), _("Reason"),
        _("Time"),
    ]  # fmt: skip
    return Table(name, columns, list(_cells(job, show, agreed)))


def _cells(job: Job, show: str, agreed: Agreed) -> Iterator[list[Cell]]:
    rows = chosen(job, show).iterator(chunk_size=ROWS_PER_READ)
    left = _("Skipped in the preview") if job.started_at else ""
    while piece := list(islice(rows, ROWS_PER_READ)):
        for line in lines(job, piece):
            shown = replace(line, unless_moved="") if line.consent in agreed else _unmoved(line)
            yield _row(shown, left if line.item.state == S.LEFT else "")


def _unmoved(line: Line) -> Line:
    return replace(line, text=line.stays) if line.unless_moved else line


def _row(line: Line, left: str) -> list[Cell]:
    item = line.item
    outcome = line.verdict if item.at else left
    return [
        item.row,
        line.order,
        item.order_id or None,
        _name(line.current_place.owner) if line.current_place else line.seen,
        _name(line.target.owner) if line.target else line.wanted,
        line.unless_moved or (texts.words(texts.VERDICTS, item.verdict) if item.verdict else ""),
        outcome,
        "; ".join(filter(None, (line.text, *line.notes))),
        moment(item.at),
    ]

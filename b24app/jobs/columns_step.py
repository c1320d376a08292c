"""The step *Check columns*: the beginning of a file or a list, what it was taken for, what is doubtful."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from django.core.exceptions import BadRequest
from django.http import QueryDict
from django.utils.translation import gettext as _

from b24app.changes.properties import place_of
from b24app.imports import columns, sample
from b24app.imports.columns import Column, Columns, Kind, Why
from b24app.imports.heading_row import HEADING_ROWS
from b24app.imports.rows import NO_ORDER, Row, rows
from b24app.imports.sample import Sample
from b24app.imports.table import MAX_COLUMNS, About, Line, Sheet
from b24app.imports.values import Doubt
from b24app.jobs import column_choice, column_texts, forms
from b24app.jobs.column_choice import ORDER_KINDS, ColumnChoice
from b24app.jobs.models import TO_CARD, WITH_CARD, Job, JobSource
from b24app.orders.visible_text import visible
from b24app.portals.models import PortalUser
from b24app.web.forms import whole_number

ROWS_SHOWN = 50
"""Rows shown at first, and as many more with each press."""
MAX_ROWS_SHOWN = 300
EXAMPLES = 4
EXAMPLE_CHARACTERS = 24


@dataclass(frozen=True, slots=True)
class Cell:
    """``mark`` is ``doubt``, ``lost``, ``filled`` or empty; ``then`` what is taken, or why nothing is."""

    text: str
    mark: str = ""
    then: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """A column with what it is taken for. ``problem`` refuses the choice in place."""

    index: int
    letter: str
    heading: str
    kind: Kind
    options: Sequence[tuple[str, str]]
    why: str
    sure: bool
    problem: str
    examples: Sequence[Cell]

    @property
    def used(self) -> bool:
        return self.kind != Kind.IGNORE

    @property
    def name(self) -> str:
        return f"{self.letter} {self.heading}".strip()


@dataclass(frozen=True, slots=True)
class Shown:
    """A row of the table; ``hidden`` rows are shown without cells."""

    number: int
    cells: Sequence[Cell]
    hidden: bool


@dataclass(frozen=True)
class Step:
    """The page for ``choice``, which need not be the one that the preview was made with."""

    job: Job
    found: Sample
    sheet: Sheet
    columns: Columns
    choice: ColumnChoice
    to: str
    shown: int = ROWS_SHOWN

    @property
    def more(self) -> int:
        """How many rows to show next; 0 where no more of the file can be shown."""
        further = self.shown < min(len(self._kept), MAX_ROWS_SHOWN)
        return self.shown + ROWS_SHOWN if further else 0

    @property
    def is_list(self) -> bool:
        return self.found.is_list

    @property
    def sheets(self) -> Sequence[Sheet]:
        return self.found.sheets

    @property
    def heading_rows(self) -> list[int]:
        """Rows that may hold the headings."""
        return [line.number for line in self.sheet.sample[:HEADING_ROWS] if not line.hidden]

    @property
    def to_card(self) -> bool:
        return self.job.kind in TO_CARD

    @cached_property
    def heads(self) -> list[Head]:
        return [self._head(column) for column in self.columns.columns]

    @cached_property
    def lines(self) -> list[Shown]:
        return [self._shown(line) for line in self._below]

    @property
    def rows(self) -> int:
        """Rows below the headings."""
        return max(0, self.sheet.rows - self.columns.heading_row)

    @property
    def refusal(self) -> str:
        """Why the rows cannot be checked with this choice; empty where they can."""
        if not self._below:
            return _("This sheet has no rows.")
        if not self.choice.orders:
            return _("Choose the column with orders")
        return "" if self.choice.complete else _("Choose one column of each kind")

    @property
    def effect(self) -> str:
        """What becomes of the rows shown, in a sentence."""
        if self.refusal:
            return self.refusal
        counted = Counter(_outcome(self._cell_of_order(row)) for row in self._rows.values())
        return _(
            "Of the first %(rows)s rows: %(taken)s can be used, %(doubtful)s doubtful, %(left)s left out."
        ) % {
            "rows": len(self._rows),
            "taken": counted[""],
            "doubtful": counted["doubt"],
            "left": counted["lost"],
        }

    @cached_property
    def _kept(self) -> list[Line]:
        first = self.columns.heading_row
        return [line for line in self.sheet.sample if line.number > first]

    @property
    def _below(self) -> list[Line]:
        return self._kept[: self.shown]

    @cached_property
    def _rows(self) -> dict[int, Row]:
        read = rows(
            self._below,
            self.columns,
            self.job.portal.host,
            hidden=self.choice.hidden_rows,
            fill_merged=not self.choice.unmerged,
        )
        return {row.number: row for row in read}

    def _head(self, column: Column) -> Head:
        cells = [
            cell
            for line in self._below
            if not line.hidden and (cell := self._cell(line, column.index)).text
        ]
        shown = [replace(cell, text=cell.text[:EXAMPLE_CHARACTERS]) for cell in cells[:EXAMPLES]]
        return Head(
            index=column.index,
            letter="" if self.is_list else letter(column.index),
            heading=column.heading,
            kind=column.kind,
            options=[(kind.value, str(column_texts.KINDS[kind])) for kind in self._kinds(column)],
            why=column_texts.why(column),
            sure=column.sure,
            problem=self._problem(column),
            examples=shown,
        )

    def _kinds(self, column: Column) -> Sequence[Kind]:
        """What a column can be taken for. A line of a list begins with its order."""
        if self.is_list:
            return (Kind.DEAL,) if column.index else (Kind.NUMBER, Kind.ID)
        if self.job.kind in WITH_CARD:
            return tuple(Kind)
        return (Kind.NUMBER, Kind.ID, Kind.IGNORE)

    def _problem(self, column: Column) -> str:
        same = self.choice.orders if column.kind in ORDER_KINDS else self.choice.cards
        if column.kind == Kind.IGNORE or same[0] == column.index:
            return ""
        words = (
            _("Column %(letter)s holds the orders already")
            if column.kind in ORDER_KINDS
            else _("Column %(letter)s holds the deals already")
        )
        return words % {"letter": letter(same[0])}

    def _shown(self, line: Line) -> Shown:
        hidden = line.hidden and not self.choice.hidden_rows
        cells = (
            [] if hidden else [self._cell(line, column.index) for column in self.columns.columns]
        )
        return Shown(line.number, cells, hidden)

    def _cell(self, line: Line, index: int) -> Cell:
        row, text = self._rows.get(line.number), line.cell(index)
        order, card = self.columns.order, self.columns.card
        if row is not None and order is not None and index == order.index:
            return self._cell_of_order(row)
        if row is not None and card is not None and index == card.index:
            return self._cell_of_card(row, line)
        return Cell(visible(text))

    def _cell_of_order(self, row: Row) -> Cell:
        value = row.order
        if value.doubt == Doubt.TWO_READINGS:
            whole, other = value.readings
            if self.choice.readings:
                taken = whole if self.choice.readings == column_choice.WHOLE else other
                return Cell(value.written, then=_("taken as %(order)s") % {"order": taken})
            return Cell(
                value.written, "doubt", _("%(one)s or %(other)s?") % {"one": whole, "other": other}
            )
        if value.doubt is not None or row.problem in column_texts.LOST:
            why = _("names no order") if row.problem == NO_ORDER else _("cannot be read")
            return Cell(value.written, "lost", why)
        if self._without_card(row):
            return Cell(value.written, "lost", _("no deal"))
        if value.cleaned:
            return Cell(value.written, then=_("taken as %(order)s") % {"order": value.taken})
        return Cell(value.written)

    def _without_card(self, row: Row) -> bool:
        """Whether a row is left out because it names no card."""
        if self.job.kind not in WITH_CARD or row.card.owner is not None:
            return False
        if self.columns.card is None:
            return self.to_card and not self.to
        return not (self.to_card and self.to and self.choice.fill)

    def _cell_of_card(self, row: Row, line: Line) -> Cell:
        card = self.columns.card
        note = line.notes.get(card.index) if card else None
        if row.card.problem:
            return Cell(row.card.written, "lost", _("not a deal"))
        if note is not None and note.about == About.MERGED and not self.choice.unmerged:
            return Cell(row.card.written, "filled", _("from a merged cell"))
        if row.card.owner is None:
            given = self.to_card and self.to and self.choice.fill
            return Cell("", then=_("the deal below") if given else _("no deal: left out"))
        if row.card.written != str(row.card.owner.id):
            return Cell(row.card.written, then=column_texts.place(row.card.owner))
        return Cell(row.card.written)


def of_job(job: Job, form: QueryDict | None = None) -> Step | None:
    """The step with what ``form`` has chosen, or as the preview was made; None where nothing is kept.

    Raises ``BadRequest`` for a form that is not our own.
    """
    given = JobSource.objects.filter(job=job).defer("content").first()
    found = sample.unpacked(given.sample) if given else None
    if given is None or found is None:
        return None
    if form is None or "sheet" not in form:
        return _as_made(job, given, found)
    return _as_chosen(job, found, form)


def wanted(step: Step, form: QueryDict) -> str:
    """What every row without its own gets, once the choice can be used; raises :class:`forms.Mistake`."""
    if not step.choice.complete or step.refusal:
        raise forms.Mistake(step.refusal or _("Choose the column with orders"))
    if not step.to_card:
        return step.job.wanted
    card = forms.card_for_all(form, step.job.portal.host)
    if not card and not step.choice.cards and not step.is_list:
        raise forms.Mistake(_("Choose the deal to link the orders to."))
    return card


def remember(step: Step, user: PortalUser) -> None:
    """Keep the columns for this person's next file with the same headings."""
    if not step.is_list:
        found = step.found
        read = columns.recognized(step.sheet, lambda values: found.known, step.job.portal.host)
        column_choice.remember(user, read, step.choice)


def _as_made(job: Job, given: JobSource, found: Sample) -> Step | None:
    sheet = found.sheet_at(found.sheet)
    if sheet is None:
        return None
    kinds = found.columns.kinds
    choice = ColumnChoice.kept(given.choice) or ColumnChoice(
        found.sheet, found.columns.heading_row, kinds
    )
    return Step(
        job,
        found,
        sheet,
        found.columns,
        choice,
        _written(job.wanted) if job.kind in TO_CARD else "",
    )


def _as_chosen(job: Job, found: Sample, form: QueryDict) -> Step:
    sheet = found.sheet_at(_number(form, "sheet"))
    if sheet is None:
        raise BadRequest
    choice = ColumnChoice(
        sheet=sheet.index,
        readings=_choice(form, "readings", (column_choice.WHOLE, column_choice.OTHER)),
        ids=form.get("ids") == "on",
        duplicates=_choice(form, "duplicates", (column_choice.FIRST, column_choice.LAST)),
        hidden_rows=form.get("hidden") == "on",
        unmerged=form.get("unmerged") == "on",
        fill=form.get("fill") == "on",
    )
    moved = (form.get("of-sheet"), form.get("of-heading")) != (form["sheet"], form.get("heading"))
    if moved and not found.is_list:
        same = form.get("of-sheet") == form["sheet"]
        read = columns.recognized(
            sheet,
            lambda values: found.known,
            job.portal.host,
            _number(form, "heading") if same else None,
        )
        kinds = read.kinds
    else:
        kinds = _kinds(form, MAX_COLUMNS)
        read = _explained(found, sheet, _number(form, "heading"), kinds)
    choice = replace(choice, heading_row=read.heading_row, kinds=kinds)
    to, shown = form.get("to", "").strip()[:500], _number(form, "shown") or ROWS_SHOWN
    return Step(job, found, sheet, read, choice, to, min(shown, MAX_ROWS_SHOWN))


def _explained(found: Sample, sheet: Sheet, heading_row: int, kinds: Mapping[int, Kind]) -> Columns:
    """The columns as chosen; those that are as they were found keep the reason."""
    read = columns.chosen(sheet, heading_row, kinds, Why.CHOSEN)
    if sheet.index != found.sheet or heading_row != found.columns.heading_row:
        return read
    before = {column.index: column for column in found.columns.columns}
    kept = (
        before[column.index]
        if column.index in before and before[column.index].kind == column.kind
        else column
        for column in read.columns
    )
    return replace(read, columns=tuple(kept))


def _kinds(form: QueryDict, columns: int) -> dict[int, Kind]:
    """What the form's selects say of each column."""
    chosen = {index: form.get(f"column-{index}", Kind.IGNORE.value) for index in range(columns)}
    if not set(chosen.values()) <= set(Kind):
        raise BadRequest
    return {index: Kind(kind) for index, kind in chosen.items() if kind != Kind.IGNORE}


def _choice(form: QueryDict, name: str, allowed: Sequence[str]) -> str:
    value = form.get(name, "")
    if value and value not in allowed:
        raise BadRequest
    return value


def _number(form: QueryDict, name: str) -> int:
    return whole_number(form.get(name, "0"), most=9_999_999)


def _written(place: str) -> str:
    """The card for all rows as its field shows it: a deal by its ID alone."""
    owner = place_of(place)
    if owner is None:
        return ""
    return str(owner.id) if owner.is_deal else place


def _outcome(cell: Cell) -> str:
    return cell.mark if cell.mark in ("doubt", "lost") else ""


def letter(index: int) -> str:
    """``A`` for 0, ``AA`` for 26."""
    high, low = divmod(index, 26)
    return (letter(high - 1) if high else "") + chr(ord("A") + low)

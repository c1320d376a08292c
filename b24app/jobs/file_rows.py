"""A job's file or pasted list becomes its rows: what was recognized is kept with the job, and said.

How cells, columns and sheets are read is the business of :mod:`b24app.imports`; here it is decided what a
row means for this job.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from b24app.bitrix24.ask import together
from b24app.bitrix24.client import Client
from b24app.changes.properties import place_text
from b24app.imports import columns, pasted, source
from b24app.imports import sample as samples
from b24app.imports.columns import Columns, Kind, Why
from b24app.imports.delimited import DelimitedText
from b24app.imports.known import Ask, Known
from b24app.imports.rows import Row, rows
from b24app.imports.sample import Sample
from b24app.imports.table import About, Line, Sheet, Source, Unreadable
from b24app.imports.values import Doubt, OrderValue
from b24app.jobs import column_choice
from b24app.jobs.column_choice import ColumnChoice
from b24app.jobs.models import TO_CARD, WITH_CARD, Job, JobItem, JobSource
from b24app.orders import order_numbers

S, V = JobItem.State, JobItem.Verdict

# Why a row that names no card is not used, where other rows name theirs.
NO_CARD_GIVEN = "no_card_given"


@dataclass(slots=True)
class Counts:
    """What the page reports, counted while the rows are read. ``example`` is a value that can be read
    in two ways, with its readings.
    """

    hidden_rows: int = 0
    merged: int = 0
    two_readings: int = 0
    example: list[str] = field(default_factory=list)
    without_card: int = 0

    def lines(self, lines: Iterable[Line]) -> Iterator[Line]:
        for line in lines:
            self.hidden_rows += line.hidden
            self.merged += sum(note.about == About.MERGED for note in line.notes.values())
            yield line

    def rows(self, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            if row.order.doubt == Doubt.TWO_READINGS:
                self.two_readings += 1
                self.example = self.example or [row.order.written, *row.order.readings]
            self.without_card += row.card.owner is None and not row.card.problem
            yield row


def rows_of(job: Job, given: JobSource, own: Client) -> Iterator[Row]:
    """The rows of a job's source. How it was read is noted in ``job.reading`` at the end, its beginning
    in ``given.sample``.

    ``own`` asks the store about at most 50 values, in one request. Raises :class:`Unreadable`, and
    ``errors.BitrixError`` where the portal cannot be asked.
    """
    content = bytes(given.content)
    if job.origin == Job.Origin.LIST:
        text = content.decode()
        table = pasted.as_table(text)
        if table is None:
            yield from _listed(job, given, text)
            return
        yield from _table(job, given, table, own)
        return
    with source.opened(content) as opened:
        yield from _table(job, given, opened, own)


def item_of(job: Job, row: Row, choice: ColumnChoice) -> JobItem:
    """A row as the job keeps it. What is doubtful or cannot be used is not worked."""
    order = _chosen_reading(row.order, choice)
    item = JobItem(
        job=job,
        row=row.number,
        order_text=(order.taken or order.written)[:64],
        written=order.written[:200] if order.cleaned else "",
        wanted_text=row.card.written[:64],
        named=row.kind.value,
        notes=_notes(row),
    )
    place = place_text(row.card.owner)
    if job.kind == Job.Kind.UNLINK:
        item.expected = place or None
    else:
        item.wanted = (place if job.kind in TO_CARD else "") or job.wanted
    if order.doubt is not None:
        item.verdict, item.state, item.reason = V.DOUBT, S.LEFT, order.doubt.value
        item.detail = "|".join(order.readings)
    elif problem := row.problem or _lacks_card(job, row, item, choice):
        item.verdict, item.state, item.reason = V.BAD, S.LEFT, problem
    elif row.kind == Kind.ID:
        item.order_id = int(order.taken)
    return item


def _chosen_reading(order: OrderValue, choice: ColumnChoice) -> OrderValue:
    """A value that can be read in two ways, as the person has said it is to be read."""
    if order.doubt != Doubt.TWO_READINGS or not choice.readings:
        return order
    whole, other = order.readings
    return OrderValue(order.written, whole if choice.readings == column_choice.WHOLE else other)


def _lacks_card(job: Job, row: Row, item: JobItem, choice: ColumnChoice) -> str:
    """An empty cell in a column of deals is no deal: not any deal, and the one for all only where the
    person has said so.
    """
    if job.kind not in WITH_CARD or row.card.owner is not None:
        return ""
    if job.kind in TO_CARD and item.wanted and choice.fill:
        return ""
    has_column = bool(job.reading.get("card_column"))
    return NO_CARD_GIVEN if has_column or (job.kind in TO_CARD and not item.wanted) else ""


def _notes(row: Row) -> list[str]:
    found = []
    if row.merged:
        found.append("merged")
    if row.linked:
        found.append("linked")
    return found


def _listed(job: Job, given: JobSource, text: str) -> Iterator[Row]:
    cards = job.kind in WITH_CARD
    sheet, found = pasted.sheet(text)
    choice = ColumnChoice.kept(given.choice)
    chosen = None
    if choice is not None:
        found = columns.chosen(sheet, found.heading_row, choice.kinds, Why.CHOSEN)
        chosen = found.order.kind if found.order else None
    _keep_sample(given, Sample((sheet,), 0, found, is_list=True))
    read = list(pasted.rows(text, job.portal.host, cards=cards, kind=chosen))
    # Among lines that name a deal, a line that names none does not mean any deal.
    named = job.kind == Job.Kind.UNLINK and any(row.card.owner for row in read)
    counts = Counts()
    job.reading = {"card_column": named}
    yield from counts.rows(read)
    job.reading |= asdict(counts)


def _table(
    job: Job, given: JobSource, opened: Source | DelimitedText, own: Client
) -> Iterator[Row]:
    choice = ColumnChoice.kept(given.choice)
    sheet = columns.likeliest(opened.sheets)
    if choice is not None:
        sheet = next((item for item in opened.sheets if item.index == choice.sheet), sheet)
    if sheet is None:
        raise Unreadable("empty")
    found = _columns(job, given, opened, sheet, own)
    if found.order is None:
        raise Unreadable("no_order_column")
    if job.kind in TO_CARD and not job.wanted and found.card is None:
        raise Unreadable("no_card_column")
    choice = choice or ColumnChoice()
    counts = Counts()
    job.reading = _described(opened, sheet, found)
    lines = counts.lines(opened.lines(sheet.index, found.used))
    read = rows(
        lines, found, job.portal.host, hidden=choice.hidden_rows, fill_merged=not choice.unmerged
    )
    yield from counts.rows(read)
    job.reading |= asdict(counts)


def _columns(
    job: Job, given: JobSource, opened: Source | DelimitedText, sheet: Sheet, own: Client
) -> Columns:
    """What the columns hold: as chosen for this file, or for an earlier one, or as recognized."""
    known = Known()

    def ask(values: Sequence[str]) -> Known:
        nonlocal known
        known = _asking(own)(values)
        return known

    choice = ColumnChoice.kept(given.choice)
    if choice is not None:
        found = columns.chosen(sheet, choice.heading_row, choice.kinds, Why.CHOSEN)
    else:
        found = columns.recognized(sheet, ask, job.portal.host)
        earlier = column_choice.remembered(job.user, found)
        if earlier is not None:
            found = columns.chosen(sheet, found.heading_row, earlier, Why.REMEMBERED)
    before = samples.unpacked(given.sample)
    known = before.known if before and choice is not None else known
    _keep_sample(
        given, Sample(opened.sheets, sheet.index, found, opened.hidden_sheets, known=known)
    )
    return found


def _keep_sample(given: JobSource, sample: Sample) -> None:
    given.sample = samples.packed(sample)
    given.save(update_fields=["sample"])


def _described(opened: Source | DelimitedText, sheet: Sheet, found: Columns) -> dict[str, Any]:
    """How the file was read, as the job stores it."""
    return {
        "sheet": sheet.name if len(opened.sheets) > 1 else "",
        "hidden_sheets": opened.hidden_sheets,
        "unseen": sorted(opened.unseen),
        "heading_row": found.heading_row,
        "card_column": found.card is not None,
        "columns": [
            {
                "heading": column.heading,
                "kind": column.kind.value,
                "why": column.why.value,
                "sure": column.sure,
            }
            for column in found.columns
            if column.kind != Kind.IGNORE or column.why not in (Why.NOTHING, Why.SAME_ORDER)
        ],
    }


def _asking(own: Client) -> Ask:
    def ask(values: Sequence[str]) -> Known:
        """Which values are numbers or IDs of the store's orders."""
        ids = [
            int(value)
            for value in values
            if value.isascii() and value.isdecimal() and len(value) <= 15
        ]
        question = together(order_numbers.with_numbers(values), order_numbers.with_ids(ids))
        by_number, by_id = own.answer(question, strict=True)
        return Known(
            {order.number.casefold(): order.id for page in by_number for order in page},
            {order.id: order.number for page in by_id for order in page},
        )

    return ask

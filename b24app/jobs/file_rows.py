"""A job's file or pasted list becomes its rows: what was recognized is kept with the job, and said.

How cells, columns and sheets are read is the business of :mod:`b24app.imports`; here it is decided what a
row means for this job.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from b24app.bitrix24.ask import together
from b24app.bitrix24.client import Client
from b24app.changes.properties import place_text
from b24app.imports import columns, pasted, source
from b24app.imports.columns import Columns, Kind, Known, Why
from b24app.imports.delimited import DelimitedText
from b24app.imports.rows import Row, rows
from b24app.imports.table import Line, Sheet, Source, Unreadable
from b24app.jobs.models import TO_CARD, WITH_CARD, Job, JobItem
from b24app.orders import order_numbers

S, V = JobItem.State, JobItem.Verdict

# Why a row that names no card is not used, where other rows name theirs.
NO_CARD_GIVEN = "no_card_given"


def rows_of(job: Job, content: bytes, own: Client) -> Iterator[Row]:
    """The rows of a job's source. How it was read is noted in ``job.reading`` at the end.

    ``own`` asks the store about at most 50 values, in one request. Raises :class:`Unreadable`, and
    ``errors.BitrixError`` where the portal cannot be asked.
    """
    if job.origin == Job.Origin.LIST:
        text = content.decode()
        table = pasted.as_table(text)
        if table is None:
            yield from _listed(job, text)
            return
        yield from _table(job, table, own)
        return
    with source.opened(content) as opened:
        yield from _table(job, opened, own)


def item_of(job: Job, row: Row) -> JobItem:
    """A row as the job keeps it. What is doubtful or cannot be used is not worked."""
    order = row.order
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
    elif problem := row.problem or _lacks_card(job, row, item):
        item.verdict, item.state, item.reason = V.BAD, S.LEFT, problem
    elif row.kind == Kind.ID:
        item.order_id = int(order.taken)
    return item


def _lacks_card(job: Job, row: Row, item: JobItem) -> str:
    """An empty cell in a column of deals is no deal: not the one for all, and never any deal."""
    if job.kind not in WITH_CARD:
        return ""
    has_column = bool(job.reading.get("card_column"))
    if row.card.owner is None and (has_column or (job.kind in TO_CARD and not item.wanted)):
        return NO_CARD_GIVEN
    return ""


def _notes(row: Row) -> list[str]:
    found = []
    if row.merged:
        found.append("merged")
    if row.linked:
        found.append("linked")
    return found


def _listed(job: Job, text: str) -> Iterator[Row]:
    cards = job.kind in WITH_CARD
    found = list(pasted.rows(text, job.portal.host, cards=cards))
    # Among lines that name a deal, one that names none does not mean any deal.
    named = job.kind == Job.Kind.UNLINK and any(row.card.owner for row in found)
    job.reading = {"card_column": named}
    yield from found


def _table(job: Job, opened: Source | DelimitedText, own: Client) -> Iterator[Row]:
    sheet = columns.likeliest(opened.sheets)
    if sheet is None:
        raise Unreadable("empty")
    found = columns.recognized(sheet, _asking(own), job.portal.host)
    if found.order is None:
        raise Unreadable("no_order_column")
    if job.kind in TO_CARD and not job.wanted and found.card is None:
        raise Unreadable("no_card_column")
    told = Counter[str]()
    job.reading = _described(opened, sheet, found)
    yield from rows(_counted(opened.lines(sheet.index, found.used), told), found, job.portal.host)
    job.reading |= {"hidden_rows": told["hidden"], "merged": told["merged"]}


def _counted(lines: Iterator[Line], told: Counter[str]) -> Iterator[Line]:
    for line in lines:
        told["hidden"] += line.hidden
        told["merged"] += sum(note.about == "merged" for note in line.notes.values())
        yield line


def _described(opened: Source | DelimitedText, sheet: Sheet, found: Columns) -> dict[str, Any]:
    """What people are told of how the file was read, as the job keeps it."""
    return {
        "sheet": sheet.name if len(opened.sheets) > 1 else "",
        "hidden_sheets": opened.hidden_sheets,
        "unseen": sorted(opened.unseen),
        "heading_row": found.heading_row,
        "card_column": found.card is not None,
        "columns": [
            {"heading": one.heading, "kind": one.kind.value, "why": one.why.value, "sure": one.sure}
            for one in found.columns
            if one.kind != Kind.IGNORE or one.why not in (Why.NOTHING, Why.SAME_ORDER)
        ],
    }


def _asking(own: Client) -> columns.Ask:
    def ask(values: Sequence[str]) -> Known:
        """Which values are numbers or IDs of the store's orders."""
        ids = [int(one) for one in values if one.isascii() and one.isdecimal() and len(one) <= 15]
        question = together(order_numbers.with_numbers(values), order_numbers.with_ids(ids))
        by_number, by_id = own.answer(question, strict=True)
        return Known(
            {order.number.casefold(): order.id for page in by_number for order in page},
            {order.id: order.number for page in by_id for order in page},
        )

    return ask

"""The first rows of a source, small enough to be kept and shown again without reading the source."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from b24app.imports.columns import Column, Columns, Kind, Why
from b24app.imports.known import Known
from b24app.imports.table import About, Line, Note, Sheet

MAX_CELL_CHARACTERS = 100
"""Characters of a cell that are kept."""
MAX_CHARACTERS = 1_000_000
"""Characters of all cells together; sheets beyond that keep fewer rows."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What was seen of a source, and how it was read: ``sheet`` is the index of the sheet taken.

    ``is_list`` marks lines of a pasted list, which have no sheets and no headings to choose.
    """

    sheets: tuple[Sheet, ...]
    sheet: int
    columns: Columns
    hidden_sheets: int = 0
    is_list: bool = False
    known: Known = field(default_factory=Known)

    def sheet_at(self, index: int) -> Sheet | None:
        return next((sheet for sheet in self.sheets if sheet.index == index), None)


def packed(sample: Sample) -> dict[str, Any]:
    """The sample as JSON, within :data:`MAX_CHARACTERS`. The sheet taken comes first."""
    first = sorted(sample.sheets, key=lambda sheet: sheet.index != sample.sheet)
    left = MAX_CHARACTERS
    sheets = []
    for sheet in first:
        lines = list(_within(sheet.sample, left))
        left -= sum(len(cell) for line in lines for cell in line[1])
        sheets.append(
            [sheet.index, _plain(sheet.name), sheet.rows, lines, sorted(sheet.hidden_columns)]
        )
    found = sample.columns
    return {
        "sheets": sorted(sheets, key=lambda sheet: sheet[0]),
        "sheet": sample.sheet,
        "heading_row": found.heading_row,
        "columns": [
            [
                column.index,
                _plain(column.heading),
                column.kind,
                column.why,
                column.sure,
                column.found,
                column.looked,
            ]
            for column in found.columns
        ],
        "same_order": found.same_order,
        "owner_type": found.owner_type,
        "hidden_sheets": sample.hidden_sheets,
        "is_list": sample.is_list,
        "ids": {_plain(text): order_id for text, order_id in sample.known.ids.items()},
        "numbers": {str(pk): _plain(text) for pk, text in sample.known.numbers.items()},
    }


def unpacked(kept: Mapping[str, Any]) -> Sample | None:
    """The sample that :func:`packed` has made; None for an empty one."""
    if not kept:
        return None
    columns = tuple(
        Column(index, heading, Kind(kind), Why(why), sure, found, looked)
        for index, heading, kind, why, sure, found, looked in kept["columns"]
    )
    return Sample(
        sheets=tuple(
            Sheet(index, name, rows, tuple(map(_line, lines)), frozenset(hidden))
            for index, name, rows, lines, hidden in kept["sheets"]
        ),
        sheet=kept["sheet"],
        columns=Columns(kept["heading_row"], columns, kept["same_order"], kept.get("owner_type")),
        hidden_sheets=kept["hidden_sheets"],
        is_list=kept["is_list"],
        known=Known(kept["ids"], {int(pk): number for pk, number in kept["numbers"].items()}),
    )


def _within(lines: Sequence[Line], left: int) -> Iterator[list[Any]]:
    for line in lines:
        cells = [_plain(cell) for cell in line.cells]
        left -= sum(map(len, cells))
        if left < 0:
            return
        notes = {str(at): [note.about, _plain(note.detail)] for at, note in line.notes.items()}
        yield [line.number, cells, notes, line.hidden]


def _line(kept: Sequence[Any]) -> Line:
    number, cells, notes, hidden = kept
    about = {int(at): Note(About(kind), detail) for at, (kind, detail) in notes.items()}
    return Line(number, cells, about, hidden)


def _plain(text: str) -> str:
    """The beginning of a text, without what a database refuses to keep in JSON."""
    kept = text[:MAX_CELL_CHARACTERS].replace("\x00", "")
    return kept.encode("utf-8", "replace").decode()

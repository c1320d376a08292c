"""Sentences about how a file or list was read: headings, columns, what was left out."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from b24app.jobs.models import Job, JobItem

MAX_COLUMNS_NAMED = 8


def notes(job: Job) -> list[str]:
    """One sentence for each thing that was recognized, assumed or left out; empty for plain files."""
    reading = job.reading if isinstance(job.reading, dict) else {}
    return [*_of_the_whole(reading), *_of_columns(reading)]


def of_row(item: JobItem) -> list[str]:
    """Sentences about how this row was read; empty if it was taken unchanged."""
    return [note() for name, note in _ROW.items() if name in item.notes]


def _of_the_whole(reading: Mapping[str, Any]) -> Iterator[str]:
    if sheet := reading.get("sheet"):
        yield _("The sheet “%(name)s” was read.") % {"name": sheet}
    if hidden := reading.get("hidden_sheets"):
        yield ngettext(
            "%(count)s hidden sheet was not read.", "%(count)s hidden sheets were not read.", hidden
        ) % {"count": hidden}
    if reading.get("heading_row", 0) > 1:
        yield _("The headings are in row %(row)s.") % {"row": reading["heading_row"]}
    if rows := reading.get("hidden_rows"):
        yield ngettext(
            "%(count)s hidden row in the file was skipped.",
            "%(count)s hidden rows in the file were skipped.",
            rows,
        ) % {"count": rows}
    if merged := reading.get("merged"):
        yield ngettext(
            "%(count)s cell was filled from a merged cell above it.",
            "%(count)s cells were filled from merged cells above them.",
            merged,
        ) % {"count": merged}
    if "hidden_rows" in reading.get("unseen", ()):
        yield _("This format doesn’t record hidden rows. If the file has any, save it as XLSX.")


def _of_columns(reading: Mapping[str, Any]) -> Iterator[str]:
    for column in reading.get("columns", [])[:MAX_COLUMNS_NAMED]:
        note = _COLUMN.get((column["kind"], column["why"]))
        if note is not None and column["heading"]:
            yield note() % {"heading": column["heading"]}


_COLUMN = {
    ("number", "values"): lambda: _(
        "“%(heading)s” was read as the order number: its values are numbers of orders in your store."
    ),
    ("id", "values"): lambda: _(
        "“%(heading)s” was read as the order ID: its values are IDs of orders in your store."
    ),
    ("number", "letters"): lambda: _(
        "“%(heading)s” was read as the order number because it contains more than digits."
    ),
    ("deal", "links"): lambda: _("“%(heading)s” was read as the deal: it contains links to deals."),
    ("invoice", "links"): lambda: _(
        "“%(heading)s” was read as the invoice: it contains links to invoices."
    ),
    ("ignore", "counter"): lambda: _("“%(heading)s” only numbers the rows and was ignored."),
    ("ignore", "own_bills"): lambda: _(
        "“%(heading)s” was ignored: these look like your store’s own invoice numbers."
    ),
    ("ignore", "hidden"): lambda: _("The hidden column “%(heading)s” was ignored."),
}

_ROW: Mapping[str, Callable[[], str]] = {
    "merged": lambda: _("Filled from a merged cell"),
    "linked": lambda: _("Deal taken from the link in its cell"),
}

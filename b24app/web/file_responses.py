"""Files that pages offer to download."""

from django.http import HttpResponse, QueryDict

from b24app.web import table_files
from b24app.web.forms import BadForm
from b24app.web.table_files import Table

_MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "zip": "application/zip",
}


def table_format(query: QueryDict) -> str:
    """The field ``format``: ``csv`` or ``xlsx``. Raises :class:`BadForm` for anything else."""
    kind = query.get("format", "")
    if kind not in ("csv", "xlsx"):
        raise BadForm
    return kind


def table_download(table: Table, kind: str, language: str, name: str) -> HttpResponse:
    """The table as a download ``name.kind``; CSV with the separators that ``language`` expects."""
    made = table_files.xlsx_file(table) if kind == "xlsx" else table_files.csv_file(table, language)
    return download(made, f"{name}.{kind}")


def download(content: bytes, file_name: str) -> HttpResponse:
    """The content as a download. ``file_name`` ends with ``.csv``, ``.xlsx`` or ``.zip``."""
    return HttpResponse(
        content,
        content_type=_MEDIA_TYPES[file_name.rpartition(".")[2]],
        headers={"Content-Disposition": f'attachment; filename="{file_name}"'},
    )

"""Responses that every room sends alike: downloads, toasts, fragments."""

import json

import pytest
from django.http import HttpResponse, QueryDict
from django.test import RequestFactory

from b24app.web import htmx
from b24app.web.file_responses import download, table_download, table_format
from b24app.web.forms import BadForm
from b24app.web.table_files import Table


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_table_is_downloaded_in_the_format_asked_for(kind: str) -> None:
    response = table_download(Table("Orders", ["ID"], [[5125]]), kind, "en", "orders")
    assert response["Content-Disposition"] == f'attachment; filename="orders.{kind}"'
    assert response.content.startswith(b"\xef\xbb\xbfID" if kind == "csv" else b"PK")


@pytest.mark.parametrize("query", ["", "format=", "format=pdf", "format=zip"])
def test_other_formats_are_refused(query: str) -> None:
    with pytest.raises(BadForm):
        table_format(QueryDict(query))


def test_archive_is_sent_as_one() -> None:
    assert download(b"PK", "support.zip")["Content-Type"] == "application/zip"


def test_toast_without_undo() -> None:
    response = htmx.trigger(HttpResponse(), {**htmx.CLOSE_DIALOG, **htmx.toast("Saved")})
    assert json.loads(response["HX-Trigger"]) == {
        "lo:dialog-close": True,
        "lo:toast": {"text": "Saved", "kind": "ok"},
    }


def test_toast_with_undo() -> None:
    event = htmx.toast("Linked", undo_url="/undo/", undo_label="Undo", undo={"change": "c1"})
    assert event["lo:toast"] == {
        "text": "Linked",
        "kind": "ok",
        "undo": {"url": "/undo/", "label": "Undo", "values": {"change": "c1"}},
    }


@pytest.mark.parametrize(("status", "in_place"), [(200, False), (404, True), (503, True)])
def test_fragment_with_an_error_status_goes_into_its_place(status: int, in_place: bool) -> None:
    response = htmx.partial(RequestFactory().get("/"), "jobs/missing.html", {}, status=status)
    assert (response.status_code, response.headers.get("X-Lo-State") == "1") == (status, in_place)

"""Answers for the page's script: fragments, toasts and events."""

import json
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

CLOSE_DIALOG: Mapping[str, object] = {"lo:dialog-close": True}


def partial(
    request: HttpRequest, template: str, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    """A fragment; with an error ``status`` the script puts it in its place too."""
    response = render(request, template, dict(context), status=status)
    if status >= 400:
        response["X-Lo-State"] = "1"
    return response


def trigger(response: HttpResponse, events: Mapping[str, object]) -> HttpResponse:
    """The response with events for the page, in place of those it had; their values go out as JSON."""
    response["HX-Trigger"] = json.dumps(dict(events))
    return response


def toast(
    text: str, *, undo_url: str = "", undo_label: str = "", undo: Mapping[str, str] | None = None
) -> dict[str, object]:
    """The event that shows ``text`` in a corner of the page.

    With ``undo_url`` the toast has a button ``undo_label`` that posts the fields ``undo`` there.
    """
    content: dict[str, object] = {"text": text, "kind": "ok"}
    if undo_url:
        content["undo"] = {"url": undo_url, "label": undo_label, "values": dict(undo or {})}
    return {"lo:toast": content}


def retarget(response: HttpResponse, selector: str, *, swap: str = "") -> HttpResponse:
    """The response for the element ``selector`` instead of the one the request aimed at."""
    response["HX-Retarget"] = selector
    if swap:
        response["HX-Reswap"] = swap
    return response

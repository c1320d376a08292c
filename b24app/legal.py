"""The licence and the privacy policy, as the Market's card links to them: open to everybody, in three
languages (``?lang=`` or the browser's own). The full texts are in ``templates/legal``.
"""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.http import require_safe

from b24app.web import entry

VERSION = "2026-11-29"


@require_safe
def licence(request: HttpRequest) -> HttpResponse:
    """The licence agreement."""
    return _document(request, "licence")


@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    """The privacy policy."""
    return _document(request, "privacy")


def _document(request: HttpRequest, name: str) -> HttpResponse:
    language = entry.language_of(request)
    context = {
        "document": name,
        "languages": settings.LANGUAGES,
        "version": VERSION,
        "publisher": settings.PUBLISHER or settings.APP_URL,
        "email": settings.PUBLISHER_EMAIL,
    }
    with translation.override(language):
        response = render(request, f"legal/{name}.{language}.html", context)
    response["Content-Language"] = language
    response["Vary"] = "Accept-Language"
    return response

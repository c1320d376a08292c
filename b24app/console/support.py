"""What support asks for: the journal of calls, found by a reference, and a bundle of files for them."""

import re

from django.http import HttpRequest, HttpResponse

from b24app.console import pages
from b24app.journal import audit, bundle, calls
from b24app.journal.models import RestCallQuerySet
from b24app.portals.models import Portal, PortalUser
from b24app.portals.rights import Asks
from b24app.web.file_responses import download
from b24app.web.session import Session

MAX_CALLS = 100
MAX_QUERY_CHARACTERS = 128

_REFERENCE = re.compile(r"LO-[0-9A-Z]{5}", re.IGNORECASE)
_REQUEST = re.compile(r"[0-9a-f]{32}(?:-[0-9a-f]{1,8})?", re.IGNORECASE)


@pages.administrators("support", "GET", asks=Asks.FIRST_OR_LATELY)
def journal(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """The latest 100 calls that match.

    Where the portal does not answer who an administrator is, that is when it is needed most: see ``_noted``.
    """
    _noted(user, "log")
    text = request.GET.get("q", "").replace("\x00", "").strip()[:MAX_QUERY_CHARACTERS]
    failed = request.GET.get("failed") == "on"
    context = {
        "text": text,
        "failed": failed,
        "calls": list(_found(user.portal, text, failed=failed)[:MAX_CALLS]),
        "most": MAX_CALLS,
        "days": user.portal.journal_days,
    }
    return pages.show(request, "support", context)


def _noted(user: PortalUser, what: str) -> None:
    """Support's data goes to whom the portal has confirmed in the last 30 minutes; the audit says so."""
    if user.unanswered is not None:
        audit.record_unconfirmed(user, what)


def _found(portal: Portal, text: str, *, failed: bool) -> RestCallQuerySet:
    """Calls by the reference a person was shown, by a request's id, else by a method's name."""
    if _REFERENCE.fullmatch(text):
        return calls.search(portal, reference=text, failed=failed)
    if _REQUEST.fullmatch(text):
        return calls.search(portal, request_id=text, failed=failed)
    return calls.search(portal, method=text.lower(), failed=failed)


@pages.administrators("support", "POST", asks=Asks.FIRST_OR_LATELY, unpaid=True)
def take(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """The support bundle: no secret, no customer, no name of a person in it."""
    _noted(user, "bundle")
    return download(bundle.made(user.portal), bundle.file_name(user.portal))

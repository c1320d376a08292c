"""The tab in an order's own card: where the order is linked, and how to link, move or unlink it there."""

from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from b24app.bitrix24 import ask
from b24app.changes.properties import LinkChange
from b24app.connect import client_of
from b24app.journal import audit
from b24app.journal.models import AuditEntry
from b24app.live import watching
from b24app.orders import current_link
from b24app.orders.current_link import Placed
from b24app.orders.types import ORDER, Owner
from b24app.portals import access, launch
from b24app.portals.launch import Posted, Refused
from b24app.portals.models import PortalUser
from b24app.portals.placements import ORDER_TAB
from b24app.portals.rights import Asks
from b24app.tab import forms, link_actions, problem_texts, targets, undo_actions
from b24app.tab.link_actions import LinkOutcome
from b24app.tab.problem_texts import Notice
from b24app.tab.responses import answer, links_recorded, undo_url
from b24app.web import entry
from b24app.web.frame_headers import allow_frame
from b24app.web.session import Session

Through = AuditEntry.Through


@entry.opened_by_portal
def order_tab(request: HttpRequest, posted: Posted) -> HttpResponse:
    """The order's place, in this very answer: one request to the portal."""
    portal = launch.known_portal(posted)
    if posted.placement != ORDER_TAB or posted.entity_id <= 0:
        raise Refused("malformed", portal)
    client = launch.client_for(posted, portal)
    # Taken before anything is read, so that no change falls between reading and asking for news.
    moment = watching.now()
    identity, is_named, order = client.answer(
        ask.together(
            launch.identity(),
            access.is_named(portal),
            current_link.current_link_of(posted.entity_id).attempt(),
        )
    )
    person = launch.person_of(posted, portal, identity)
    placed = ask.value_of(order)
    user = launch.opened(posted, portal, person)
    allow_frame(request, portal)
    opened = Session(user.pk, ORDER_TAB, ORDER, posted.entity_id, entry.language(posted.language))
    may_link = access.can_link(user, is_named=is_named)
    context = _context(user, placed, moment, may_link=may_link) | {"session": opened.token()}
    return render(request, "tab/order_page.html", context)


def _context(user: PortalUser, placed: Placed, moment: str, *, may_link: bool) -> dict[str, object]:
    """What ``tab/order_place.html`` needs; the page learns of changes since ``moment``."""
    watching.show(user.portal_id, Owner(ORDER, placed.order.id), [placed.order.id])
    return {
        "moment": moment,
        "order": placed.order,
        "place": placed.place,
        "card": placed.card,
        "seen": forms.seen_text(placed.place),
        "may_link": may_link,
        "unpaid": user.portal.payment_expired,
        "portal_origin": user.portal.origin,
    }


def _drawn(
    request: HttpRequest, opened: Session, user: PortalUser, notices: Sequence[Notice]
) -> HttpResponse:
    moment = watching.now()
    is_named, placed = client_of(user).answer(
        ask.together(access.is_named(user.portal), current_link.current_link_of(opened.entity_id))
    )
    may_link = access.can_link(user, is_named=is_named)
    context = _context(user, placed, moment, may_link=may_link)
    return render(request, "tab/order_place.html", context | {"notices": notices})


@entry.in_session("GET", asks=Asks.ALONG)
def place(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Where the order is linked, read again."""
    _checked(opened)
    return _drawn(request, opened, user, [])


@entry.in_session("GET", asks=Asks.ALONG)
def confirm(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Ask before the order is linked or moved to the card named, or which card it shall be."""
    _checked(opened)
    pick = _pick(request, opened)
    return _dialog(request, pick, targets.named(user, request.GET, pick.seen))


def _dialog(request: HttpRequest, pick: forms.Pick, target: targets.Target) -> HttpResponse:
    context = {"pick": pick, "seen": forms.seen_text(pick.seen), "target": target}
    return render(request, "tab/order_move.html", context)


@entry.in_session("POST", asks=Asks.ALONG)
def link(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Link the order to the deal or invoice named, from where the person saw it linked."""
    _checked(opened)
    pick = _pick(request, opened)
    to = targets.confirmed(user, request.POST, pick.seen)
    if isinstance(to, targets.Target):
        return targets.asked_again(_dialog(request, pick, to))
    outcome = link_actions.carry_out(user, None, [LinkChange(pick.order_id, pick.seen, to)])
    text = (
        _("Order linked to invoice %(invoice)s") % {"invoice": to.id}
        if to.is_invoice
        else _("Order linked to deal %(deal)s") % {"deal": to.id}
    )
    return _finished(request, opened, user, outcome, text)


@entry.in_session("POST", asks=Asks.ALONG)
def unlink(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Unlink the order from the card the person saw it at."""
    _checked(opened)
    pick = _pick(request, opened)
    if pick.seen is None:
        raise forms.BadForm
    outcome = link_actions.carry_out(user, None, [LinkChange(pick.order_id, pick.seen, None)])
    return _finished(request, opened, user, outcome, _("Order unlinked"))


@entry.in_session("POST", asks=Asks.ALONG)
def undo(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Take back one click as far as it touched this order."""
    _checked(opened)
    change, chosen = forms.undone(request.POST)
    order = Owner(ORDER, opened.entity_id)
    entries = audit.undoable(user, order, change=change, entries=chosen)
    if not entries:
        raise forms.BadForm
    return undo_actions.answered(request, opened, user, entries, draw=_drawn)


def _checked(opened: Session) -> None:
    """Raises :class:`BadForm` for a session that was opened for another kind of card."""
    if opened.owner_type != ORDER:
        raise forms.BadForm


def _pick(request: HttpRequest, opened: Session) -> forms.Pick:
    """The page's own order with the place it was seen at; raises :class:`BadForm` for another one."""
    chosen = forms.picks(request.POST if request.method == "POST" else request.GET)
    if len(chosen) != 1 or chosen[0].order_id != opened.entity_id:
        raise forms.BadForm
    return chosen[0]


def _finished(
    request: HttpRequest, opened: Session, user: PortalUser, outcome: LinkOutcome, text: str
) -> HttpResponse:
    change = links_recorded(user, Through.ORDER_CARD, outcome)
    notices = problem_texts.of_links(user, outcome, None, change, undo_url(opened))
    return answer(request, opened, user, notices, text if outcome.done else "", change, draw=_drawn)

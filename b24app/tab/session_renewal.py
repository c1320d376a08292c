"""Renewing the session of a page through the portal's frame."""

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from b24app.bitrix24 import errors
from b24app.bitrix24.client import Answer, Command
from b24app.orders import cards, current_link, parsing
from b24app.orders.types import DEAL, INVOICE, ORDER, Owner
from b24app.portals import launch
from b24app.portals.launch import Refused
from b24app.web import session
from b24app.web.session import NoSession, Session

# Nobody's access has ended: the same token may be good in a while.
_LATER = (
    errors.TransportError,
    errors.ServerFault,
    errors.LimitError,
    errors.PortalClosed,
    errors.PlanEnded,
)


@csrf_exempt
@require_POST
def renew(request: HttpRequest) -> HttpResponse:
    """``{"session": …}`` for an ended session and a fresh token from the frame; 401 for anything else.

    503 where the portal cannot be asked just now: the page may try again.

    The old session says what the page was for, the fresh token proves that the same person of the
    same portal still has it open, and may still open its card. Nobody can change persons here.
    """
    form = request.POST.dict()
    try:
        old = session.read(request, max_age=session.RENEWABLE)
        user = session.user_of(old)
        posted = launch.read({}, form | {"member_id": user.portal.member_id})
        asked = launch.identity_commands() | _opening(old)
        outcomes = launch.client_for(posted, user.portal).batch(asked)
        person = launch.identified(posted, user.portal, outcomes)
        if person.user_id != user.user_id:
            raise Refused("foreign")
        _check_opened(old, outcomes)
    except _LATER:
        return JsonResponse({"error": "later"}, status=503)
    except (NoSession, Refused, errors.BitrixError):
        return JsonResponse({"error": "reopen"}, status=401)
    with timezone.override(None):
        launch.opened(posted, user.portal, person)
    return JsonResponse({"session": old.token()})


def _opening(old: Session) -> dict[str, Command]:
    """The command that opens the session's card; none for a page without a card."""
    if old.owner_type == ORDER:
        return {"card": current_link.reading(old.entity_id)}
    if old.owner_type in (DEAL, INVOICE):
        return cards.opening(Owner(old.owner_type, old.entity_id))
    return {}


def _check_opened(old: Session, outcomes: Mapping[str, Answer | errors.BitrixError]) -> None:
    """Raises the portal's refusal to open the session's card, ``errors.NotFound`` where it is gone."""
    if old.owner_type == ORDER:
        parsing.order(outcomes["card"], old.entity_id)
    elif old.owner_type in (DEAL, INVOICE):
        cards.opened(Owner(old.owner_type, old.entity_id), outcomes)

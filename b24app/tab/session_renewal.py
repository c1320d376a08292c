"""Renewing the session of a page through the portal's frame."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from b24app.bitrix24 import ask, errors
from b24app.bitrix24.ask import Ask
from b24app.orders import cards, current_link
from b24app.orders.types import DEAL, INVOICE, ORDER, Owner
from b24app.portals import launch
from b24app.portals.launch import Refused
from b24app.web import entry, session
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
        asked = ask.together(launch.identity(), _opening(old).attempt())
        with entry.opening():
            identity, card = launch.client_for(posted, user.portal).answer(asked)
            person = launch.person_of(posted, user.portal, identity)
        if person.user_id != user.user_id:
            raise Refused("foreign")
        ask.value_of(card)
    except _LATER:
        return JsonResponse({"error": "later"}, status=503)
    except (NoSession, Refused, errors.BitrixError):
        return JsonResponse({"error": "reopen"}, status=401)
    with timezone.override(None):
        launch.opened(posted, user.portal, person)
    return JsonResponse({"session": old.token()})


def _opening(old: Session) -> Ask[object]:
    """Open the session's card; nothing for a page without a card.

    Raises the portal's refusal, ``errors.NotFound`` where the card is gone.
    """
    if old.owner_type == ORDER:
        return current_link.order_of(old.entity_id)
    if old.owner_type in (DEAL, INVOICE):
        return cards.card_of(Owner(old.owner_type, old.entity_id))
    return ask.known(None)

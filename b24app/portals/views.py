"""Renewing the session through the portal's frame."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from b24app.bitrix24 import errors
from b24app.portals import launch, session
from b24app.portals.launch import Refused
from b24app.portals.session import NoSession

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
    same portal still has it open. Nobody can change persons here.
    """
    form = request.POST.dict()
    try:
        old = session.read(request, max_age=session.RENEWABLE)
        user = session.user_of(old)
        posted = launch.read({}, form | {"member_id": user.portal.member_id})
        outcomes = launch.client_for(posted, user.portal).batch(launch.identity_commands())
        person = launch.identified(posted, user.portal, outcomes)
        if person.user_id != user.user_id:
            raise Refused("foreign")
    except _LATER:
        return JsonResponse({"error": "later"}, status=503)
    except (NoSession, Refused, errors.BitrixError):
        return JsonResponse({"error": "reopen"}, status=401)
    launch.opened(posted, user.portal, person)
    return JsonResponse({"session": old.token()})

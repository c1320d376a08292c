"""The manager's comment, changed through the engine that links and statuses use."""

from collections.abc import Callable

import pytest
from django.test import Client

from b24app.changes.applying import apply, values_of
from b24app.changes.outcomes import Change, Result
from b24app.changes.properties import COMMENT
from b24app.connect import client_of
from b24app.portals.models import PortalUser
from demo.server import DemoPortal
from testing.opening import ANNA, MARIA, install, open_tab

pytestmark = pytest.mark.django_db

UPDATE = "sale.order.update"


@pytest.fixture
def order_id(client: Client, portal: DemoPortal) -> int:
    install(client, portal)
    return portal.order_id("1201")


def comment(portal: DemoPortal, order_id: int) -> str:
    return str(portal.state.orders[order_id]["comments"])


def setting(portal: DemoPortal, order_id: int, text: str) -> Callable[[], None]:
    return lambda: portal.state.orders[order_id].update(comments=text)


def test_comment_is_set_in_one_request_and_undone(portal: DemoPortal, order_id: int) -> None:
    client = client_of(PortalUser.objects.get(user_id=ANNA))
    setting(portal, order_id, "Regular\r\ncustomer")()
    before = client.answer(values_of(COMMENT, [order_id]))
    assert before == {order_id: "Regular\ncustomer"}
    change = Change(order_id, before[order_id], "Call first\r\n$result[first]")
    portal.reset_counts()
    (made,) = apply(client, COMMENT, [change], before)
    assert portal.http_requests == 1
    assert made.result is Result.DONE
    assert comment(portal, order_id) == made.now == "Call first\nresult[first]"
    undo = COMMENT.undoing(COMMENT.trail(Change(order_id, made.before, made.now)))
    apply(client, COMMENT, [undo], {order_id: made.now})
    assert comment(portal, order_id) == "Regular\ncustomer"


def test_undo_restores_comment_of_another_person(portal: DemoPortal, order_id: int) -> None:
    client = client_of(PortalUser.objects.get(user_id=ANNA))
    change, before = Change(order_id, "", "Call first"), {order_id: ""}
    setting(portal, order_id, "Do not call")()
    (made,) = apply(client, COMMENT, [change], before)
    assert (made.result, made.before, made.overrode) == (Result.DONE, "Do not call", True)
    (late,) = apply(client, COMMENT, [change], {order_id: "Send by post"})
    assert late.result is Result.CONFLICT
    assert comment(portal, order_id) == "Call first"


def test_lost_answer_is_read_back_and_not_repeated(portal: DemoPortal, order_id: int) -> None:
    client = client_of(PortalUser.objects.get(user_id=ANNA))
    portal.misbehave("reset", method=UPDATE, after=True)
    portal.reset_counts()
    (made,) = apply(client, COMMENT, [Change(order_id, "", "Call first")], {order_id: ""})
    assert made.result is Result.DONE
    assert [call.method for call in portal.calls].count(UPDATE) == 1


def test_refused_comment_is_a_failure(client: Client, portal: DemoPortal, order_id: int) -> None:
    open_tab(client, portal, MARIA)
    maria = client_of(PortalUser.objects.get(user_id=MARIA))
    before = comment(portal, order_id)
    change = Change(order_id, before, "Call first")
    (made,) = apply(maria, COMMENT, [change], {order_id: before})
    assert made.result is Result.FAILED
    assert comment(portal, order_id) == before
